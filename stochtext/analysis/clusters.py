"""Errors of numbers made of sums over documents: leave one document (or group) out.

Law: what belongs together (a document, the answers to one prompt) is left out together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.trajectories.panel import Trajectories

__all__ = ["Jackknifed", "cluster_blocks", "cluster_codes", "cluster_sums", "jackknife", "left_out"]

MOST_BLOCKS = 200


class Jackknifed(NamedTuple):
    """Numbers with their standard errors and intervals, arrays of one shape."""

    value: FloatArray
    se: FloatArray
    lower: FloatArray
    upper: FloatArray


def cluster_codes(panel: Trajectories) -> IntArray:
    """Return the cluster of each trajectory: its group, or itself; shape (m,)."""
    if panel.groups is None:
        return np.arange(panel.n_trajectories)
    return np.asarray(pd.factorize(panel.groups)[0], dtype=np.int64)


def cluster_sums(values: FloatArray, cluster: IntArray) -> FloatArray:
    """Return the sum of the rows of each cluster, at most 200 blocks of clusters.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, p)
    cluster : ndarray of int of shape (n,)
        Codes 0, ..., M - 1.

    Returns
    -------
    ndarray of shape (M, p)
    """
    rows = values.reshape(len(values), -1)
    block = cluster_blocks(cluster)
    sums = np.zeros((int(block.max(initial=0)) + 1, rows.shape[1]))
    np.add.at(sums, block, rows)
    return sums


def cluster_blocks(cluster: IntArray) -> IntArray:
    """Return the block of each row: its cluster, or one of 200 where there are more."""
    return cluster % MOST_BLOCKS if cluster.max(initial=0) >= MOST_BLOCKS else cluster


def jackknife(
    sums: FloatArray, statistic: Callable[[FloatArray], FloatArray], alpha: float
) -> Jackknifed:
    r"""Return a function of sums with delete-one-cluster errors.

    Parameters
    ----------
    sums : ndarray of shape (M, p)
        Of each cluster.
    statistic : callable
        From totals (..., p) to numbers (..., k).
    alpha : float

    Notes
    -----
    :math:`se^2 = \frac{M - 1}{M} \sum_c (f_{-c} - \bar f)^2` with t(M - 1) quantiles; NaN with
    fewer than three clusters.
    """
    total = sums.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.asarray(statistic(total), dtype=np.float64)
        without = np.asarray(statistic(total - sums), dtype=np.float64)
    return left_out(value, without, alpha)


def left_out(value: FloatArray, without: FloatArray, alpha: float) -> Jackknifed:
    """Return numbers with the errors that leaving out each of M clusters shows.

    Parameters
    ----------
    value : ndarray of shape (k,)
    without : ndarray of shape (M, k)
        The numbers without each cluster.
    alpha : float
    """
    m = len(without)
    if m < 3:
        nothing = np.full_like(value, np.nan)
        return Jackknifed(value, nothing, nothing, nothing)
    with np.errstate(invalid="ignore"):
        moved = without - without.mean(axis=0)
        se = np.sqrt((m - 1) / m * np.sum(moved**2, axis=0))
    half = stats.t.ppf(1 - alpha / 2, m - 1) * se
    return Jackknifed(value, se, value - half, value + half)
