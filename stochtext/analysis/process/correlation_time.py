"""How long a document remembers: integrated correlation times, of the panel and within documents.

Law of this file: pairs never cross documents; the sum stops at a lag fixed before errors are
computed.
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
    :math:`\tau = 1 + 2 \sum_k \rho(k)` about the mean of the panel, up to the last lag before
    the first correlation below zero, at most 30. It counts how many states are worth one
    independent state. The sum is cut where the data say, which makes it too variable for its
    interval: 86 of 100 intervals of 95 % held the truth (60 documents of 40 units, correlation
    0.6; ``benchmarks/calibration/text_analyses.py``).
    """
    sums = cluster_sums(_sums(panel, column), cluster)
    rho = _correlations(sums.sum(axis=0), LONGEST)
    pairs = sums.sum(axis=0)[2 : 2 + 2 * LONGEST : 2]
    bad = np.flatnonzero((rho <= 0) | (pairs < FEWEST_PAIRS))
    last = int(bad[0]) if len(bad) else LONGEST
    return jackknife(sums, partial(_time, last=last), alpha)


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


def _time(totals: FloatArray, last: int) -> FloatArray:
    rho = _correlations(totals, LONGEST)[..., :last]
    return np.asarray((1 + 2 * rho.sum(axis=-1))[..., None])
