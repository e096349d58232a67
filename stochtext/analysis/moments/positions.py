"""Means, variances and squared increments by relative position, of one panel or of many.

Law of this file: arrays (..., m, T, d) with NaN after the end of a document.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.trajectories.panel import Trajectories

__all__ = ["ALL", "MOMENTS", "bins_of", "moment_sums", "moments_of_sums"]

ALL = "all moments"
MOMENTS = ("mean", "variance", "increment variance")


def bins_of(panel: Trajectories, n_bins: int) -> IntArray:
    """Return the bin of the position of each state, shape (m, T); -1 after the end."""
    grid = np.full((panel.n_trajectories, int(panel.lengths.max())), -1, dtype=np.int64)
    inside = np.arange(grid.shape[1]) < panel.lengths[:, None]
    grid[inside] = np.minimum((panel.relative_times * n_bins).astype(np.int64), n_bins - 1)
    return grid


def moment_sums(values: FloatArray, bins: IntArray, n_bins: int) -> FloatArray:
    """Return per document the sums behind the moments, shape (..., m, n_bins, 6, d).

    Parameters
    ----------
    values : ndarray of shape (..., m, T, d)
    bins : ndarray of int of shape (m, T)
    n_bins : int

    Notes
    -----
    The six are count, states, squares; count of increments, increments, their squares. An
    increment belongs to the bin of its end.
    """
    steps = np.zeros_like(values)
    steps[..., 1:, :] = np.diff(values, axis=-2)
    first = np.zeros(bins.shape, dtype=bool)
    first[:, 0] = True
    found = np.zeros((*values.shape[:-2], n_bins, 6, values.shape[-1]))
    for b in range(n_bins):
        here = (bins == b)[..., None]
        moved = here & ~first[..., None]
        x, dx = np.where(here, values, 0.0), np.where(moved, steps, 0.0)
        found[..., b, 0, :] = here.sum(axis=-2)
        found[..., b, 1, :], found[..., b, 2, :] = x.sum(axis=-2), (x**2).sum(axis=-2)
        found[..., b, 3, :] = moved.sum(axis=-2)
        found[..., b, 4, :], found[..., b, 5, :] = dx.sum(axis=-2), (dx**2).sum(axis=-2)
    return found


def moments_of_sums(sums: FloatArray) -> FloatArray:
    """Return mean, variance and increment variance from sums (..., 6, d): (..., 3, d)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        n, s, q, k, e, f = (sums[..., j, :] for j in range(6))
        mean, moved = s / n, e / k
        return np.stack([mean, q / n - mean**2, f / k - moved**2], axis=-2)
