"""The coefficients of a process from its functions, as source text of machine code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.compiled.source import CoefficientSource
from stochtext.processes.compiled.tracing.differentiation import derivatives
from stochtext.processes.compiled.tracing.emission import Emission
from stochtext.processes.compiled.tracing.expression import (
    Expression,
    Graph,
    Untraceable,
    reachable,
)
from stochtext.processes.compiled.tracing.powers import joined_product, multiplied_out
from stochtext.processes.compiled.tracing.tracer import Traced, trace

__all__ = ["TracedCoefficients", "flat_parameters", "traced_source"]

_MOST_NODES = 4000
# A derivative of more operations than this costs more to compile than it saves.
_MOST_DERIVED = 2000


def flat_parameters(params: Mapping[str, Any]) -> FloatArray:
    """Return all parameter values in one vector, in the order of ``params``."""
    flat = [np.ravel(np.asarray(value, dtype=np.float64)) for value in params.values()]
    return np.concatenate([np.zeros(0), *flat])


class TracedCoefficients:
    """Drift and diffusion as expressions.

    Parameters
    ----------
    drift, diffusion : callable
        ``function(t, x, params)`` of one state. The diffusion gives the diagonal of sigma
        (or one number for all of it) if ``diagonal``, else d rows of m numbers.
    dim : int
        Number of coordinates d.
    params : mapping of str to float or ndarray
        All values; the expressions depend only on their shapes.
    diagonal : bool
        Whether sigma is a diagonal matrix, given by its diagonal.

    Raises
    ------
    Untraceable
        With the reason in one line.
    """

    def __init__(
        self,
        drift: Callable[..., Any],
        diffusion: Callable[..., Any],
        dim: int,
        params: Mapping[str, Any],
        *,
        diagonal: bool,
    ) -> None:
        self._graph = Graph(_MOST_NODES)
        self._dim = dim
        self._diagonal = diagonal
        self.theta = flat_parameters(params)
        shapes = {name: np.shape(value) for name, value in params.items()}
        self.drift = _rows("drift", trace(drift, dim, shapes, self._graph), (dim,))
        traced = trace(diffusion, dim, shapes, self._graph)
        self._noise_dim = dim if diagonal else _columns(traced, dim)
        wanted = (dim,) if diagonal else (dim, self._noise_dim)
        self.diffusion = _rows("diffusion", traced, wanted)

    def source(self, prefix: str = "") -> CoefficientSource:
        """Return drift, diffusion and their derivatives as source text.

        Parameters
        ----------
        prefix : str, default ""
            What all names in the text begin with.
        """
        derived = _derived(self._graph, self.drift, self.diffusion, self._dim, self._diagonal)
        emission = Emission(prefix)
        for name, rows in {"drift": self.drift, "diffusion": self.diffusion, **derived}.items():
            self._graph.allow(_MOST_DERIVED)
            emission.add(name, multiplied_out(self._graph, rows))
        return CoefficientSource(
            text=emission.text(),
            sources=emission.sources,
            theta=self.theta,
            dim=self._dim,
            noise_dim=self._noise_dim,
            diagonal=self._diagonal,
            provides=frozenset(derived),
            constant_diffusion=_is_constant(self.diffusion),
        )


def traced_source(
    drift: Callable[..., Any],
    diffusion: Callable[..., Any],
    dim: int,
    params: Mapping[str, Any],
    *,
    diagonal: bool,
    prefix: str = "",
) -> CoefficientSource:
    """Return the source text of `TracedCoefficients`, which has the same parameters."""
    return TracedCoefficients(drift, diffusion, dim, params, diagonal=diagonal).source(prefix)


def _is_constant(rows: Sequence[Expression]) -> bool:
    """Say whether expressions depend on parameters only."""
    symbols = (node for node in reachable(rows) if node.operation == "symbol")
    return all(symbol.value[0] == "theta" for symbol in symbols)


def _columns(traced: Traced, dim: int) -> int:
    if len(traced.shape) != 2:
        raise Untraceable(f"diffusion has shape {traced.shape}, not ({dim}, m)")
    return traced.shape[1]


def _rows(role: str, traced: Traced, wanted: tuple[int, ...]) -> list[Expression]:
    """Return one expression per row of ``out``; one number stands for all of a vector."""
    if len(wanted) == 1 and traced.shape in ((), (1,)):
        return traced.values * wanted[0]
    if traced.shape != wanted:
        raise Untraceable(f"{role} has shape {traced.shape}, not {wanted}")
    return traced.values


def _derived(
    graph: Graph, b: Sequence[Expression], sigma: Sequence[Expression], dim: int, diagonal: bool
) -> dict[str, list[Expression]]:
    """Return those of ``correction`` and ``jacobian`` that can be had at a sensible size."""
    rules: dict[str, Callable[[], list[Expression]]] = {
        "correction": lambda: _correction(graph, sigma, dim, diagonal),
        "jacobian": lambda: _gradients(graph, b, dim),
    }
    derived: dict[str, list[Expression]] = {}
    for name, rule in rules.items():
        graph.allow(2 * _MOST_DERIVED)
        try:
            rows = rule()
        except Untraceable:
            continue
        if len(reachable(rows)) <= _MOST_DERIVED:
            derived[name] = rows
    return derived


def _gradients(graph: Graph, values: Sequence[Expression], dim: int) -> list[Expression]:
    """Return the derivatives of all values by all coordinates, value by value."""
    by_coordinate = [derivatives(values, graph.symbol("x", k)) for k in range(dim)]
    zero = graph.constant(0.0)
    return [
        zero if (slope := by_coordinate[k][j]) is None else slope
        for j in range(len(values))
        for k in range(dim)
    ]


def _correction(
    graph: Graph, sigma: Sequence[Expression], dim: int, diagonal: bool
) -> list[Expression]:
    """Return what the Milstein scheme multiplies with iterated integrals."""
    slopes = _gradients(graph, sigma, dim)
    if diagonal:
        return [_sum_of_products(graph, [(sigma[j], slopes[j * dim + j])]) for j in range(dim)]
    m = len(sigma) // dim
    return [
        _sum_of_products(
            graph,
            [(sigma[k * m + p], slopes[(j * m + q) * dim + k]) for k in range(dim)],
        )
        for p in range(m)
        for j in range(dim)
        for q in range(m)
    ]


def _sum_of_products(graph: Graph, pairs: Sequence[tuple[Expression, Expression]]) -> Expression:
    total: Any = graph.constant(0.0)
    for a, b in pairs:
        # A zero that is there by structure is zero whatever the other factor is.
        if not (a.is_number(0.0) or b.is_number(0.0)):
            total = total + joined_product(graph, a, b)
    return total
