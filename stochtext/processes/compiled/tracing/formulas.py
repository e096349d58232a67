"""Drift and diffusion of a process as expressions, for likelihoods that differentiate them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext.processes.compiled.tracing.expression import (
    Expression,
    Graph,
    Untraceable,
    reachable,
)
from stochtext.processes.compiled.tracing.tracer import trace
from stochtext.processes.parameters import ParameterVector

__all__ = ["TracedFormulas", "linear_formulas", "replaced", "traced_formulas"]

_MOST_NODES = 4000

Coefficient = Callable[[Any, Any, Mapping[str, Any]], Any]


@dataclass(frozen=True, eq=False)
class TracedFormulas:
    """Drift and diffusion of a process as expressions of t, x and theta.

    Attributes
    ----------
    graph : Graph
        Where the expressions live; it belongs to the caller alone.
    dim, noise_dim : int
        Number of coordinates d and of noise sources m.
    n_parameters : int
        Length of theta, which is ordered as ``Process.to_vector()``.
    drift : list of Expression
        d components.
    diffusion : list of list of Expression
        d rows of m entries.
    """

    graph: Graph
    dim: int
    noise_dim: int
    n_parameters: int
    drift: list[Expression]
    diffusion: list[list[Expression]]

    @property
    def t(self) -> Expression:
        """Time on the clock of the process."""
        return self.graph.symbol("t")

    @property
    def x(self) -> list[Expression]:
        """The coordinates."""
        return [self.graph.symbol("x", j) for j in range(self.dim)]

    @property
    def theta(self) -> list[Expression]:
        """The parameters."""
        return [self.graph.symbol("theta", k) for k in range(self.n_parameters)]

    @property
    def diagonal(self) -> bool:
        """Whether coordinate j has the noise source j and no other one."""
        return self.dim == self.noise_dim and all(
            entry.is_number(0.0)
            for j, row in enumerate(self.diffusion)
            for k, entry in enumerate(row)
            if j != k
        )


def traced_formulas(
    drift: Coefficient,
    diffusion: Coefficient,
    dim: int,
    shapes: Mapping[str, tuple[int, ...]],
    places: Sequence[tuple[str, tuple[int, ...]]],
) -> TracedFormulas:
    """Return what two functions ``function(t, x, params)`` of one state compute.

    Parameters
    ----------
    drift, diffusion : callable
        The diffusion gives one number or d numbers, the diagonal of sigma, or d rows of m.
    dim : int
        Number of coordinates d.
    shapes : mapping of str to tuple of int
        Shape of each parameter.
    places : sequence of (str, tuple of int)
        Parameter and index of each entry of theta; all other entries are zero.

    Raises
    ------
    Untraceable
        With the reason in one line.
    """
    graph = Graph(_MOST_NODES)
    vector = {"theta": (len(places),)}
    b = trace(_of_theta(drift, shapes, places), dim, vector, graph)
    sigma = trace(_of_theta(diffusion, shapes, places), dim, vector, graph)
    if b.shape not in ((), (1,), (dim,)):
        raise Untraceable(f"drift has shape {b.shape}, not ({dim},)")
    components = b.values if len(b.values) == dim else b.values * dim
    rows = _diffusion_rows(graph, sigma.shape, sigma.values, dim)
    return TracedFormulas(graph, dim, len(rows[0]), len(places), components, rows)


def linear_formulas(
    level: Callable[[Any, Mapping[str, Any]], list[Any] | None], dim: int, vector: ParameterVector
) -> TracedFormulas | None:
    """Return the formulas of dX = kappa (level(t) - X) dt + sigma dW.

    Parameters
    ----------
    level : callable
        ``level(t, params)`` gives d numbers, or None if there is no formula.
    dim : int
        Number of coordinates d.
    vector : ParameterVector
        With the parameters kappa and sigma.
    """
    graph = Graph(_MOST_NODES)
    params = _symbols(graph, vector)
    levels = level(graph.symbol("t"), params)
    if levels is None:
        return None
    kappa = np.reshape(np.asarray(params["kappa"], dtype=object), (dim, dim))
    sigma = np.reshape(np.asarray(params["sigma"], dtype=object), (dim, dim))
    away = [levels[k] - graph.symbol("x", k) for k in range(dim)]
    drift = [sum(kappa[j, k] * away[k] for k in range(dim)) for j in range(dim)]
    entries = [graph.apply("add", entry, 0.0) for entry in sigma.flat]
    rows = [entries[j * dim : (j + 1) * dim] for j in range(dim)]
    return TracedFormulas(graph, dim, dim, len(vector.places), drift, rows)


def _symbols(graph: Graph, vector: ParameterVector) -> dict[str, Any]:
    """Return the parameters as symbols and arrays of them."""
    params: dict[str, Any] = {}
    for name, shape in vector.shapes.items():
        if shape:
            params[name] = np.zeros(shape).astype(object)
    for place, (name, index) in enumerate(vector.places):
        if index:
            params[name][index] = graph.symbol("theta", place)
        else:
            params[name] = graph.symbol("theta", place)
    return params


def _of_theta(
    function: Coefficient,
    shapes: Mapping[str, tuple[int, ...]],
    places: Sequence[tuple[str, tuple[int, ...]]],
) -> Coefficient:
    """Return the function with one vector as its only parameter."""

    def call(t: Any, x: Any, params: Mapping[str, Any]) -> Any:
        named: dict[str, Any] = {name: np.zeros(shape) for name, shape in shapes.items()}
        for (name, index), entry in zip(places, params["theta"], strict=True):
            if index:
                named[name][index] = entry
            else:
                named[name] = entry
        return function(t, x, named)

    return call


def _diffusion_rows(
    graph: Graph, shape: tuple[int, ...], values: list[Expression], dim: int
) -> list[list[Expression]]:
    if len(shape) == 2:
        if shape[0] != dim:
            raise Untraceable(f"diffusion has shape {shape}, not ({dim}, m)")
        return [values[j * shape[1] : (j + 1) * shape[1]] for j in range(dim)]
    if shape not in ((), (1,), (dim,)):
        raise Untraceable(f"diffusion has shape {shape}, not ({dim},)")
    diagonal = values if len(values) == dim else values * dim
    zero = graph.constant(0.0)
    return [[diagonal[j] if j == k else zero for k in range(dim)] for j in range(dim)]


def replaced(
    rows: Sequence[Expression], symbols: Sequence[tuple[Expression, Expression]]
) -> list[Expression]:
    """Return the rows with each first expression of a pair replaced by the second."""
    new = {before.number: after for before, after in symbols}
    result: dict[int, Expression] = {}
    for node in reachable(rows):
        operands = [result[operand.number] for operand in node.operands]
        if node.number in new:
            result[node.number] = new[node.number]
        elif all(a is b for a, b in zip(operands, node.operands, strict=True)):
            result[node.number] = node
        else:
            result[node.number] = node.graph.apply(node.operation, *operands)
    return [result[row.number] for row in rows]
