"""Densities given by a formula in the coefficients of a process, for numbers and machine code.

Law of this file: a density is written once, in entries that are arrays or expressions.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import Process, per_state
from stochtext.processes.compiled.tracing.expression import Expression
from stochtext.transitions.base import TransitionDensity, checked_steps
from stochtext.transitions.formulas.coefficients import LocalCoefficients, coefficients_at
from stochtext.transitions.gaussian import GaussianDensity
from stochtext.transitions.likelihood import TransitionLikelihood

__all__ = ["FormulaDensity", "GaussianFormulaDensity", "gaussian_entries"]

Entry = Any


def gaussian_entries(residual: Sequence[Entry], covariance: Sequence[Sequence[Entry]]) -> Entry:
    """Return the log density of N(0, covariance) at a residual, by the factors L D L'.

    Parameters
    ----------
    residual : sequence of entries
        d of them.
    covariance : sequence of sequence of entries
        Its lower triangle is used.
    """
    d = len(residual)
    total: Entry = -0.5 * d * math.log(2.0 * math.pi)
    scales: list[Entry] = []
    lower: list[list[Entry]] = []
    white: list[Entry] = []
    for j in range(d):
        # Entry k of ``row`` is L_jk D_k; zeros by structure are left out.
        row: list[Entry] = []
        for k in range(j):
            entry = covariance[j][k]
            for i in range(k):
                entry = _less(entry, row[i], lower[k][i])
            row.append(entry)
        lower.append([_over(entry, scale) for entry, scale in zip(row, scales, strict=True)])
        scale, rest = covariance[j][j], residual[j]
        for k in range(j):
            scale = _less(scale, row[k], lower[j][k])
            rest = _less(rest, lower[j][k], white[k])
        scales.append(scale)
        white.append(rest)
        total = total - 0.5 * np.log(scale) - 0.5 * (rest * rest / scale)
    return total


def _nothing(entry: Entry) -> bool:
    return isinstance(entry, Expression) and entry.is_number(0.0)


def _less(entry: Entry, one: Entry, other: Entry) -> Entry:
    return entry if _nothing(one) or _nothing(other) else entry - one * other


def _over(entry: Entry, scale: Entry) -> Entry:
    return entry if _nothing(entry) else entry / scale


class FormulaDensity(TransitionDensity):
    """A density that is a formula in the coefficients at the start of the step."""

    @abstractmethod
    def log_density_formula(
        self, coefficients: LocalCoefficients, x_next: Sequence[Entry], dt: Entry
    ) -> Entry:
        """Return log p(x_next | x, dt) as an entry."""

    def check(self, process: Process) -> None:
        """Refuse a process that the formula is not for.

        Raises
        ------
        InputError
            Saying what the density needs.
        """
        del process

    def coefficients(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None,
    ) -> tuple[LocalCoefficients, FloatArray]:
        """Return the coefficients at checked states, and the lengths of the steps."""
        self.check(process)
        states, start, steps = checked_steps(process, x, t, dt)
        pace: Any = 1.0
        if clock_dt is not None:
            pace = per_state("clock_dt", clock_dt, len(states)) / steps
        return coefficients_at(process, states, start, pace), steps

    def log_density(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return log p(x_next | x, dt), shape (n,); NaN where the density is not defined."""
        with np.errstate(all="ignore"):
            coefficients, steps = self.coefficients(process, x, t, dt, clock_dt)
            following = list(same_rows(process, x_next, len(steps)).T)
            values = self.log_density_formula(coefficients, following, steps)
        # Neither a variance of zero nor a negative one makes a row likely.
        values = np.broadcast_to(values, (len(steps),)).astype(np.float64)
        return np.where(values == np.inf, np.nan, values)

    def likelihood(
        self,
        family: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> TransitionLikelihood:
        """Return the likelihood of all rows as a function of the parameters of a family.

        Parameters
        ----------
        family : Process
        x, x_next : array_like of shape (n, d)
        t, dt, clock_dt : array_like of shape (n,)
        weight : array_like of shape (n,), optional

        Returns
        -------
        TransitionLikelihood
            Machine code with the exact gradient where the coefficients of the family can be
            recorded on symbols, else central differences.
        """
        from stochtext.transitions.compiled.likelihood import compiled_likelihood

        self.check(family)
        compiled = compiled_likelihood(self, family, x, x_next, t, dt, clock_dt, weight)
        if compiled is not None:
            return compiled
        return super().likelihood(family, x, x_next, t, dt, clock_dt, weight)


def same_rows(process: Process, x_next: ArrayLike, n: int) -> FloatArray:
    """Return the next states, as many as there are states."""
    following = as_states("x_next", x_next, process.dim)
    if len(following) != n:
        raise InputError(
            f"`x` and `x_next` must have the same shape; got {n} and {len(following)} rows."
        )
    return following


class GaussianFormulaDensity(FormulaDensity, GaussianDensity):
    """A Gaussian density whose mean and covariance are formulas."""

    @abstractmethod
    def moments_formula(
        self, coefficients: LocalCoefficients, dt: Entry
    ) -> tuple[list[Entry], list[list[Entry]]]:
        """Return the mean, d entries, and the covariance, its lower triangle at least."""

    def log_density_formula(
        self, coefficients: LocalCoefficients, x_next: Sequence[Entry], dt: Entry
    ) -> Entry:
        """Return log p(x_next | x, dt) as an entry."""
        mean, covariance = self.moments_formula(coefficients, dt)
        residual = [after - m for after, m in zip(x_next, mean, strict=True)]
        return gaussian_entries(residual, covariance)

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d); NaN where they are not defined."""
        with np.errstate(all="ignore"):
            coefficients, steps = self.coefficients(process, x, t, dt, clock_dt)
            mean, lower = self.moments_formula(coefficients, steps)
        n, d = len(steps), coefficients.dim
        covariance = np.empty((n, d, d))
        for j in range(d):
            for k in range(j + 1):
                covariance[:, j, k] = covariance[:, k, j] = lower[j][k]
        return np.column_stack([np.broadcast_to(entry, n) for entry in mean]), covariance
