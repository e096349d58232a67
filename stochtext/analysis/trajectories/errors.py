"""Errors of h-step predictions, their coverage, and intervals calibrated on other documents.

Law of this file: arrays (n, h, d) with NaN where a document ends before the horizon.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import norm

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.trajectories.hidden_forecasts import hidden_forecasts
from stochtext.comparison.folds import fold_codes
from stochtext.results.inference.forecasting.forecasts import get_prediction
from stochtext.trajectories.panel import Trajectories

__all__ = ["Errors", "calibrated_factors", "prediction_errors"]

FOLDS = 5


class Errors(NamedTuple):
    """What was predicted and what came.

    Attributes
    ----------
    error, sd : ndarray of shape (n, h, d)
        Observed less predicted, and the standard deviation predicted.
    moved : ndarray of shape (n, h, d)
        Observed less the state predicted from: the error of persistence.
    away : ndarray of shape (n, h, d)
        Observed less the mean state of the fitted data.
    inside : ndarray of shape (levels, n, h, d)
        Whether the interval of each level held what came, NaN where nothing came.
    trajectory : ndarray of int of shape (n,)
    """

    error: FloatArray
    sd: FloatArray
    moved: FloatArray
    away: FloatArray
    inside: FloatArray
    trajectory: IntArray


def prediction_errors(
    results: Any, panel: Trajectories, horizons: tuple[int, ...], levels: tuple[float, ...],
    n_samples: int, root: np.random.SeedSequence,
) -> Errors:  # fmt: skip
    """Predict from every state of a panel.

    Parameters
    ----------
    results : SDEResults
    panel : Trajectories
    horizons : tuple of int
    levels : tuple of float
        Of intervals.
    n_samples : int
    root : SeedSequence
    """
    observed = _observed(panel, horizons)
    forecast = _hidden if getattr(results, "observed", None) is not None else _sampled
    mean, sd, ends = forecast(results, panel, horizons, levels, n_samples, root)
    inside = ((observed >= ends[0]) & (observed <= ends[1])).astype(np.float64)
    inside[:, ~np.isfinite(observed)] = np.nan
    return Errors(
        observed - mean, sd, observed - panel.values[:, None], observed - results.support.center,
        inside, panel.trajectory_index,
    )  # fmt: skip


def _observed(panel: Trajectories, horizons: tuple[int, ...]) -> FloatArray:
    """Return what came h rows after each state, NaN past the end of its document."""
    n = len(panel.values)
    end = panel.offsets[1:][panel.trajectory_index]
    found = np.full((n, len(horizons), panel.n_features), np.nan)
    for k, h in enumerate(horizons):
        here = np.flatnonzero(np.arange(n) + h < end)
        found[here, k] = panel.values[here + h]
    return found


def _hidden(
    results: Any, panel: Trajectories, horizons: tuple[int, ...], levels: tuple[float, ...],
    n_samples: int, root: np.random.SeedSequence,
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, FloatArray]]:  # fmt: skip
    """Return mean, standard deviation and ends of intervals of exact normal forecasts."""
    mean, sd = hidden_forecasts(results.observed, panel, horizons)
    half = norm.ppf(0.5 + np.array(levels) / 2)[:, None, None, None] * sd
    return mean, sd, (mean - half, mean + half)


def _sampled(
    results: Any, panel: Trajectories, horizons: tuple[int, ...], levels: tuple[float, ...],
    n_samples: int, root: np.random.SeedSequence,
) -> tuple[FloatArray, FloatArray, tuple[FloatArray, FloatArray]]:  # fmt: skip
    """Return the same from samples; rows that nothing follows are NaN."""
    found = get_prediction(
        results, panel, horizons=horizons, origin="every", n_samples=n_samples, n_draws=0,
        random_state=root,
    )  # fmt: skip
    samples = found.fitted_samples
    tails = [(1 - level) / 2 for level in levels]
    quantiles = np.quantile(samples, [*tails, *(1 - tail for tail in tails)], axis=2)
    # Forecasts start from every state but the last of each trajectory.
    rows = np.setdiff1d(np.arange(len(panel.values)), panel.offsets[1:] - 1)
    if len(found.mean) == len(panel.values):
        rows = np.arange(len(panel.values))
    parts = (found.mean, samples.std(axis=2, ddof=1))
    mean, sd = (_among(part, rows, len(panel.values), 0) for part in parts)
    low, high = (
        _among(part, rows, len(panel.values), 1)
        for part in (quantiles[: len(levels)], quantiles[len(levels) :])
    )
    return mean, sd, (low, high)


def _among(part: FloatArray, rows: IntArray, n: int, axis: int) -> FloatArray:
    """Put forecasts at their rows, NaN elsewhere."""
    shape = list(part.shape)
    shape[axis] = n
    found = np.full(shape, np.nan)
    found[(slice(None),) * axis + (rows,)] = part
    return found


def calibrated_factors(
    errors: Errors, cluster: IntArray, level: float, root: np.random.SeedSequence
) -> FloatArray:
    r"""Return by how many standard deviations intervals must reach, learnt on other documents.

    Parameters
    ----------
    errors : Errors
    cluster : ndarray of int of shape (n,)
        Of each row.
    level : float
    root : SeedSequence

    Returns
    -------
    ndarray of shape (n, h, d)

    Notes
    -----
    Documents (groups) are dealt into five folds; the factor of a fold is the quantile of
    order :math:`\lceil (n + 1) \, level \rceil / n` of the standardised absolute errors of
    the other folds (cross-conformal prediction, Vovk 2015).
    """
    scaled = np.abs(errors.error) / errors.sd
    fold = fold_codes(int(cluster.max()) + 1, FOLDS, root)[cluster]
    factors = np.full(scaled.shape, np.nan)
    for k in np.unique(fold):
        others = scaled[fold != k]
        for h in range(scaled.shape[1]):
            for j in range(scaled.shape[2]):
                known = others[:, h, j][np.isfinite(others[:, h, j])]
                if len(known) >= 20:
                    order = min(np.ceil((len(known) + 1) * level) / len(known), 1.0)
                    factors[fold == k, h, j] = np.quantile(known, order)
    return factors
