"""The likelihood of many transitions as a function of the parameters of a family.

Law of this file: every row counts. Where a row has no density the value is infinite and the
gradient NaN; nothing is left out to make a number finite.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Protocol

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import Process, per_state

__all__ = ["DifferenceLikelihood", "TransitionLikelihood", "difference_widths", "row_weights"]

_WIDTH = float(np.finfo(np.float64).eps ** (1.0 / 3.0))
_SMALLEST = 1e-2


class HasLogDensity(Protocol):
    """A transition density."""

    def log_density(
        self, process: Any, x: Any, x_next: Any, t: Any, dt: Any, clock_dt: Any = None
    ) -> FloatArray:
        """Return log p(x_next | x, dt), shape (n,)."""


class TransitionLikelihood(ABC):
    """The likelihood of given transitions, as a function of ``process.to_vector()``."""

    @abstractmethod
    def value_and_gradient(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative weighted log likelihood of all rows and its gradient.

        Parameters
        ----------
        vector : ndarray of shape (k,)

        Returns
        -------
        value : float
        gradient : ndarray of shape (k,)
            ``inf`` and NaN where the likelihood is not defined.
        """

    @abstractmethod
    def scores(self, vector: FloatArray) -> FloatArray:
        """Return the weighted gradient of each row's log density, shape (n, k)."""

    @abstractmethod
    def log_density(self, vector: FloatArray) -> FloatArray:
        """Return the log density of each row without its weight, shape (n,)."""


def row_weights(weight: ArrayLike | None, n: int) -> FloatArray | None:
    """Return one weight a row, or None if all of them are one.

    Raises
    ------
    InputError
        If a weight is negative or not finite.
    """
    if weight is None:
        return None
    weights = per_state("weight", weight, n)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0.0)))
    if bad.size:
        raise InputError(
            f"`weight` must be finite and >= 0; got {weights[bad[0]]} in row {bad[0]}."
        )
    return None if np.all(weights == 1.0) else weights


def difference_widths(vector: FloatArray) -> FloatArray:
    """Return the steps of central differences: relative, for small parameters absolute."""
    return _WIDTH * np.maximum(np.abs(vector), _SMALLEST)


class DifferenceLikelihood(TransitionLikelihood):
    """A likelihood whose gradient is taken by central differences of the log density.

    Parameters
    ----------
    density : HasLogDensity
    family : Process
        Whose parameters are varied.
    x, x_next : array_like of shape (n, d)
    t, dt, clock_dt : array_like of shape (n,)
        As in `TransitionDensity`.
    weight : array_like of shape (n,), optional
        Rows of weight zero take no part in the sum.
    """

    def __init__(
        self,
        density: HasLogDensity,
        family: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> None:
        self._density = density
        self._family = family
        self._steps = (as_states("x", x, family.dim), as_states("x_next", x_next, family.dim), t)
        self._dt, self._clock_dt = dt, clock_dt
        self._weight = row_weights(weight, len(self._steps[0]))

    def log_density(self, vector: FloatArray) -> FloatArray:
        """Return the log density of each row, NaN at parameters that are not allowed."""
        try:
            process = self._family.from_vector(vector)
            with np.errstate(all="ignore"):
                return self._density.log_density(
                    process, *self._steps, self._dt, clock_dt=self._clock_dt
                )
        except (InputError, np.linalg.LinAlgError):
            return np.full(len(self._steps[0]), np.nan)

    def value(self, vector: FloatArray) -> float:
        """Return the negative weighted log likelihood."""
        total = -float(np.sum(self._weighted(self.log_density(vector))))
        return total if np.isfinite(total) else np.inf

    def value_and_gradient(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative weighted log likelihood and its gradient by differences."""
        vector = np.asarray(vector, dtype=np.float64)
        value, gradient = self.value(vector), np.full(len(vector), np.nan)
        if not np.isfinite(value):
            return np.inf, gradient
        for k, width in enumerate(difference_widths(vector)):
            offset = np.zeros_like(vector)
            offset[k] = width
            ends = np.array([self.value(vector - offset), value, self.value(vector + offset)])
            known = ends[np.isfinite(ends)]  # at the edge of the domain one side is missing
            if len(known) > 1:
                gradient[k] = (known[-1] - known[0]) / ((len(known) - 1) * width)
        return value, gradient

    def scores(self, vector: FloatArray) -> FloatArray:
        """Return the weighted score of each row by central differences."""
        vector = np.asarray(vector, dtype=np.float64)
        scores = np.empty((len(self._steps[0]), len(vector)))
        for k, width in enumerate(difference_widths(vector)):
            offset = np.zeros_like(vector)
            offset[k] = width
            rise = self.log_density(vector + offset) - self.log_density(vector - offset)
            scores[:, k] = self._weighted(rise / (2.0 * width))
        return scores

    def _weighted(self, rows: FloatArray) -> FloatArray:
        if self._weight is None:
            return rows
        with np.errstate(invalid="ignore"):
            return np.where(self._weight > 0.0, self._weight * rows, 0.0)
