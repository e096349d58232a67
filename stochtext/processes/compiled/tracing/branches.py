"""Both sides of every decision: a function is run again until each path was taken once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stochtext.processes.compiled.tracing.expression import Expression, Graph, Untraceable

__all__ = ["explored"]

Values = list[Expression]

# More ends of a decision tree than anyone writes by hand, few enough to select among.
_MOST_LEAVES = 64
_MOST_DECISIONS = 64


def explored(graph: Graph, run: Callable[[], tuple[Any, Values]]) -> tuple[Any, Values]:
    """Run a function along every path of its decisions and select among the results.

    Parameters
    ----------
    graph : Graph
    run : callable
        Returns the shape of the result and its entries.

    Returns
    -------
    shape : Any
    values : list of Expression
        Nested selections by the conditions that were decided on.
    """
    leaves = 0
    shape: Any = None
    first = True

    def below(path: list[tuple[Expression, bool]]) -> Values:
        """Return the values behind the decisions of ``path``, which must come first."""
        nonlocal leaves, shape, first
        leaves += 1
        if leaves > _MOST_LEAVES:
            raise Untraceable(f"its decisions have more than {_MOST_LEAVES} outcomes")
        taken, (own_shape, values) = _run_along(graph, path, run)
        if not first and own_shape != shape:
            raise Untraceable("its result has another shape after another decision")
        shape, first = own_shape, False
        for end in range(len(taken) - 1, len(path) - 1, -1):
            condition, _ = taken[end]
            others = below([*taken[:end], (condition, False)])
            values = [
                graph.apply("select", condition, yes, no)
                for yes, no in zip(values, others, strict=True)
            ]
        return values

    values = below([])
    return shape, values


def _run_along(
    graph: Graph, path: Sequence[tuple[Expression, bool]], run: Callable[[], tuple[Any, Values]]
) -> tuple[list[tuple[Expression, bool]], tuple[Any, Values]]:
    """Run with the decisions of ``path``, and True for what is asked after them."""
    answers = {condition.number: answer for condition, answer in path}
    taken = list(path)

    def decide(condition: Expression) -> bool:
        if condition.operation == "constant":
            return bool(condition.value)
        if condition.operation == "not":
            return not decide(condition.operands[0])
        if condition.number not in answers:
            if len(taken) >= _MOST_DECISIONS:
                raise Untraceable(f"it decides more than {_MOST_DECISIONS} times, as a loop does")
            answers[condition.number] = True
            taken.append((condition, True))
        return answers[condition.number]

    outer, graph.decide = graph.decide, decide
    try:
        return taken, run()
    finally:
        graph.decide = outer
