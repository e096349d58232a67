"""Weighted sums over the transitions of each bin, and the variances of such means."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.kramers_moyal.increments import FEWEST_CLUSTERS, ErrorClusters

__all__ = ["BinSums"]


class BinSums:
    """Sums over the rows of each of ``size`` bins; NaN in bins without enough of them.

    Parameters
    ----------
    place : ndarray of int of shape (n,)
        Bin of each row.
    size : int
    weight : ndarray of shape (n,)
    minimum : float
        A bin with a smaller sum of weights has no coefficients.
    """

    def __init__(self, place: IntArray, size: int, weight: FloatArray, minimum: float) -> None:
        self._place, self._size, self._weight = place, size, weight
        self._plain = bool(np.all(weight == 1.0))
        self.count = self._sum(None)
        self.enough = self.count >= minimum

    def _sum(self, column: FloatArray | None) -> FloatArray:
        if self._plain:
            values = column
        else:
            values = self._weight if column is None else self._weight * column
        return np.bincount(self._place, values, self._size).astype(np.float64)

    def total(self, values: FloatArray) -> FloatArray:
        """Return the weighted sum of (n, ...) values in each bin."""
        flat = values.reshape(len(values), -1)
        stacked = np.stack([self._sum(column) for column in flat.T], axis=1)
        stacked = stacked.reshape(self._size, *values.shape[1:])
        stacked[~self.enough] = np.nan
        return stacked

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the weighted mean in each bin."""
        shape = (-1, *([1] * (values.ndim - 1)))
        return self.total(values) / np.where(self.enough, self.count, 1.0).reshape(shape)

    def variance(self, influence: FloatArray, clusters: ErrorClusters | None) -> FloatArray:
        """Return the variance of the weighted sum of influences in each bin.

        Parameters
        ----------
        influence : ndarray of shape (n, ...)
            Their weighted sum over a bin is the error of an estimate.
        clusters : ErrorClusters or None
            Rows whose errors may be correlated; None: none are.

        Notes
        -----
        A weight counts how many times a row is there. Clustered variances are multiplied by
        M / (M - 1), M being the number of clusters in the bin; a bin that fewer than ten
        trajectories visit has the variance for uncorrelated rows.
        """
        apart = self.total(influence**2)
        if clusters is None:
            freedom = self.count / np.maximum(self.count - 1, 1e-300)
            return apart * freedom.reshape(-1, *([1] * (apart.ndim - 1)))
        key = clusters.code * self._size + self._place
        names, where = np.unique(key, return_inverse=True)
        cluster, cell = np.divmod(names, self._size)
        multiplicity = clusters.multiplicity[cluster]
        number = np.bincount(cell, multiplicity, self._size)
        together = np.empty(apart.shape)
        columns = influence.reshape(len(influence), -1).T
        for column, out in zip(columns, together.reshape(self._size, -1).T, strict=True):
            sums = np.bincount(where, self._weight * column)
            out[:] = np.bincount(cell, sums**2 / multiplicity, self._size)
        shape = (-1, *([1] * (apart.ndim - 1)))
        together *= (number / np.maximum(number - 1, 1e-300)).reshape(shape)
        few = self.enough & (number < FEWEST_CLUSTERS)
        return np.where((~few).reshape(shape), together, apart)
