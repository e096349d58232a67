"""P21: direct local linear regression against statsmodels, and R where it is installed."""

from __future__ import annotations

import numpy as np

import stochtext as st
from benchmarks.speed import own_sums
from benchmarks.speed.groups.kramers_moyal import BANDWIDTH, DT, double_well
from benchmarks.speed.peers import r_sde, statsmodels_regression
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.timing import Candidate
from stochtext.processes.fitted.smoothing.kernels import kernel_sd

__all__ = ["measure"]

STEPS = 100_000
PLACES = 100
SD = BANDWIDTH * kernel_sd("epanechnikov")
_ROUNDING = 1e-6


def measure(plan: Plan) -> Found:
    """Check that both sides give the same curve, time them and return the ratios."""
    found = Found()
    path = double_well(STEPS // plan.divisor)
    x, response = path[:-1], np.diff(path) / DT
    places = np.linspace(-1.8, 1.8, PLACES)
    gaussian = own_sums.local_linear(x, response, places, SD, "gaussian")
    peer = statsmodels_regression.local_linear(x, response, places, SD)
    np.testing.assert_allclose(gaussian(), peer(), rtol=_ROUNDING, atol=_ROUNDING)
    panel = st.Trajectories([path[:, None]], dt=DT)
    estimator = st.KernelSDE(bandwidth=BANDWIDTH, kernel="epanechnikov")
    runs = {
        "stochtext, Epanechnikov": own_sums.local_linear(
            x, response, places, BANDWIDTH, "epanechnikov"
        ),
        "stochtext, Gaussian": gaussian,
        "statsmodels, Gaussian": peer,
        "stochtext, whole fit": lambda: estimator.fit(panel).results_,
    }
    candidates = {name: Candidate(run, float(len(x))) for name, run in runs.items()}
    ns = found.time("P21: double well, n = 1e5, 100 places", candidates, plan)
    theirs = ns["statsmodels, Gaussian"]
    found.rows = {
        "P21 statsmodels": theirs / ns["stochtext, Epanechnikov"],
        "P21 same kernel": theirs / ns["stochtext, Gaussian"],
        "P21 fit": theirs / ns["stochtext, whole fit"],
    }
    found.notes.append(
        "P21: with the Gaussian kernel of statsmodels both give the same numbers to "
        f"{_ROUNDING:.0e}; the kernel of the first row ends at one bandwidth and has the same "
        "standard deviation."
    )
    seconds = r_sde.ksdrift_seconds(path, DT, SD)
    if seconds is None:
        found.notes.append("P21 R ksdrift: not measured, Rscript or its package sde is missing.")
    else:
        own = ns["stochtext, Epanechnikov"] * len(x) / 1e9
        found.rows["P21 R ksdrift"] = seconds / own
    return found
