"""Drift, covariance rate and their derivatives at the start of a step.

Law of this file: an entry is an array with one number a row, or an expression that stands for
it, so that a formula written once gives both numbers and machine code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.compiled.tracing.differentiation import derivatives
from stochtext.processes.compiled.tracing.evaluation import evaluated
from stochtext.processes.compiled.tracing.expression import Expression, Untraceable
from stochtext.processes.compiled.tracing.formulas import TracedFormulas
from stochtext.processes.compiled.tracing.powers import joined_product

__all__ = [
    "DifferenceCoefficients",
    "LocalCoefficients",
    "SymbolicCoefficients",
    "coefficients_at",
    "product",
    "select",
]

# Nodes that a density may add to the formulas of a process.
_MOST_NODES = 20_000
# Central differences of double precision: the cube root and the fourth root of its rounding.
_FIRST = 6e-6
_SECOND = 1.2e-4

Entry = Any


def select(condition: Entry, yes: Entry, no: Entry) -> Entry:
    """Return ``yes`` where the condition holds, else ``no``."""
    if isinstance(condition, Expression):
        return condition.graph.apply("select", condition, yes, no)
    return np.where(condition, yes, no)


def product(one: Entry, other: Entry) -> Entry:
    """Return one * other; a zero that is there by structure is zero whatever the other is."""
    for factor in (one, other):
        if isinstance(factor, Expression) and factor.is_number(0.0):
            return factor
    return one * other


class LocalCoefficients(ABC):
    """What a density may ask about a process at the start of a step.

    Attributes
    ----------
    dim : int
        Number of coordinates d.
    x : list of entries
        The coordinates.
    drift : list of entries
        b, d components.
    diffusion : list of list of entries
        sigma, d rows of m.
    rate : list of list of entries
        The covariance rate a = sigma sigma', d rows of d.
    """

    dim: int
    x: list[Entry]
    drift: list[Entry]
    diffusion: list[list[Entry]]
    rate: list[list[Entry]]

    @abstractmethod
    def drift_slope(self, j: int, k: int) -> Entry:
        """Return d b_j / d x_k."""

    @abstractmethod
    def diffusion_slope(self, j: int, k: int) -> Entry:
        """Return d sigma_jj / d x_k, for diagonal noise."""

    @abstractmethod
    def drift_bend(self, j: int) -> Entry:
        """Return tr(a H_j) / 2 + d b_j / d t, with H_j the second derivatives of b_j."""

    @abstractmethod
    def rate_change(self, j: int, k: int) -> Entry:
        """Return L a_jk, with the generator L = b grad + tr(a H) / 2 + d / d t."""

    def drift_change(self, j: int) -> Entry:
        """Return L b_j."""
        total = self.drift_bend(j)
        for k in range(self.dim):
            total = total + product(self.drift[k], self.drift_slope(j, k))
        return total


class SymbolicCoefficients(LocalCoefficients):
    """Expressions with exact derivatives.

    Parameters
    ----------
    formulas : TracedFormulas
    pace : Expression or float, default 1.0
        How fast the clock of the process goes: ``clock_dt / dt``.
    """

    def __init__(self, formulas: TracedFormulas, pace: Any = 1.0) -> None:
        self.formulas, self._pace = formulas, pace
        self.dim, self.x = formulas.dim, list(formulas.x)
        self.graph = formulas.graph
        self.graph.allow(_MOST_NODES)
        self.drift, self.diffusion = formulas.drift, formulas.diffusion
        self.rate = self._rate()
        self._zero = self.graph.constant(0.0)

    def _rate(self) -> list[list[Expression]]:
        rows = self.diffusion
        rate: list[list[Any]] = [[None] * self.dim for _ in rows]
        for j in range(self.dim):
            for k in range(j + 1):
                total: Any = self.graph.constant(0.0)
                for one, other in zip(rows[j], rows[k], strict=True):
                    if not (one.is_number(0.0) or other.is_number(0.0)):
                        total = total + self._product(one, other)
                rate[j][k] = rate[k][j] = total
        return rate

    def _product(self, one: Expression, other: Expression) -> Any:
        # A sum would be multiplied out, and the square of a difference loses digits so.
        if {"add", "sub"} & {one.operation, other.operation}:
            return one * other
        return joined_product(self.graph, one, other)

    def slope(self, entry: Expression, symbol: Expression) -> Expression:
        """Return the derivative of an entry by a symbol."""
        found = derivatives([entry], symbol)[0]
        return self._zero if found is None else found

    def drift_slope(self, j: int, k: int) -> Expression:
        """Return d b_j / d x_k."""
        return self.slope(self.drift[j], self.x[k])

    def diffusion_slope(self, j: int, k: int) -> Expression:
        """Return d sigma_jj / d x_k."""
        return self.slope(self.diffusion[j][j], self.x[k])

    def drift_bend(self, j: int) -> Expression:
        """Return tr(a H_j) / 2 + d b_j / d t."""
        return self._bend(self.drift[j])

    def rate_change(self, j: int, k: int) -> Expression:
        """Return L a_jk."""
        total: Any = self._bend(self.rate[j][k])
        for i in range(self.dim):
            total = total + product(self.drift[i], self.slope(self.rate[j][k], self.x[i]))
        return total

    def _bend(self, entry: Expression) -> Any:
        total: Any = product(self._pace, self.slope(entry, self.formulas.t))
        for j in range(self.dim):
            first = self.slope(entry, self.x[j])
            for k in range(j + 1):
                second = product(self.rate[j][k], self.slope(first, self.x[k]))
                total = total + (0.5 * second if j == k else second)
        return total


class _EvaluatedCoefficients(LocalCoefficients):
    """The numbers of symbolic coefficients at given states."""

    def __init__(
        self, process: Process, formulas: TracedFormulas, x: FloatArray, t: FloatArray, pace: Any
    ) -> None:
        self._theta = np.append(process.to_vector(), 0.0)
        symbol = formulas.graph.symbol("x", formulas.dim)
        self._symbolic = SymbolicCoefficients(formulas, symbol)
        self._states, self._t = np.column_stack([x, np.broadcast_to(pace, len(x))]), t
        self.dim, self.x = formulas.dim, list(x.T)
        self.drift = [self._value(entry) for entry in self._symbolic.drift]
        self.diffusion = [[self._value(e) for e in row] for row in self._symbolic.diffusion]

    @cached_property
    def rate(self) -> list[list[FloatArray]]:  # type: ignore[override]
        """The covariance rate."""
        return [[self._value(entry) for entry in row] for row in self._symbolic.rate]

    def _value(self, entry: Expression) -> FloatArray:
        return evaluated([entry], self._t, self._states, self._theta)[:, 0]

    def drift_slope(self, j: int, k: int) -> FloatArray:
        return self._value(self._symbolic.drift_slope(j, k))

    def diffusion_slope(self, j: int, k: int) -> FloatArray:
        return self._value(self._symbolic.diffusion_slope(j, k))

    def drift_bend(self, j: int) -> FloatArray:
        return self._value(self._symbolic.drift_bend(j))

    def rate_change(self, j: int, k: int) -> FloatArray:
        return self._value(self._symbolic.rate_change(j, k))


class DifferenceCoefficients(LocalCoefficients):
    """Coefficients with derivatives by central differences, for processes without formulas.

    First derivatives have a relative error of about 1e-10, second ones of about 1e-7.
    """

    def __init__(self, process: Process, x: FloatArray, t: FloatArray, pace: Any) -> None:
        self._process, self._states, self._t, self._pace = process, x, t, pace
        self.dim, self.x = x.shape[1], list(x.T)
        self._b, sigma = process.drift(x, t), process.diffusion(x, t)
        self._a = np.einsum("nik,njk->nij", sigma, sigma)
        self.drift = list(self._b.T)
        self.diffusion = [list(row.T) for row in np.swapaxes(sigma, 0, 1)]
        self.rate = [[self._a[:, j, k] for k in range(self.dim)] for j in range(self.dim)]

    def drift_slope(self, j: int, k: int) -> FloatArray:
        """Return d b_j / d x_k."""
        return self._slope(self._process.drift, k)[:, j]

    def diffusion_slope(self, j: int, k: int) -> FloatArray:
        """Return d sigma_jj / d x_k."""
        return self._slope(self._process.diffusion, k)[:, j, j]

    def drift_bend(self, j: int) -> FloatArray:
        """Return tr(a H_j) / 2 + d b_j / d t."""
        return self._bend(self._process.drift)[:, j]

    def rate_change(self, j: int, k: int) -> FloatArray:
        """Return L a_jk."""
        total = self._bend(self._process.covariance)[:, j, k]
        for i in range(self.dim):
            total = total + self.drift[i] * self._slope(self._process.covariance, i)[:, j, k]
        return total

    def _slope(self, function: Callable[..., FloatArray], k: int) -> FloatArray:
        h = _FIRST * np.maximum(np.abs(self._states[:, k]), 1e-3)
        away = np.zeros_like(self._states)
        away[:, k] = h
        ahead, behind = self._states + away, self._states - away
        rise = function(ahead, self._t) - function(behind, self._t)
        return rise / _like(ahead[:, k] - behind[:, k], rise)

    def _bend(self, function: Callable[..., FloatArray]) -> FloatArray:
        """Return tr(a H) / 2 + pace d / d t of a function, by differences along roots of a."""
        x, t = self._states, self._t
        total = np.zeros_like(function(x, t))
        if not self._process.autonomous:
            h = _FIRST * np.maximum(np.abs(t), 1.0)
            rise = function(x, t + h) - function(x, t - h)
            total += _like(self._pace / (2.0 * h), rise) * rise
        values, vectors = np.linalg.eigh(self._a)
        roots = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        middle = function(x, t)
        for p in range(self.dim):
            size = np.max(np.abs(roots[:, :, p]), axis=1)
            reach = _SECOND * np.maximum(np.max(np.abs(x), axis=1), 1e-2)
            with np.errstate(divide="ignore", invalid="ignore"):
                factor = np.where(size > 0.0, reach / size, 0.0)
                away = factor[:, None] * roots[:, :, p]
                bend = function(x + away, t) - 2.0 * middle + function(x - away, t)
                curve = 0.5 * bend / _like(factor, bend) ** 2
            total += np.where(_like(factor, bend) > 0.0, curve, 0.0)
        return total


def _like(rows: FloatArray, values: FloatArray) -> FloatArray:
    return np.asarray(rows).reshape(-1, *(1,) * (values.ndim - 1))


def coefficients_at(
    process: Process, x: FloatArray, t: FloatArray, pace: Any = 1.0
) -> LocalCoefficients:
    """Return the coefficients of a process at states, with exact derivatives if it has formulas.

    Parameters
    ----------
    process : Process
    x : ndarray of shape (n, d)
    t : ndarray of shape (n,)
    pace : float or ndarray of shape (n,), default 1.0
        How fast the clock of the process goes: ``clock_dt / dt``.
    """
    process.require_specified()
    formulas = process.formulas()
    if formulas is not None:
        try:
            return _EvaluatedCoefficients(process, formulas, x, t, pace)
        except Untraceable:
            pass
    return DifferenceCoefficients(process, x, t, pace)
