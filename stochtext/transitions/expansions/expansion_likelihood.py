"""The likelihood of many transitions by the expansion, with its exact gradient."""

from __future__ import annotations

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import Process
from stochtext.transitions.expansions.expansion import Expansion
from stochtext.transitions.likelihood import TransitionLikelihood, row_weights

__all__ = ["ExpansionLikelihood", "usable"]


def usable(
    process: Process, x_next: FloatArray, value: FloatArray, largest: FloatArray
) -> FloatArray:
    """Return log densities, NaN where the terms do not fall, -inf outside the domain."""
    low, high = process.domain[0]
    with np.errstate(invalid="ignore"):
        known = np.where(largest <= 1.0, value, np.nan)
        return np.where((x_next < low) | (x_next > high), -np.inf, known)


class ExpansionLikelihood(TransitionLikelihood):
    """The likelihood of given steps of a one-dimensional family.

    Parameters
    ----------
    expansion : Expansion
    family : Process
    x, x_next, dt : ndarray of shape (n,)
    weight : array_like of shape (n,), optional
    """

    def __init__(
        self,
        expansion: Expansion,
        family: Process,
        x: FloatArray,
        x_next: FloatArray,
        dt: FloatArray,
        weight: ArrayLike | None = None,
    ) -> None:
        self._expansion = expansion
        self._family = family
        self._steps = tuple(np.ascontiguousarray(part) for part in (x, x_next, dt))
        self._weight = row_weights(weight, len(x))

    def log_density(self, vector: FloatArray) -> FloatArray:
        """Return the log density of each row, NaN at parameters that are not allowed."""
        return self._rows(vector)[0]

    def value_and_gradient(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative weighted log likelihood and its gradient."""
        rows, scores = self._rows(vector)
        total = float(np.sum(self._weighted(rows)))
        if not np.isfinite(total):
            return np.inf, np.full(len(vector), np.nan)
        return -total, -self._weighted(scores).sum(axis=0)

    def scores(self, vector: FloatArray) -> FloatArray:
        """Return the weighted score of each row, shape (n, k)."""
        return self._weighted(self._rows(vector)[1])

    def _rows(self, vector: FloatArray) -> tuple[FloatArray, FloatArray]:
        theta = np.ascontiguousarray(vector, dtype=np.float64)
        try:
            process = self._family.from_vector(theta)
        except InputError:
            n = len(self._steps[0])
            return np.full(n, np.nan), np.full((n, len(theta)), np.nan)
        value, largest, scores = self._expansion.log_density_and_scores(theta, *self._steps)
        value = usable(process, self._steps[1], value, largest)
        scores[~np.isfinite(value)] = np.nan
        return value, scores

    def _weighted(self, rows: FloatArray) -> FloatArray:
        if self._weight is None:
            return rows
        weight = self._weight.reshape(-1, *(1,) * (rows.ndim - 1))
        with np.errstate(invalid="ignore"):
            return np.where(weight > 0.0, weight * rows, 0.0)
