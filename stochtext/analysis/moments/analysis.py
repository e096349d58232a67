"""moment_analysis: whether simulations of the fit have the moments of the documents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import BoolArray, FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_fraction, check_integer
from stochtext.analysis.clusters import cluster_codes, cluster_sums, jackknife
from stochtext.analysis.moments.positions import ALL, MOMENTS, bins_of, moment_sums, moments_of_sums
from stochtext.analysis.moments.result import Moments
from stochtext.analysis.moments.variance import replicate_curve, variance_quantities
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.shuffling import shuffled
from stochtext.analysis.simulated_panels import (
    fitted_results,
    padded,
    read_analysis_panel,
    simulated_panels,
)
from stochtext.trajectories.panel import Trajectories

__all__ = ["moment_analysis"]

PART = "Largest distance of a moment from simulations of the fit, in their standard deviations"


def moment_analysis(
    results: Any,
    X: Any,
    *,
    n_simulations: int = 99,
    n_bins: int = 6,
    alpha: float = 0.05,
    random_state: RandomState = None,
    dt: Any = None,
    times: Any = None,
) -> Moments:
    r"""Compare moments of states and increments over the document with simulated ones.

    Parameters
    ----------
    results : SDEResults or fitted estimator
    X : Trajectories, list of arrays, 3-D array
        Documents, best others than those fitted to. ``groups`` are what replicates share,
        such as the prompt.
    n_simulations : int, default 99
        Simulated panels: same first states, lengths and times, observed through the same noise.
    n_bins : int, default 6
        Bins of the relative position u.
    alpha : float, default 0.05
    random_state : int, Generator, SeedSequence or None
    dt, times : optional
        As in ``fit``, for plain arrays.

    Returns
    -------
    Moments
        With ``verdict()``, ``summary()``, ``to_frame()``, ``plot()``;
        ``to_frame("moments")`` holds the curves with their bands.

    Notes
    -----
    For each coordinate and each of mean, variance and variance of increments, the largest
    standardised distance over the bins between the data and the mean of the simulations is
    ranked among that of the simulations: one p-value for each curve, and one for the largest of
    all, on which the verdict rests. On the documents fitted to, the estimate is held fixed, which
    is conservative. On others its error counts: each panel is simulated with parameters drawn
    from the sampling law of the estimate, where that is known. The size of both is measured in
    ``benchmarks/calibration/text_analyses.py``. Bands are pointwise.

    Increments measure how content changes from unit to unit. What sampling contributes shows
    between replicates: several answers to one prompt, compared at the same step.

    Examples
    --------
    >>> import stochtext as st
    >>> X = st.simulate(
    ...     st.OrnsteinUhlenbeck(0.3, 0.0, 0.5), 1.0, dt=1.0, n_steps=20, n_paths=30, random_state=0
    ... )
    >>> found = st.analysis.moment_analysis(st.LinearSDE().fit(X), X, random_state=0)
    >>> found.value("variance", "x0").pvalue > 0.05
    True
    """
    check_fraction("alpha", alpha)
    fit = fitted_results(results)
    panel = read_analysis_panel(fit, X, dt, times)
    root = seed_sequence(random_state)
    bins = bins_of(panel, check_integer("n_bins", n_bins, minimum=2))
    copies = check_integer("n_simulations", n_simulations, minimum=19)
    own = moment_sums(padded(panel), bins, n_bins)
    data = _with_errors(own, cluster_codes(panel), alpha)
    simulated = simulated_panels(fit, panel, copies, root)
    drawn = np.stack([
        moments_of_sums(moment_sums(one, bins, n_bins).sum(axis=0)) for one in simulated.values
    ])  # fmt: skip
    control = moments_of_sums(
        moment_sums(padded(shuffled(panel, generator(root, "control"))), bins, n_bins).sum(axis=0)
    )
    curves = _curves(panel, data, drawn, control, alpha)
    rows = _curve_quantities(panel, data[0], drawn, control)
    variances = variance_quantities(panel, alpha, generator(root, "variance"))
    return Moments(
        [*rows, *variances], curves={"moments": curves, "replicates": replicate_curve(panel)},
        model=fit.model, panel=panel, copies=copies, simulated=simulated.said, alpha=alpha,
    )  # fmt: skip


def _with_errors(sums: FloatArray, cluster: IntArray, alpha: float) -> tuple[FloatArray, ...]:
    """Return estimate, lower and upper ends of all moments, each (n_bins, 3, d)."""
    shape = sums.shape[1:]
    rows = cluster_sums(sums.reshape(len(sums), -1), cluster)

    def statistic(totals: FloatArray) -> FloatArray:
        found = moments_of_sums(totals.reshape(*totals.shape[:-1], *shape))
        return found.reshape(*totals.shape[:-1], -1)

    found = jackknife(rows, statistic, alpha)
    size = (shape[0], len(MOMENTS), shape[2])
    return tuple(part.reshape(size) for part in (found.value, found.lower, found.upper))


def _curves(
    panel: Trajectories, data: tuple[FloatArray, ...], drawn: FloatArray, control: FloatArray,
    alpha: float,
) -> pd.DataFrame:  # fmt: skip
    low, high = np.nanquantile(drawn, [alpha / 2, 1 - alpha / 2], axis=0)
    n_bins = len(data[0])
    rows = [
        (
            MOMENTS[k],
            column,
            (b + 0.5) / n_bins,
            data[0][b, k, j],
            data[1][b, k, j],
            data[2][b, k, j],
            drawn[:, b, k, j].mean(),
            low[b, k, j],
            high[b, k, j],
            control[b, k, j],
        )  # fmt: skip
        for k in range(len(MOMENTS))
        for j, column in enumerate(panel.columns)
        for b in range(n_bins)
    ]
    names = ["moment", "coordinate", "u", "estimate", "ci_lower", "ci_upper", "simulated",
             "simulated_lower", "simulated_upper", "control"]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def _curve_quantities(
    panel: Trajectories, data: FloatArray, drawn: FloatArray, control: FloatArray
) -> list[Quantity]:
    rows, every = [], []
    for k, moment in enumerate(MOMENTS):
        for j, column in enumerate(panel.columns):
            own, other = (_distance(curve[:, k, j], drawn[:, :, k, j]) for curve in (data, control))
            distances = _distances(data[:, k, j], drawn[:, :, k, j])
            every.append(distances)
            rows.append(Quantity(PART, moment, column, own, control=other, pvalue=_rank(distances)))
    known = np.array([d for d in every if np.isfinite(d).all()])
    if not len(known):
        return rows
    largest = max(q.estimate for q in rows if np.isfinite(q.estimate))
    return [Quantity(PART, ALL, "", largest, pvalue=_rank(known.max(axis=0))), *rows]


def _distance(curve: FloatArray, drawn: FloatArray) -> float:
    """Return the largest distance of a curve from the mean of draws, in their deviations."""
    centre, spread = drawn.mean(axis=0), drawn.std(axis=0, ddof=1)
    used = _varies(spread, drawn)
    return float(np.nanmax(np.abs(curve - centre)[used] / spread[used])) if used.any() else np.nan


def _distances(curve: FloatArray, drawn: FloatArray) -> FloatArray:
    """Return the largest standardised distance of a curve and of each draw, shape (1 + n,).

    Centre and spread are those of the curve and the draws together: none of them may stand out
    for having had no part in them.
    """
    every = np.concatenate([curve[None], drawn])
    centre, spread = every.mean(axis=0), every.std(axis=0, ddof=1)
    used = _varies(spread, drawn)
    if not used.any():
        return np.full(len(every), np.nan)
    return np.asarray(np.nanmax(np.abs(every[:, used] - centre[used]) / spread[used], axis=1))


def _varies(spread: FloatArray, drawn: FloatArray) -> BoolArray:
    """Tell where draws differ by more than rounding: at a start that all share they do not."""
    least = 1e-9 * max(float(np.nanmax(np.abs(drawn), initial=0.0)), 1e-300)
    return np.asarray(np.isfinite(spread) & (spread > least))


def _rank(distances: FloatArray) -> float:
    if not np.isfinite(distances).all():
        return float("nan")
    return float((1 + np.sum(distances[1:] >= distances[0])) / len(distances))
