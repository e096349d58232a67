"""Powers: how factors with a common base are joined, and how small powers are multiplied out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stochtext.processes.compiled.tracing.expression import Expression, Graph, reachable

__all__ = ["joined_product", "multiplied_out", "whole_power"]

_MOST_FACTORS = 32


def multiplied_out(graph: Graph, rows: Sequence[Expression]) -> list[Expression]:
    """Return the rows with x^n as a product and x^(n + 1/2) as a product with a root."""
    new: dict[int, Expression] = {}
    for node in reachable(rows):
        operands = [new[operand.number] for operand in node.operands]
        result: Any = _as_product(graph, *operands) if node.operation == "pow" else None
        if result is None:
            same = all(a is b for a, b in zip(operands, node.operands, strict=True))
            result = node if same else graph.apply(node.operation, *operands)
        new[node.number] = result
    return [new[row.number] for row in rows]


def _as_product(graph: Graph, base: Expression, exponent: Expression) -> Any:
    if exponent.operation != "constant" or abs(exponent.value) > _MOST_FACTORS:
        return None
    twice = 2.0 * exponent.value
    if twice != int(twice):
        return None
    result = whole_power(base, int(abs(exponent.value)))
    if twice % 2.0:
        root = graph.apply("sqrt", base)
        result = root if result is None else result * root
    return 1.0 / result if exponent.value < 0 else result


def whole_power(base: Any, count: int) -> Any:
    """Return base to a whole power by repeated squaring, None for the power of zero."""
    result: Any = None
    while count:
        if count % 2:
            result = base if result is None else result * base
        count //= 2
        base = base * base if count else base
    return result


def joined_product(graph: Graph, a: Expression, b: Expression) -> Expression:
    """Return a * b, with common factors above and below a line cancelled.

    So sqrt(x) / sqrt(x) is 1 also at x = 0, where the factors of a derivative have no value.
    Where b is a sum, each of its terms is multiplied.
    """
    if b.operation in ("add", "sub"):
        parts = [joined_product(graph, a, part) for part in b.operands]
        return graph.apply(b.operation, *parts)
    number = 1.0
    exponents: dict[int, tuple[Expression, Any]] = {}
    waiting: list[tuple[Expression, Any]] = [(b, 1.0), (a, 1.0)]
    while waiting:
        node, exponent = waiting.pop()
        if node.operation == "constant" and isinstance(exponent, float) and node.value:
            number *= node.value**exponent
        elif node.operation == "neg" and exponent in _SIGN_KEEPING:
            number = -number
            waiting.append((node.operands[0], exponent))
        elif node.operation == "mul" and exponent in _SIGN_KEEPING:
            waiting += [(operand, exponent) for operand in reversed(node.operands)]
        elif node.operation == "div" and exponent in _SIGN_KEEPING:
            above, below = node.operands
            waiting += [(below, -exponent), (above, exponent)]
        elif node.operation == "sqrt" and isinstance(exponent, float):
            waiting.append((node.operands[0], 0.5 * exponent))
        elif node.operation == "pow" and exponent in _SIGN_KEEPING:
            base, power = node.operands
            own = power.value if power.operation == "constant" else power
            _join(exponents, base, own * exponent)
        else:
            _join(exponents, node, exponent)
    return _rebuilt(graph, number, list(exponents.values()))


class _PlainOne:
    """The exponents 1 and -1, for which (a b)^e = a^e b^e also where a and b are negative."""

    def __contains__(self, exponent: Any) -> bool:
        return isinstance(exponent, float) and exponent in (1.0, -1.0)


_SIGN_KEEPING = _PlainOne()


def _join(exponents: dict[int, tuple[Expression, Any]], base: Expression, exponent: Any) -> None:
    _, before = exponents.get(base.number, (base, 0.0))
    exponents[base.number] = (base, before + exponent)


def _rebuilt(graph: Graph, number: float, factors: Sequence[tuple[Expression, Any]]) -> Expression:
    above: Any = None
    below: Any = None
    for base, exponent in factors:
        plain = graph.expression(exponent)
        assert plain is not None
        if plain.operation == "constant" and plain.value < 0.0:
            factor = graph.apply("pow", base, -plain.value)
            below = factor if below is None else below * factor
        else:
            factor = graph.apply("pow", base, plain)
            above = factor if above is None else above * factor
    above = graph.constant(number) if above is None else above * number
    return above if below is None else above / below
