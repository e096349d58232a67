"""P18 to P20: Kramers-Moyal coefficients against kramersmoyal, jumpdiff and numpy histograms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import stochtext as st
from benchmarks.speed import own_sums
from benchmarks.speed.peers import jumpdiff_moments, kramersmoyal_kernels, numpy_histograms
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.timing import Candidate
from stochtext.processes.fitted.smoothing.kernels import kernel_sd
from stochtext.processes.fitted.smoothing.smoothed import KernelProcess

__all__ = ["measure"]

DT = 0.01
SIGMA = 0.5
BANDWIDTH = 0.15
PLANE_BANDWIDTH = 0.2
NODES = 200
PLANE_NODES = 100
SIZES = {"1e5": 100_000, "1e6": 1_000_000, "1e7": 10_000_000}
# Of the largest value at inner points.
_TOLERANCE = 1e-6
_INNER = 1.26

Array = NDArray[np.float64]
Curves = Callable[[], tuple[Array, Array, Array]]


def measure(plan: Plan) -> Found:
    """Check that all estimate the same, then time."""
    found = Found()
    ns: dict[str, float] = {}
    for name, n in SIZES.items():
        path = double_well(n // plan.divisor)
        if not ns:
            _check_line(path)
        ns[name] = _line(found, plan, name, path)
    _plane(found, plan)
    found.rows["P20 accuracy"] = _accuracy(double_well(SIZES["1e6"] // plan.divisor))
    growth = ns["1e7"] * SIZES["1e7"] / (ns["1e5"] * SIZES["1e5"])
    found.rows["P20 exponent"] = math.log(growth) / math.log(SIZES["1e7"] / SIZES["1e5"])
    found.notes += [
        "P18, P19: the binned regression alone, on our side local linear (P19: averages); the rows "
        "without a goal are whole fits, with standard errors, tests and a process. Before timing, "
        "averages are equal to those of kramersmoyal and jumpdiff to rounding if our data are put "
        "into the middle of their bins, as theirs are.",
        f"P20: drift at places between -{_INNER} and {_INNER}, n = 1e6, Gaussian kernel, against "
        "the sums over all data.",
    ]
    return found


def double_well(n: int) -> Array:
    """Return one path of n steps of dX = (X - X^3) dt + 0.5 dW, shape (n + 1,)."""
    process = st.DoubleWell(alpha=1.0, beta=1.0, sigma=SIGMA)
    return st.simulate(process, 1.0, dt=DT, n_steps=n, random_state=1).values[:, 0].copy()


def _line(found: Found, plan: Plan, name: str, path: Array) -> float:
    """Time one coordinate and return our nanoseconds a transition."""
    n = float(len(path) - 1)
    limits = float(path.min()), float(path.max())
    runs: dict[str, Callable[[], Any]] = {
        "stochtext, binned regression": own_sums.line(path, DT, BANDWIDTH, NODES),
        "kramersmoyal.km": kramersmoyal_kernels.line(path, DT, BANDWIDTH, NODES),
        "three numpy histograms": numpy_histograms.line(path, DT, limits, NODES),
    }
    if name != "1e5":
        runs["jumpdiff.moments"] = jumpdiff_moments.line(path, DT, BANDWIDTH, NODES)
    if name != "1e7":
        runs |= _whole_fits(path)
    candidates = {key: Candidate(run, n) for key, run in runs.items()}
    ns = found.time(f"P18: double well, n = {name}, {NODES} places", candidates, plan)
    own = ns["stochtext, binned regression"]
    found.rows[f"P18 kramersmoyal {name}"] = ns["kramersmoyal.km"] / own
    found.rows[f"P18 histograms {name}"] = ns["three numpy histograms"] / own
    if "jumpdiff.moments" in ns:
        found.rows[f"P18 jumpdiff {name}"] = ns["jumpdiff.moments"] / own
    for key in _WHOLE:
        if key in ns:
            found.rows[f"P18 fit, {key} {name}"] = ns["kramersmoyal.km"] / ns[key]
    return own


_WHOLE: dict[str, dict[str, Any]] = {
    "kernel": {"method": "kernel", "bandwidth": BANDWIDTH * kernel_sd("epanechnikov")},
    "bins": {"method": "bins"},
}


def _whole_fits(path: Array) -> dict[str, Callable[[], Any]]:
    panel = st.Trajectories([path[:, None]], dt=DT)

    def run(options: dict[str, Any]) -> Callable[[], Any]:
        estimator = st.KramersMoyalSDE(bins=NODES, order=2, **options)
        return lambda: estimator.fit(panel).results_

    return {name: run(options) for name, options in _WHOLE.items()}


def _check_line(path: Array) -> None:
    """Raise if our averages of snapped data are not those of the other packages."""
    ours = own_sums.line(path, DT, BANDWIDTH, NODES, degree=0, snapped=True)
    peers = {
        "kramersmoyal": kramersmoyal_kernels.line(path, DT, BANDWIDTH, NODES),
        "jumpdiff": jumpdiff_moments.line(path, DT, BANDWIDTH, NODES),
    }
    for name, peer in peers.items():
        _check_same(name, ours, peer)


def _check_same(name: str, ours: Curves, peer: Curves) -> None:
    own, other = ours(), peer()
    np.testing.assert_allclose(own[0], other[0], atol=1e-9)
    inner = np.abs(own[0]) < _INNER
    if own[0].ndim == 2:
        inner = np.logical_and.outer(*inner)
    for what, mine, theirs in zip(("drift", "D2"), own[1:], other[1:], strict=True):
        mine, theirs = mine[..., inner], theirs[..., inner]
        gap = np.abs(mine - theirs).max() / np.abs(mine).max()
        if not gap <= _TOLERANCE:
            raise AssertionError(f"{name}: {what} differs by {gap:.2g} of its largest value.")


def _plane(found: Found, plan: Plan) -> None:
    n = SIZES["1e6"] // plan.divisor
    process = st.OrnsteinUhlenbeck(
        kappa=[[1.0, 0.5], [-0.5, 1.0]], mu=[0.0, 0.0], sigma=[[0.8, 0.0], [0.2, 0.7]]
    )
    path = st.simulate(process, [0.0, 0.0], dt=DT, n_steps=n, random_state=1).values.copy()
    ours = own_sums.plane(path, DT, PLANE_BANDWIDTH, PLANE_NODES)
    peer = kramersmoyal_kernels.plane(path, DT, PLANE_BANDWIDTH, PLANE_NODES)
    snapped = own_sums.plane(path, DT, PLANE_BANDWIDTH, PLANE_NODES, snapped=True)
    _check_same("kramersmoyal", snapped, peer)
    panel = st.Trajectories([path], dt=DT)
    estimator = st.KramersMoyalSDE(
        bins=[PLANE_NODES] * 2, order=2, method="kernel", bandwidth=PLANE_BANDWIDTH
    )
    runs = {
        "stochtext, binned averages": ours,
        "kramersmoyal.km": peer,
        "stochtext, whole fit": lambda: estimator.fit(panel).results_,
    }
    candidates = {name: Candidate(run, float(n)) for name, run in runs.items()}
    ns = found.time("P19: plane, n = 1e6, 100 x 100 places, five moments", candidates, plan)
    found.rows["P19"] = ns["kramersmoyal.km"] / ns["stochtext, binned averages"]
    found.rows["P19 fit"] = ns["kramersmoyal.km"] / ns["stochtext, whole fit"]


def _accuracy(path: Array) -> float:
    """Return the largest error of binning at inner points over the error of estimation."""
    x, change = path[:-1, None], np.diff(path)[:, None]
    width = BANDWIDTH * kernel_sd("epanechnikov")
    process = KernelProcess(x, change, np.full(len(x), DT), change, bandwidth=width)
    if not process.is_tabulated:
        raise AssertionError("The process is not tabulated; there is no binning to measure.")
    places = np.linspace(-_INNER, _INNER, 140)[:, None]
    direct = process.drift_regression().fit(places, change / DT).value
    error = np.sqrt(np.mean((direct - (places - places**3)) ** 2))
    return float(np.abs(process.local_drift(places) - direct).max() / error)
