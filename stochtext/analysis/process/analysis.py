"""process_analysis: what kind of process the documents follow."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import IntArray, RandomState
from stochtext._shared.validation import check_fraction, check_integer
from stochtext.analysis.adequacy.checks import memory_quantities
from stochtext.analysis.clusters import cluster_codes
from stochtext.analysis.one_step import slowest_row
from stochtext.analysis.process.correlation_time import FEWEST_PAIRS, correlation_time
from stochtext.analysis.process.ergodicity import ergodicity_quantities
from stochtext.analysis.process.lyapunov import stability
from stochtext.analysis.process.result import ProcessProperties
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.shuffling import shuffled
from stochtext.analysis.simulated_panels import (
    fitted_results,
    read_analysis_panel,
    simulated_panels,
)
from stochtext.diagnostics.markov import markov_test
from stochtext.diagnostics.stationarity import adf_test, kpss_test
from stochtext.results.inference.derived.spread import spread_of
from stochtext.trajectories.panel import Trajectories

__all__ = ["process_analysis"]

STATIONARITY, MARKOV = "Stationarity (all documents together)", "Markov order"
MEMORY, MIXING = "Long memory", "Mixing and stability"
MARKOV_LAGS = (1, 2)


def process_analysis(
    results: Any,
    X: Any,
    *,
    n_simulations: int = 99,
    n_draws: int = 100,
    n_steps: int = 200,
    alpha: float = 0.05,
    random_state: RandomState = None,
    dt: Any = None,
    times: Any = None,
) -> ProcessProperties:
    r"""Ask for stationarity, ergodicity, Markov order, long memory, mixing and stability.

    Parameters
    ----------
    results : SDEResults or fitted estimator
    X : Trajectories, list of arrays, 3-D array
    n_simulations : int, default 99
        Simulated panels behind the p-values of stationarity and ergodicity.
    n_draws : int, default 100
        Draws of the process for the interval of the Lyapunov exponent; at least 100.
    n_steps : int, default 200
        Sampling intervals over which paths are followed for a Lyapunov exponent.
    alpha : float, default 0.05
    random_state : int, Generator, SeedSequence or None
    dt, times : optional
        As in ``fit``, for plain arrays.

    Returns
    -------
    ProcessProperties

    Notes
    -----
    *Stationarity*: the mean over documents of the augmented Dickey-Fuller t-value (null: unit
    root) and of the KPSS statistic (null: stationary with a memory of one step), each with
    the level of the document taken out and a simulated p-value
    (:func:`stochtext.diagnostics.adf_test`, ``kpss_test``): one test of the panel, not a
    count of rejections by document. *Ergodicity*: the variance of document means over that
    of documents simulated from the fit. *Markov order*: van Elteren's test that the past is
    of no use given the state, at one and two steps. *Long memory*: detrended fluctuation
    exponent against shuffled documents. *Mixing*: integrated correlation time of the data,
    slowest time constant of the fit; *stability*: the largest Lyapunov exponent of the fit
    under common noise.

    Examples
    --------
    >>> import stochtext as st
    >>> X = st.simulate(
    ...     st.OrnsteinUhlenbeck(0.5, 0.0, 0.5), 0.0, dt=1.0, n_steps=30, n_paths=20, random_state=0
    ... )
    >>> found = st.analysis.process_analysis(st.LinearSDE().fit(X), X, random_state=0)
    >>> found.value("unit root (ADF)", "x0").pvalue
    0.01
    """
    check_fraction("alpha", alpha)
    fit = fitted_results(results)
    panel = read_analysis_panel(fit, X, dt, times)
    root = seed_sequence(random_state)
    copies = check_integer("n_simulations", n_simulations, minimum=19)
    copy = shuffled(panel, generator(root, "control"))
    cluster = cluster_codes(panel)
    simulated = simulated_panels(fit, panel, copies, root)
    spread = spread_of(fit, check_integer("n_draws", n_draws, minimum=100), root, None)
    rows = [
        *_stationarity(panel, copy, copies),
        *ergodicity_quantities(panel, simulated.values, cluster, alpha),
        *_markov(panel, copy),
        *memory_quantities(panel, MEMORY),
        *_correlation_times(panel, copy, cluster, alpha),
        _relaxation(fit, alpha),
        stability(fit.process, panel, MIXING, spread, n_steps, root, alpha),
    ]
    return ProcessProperties(
        rows, fit=fit, panel=panel, simulated=simulated.said, intervals=spread.describe(),
        alpha=alpha,
    )  # fmt: skip


def _stationarity(panel: Trajectories, copy: Trajectories, draws: int) -> list[Quantity]:
    rows = []
    for j, column in enumerate(panel.columns):
        for name, test in (("unit root (ADF)", adf_test), ("stationary (KPSS)", kpss_test)):
            own, other = (test(p, column=j, n_draws=draws, random_state=0) for p in (panel, copy))
            note = own.meaning if np.isnan(own.pvalue) else f"{own.n_trajectories} documents"
            rows.append(
                Quantity(STATIONARITY, name, column, own.statistic, control=other.statistic,
                         pvalue=own.pvalue, note=note)
            )  # fmt: skip
    return rows


def _markov(panel: Trajectories, copy: Trajectories) -> list[Quantity]:
    rows = []
    for j, column in enumerate(panel.columns):
        for lag in MARKOV_LAGS:
            statistic, pvalue, n = markov_test(panel, lag, column=j)
            control = markov_test(copy, lag, column=j)[0]
            note = f"{n} triples"
            where = f"{column}, {lag} step{'s' if lag > 1 else ''}"
            rows.append(
                Quantity(MARKOV, "past given the state (z)", where, statistic, control=control,
                         pvalue=pvalue, note=note)
            )  # fmt: skip
    return rows


def _correlation_times(
    panel: Trajectories, copy: Trajectories, cluster: IntArray, alpha: float
) -> list[Quantity]:
    rows = []
    for j, column in enumerate(panel.columns):
        found = correlation_time(panel, j, cluster, alpha)
        control = float(correlation_time(copy, j, cluster, alpha).value[0])
        note = f"fewer than {FEWEST_PAIRS} pairs of states" if np.isnan(found.value[0]) else ""
        rows.append(
            Quantity(MIXING, "integrated correlation time (steps)", column, found.value[0],
                     found.lower[0], found.upper[0], control, note=note)
        )  # fmt: skip
    return rows


def _relaxation(fit: Any, alpha: float) -> Quantity:
    name = "slowest time constant of the fit"
    row = slowest_row(fit.time_constants(alpha))
    if row is None:
        return Quantity(MIXING, name, "", np.nan, note="no stable return in the fit")
    return Quantity(
        MIXING, name, "", row["time_constant"], row["time_constant_lower"],
        row["time_constant_upper"],
    )  # fmt: skip
