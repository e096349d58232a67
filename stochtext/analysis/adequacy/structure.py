r"""The structure function: how far states move apart with the lag, and what is there at lag zero.

Law of this file: pairs never reach from one document into the next; V is a share of the
variance of the panel, so that 1 means no memory and 0 no movement.
"""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.clusters import Jackknifed, cluster_sums, jackknife
from stochtext.trajectories.panel import Trajectories

__all__ = ["StructureFunction", "lags_for", "structure_function", "structure_values"]

LAGS = (1, 2, 4, 8, 12, 16)
FEWEST_PAIRS = 20


class StructureFunction(NamedTuple):
    """V at each lag, then the nugget 2 V(1) - V(2), with errors."""

    lags: IntArray
    values: Jackknifed


def lags_for(panel: Trajectories) -> IntArray:
    """Return the lags with enough pairs; 1 and 2 always."""
    pairs = [np.maximum(panel.lengths - lag, 0).sum() for lag in LAGS]
    chosen = [k for k, n in zip(LAGS, pairs, strict=True) if n >= FEWEST_PAIRS or k <= 2]
    return np.array(chosen, dtype=np.int64)


def structure_function(
    panel: Trajectories, lags: IntArray, cluster: IntArray, alpha: float
) -> StructureFunction:
    r"""Return the structure function of all coordinates together.

    Parameters
    ----------
    panel : Trajectories
    lags : ndarray of int of shape (k,)
        Starting with 1 and 2.
    cluster : ndarray of int of shape (m,)
    alpha : float

    Notes
    -----
    .. math:: V(k) = \frac{\langle |x_{t+k} - x_t|^2 \rangle}{2 \,\mathrm{var}(x)}

    The nugget 2 V(1) - V(2) is V continued to lag zero along a line: the share of the
    variance that is new at every state.
    """
    sums = cluster_sums(_sums(panel, lags), cluster)
    return StructureFunction(lags, jackknife(sums, partial(_values, n_lags=len(lags)), alpha))


def structure_values(panel: Trajectories, lags: IntArray) -> FloatArray:
    """Return V at each lag, then the nugget, without errors."""
    return _values(_sums(panel, lags).sum(axis=0), n_lags=len(lags))


def _sums(panel: Trajectories, lags: IntArray) -> FloatArray:
    """Return per trajectory squared differences and pairs by lag, then states, squares, count."""
    centre = panel.values.mean(axis=0)
    k, d = len(lags), panel.n_features
    rows = np.zeros((panel.n_trajectories, 2 * k + d + 2))
    for row, x in zip(rows, panel.arrays(), strict=True):
        y = x - centre
        for j, lag in enumerate(lags.tolist()):
            if lag < len(y):
                row[j] = np.sum((y[lag:] - y[:-lag]) ** 2)
                row[k + j] = len(y) - lag
        row[2 * k : -2] = y.sum(axis=0)
        row[-2:] = np.sum(y**2), len(y)
    return rows


def _values(totals: FloatArray, n_lags: int) -> FloatArray:
    count = totals[..., -1]
    mean = totals[..., 2 * n_lags : -2] / count[..., None]
    variance = totals[..., -2] / count - np.sum(mean**2, axis=-1)
    v = totals[..., :n_lags] / totals[..., n_lags : 2 * n_lags] / (2 * variance[..., None])
    return np.concatenate([v, 2 * v[..., :1] - v[..., 1:2]], axis=-1)
