"""Symbolic numbers: what a function does to them is recorded as a graph of operations.

Law of the room: a simplification never changes a value, except the sign of a zero.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from stochtext.processes.compiled.tracing.operations import CONDITIONS, folded

__all__ = ["Expression", "Graph", "Untraceable", "reachable"]


class Untraceable(Exception):
    """A function does something that cannot be recorded; the message is one line."""


class Graph:
    """All expressions of one trace; equal expressions are one object.

    Parameters
    ----------
    most_nodes : int
        How many nodes the graph may have.
    """

    def __init__(self, most_nodes: int = 4000) -> None:
        self._nodes: dict[tuple[Any, ...], Expression] = {}
        self._most = most_nodes
        #: Answers ``bool(condition)``; set while a function runs.
        self.decide: Callable[[Expression], bool] | None = None

    def __len__(self) -> int:
        return len(self._nodes)

    def allow(self, more: int) -> None:
        """Allow this many nodes in addition to those that there are."""
        self._most = len(self._nodes) + more

    def node(
        self, operation: str, operands: tuple[Expression, ...] = (), value: Any = None
    ) -> Expression:
        """Return the expression with these operands, without simplifying it."""
        known = struct.pack("<d", value) if operation == "constant" else value
        key = (operation, known, *(operand.number for operand in operands))
        found = self._nodes.get(key)
        if found is None:
            if len(self._nodes) >= self._most:
                raise Untraceable(f"it takes more than {self._most} operations")
            found = Expression(self, operation, operands, value, len(self._nodes))
            self._nodes[key] = found
        return found

    def constant(self, value: float) -> Expression:
        """Return a number as an expression."""
        return self.node("constant", (), float(value))

    def symbol(self, *name: Any) -> Expression:
        """Return the symbol ("t",), ("x", j) or ("theta", k)."""
        return self.node("symbol", (), name)

    def expression(self, value: Any) -> Expression | None:
        """Return a number or expression as an expression of this graph; None if it is neither."""
        if isinstance(value, Expression):
            return value
        if isinstance(value, np.ndarray) and value.ndim == 0:
            return self.expression(value.item())
        if isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating):
            return self.constant(float(value))
        if isinstance(value, complex | np.complexfloating):
            raise Untraceable("it computes with complex numbers")
        return None

    def apply(self, operation: str, *values: Any) -> Any:
        """Return ``operation`` of numbers and expressions, simplified."""
        operands = [self.expression(value) for value in values]
        if any(operand is None for operand in operands):
            return NotImplemented
        return self._simplified(operation, [o for o in operands if o is not None])

    def _simplified(self, operation: str, operands: list[Expression]) -> Expression:
        if operation not in _LOGIC:
            first = 1 if operation == "select" else 0
            operands[first:] = [self._as_number(operand) for operand in operands[first:]]
        numbers = [operand.value for operand in operands if operand.operation == "constant"]
        if len(numbers) == len(operands) and operation not in _LOGIC:
            return self.constant(folded(operation, numbers))
        rule = _RULES.get(operation)
        simpler = rule(self, *operands) if rule else None
        return self.node(operation, tuple(operands)) if simpler is None else simpler

    def _as_number(self, operand: Expression) -> Expression:
        if not operand.is_condition:
            return operand
        return self.node("select", (operand, self.constant(1.0), self.constant(0.0)))


def _binary(operation: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    def forward(self: Any, other: Any) -> Any:
        return self.graph.apply(operation, self, other)

    def backward(self: Any, other: Any) -> Any:
        return self.graph.apply(operation, other, self)

    return backward if swapped else forward


class Expression:
    """A number that depends on the time, the state and the parameters."""

    __slots__ = ("graph", "number", "operands", "operation", "value", "varies")

    def __init__(
        self,
        graph: Graph,
        operation: str,
        operands: tuple[Expression, ...],
        value: Any,
        number: int,
    ) -> None:
        self.graph = graph
        self.operation = operation
        self.operands = operands
        self.value = value
        self.number = number
        #: Whether it depends on the state.
        self.varies: bool = (operation == "symbol" and value[0] == "x") or any(
            operand.varies for operand in operands
        )

    @property
    def is_condition(self) -> bool:
        """Whether it is true or false."""
        return self.operation in CONDITIONS

    def is_number(self, value: float) -> bool:
        """Whether it is this constant."""
        return self.operation == "constant" and self.value == value

    def __repr__(self) -> str:
        if self.operation in ("constant", "symbol"):
            return str(self.value)
        return f"{self.operation}({', '.join(map(repr, self.operands))})"

    # -- what Python asks for --------------------------------------------------------------

    def __bool__(self) -> bool:
        condition = self if self.is_condition else self != 0.0
        if self.graph.decide is None:
            raise Untraceable("it decides on a value outside of a trace")
        return self.graph.decide(condition)

    def _no_plain_number(self, *_: Any) -> Any:
        raise Untraceable("it needs the plain number of a value that depends on t, x or parameters")

    __float__ = __int__ = __index__ = __complex__ = __round__ = _no_plain_number

    def __hash__(self) -> int:
        raise Untraceable("it uses a value that depends on t, x or parameters as a key")

    def __iter__(self) -> Any:
        raise TypeError("a number is not iterable")

    def item(self) -> Expression:
        """Return the number itself, as NumPy's scalars do."""
        return self

    def conjugate(self) -> Expression:
        """Return the number itself; it is real."""
        return self

    # -- arithmetic ------------------------------------------------------------------------

    __add__, __radd__ = _binary("add"), _binary("add", swapped=True)
    __sub__, __rsub__ = _binary("sub"), _binary("sub", swapped=True)
    __mul__, __rmul__ = _binary("mul"), _binary("mul", swapped=True)
    __truediv__, __rtruediv__ = _binary("div"), _binary("div", swapped=True)
    __floordiv__, __rfloordiv__ = _binary("floordiv"), _binary("floordiv", swapped=True)
    __mod__, __rmod__ = _binary("mod"), _binary("mod", swapped=True)
    __pow__, __rpow__ = _binary("pow"), _binary("pow", swapped=True)
    __lt__, __gt__ = _binary("lt"), _binary("lt", swapped=True)
    __le__, __ge__ = _binary("le"), _binary("le", swapped=True)

    def __neg__(self) -> Any:
        return self.graph.apply("neg", self)

    def __pos__(self) -> Any:
        return self.graph._as_number(self)

    def __abs__(self) -> Any:
        return self.graph.apply("abs", self)

    def __floor__(self) -> Any:
        return self.graph.apply("floor", self)

    def __ceil__(self) -> Any:
        return self.graph.apply("ceil", self)

    def __trunc__(self) -> Any:
        return self.graph.apply("trunc", self)

    def __invert__(self) -> Any:
        if not self.is_condition:
            raise TypeError("~ needs a condition")
        return self.graph.apply("not", self)

    def __and__(self, other: Any) -> Any:
        return _logical("and", self, other)

    def __or__(self, other: Any) -> Any:
        return _logical("or", self, other)

    __rand__, __ror__ = __and__, __or__

    def __eq__(self, other: object) -> Any:
        return self.graph.apply("eq", self, other)

    def __ne__(self, other: object) -> Any:
        return self.graph.apply("ne", self, other)


