"""Sums over rows: what is summed once for all parameters, and what in every pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from stochtext.processes.compiled.tracing.expression import Expression, reachable
from stochtext.transitions.compiled.products import constant_and_varying

__all__ = ["RowSums", "columns_of", "row_sums"]

#: Operations worth a column of their own if they depend on the data alone.
_COSTLY = frozenset(
    {
        *("exp", "expm1", "exp2", "log", "log1p", "log2", "log10", "pow", "cbrt"),
        *("sin", "cos", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "arctan2"),
        *("arcsinh", "arccosh", "arctanh", "erf", "erfc", "gamma", "lgamma", "mod", "floordiv"),
    }
)


@dataclass
class RowSums:
    """Totals over rows as combinations of sums.

    Attributes
    ----------
    terms : list of Expression
        What is added up in each pass.
    fixed : list of Expression
        What depends on the data alone and is added up once.
    totals : list of list of (Expression, str, int)
        By total: coefficient, "one", "term" or "fixed", and the place in its list.
    """

    terms: list[Expression] = field(default_factory=list)
    fixed: list[Expression] = field(default_factory=list)
    totals: list[list[tuple[Expression, str, int]]] = field(default_factory=list)


def row_sums(
    rows: Sequence[Expression], sums: set[int], known: Callable[[Expression], bool]
) -> RowSums:
    """Return how to add up rows with few sums.

    Parameters
    ----------
    rows : sequence of Expression
        In normal form.
    sums : set of int
        Numbers of sums that may be taken apart behind a factor. All others stay whole: the
        terms of a residual cancel.
    known : callable
        Says what depends on the data alone.
    """
    result = RowSums()
    places: dict[str, dict[int, int]] = {"term": {}, "fixed": {}}
    lists = {"term": result.terms, "fixed": result.fixed}
    for row in rows:
        total: dict[tuple[str, int], Any] = {}
        waiting: list[tuple[Expression, Any]] = [(row, row.graph.constant(1.0))]
        while waiting:
            node, factor = waiting.pop()
            constant, varying = constant_and_varying(node) if node.varies else (node, None)
            if varying is None:
                _count(total, ("one", 0), factor * constant)
                continue
            parts = _parts(node, varying, constant, sums)
            if parts is not None:
                waiting += [(part, factor * sign) for part, sign in parts]
                continue
            kind = "fixed" if known(varying) else "term"
            place = places[kind].setdefault(varying.number, len(lists[kind]))
            if place == len(lists[kind]):
                lists[kind].append(varying)
            _count(total, (kind, place), factor * constant)
        result.totals.append([(c, kind, k) for (kind, k), c in total.items()])
    return result


def _count(total: dict[tuple[str, int], Any], key: tuple[str, int], amount: Any) -> None:
    total[key] = total[key] + amount if key in total else amount


def _parts(
    node: Expression, varying: Expression, constant: Expression, sums: set[int]
) -> list[tuple[Expression, Any]] | None:
    """Return the parts of a sum with their factors, or None if it stays whole."""
    if node.operation in ("add", "sub"):
        varying, constant = node, node.graph.constant(1.0)
    elif varying.number not in sums:
        return None
    if varying.operation not in ("add", "sub"):
        return None
    left, right = varying.operands
    return [(left, constant), (right, -constant if varying.operation == "sub" else constant)]


def columns_of(rows: Sequence[Expression], known: Callable[[Expression], bool]) -> list[Expression]:
    """Return the largest parts of rows that depend on the data alone and are dear to compute."""
    dear: set[int] = set()
    for node in reachable(rows):
        if node.operation in _COSTLY or any(o.number in dear for o in node.operands):
            dear.add(node.number)
    found: dict[int, Expression] = {}
    seen: set[int] = set()
    waiting = list(rows)
    while waiting:
        node = waiting.pop()
        if node.number in seen or not node.varies:
            continue
        seen.add(node.number)
        if node.number in dear and known(node) and not node.is_condition:
            found[node.number] = node
        else:
            waiting.extend(node.operands)
    return [found[number] for number in sorted(found)]
