"""Run a function once on symbols and read off what it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from stochtext.processes.compiled.tracing.branches import explored
from stochtext.processes.compiled.tracing.expression import Expression, Graph, Untraceable
from stochtext.processes.compiled.tracing.substitution import substituted

__all__ = ["Traced", "trace"]


class Traced(NamedTuple):
    """What a function returned: its shape, and one expression per entry in row-major order."""

    shape: tuple[int, ...]
    values: list[Expression]


def trace(
    function: Callable[..., Any],
    dim: int,
    shapes: Mapping[str, tuple[int, ...]],
    graph: Graph | None = None,
) -> Traced:
    """Return what ``function(t, x, params)`` computes as expressions.

    Parameters
    ----------
    function : callable
        Gets t, an array of d coordinates, and the parameters by name, all symbols.
    dim : int
        Number of coordinates d.
    shapes : mapping of str to tuple of int
        Shapes of the parameters, () for a number, in the order in which they stand in theta.
    graph : Graph, optional
        Where the expressions go; a new one by default.

    Returns
    -------
    Traced

    Raises
    ------
    Untraceable
        With the reason in one line.
    """
    graph = Graph() if graph is None else graph
    copy = substituted(function)
    t = graph.symbol("t")
    coordinates = [graph.symbol("x", j) for j in range(dim)]
    params = _symbols(graph, shapes)

    def run() -> tuple[tuple[int, ...], list[Expression]]:
        x = np.empty(dim, dtype=object)
        x[:] = coordinates
        given = {n: v.copy() if isinstance(v, np.ndarray) else v for n, v in params.items()}
        return _entries(graph, copy(t, x, given))

    try:
        shape, values = explored(graph, run)
    except Untraceable:
        raise
    except Exception as error:
        # The function is the user's: whatever it raises on symbols means the same.
        said = str(error).strip().splitlines() or [""]
        raise Untraceable(f"{type(error).__name__}: {said[0]}") from error
    return Traced(shape, values)


def _symbols(graph: Graph, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    symbols: dict[str, Any] = {}
    place = 0
    for name, shape in shapes.items():
        if shape == ():
            symbols[name] = graph.symbol("theta", place)
            place += 1
            continue
        array = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            array[index] = graph.symbol("theta", place)
            place += 1
        symbols[name] = array
    return symbols


def _entries(graph: Graph, result: Any) -> tuple[tuple[int, ...], list[Expression]]:
    array = _as_objects(result)
    values: list[Expression] = []
    for entry in array.flat:
        value = graph.expression(entry)
        if value is None:
            raise Untraceable(f"it returned {entry!r} of type {type(entry).__name__}, no number")
        values.append(+value)
    return array.shape, values


def _as_objects(result: Any) -> np.ndarray:
    """Return the result as an array of objects; rows of different length are refused by NumPy."""
    if isinstance(result, Sequence) and not isinstance(result, str):
        parts = [_as_objects(part) for part in result]
        return np.stack(parts) if parts else np.empty(0, dtype=object)
    if isinstance(result, np.ndarray):
        return result.astype(object)
    scalar = np.empty((), dtype=object)
    scalar[()] = result
    return scalar