def _logical(operation: str, left: Expression, right: Any) -> Any:
    if isinstance(right, bool | np.bool_):
        # True is neutral for "and", False for "or"; the other one decides alone.
        if bool(right) == (operation == "and"):
            return left
        return bool(right)
    if not (isinstance(right, Expression) and left.is_condition and right.is_condition):
        return NotImplemented
    return left.graph.apply(operation, left, right)


def _unary(operation: str) -> Callable[[Expression], Any]:
    return lambda self: self.graph.apply(operation, self)


# NumPy evaluates np.exp(a) on objects as a.exp().
for _name in (
    *("sqrt", "exp", "expm1", "log", "log1p", "tanh", "sin", "cos", "tan", "sinh", "cosh"),
    *("arctan", "arcsin", "arccos", "arcsinh", "arccosh", "arctanh", "floor", "ceil", "trunc"),
    *("rint", "log2", "log10", "exp2", "cbrt"),
):
    setattr(Expression, _name, _unary(_name))


# -- simplification ------------------------------------------------------------------------


def _add(graph: Graph, a: Expression, b: Expression) -> Expression | None:
    if b.is_number(0.0):
        return a
    if a.is_number(0.0):
        return b
    if b.operation == "neg":
        return graph.apply("sub", a, b.operands[0])
    return graph.apply("sub", b, a.operands[0]) if a.operation == "neg" else None


def _sub(graph: Graph, a: Expression, b: Expression) -> Expression | None:
    if b.is_number(0.0):
        return a
    if a.is_number(0.0):
        return graph.apply("neg", b)
    return graph.apply("add", a, b.operands[0]) if b.operation == "neg" else None


def _mul(graph: Graph, a: Expression, b: Expression) -> Expression | None:
    for one, other in ((a, b), (b, a)):
        if one.is_number(1.0):
            return other
        if one.is_number(-1.0):
            return graph.apply("neg", other)
    return None


def _div(graph: Graph, a: Expression, b: Expression) -> Expression | None:
    if b.is_number(1.0):
        return a
    if b.is_number(-1.0):
        return graph.apply("neg", a)
    if b.operation == "constant" and _is_power_of_two(b.value):
        return graph.apply("mul", a, 1.0 / b.value)
    return None


def _is_power_of_two(value: float) -> bool:
    """Whether dividing by it is exactly multiplying with its inverse."""
    mantissa, exponent = np.frexp(value)
    return bool(abs(mantissa) == 0.5 and abs(exponent) < 100)


def _neg(graph: Graph, a: Expression) -> Expression | None:
    return a.operands[0] if a.operation == "neg" else None


def _pow(graph: Graph, a: Expression, b: Expression) -> Expression | None:
    if a.is_number(1.0) or b.is_number(1.0):
        return a
    if b.is_number(0.0):
        return graph.constant(1.0)
    if b.is_number(0.5):
        return graph.apply("sqrt", a)
    return None


def _not(graph: Graph, a: Expression) -> Expression | None:
    return a.operands[0] if a.operation == "not" else None


def _select(graph: Graph, c: Expression, a: Expression, b: Expression) -> Expression | None:
    if a is b:
        return a
    if c.operation == "constant":
        return a if c.value else b
    return graph.apply("select", c.operands[0], b, a) if c.operation == "not" else None


def _abs(graph: Graph, a: Expression) -> Expression | None:
    if a.operation == "abs":
        return a
    return graph.apply("abs", a.operands[0]) if a.operation == "neg" else None


_RULES: dict[str, Callable[..., Expression | None]] = {
    "add": _add,
    "sub": _sub,
    "mul": _mul,
    "div": _div,
    "neg": _neg,
    "pow": _pow,
    "not": _not,
    "select": _select,
    "abs": _abs,
}
_LOGIC = frozenset({"and", "or", "not"})


def reachable(roots: Iterable[Expression]) -> list[Expression]:
    """Return all expressions that the roots are made of, operands before what uses them."""
    found: dict[int, Expression] = {}
    waiting = list(roots)
    while waiting:
        node = waiting.pop()
        if node.number not in found:
            found[node.number] = node
            waiting.extend(node.operands)
    return [found[number] for number in sorted(found)]
