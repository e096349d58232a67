"""Exact derivatives of expressions by the rules of calculus.

A function that jumps or has a kink gets the derivative of the piece in which the state lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from stochtext.processes.compiled.tracing.expression import (
    Expression,
    Graph,
    Untraceable,
    reachable,
)

__all__ = ["derivatives"]


def derivatives(roots: Sequence[Expression], symbol: Expression) -> list[Expression | None]:
    """Return the derivative of each root with respect to a symbol.

    Parameters
    ----------
    roots : sequence of Expression
    symbol : Expression

    Returns
    -------
    list of Expression or None
        None where the root does not depend on the symbol.

    Raises
    ------
    Untraceable
        If a function has no rule.
    """
    known: dict[int, Expression | None] = {}
    for node in reachable(roots):
        inner = [known[operand.number] for operand in node.operands]
        if node is symbol:
            known[node.number] = node.graph.constant(1.0)
        elif all(slope is None for slope in inner):
            known[node.number] = None
        else:
            known[node.number] = _slope(node, inner)
    return [known[root.number] for root in roots]


def _slope(node: Expression, inner: Sequence[Expression | None]) -> Expression | None:
    if node.is_condition or node.operation in _STEPS:
        return None
    if node.operation in _LINEAR:
        return _LINEAR[node.operation](node, *inner)
    rule = _PARTIAL.get(node.operation)
    if rule is None:
        raise Untraceable(f"there is no derivative of {node.operation}")
    total: Any = None
    for position, slope in enumerate(inner):
        if slope is not None:
            part = rule(node, position) * slope
            total = part if total is None else total + part
    return total


_STEPS = frozenset({"floor", "ceil", "trunc", "rint", "floordiv"})


def _neg(node: Expression, a: Any) -> Any:
    return -a


def _add(node: Expression, a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else a + b


def _sub(node: Expression, a: Any, b: Any) -> Any:
    return -b if a is None else a if b is None else a - b


def _mul(node: Expression, a: Any, b: Any) -> Any:
    left, right = node.operands
    if left is right:
        return (2.0 * left) * a
    return _add(node, None if a is None else a * right, None if b is None else left * b)


def _div(node: Expression, a: Any, b: Any) -> Any:
    below = node.operands[1]
    if b is None:
        return a / below
    return -(node * b) / below if a is None else (a - node * b) / below


def _select(node: Expression, c: Any, a: Any, b: Any) -> Any:
    zero = node.graph.constant(0.0)
    return node.graph.apply(
        "select", node.operands[0], zero if a is None else a, zero if b is None else b
    )


_LINEAR: dict[str, Callable[..., Any]] = {
    "neg": _neg,
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "select": _select,
}


def _sign(graph: Graph, x: Expression) -> Any:
    return graph.apply("select", x > 0.0, 1.0, graph.apply("select", x < 0.0, -1.0, 0.0))


def _of_power(node: Expression, position: int) -> Any:
    base, exponent = node.operands
    if position == 0:
        return exponent * base ** (exponent - 1.0)
    # x^y log x, which is zero at x = 0 for y > 0.
    apply = node.graph.apply
    return apply("select", node.__eq__(0.0), 0.0, node * apply("log", base))


def _of_arctan2(node: Expression, position: int) -> Any:
    y, x = node.operands
    square = x * x + y * y
    return x / square if position == 0 else -y / square


def _of_copysign(node: Expression, position: int) -> Any:
    if position == 1:
        return 0.0
    size, sign = node.operands
    return _sign(node.graph, size) * node.graph.apply("copysign", 1.0, sign)


def _of_mod(node: Expression, position: int) -> Any:
    a, b = node.operands
    return 1.0 if position == 0 else -(a // b)


def _one(rule: Callable[[Any, Any], Any]) -> Callable[[Expression, int], Any]:
    """Return a rule that gets the node and its single operand."""
    return lambda node, position: rule(node, node.operands[0])


def _apply(name: str, x: Expression) -> Any:
    return x.graph.apply(name, x)


_PARTIAL: dict[str, Callable[[Expression, int], Any]] = {
    "pow": _of_power,
    "mod": _of_mod,
    "arctan2": _of_arctan2,
    "copysign": _of_copysign,
    "hypot": lambda node, position: node.operands[position] / node,
    "abs": _one(lambda f, x: _sign(x.graph, x)),
    "sqrt": _one(lambda f, x: 0.5 / f),
    "cbrt": _one(lambda f, x: f / (3.0 * x)),
    "exp": _one(lambda f, x: f),
    "expm1": _one(lambda f, x: f + 1.0),
    "exp2": _one(lambda f, x: f * math.log(2.0)),
    "log": _one(lambda f, x: 1.0 / x),
    "log1p": _one(lambda f, x: 1.0 / (1.0 + x)),
    "log2": _one(lambda f, x: (1.0 / math.log(2.0)) / x),
    "log10": _one(lambda f, x: (1.0 / math.log(10.0)) / x),
    "tanh": _one(lambda f, x: 1.0 - f * f),
    "sin": _one(lambda f, x: _apply("cos", x)),
    "cos": _one(lambda f, x: -_apply("sin", x)),
    "tan": _one(lambda f, x: 1.0 + f * f),
    "sinh": _one(lambda f, x: _apply("cosh", x)),
    "cosh": _one(lambda f, x: _apply("sinh", x)),
    "arctan": _one(lambda f, x: 1.0 / (1.0 + x * x)),
    "arcsin": _one(lambda f, x: 1.0 / _apply("sqrt", 1.0 - x * x)),
    "arccos": _one(lambda f, x: -1.0 / _apply("sqrt", 1.0 - x * x)),
    "arcsinh": _one(lambda f, x: 1.0 / _apply("sqrt", x * x + 1.0)),
    "arccosh": _one(lambda f, x: 1.0 / _apply("sqrt", x * x - 1.0)),
    "arctanh": _one(lambda f, x: 1.0 / (1.0 - x * x)),
    "erf": _one(lambda f, x: 2.0 / math.sqrt(math.pi) * _apply("exp", -(x * x))),
    "erfc": _one(lambda f, x: -2.0 / math.sqrt(math.pi) * _apply("exp", -(x * x))),
}
