"""How long a document remembers: integrated correlation times, of the panel and within documents.

Law of this file: pairs never cross documents; the window is fixed before errors are computed.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.clusters import Jackknifed, cluster_sums, jackknife
from stochtext.trajectories.panel import Trajectories

__all__ = ["correlation_time"]

LONGEST = 30
FEWEST_PAIRS = 50
WINDOW, SHORTEST = 3.0, 5


def correlation_time(
    panel: Trajectories, column: int, cluster: IntArray, alpha: float
) -> Jackknifed:
    r"""Return the integrated correlation time of a coordinate, in steps, shape (1,).

    Parameters
    ----------
    panel : Trajectories
    column : int
    cluster : ndarray of int of shape (m,)
    alpha : float

    Notes
    -----
    :math:`\tau = 1 + 2 \sum_{k \le M} \rho(k)` about the mean of the panel, with the smallest
    M of at least three times the sum up to it (six times, where the correlation time is half of
    ours), at least 5 and at most 30: a window that grows with the memory and not with the noise
    of the correlations. It counts how many states are worth one independent state. The interval
    is one of its logarithm. Coverage is in ``benchmarks/calibration/text_analyses.py``. NaN
    where fewer than 50 pairs are one step apart.

    References
    ----------
    Madras, N. and Sokal, A. D. (1988), The pivot algorithm, Journal of Statistical Physics 50,
    109-186, appendix C.
    """
    sums = cluster_sums(_sums(panel, column), cluster)
    total = sums.sum(axis=0)
    last = _window(_correlations(total, _known_lags(total)))
    if not last:
        nothing = np.full(1, np.nan)
        return Jackknifed(nothing, nothing, nothing, nothing)
    value = _time(total, last)
    found = jackknife(sums, partial(_logarithm, last=last), alpha)
    return Jackknifed(value, value * found.se, np.exp(found.lower), np.exp(found.upper))


def _known_lags(total: FloatArray) -> int:
    few = np.flatnonzero(total[2::2] < FEWEST_PAIRS)
    return int(few[0]) if len(few) else LONGEST


def _window(rho: FloatArray) -> int:
    lags = np.arange(1, len(rho) + 1)
    enough = np.flatnonzero(lags >= np.maximum(SHORTEST, WINDOW * (1 + 2 * np.cumsum(rho))))
    return int(lags[enough[0]]) if len(enough) else len(rho)


def _sums(panel: Trajectories, column: int) -> FloatArray:
    """Return per trajectory squares, count, then pairs and products of each lag."""
    centre = float(panel.values[:, column].mean())
    rows = np.zeros((panel.n_trajectories, 2 + 2 * LONGEST))
    for row, x in zip(rows, panel.arrays(), strict=True):
        y = x[:, column] - centre
        row[0], row[1] = y @ y, len(y)
        for lag in range(1, min(LONGEST, len(y) - 1) + 1):
            row[2 * lag], row[2 * lag + 1] = len(y) - lag, y[lag:] @ y[:-lag]
    return rows


def _correlations(totals: FloatArray, n_lags: int) -> FloatArray:
    variance = totals[..., 0] / totals[..., 1]
    pairs, products = totals[..., 2 : 2 + 2 * n_lags : 2], totals[..., 3 : 3 + 2 * n_lags : 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(pairs > 0, products / pairs, 0.0) / variance[..., None])


def _logarithm(totals: FloatArray, last: int) -> FloatArray:
    time = _time(totals, last)
    return np.where(time > 0, np.log(np.where(time > 0, time, 1.0)), np.nan)


def _time(totals: FloatArray, last: int) -> FloatArray:
    rho = _correlations(totals, LONGEST)[..., :last]
    return np.asarray((1 + 2 * rho.sum(axis=-1))[..., None])
