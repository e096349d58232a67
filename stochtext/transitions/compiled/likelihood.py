"""The likelihood of given rows, evaluated by machine code.

Law of this file: numbers do not depend on threads, and no row is dropped.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import Process, per_state
from stochtext.processes.compiled.tracing.evaluation import evaluated
from stochtext.processes.compiled.tracing.expression import Expression
from stochtext.transitions.compiled.plan import (
    HasFormula,
    LikelihoodPlan,
    Setting,
    likelihood_plan,
)
from stochtext.transitions.compiled.text import LANES
from stochtext.transitions.likelihood import TransitionLikelihood, row_weights

__all__ = ["CompiledLikelihood", "compiled_likelihood"]


class _Rows:
    """The data, one array a coordinate of the plan's graph."""

    def __init__(
        self,
        family: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None,
        weight: ArrayLike | None,
    ) -> None:
        here, there = as_states("x", x, family.dim), as_states("x_next", x_next, family.dim)
        if here.shape != there.shape:
            raise InputError(
                f"`x` and `x_next` must have the same shape; got {here.shape} and {there.shape}."
            )
        self.n, self.dim = here.shape
        self.dt = per_state("dt", dt, self.n)
        bad = np.flatnonzero(~(np.isfinite(self.dt) & (self.dt > 0)))
        if bad.size:
            raise InputError(
                f"`dt` must be positive and finite; got {self.dt[bad[0]]} in row {bad[0]}."
            )
        self.weight = row_weights(weight, self.n)
        self.regular = bool(self.n and np.all(self.dt == self.dt[0]))
        pace: Any = 1.0
        if clock_dt is not None and family.clock == "relative":
            pace = per_state("clock_dt", clock_dt, self.n) / self.dt
        self.given = [*here.T, *there.T, self.dt, per_state("t", t, self.n), pace]
        self.one_path = bool(self.n > 1 and np.array_equal(here[1:], there[:-1]))

    def constants(self, n_parameters: int) -> FloatArray:
        """Return theta without values of parameters."""
        return np.append(np.full(n_parameters, np.nan), self.dt[:1] if self.n else 1.0)

    def values(self, entries: list[Expression], n_parameters: int) -> list[FloatArray]:
        """Return the values of expressions that depend on the data alone."""
        if not entries:
            return []
        states = np.empty((self.n, len(self.given)))
        for k, column in enumerate(self.given):
            states[:, k] = column
        theta = self.constants(n_parameters)
        return list(evaluated(entries, states[:, 0], states, theta).T.copy())


def compiled_likelihood(
    density: HasFormula,
    family: Process,
    x: ArrayLike,
    x_next: ArrayLike,
    t: ArrayLike,
    dt: ArrayLike,
    clock_dt: ArrayLike | None = None,
    weight: ArrayLike | None = None,
) -> CompiledLikelihood | None:
    """Return the likelihood as machine code, or None if the family has no formulas for it.

    Parameters
    ----------
    density : HasFormula
    family : Process
    x, x_next, t, dt, clock_dt, weight : array_like
        As in `TransitionDensity.likelihood`.
    """
    rows = _Rows(family, x, x_next, t, dt, clock_dt, weight)
    if family.dim is None:
        family = family.with_dim(rows.dim)
    for positive in (True, False):
        setting = Setting(rows.regular, rows.weight is not None, rows.one_path, positive)
        if rows.weight is not None:
            setting = Setting(rows.regular, True, False, positive)
        plan = likelihood_plan(density, family, setting)
        if plan is None:
            return None
        bases = rows.values(plan.bases, plan.n_parameters)
        if all(bool(np.all(base > 0.0)) for base in bases):
            return CompiledLikelihood(plan, family, rows)
    return None


class CompiledLikelihood(TransitionLikelihood):
    """A likelihood with its exact gradient, by one pass of machine code.

    Parameters
    ----------
    plan : LikelihoodPlan
    family : Process
    rows : _Rows

    Notes
    -----
    Rows of weight zero take no part. All sums are taken in an order that is fixed by the
    number of rows.
    """

    def __init__(self, plan: LikelihoodPlan, family: Process, rows: _Rows) -> None:
        self._plan, self._rows = plan, rows
        bounds = np.array(family.bounds(), dtype=np.float64).reshape(-1, 2)
        self._low, self._high = bounds[:, 0].copy(), bounds[:, 1].copy()
        self._columns = rows.values(plan.columns, plan.n_parameters)
        self._theta = rows.constants(plan.n_parameters)
        kept = slice(None) if rows.weight is None else np.flatnonzero(rows.weight > 0.0)
        weight = None if rows.weight is None else rows.weight[kept]
        stored = [self._coordinate(j)[kept] for j in plan.stored]
        self._n = rows.n if weight is None else len(weight)
        if weight is not None:
            stored.append(weight)
        elif rows.one_path:
            stored = [
                np.append(column, rows.given[plan.dim + j][-1] if j < plan.dim else 0.0)
                for j, column in zip(plan.stored, stored, strict=True)
            ]
        self._data = np.array(stored) if stored else np.zeros((1, max(self._n, 1)))
        fixed = [
            float(np.sum(value[kept] if weight is None else weight * value[kept]))
            for value in rows.values(plan.fixed, plan.n_parameters)
        ]
        total = float(self._n if weight is None else np.sum(weight))
        self._pass_theta = np.concatenate([self._theta, [total], fixed])

    def _coordinate(self, j: int) -> FloatArray:
        given = self._rows.given
        if j >= len(given):
            return self._columns[j - len(given)]
        return np.broadcast_to(given[j], self._rows.n)

    def _allowed(self, vector: FloatArray) -> bool:
        return bool(((vector >= self._low) & (vector <= self._high)).all())

    def value_and_gradient(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative weighted log likelihood of all rows and its exact gradient."""
        vector = np.asarray(vector, dtype=np.float64)
        k = self._plan.n_parameters
        if self._allowed(vector):
            theta, out = self._pass_theta.copy(), np.empty(k + 1)
            theta[:k] = vector
            sums = np.zeros((self._plan.n_terms, LANES))
            self._plan.sum_function(self._data, theta, self._n, sums, out)
            if math.isfinite(out[0]):
                return float(out[0]), out[1:]
        return np.inf, np.full(k, np.nan)

    def _values(self, vector: FloatArray) -> FloatArray:
        """Return log density and score of each row, shape (1 + k, n)."""
        plan = self._plan
        out = np.full((1 + plan.n_parameters, self._rows.n), np.nan)
        vector = np.asarray(vector, dtype=np.float64)
        if self._allowed(vector):
            theta = self._theta.copy()
            theta[: plan.n_parameters] = vector
            data = [self._coordinate(j) for j in plan.needed_by_rows]
            rows = np.array(data) if data else np.zeros((1, self._rows.n))
            plan.row_function(0.0, np.ascontiguousarray(rows), theta, out)
        return out

    def log_density(self, vector: FloatArray) -> FloatArray:
        """Return the log density of each row without its weight; NaN where it is not defined."""
        values = self._values(vector)[0]
        return np.where(values == np.inf, np.nan, values)

    def scores(self, vector: FloatArray) -> FloatArray:
        """Return the weighted exact score of each row, shape (n, k)."""
        scores = np.ascontiguousarray(self._values(vector)[1:].T)
        if self._rows.weight is None:
            return scores
        weight = self._rows.weight[:, None]
        with np.errstate(invalid="ignore"):
            return np.where(weight > 0.0, weight * scores, 0.0)
