"""Expressions in the form that a sum over many rows wants: constant factors apart, logs split.

Law of this file: the value of an expression may change by rounding only, wherever it is finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from stochtext.processes.compiled.tracing.expression import Expression, Graph, reachable
from stochtext.processes.compiled.tracing.powers import whole_power

__all__ = ["Factors", "factored", "normal_form", "powers_by_exponentials"]

# Products of more parts than this are taken as they stand.
_MOST_PARTS = 60

Factors = list[tuple[Expression, int]]


def factored(node: Expression) -> tuple[float, Factors]:
    """Return a number and bases with whole exponents whose product is ``node``."""
    number, found = 1.0, dict[int, tuple[Expression, int]]()
    waiting = [(node, 1)]
    for _ in range(_MOST_PARTS):
        if not waiting:
            return number, [pair for pair in found.values() if pair[1]]
        part, exponent = waiting.pop()
        if part.operation == "constant" and part.value and math.isfinite(part.value):
            number *= part.value**exponent
        elif part.operation == "neg":
            number *= (-1.0) ** exponent
            waiting.append((part.operands[0], exponent))
        elif part.operation == "mul":
            waiting += [(operand, exponent) for operand in reversed(part.operands)]
        elif part.operation == "div":
            above, below = part.operands
            waiting += [(below, -exponent), (above, exponent)]
        elif part.operation == "exp" and part.operands[0].operation == "neg":
            waiting.append((part.graph.apply("exp", part.operands[0].operands[0]), -exponent))
        elif part.operation == "sqrt" and exponent % 2 == 0:
            waiting.append((part.operands[0], exponent // 2))
        elif _has_whole_exponent(part):
            base, power = part.operands
            waiting.append((base, exponent * int(power.value)))
        else:
            before = found.get(part.number, (part, 0))[1]
            found[part.number] = (part, before + exponent)
    return 1.0, [(node, 1)]


def _has_whole_exponent(node: Expression) -> bool:
    if node.operation != "pow" or node.operands[1].operation != "constant":
        return False
    value = node.operands[1].value
    return bool(value == int(value) and abs(value) <= 32)


def multiplied(graph: Graph, factors: Factors) -> Any:
    """Return the product of factors, or None if there are none.

    A division is a multiplication with 1 / base, which several expressions share.
    """
    result: Any = None
    for base, exponent in sorted(factors, key=lambda pair: pair[0].number):
        if exponent < 0 and base.operation == "exp":
            base = graph.apply("exp", -base.operands[0])
        elif exponent < 0:
            base = graph.apply("div", 1.0, base)
        factor = whole_power(base, abs(exponent))
        result = factor if result is None else result * factor
    return result


def normal_form(
    rows: Sequence[Expression], positive: Callable[[Expression], bool]
) -> tuple[list[Expression], set[int]]:
    """Return the rows with constant factors in front of products and logarithms of products split.

    Parameters
    ----------
    rows : sequence of Expression
    positive : callable
        Says which symbols are known to be positive.

    Returns
    -------
    rows : list of Expression
    sums : set of int
        Numbers of the sums that logarithms became.
    """
    new: dict[int, Any] = {}
    sums: set[int] = set()
    for node in reachable(rows):
        operands = [new[operand.number] for operand in node.operands]
        same = all(a is b for a, b in zip(operands, node.operands, strict=True))
        result = node if same else node.graph.apply(node.operation, *operands)
        if result.varies and result.operation in ("mul", "div", "neg"):
            result = _constant_first(result)
        elif result.varies and result.operation == "log":
            result = _split_logarithm(result, positive)
            sums.add(result.number)
        new[node.number] = result
    return [new[row.number] for row in rows], sums


def constant_and_varying(node: Expression) -> tuple[Any, Any]:
    """Return the factor of a product that does not depend on the state, and the rest.

    The rest is None if nothing varies.
    """
    number, factors = factored(node)
    constant = multiplied(node.graph, [pair for pair in factors if not pair[0].varies])
    varying = multiplied(node.graph, [pair for pair in factors if pair[0].varies])
    if constant is None:
        constant = node.graph.constant(number)
    elif number != 1.0:
        constant = number * constant
    return constant, varying


def _constant_first(node: Expression) -> Any:
    constant, varying = constant_and_varying(node)
    return constant if varying is None else constant * varying


def _split_logarithm(node: Expression, positive: Callable[[Expression], bool]) -> Any:
    graph = node.graph
    number, factors = factored(node.operands[0])
    if number <= 0.0 or (len(factors) == 1 and number == 1.0 and factors[0][1] == 1):
        return node
    total: Any = graph.constant(math.log(number))
    odd: Factors = []
    for base, exponent in factors:
        if base.operation == "exp":
            total = total + exponent * base.operands[0]
        elif positive(base):
            total = total + exponent * graph.apply("log", base)
        elif exponent % 2 == 0:
            total = total + exponent * graph.apply("log", abs(base))
        else:
            odd.append((base, exponent))
    if len(odd) == 1:
        base, exponent = odd[0]
        total = total + exponent * graph.apply("log", base)
    elif odd:
        # Two negative factors make a positive product, but no sum of logarithms.
        total = total + graph.apply("log", multiplied(graph, odd))
    return total


def powers_by_exponentials(
    rows: Sequence[Expression], known: Callable[[Expression], bool]
) -> tuple[list[Expression], list[Expression]]:
    """Return the rows with x^g, for a parameter g, as exp(g log x), which is right for x > 0.

    So that log x is computed once for all parameters, and one exponential serves x^g, x^(2 g)
    and x^(g - 1).

    Parameters
    ----------
    rows : sequence of Expression
    known : callable
        Says which bases do not depend on parameters.

    Returns
    -------
    rows : list of Expression
    bases : list of Expression
        What must be positive.
    """
    new: dict[int, Any] = {}
    bases: dict[int, Expression] = {}
    for node in reachable(rows):
        operands = [new[operand.number] for operand in node.operands]
        if node.operation == "pow" and operands[1].operation != "constant" and known(operands[0]):
            bases[operands[0].number] = operands[0]
            new[node.number] = _exponential(*operands)
            continue
        same = all(a is b for a, b in zip(operands, node.operands, strict=True))
        new[node.number] = node if same else node.graph.apply(node.operation, *operands)
    return [new[row.number] for row in rows], list(bases.values())


def _exponential(base: Expression, exponent: Expression) -> Any:
    graph = base.graph
    logarithm = graph.apply("log", base)
    constant, parts = _linear(exponent)
    factors: Factors = []
    result: Any = None
    for part, count in parts:
        if count == int(count) and abs(count) <= 8:
            factors.append((graph.apply("exp", part * logarithm), int(count)))
        else:
            factor = graph.apply("exp", count * part * logarithm)
            result = factor if result is None else result * factor
    if constant == int(constant) and abs(constant) <= 8:
        factors.append((base, int(constant)))
    else:
        factor = graph.apply("exp", constant * logarithm)
        result = factor if result is None else result * factor
    product = multiplied(graph, [pair for pair in factors if pair[1]])
    if product is None:
        return graph.constant(1.0) if result is None else result
    return product if result is None else result * product


def _linear(node: Expression) -> tuple[float, list[tuple[Expression, float]]]:
    """Return a number and multiples of expressions whose sum is ``node``."""
    constant, found = 0.0, dict[int, tuple[Expression, float]]()
    waiting = [(node, 1.0)]
    while waiting:
        part, count = waiting.pop()
        if part.operation == "constant":
            constant += count * part.value
        elif part.operation in ("add", "sub"):
            left, right = part.operands
            waiting += [(left, count), (right, -count if part.operation == "sub" else count)]
        elif part.operation == "neg":
            waiting.append((part.operands[0], -count))
        elif part.operation == "mul" and part.operands[0].operation == "constant":
            waiting.append((part.operands[1], count * part.operands[0].value))
        elif part.operation == "mul" and part.operands[1].operation == "constant":
            waiting.append((part.operands[0], count * part.operands[1].value))
        else:
            before = found.get(part.number, (part, 0.0))[1]
            found[part.number] = (part, before + count)
    return constant, [pair for pair in found.values() if pair[1]]
