"""From the formula of a density to the machine code of its likelihood.

theta, as the machine code sees it, holds the parameters, then dt if all steps are equally long,
then the sum of the weights, then sums over the data that depend on no parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from threading import RLock
from types import ModuleType
from typing import Any, Protocol

from stochtext.processes.base import Process
from stochtext.processes.compiled.tracing.differentiation import derivatives
from stochtext.processes.compiled.tracing.expression import Expression, Untraceable, reachable
from stochtext.processes.compiled.tracing.formulas import TracedFormulas, replaced
from stochtext.processes.compiled.tracing.powers import multiplied_out
from stochtext.transitions.compiled.products import normal_form, powers_by_exponentials
from stochtext.transitions.compiled.sums import columns_of, row_sums
from stochtext.transitions.compiled.text import pass_text
from stochtext.transitions.formulas.coefficients import SymbolicCoefficients

__all__ = ["HasFormula", "LikelihoodPlan", "Setting", "likelihood_plan"]

_MOST_NODES = 40_000
# More operations than this a row cost more to compile than they save.
_MOST_OPERATIONS = 1500
_MOST_PLANS = 256

_plans: dict[Hashable, LikelihoodPlan | None] = {}
_lock = RLock()


class HasFormula(Protocol):
    """A density that is a formula in the coefficients of a process."""

    @property
    def options(self) -> dict[str, Any]:
        """What decides about the formula besides the type."""

    def log_density_formula(self, coefficients: Any, x_next: Any, dt: Any) -> Any:
        """Return the log density as an expression."""


@dataclass(frozen=True)
class Setting:
    """What the data are like, as far as the text depends on it.

    Attributes
    ----------
    regular : bool
        Whether all steps are equally long.
    weighted : bool
        Whether rows have weights.
    one_path : bool
        Whether each row starts where the one before it ended.
    positive : bool
        Whether powers with a parameter as exponent have positive bases.
    """

    regular: bool
    weighted: bool
    one_path: bool
    positive: bool


class LikelihoodPlan:
    """The expressions of one likelihood, and its machine code when it is asked for.

    Parameters
    ----------
    density : HasFormula
    family : Process
    formulas : TracedFormulas
        Of the family; the plan may add to its graph.
    setting : Setting

    Notes
    -----
    Coordinates of the graph are rows of data: x, x_next, dt, t, pace, and then columns that are
    computed from these once, because they depend on no parameter.
    """

    def __init__(
        self, density: HasFormula, family: Process, formulas: TracedFormulas, setting: Setting
    ) -> None:
        self.setting = setting
        self.dim, self.n_parameters = formulas.dim, formulas.n_parameters
        self._graph = graph = formulas.graph
        d = self.dim
        self.n_given = 2 * d + 3
        dt = ("theta", self.n_parameters) if setting.regular else ("x", 2 * d)
        self._dt = graph.symbol(*dt)
        pace = graph.symbol("x", 2 * d + 2) if family.clock == "relative" else 1.0
        coefficients = SymbolicCoefficients(formulas, pace)
        following = [graph.symbol("x", d + j) for j in range(d)]
        value = density.log_density_formula(coefficients, following, self._dt)
        graph.allow(_MOST_NODES)
        clock = [(graph.symbol("t"), graph.symbol("x", 2 * d + 1))]
        rows = multiplied_out(graph, replaced([value], clock))
        self.bases: list[Expression] = []
        if setting.positive:
            rows, self.bases = powers_by_exponentials(rows, self._known(rows))
        rows = [*rows, *self._gradient(rows[0])]
        if len(reachable(rows)) > _MOST_OPERATIONS:
            raise Untraceable("its gradient takes too many operations")
        self._arrange(multiplied_out(graph, rows))

    def _gradient(self, value: Expression) -> list[Expression]:
        zero = self._graph.constant(0.0)
        slopes = [
            derivatives([value], self._graph.symbol("theta", k))[0]
            for k in range(self.n_parameters)
        ]
        return [zero if slope is None else slope for slope in slopes]

    def _known(self, rows: list[Expression]) -> Callable[[Expression], bool]:
        """Return what says whether a node depends on no parameter."""
        free: set[int] = set()

        def known(node: Expression) -> bool:
            if node.number not in seen:
                learn([node])
            return node.number not in free

        def learn(nodes: list[Expression]) -> None:
            for node in reachable(nodes):
                seen.add(node.number)
                own = node.operation == "symbol" and node.value[0] == "theta"
                own = own and node.value[1] < self.n_parameters
                if own or any(operand.number in free for operand in node.operands):
                    free.add(node.number)

        seen: set[int] = set()
        learn(rows)
        return known

    def _arrange(self, rows: list[Expression]) -> None:
        rows, sums = normal_form(rows, lambda base: base is self._dt)
        known = self._known(rows)
        found = row_sums(rows, sums, known)
        self.fixed = found.fixed
        self.columns = columns_of([*found.terms, *rows], known)
        symbols = [
            (column, self._graph.symbol("x", self.n_given + k))
            for k, column in enumerate(self.columns)
        ]
        found.terms = replaced(found.terms, symbols)
        self._sums = found
        self.rows = replaced(rows, symbols)
        self.needed = sorted(_coordinates(found.terms))
        self.needed_by_rows = sorted(_coordinates(self.rows))

    @property
    def n_terms(self) -> int:
        """Number of sums of each pass."""
        return len(self._sums.terms)

    def place(self, coordinate: int) -> tuple[int, int]:
        """Return the row of the data that holds a coordinate, and by how much it is shifted."""
        shift = 0
        if self.setting.one_path and self.dim <= coordinate < 2 * self.dim:
            coordinate, shift = coordinate - self.dim, 1
        return self.stored.index(coordinate), shift

    @cached_property
    def stored(self) -> list[int]:
        """Coordinates that a pass reads, in the order of the rows of its data."""
        d = self.dim
        moved = self.setting.one_path
        return sorted({j - d if moved and d <= j < 2 * d else j for j in self.needed})

    @cached_property
    def sum_function(self) -> Any:
        """Machine code ``likelihood(x, theta, n, sums, out)`` of one pass."""
        from numba import types

        from stochtext._shared.compilation.generated import machine_function

        number = types.float64
        signature = types.void(
            number[:, ::1], number[::1], types.int64, number[:, ::1], number[::1]
        )
        return machine_function(self._module(), "likelihood", signature)

    @cached_property
    def row_function(self) -> Any:
        """Machine code ``rows(t, x, theta, out)`` of log density and score of each row."""
        from numba import types

        from stochtext._shared.compilation.generated import compiled_module, machine_function
        from stochtext.processes.compiled.tracing.emission import Emission

        places = {j: k for k, j in enumerate(self.needed_by_rows)}
        symbols = [
            (self._graph.symbol("x", j), self._graph.symbol("x", k)) for j, k in places.items()
        ]
        emission = Emission("")
        emission.add("rows", replaced(self.rows, symbols))
        module = compiled_module("scores", emission.sources, emission.text(), FLOAT="np.float64")
        number = types.float64
        signature = types.void(number, number[:, ::1], number[::1], number[:, ::1])
        return machine_function(module, "rows", signature)

    def _module(self) -> ModuleType:
        from stochtext._shared.compilation.generated import compiled_module

        first = self.n_parameters + 1
        sources, text = pass_text(
            self._sums, self.place, first, len(self.stored) if self.setting.weighted else None
        )
        return compiled_module("likelihood", sources, text, FLOAT="np.float64")


def _coordinates(rows: list[Expression]) -> set[int]:
    return {
        node.value[1]
        for node in reachable(rows)
        if node.operation == "symbol" and node.value[0] == "x"
    }


def likelihood_plan(
    density: HasFormula, family: Process, setting: Setting
) -> LikelihoodPlan | None:
    """Return the plan of a likelihood, or None if the family has no formulas for it."""
    options = tuple(sorted((name, repr(value)) for name, value in density.options.items()))
    key = None
    if family.formulas_key is not None:
        key = (type(density), options, family.formulas_key, setting)
    with _lock:
        if key is not None and key in _plans:
            return _plans[key]
        formulas = family.formulas()
        plan = None
        if formulas is not None:
            try:
                plan = LikelihoodPlan(density, family, formulas, setting)
            except Untraceable:
                plan = None
        if key is not None:
            if len(_plans) >= _MOST_PLANS:
                _plans.clear()
            _plans[key] = plan
        return plan
