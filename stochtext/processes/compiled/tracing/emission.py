"""Expressions as the text of a loop over states, for numba.

What does not depend on the state is computed once before the loop, in double precision. In the
loop, every product that is added to something becomes one ``fma``: that is the only contraction,
so that a state gives the same bits wherever in a batch it stands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from stochtext.processes.compiled.elementary import sources_of
from stochtext.processes.compiled.tracing.expression import Expression, reachable
from stochtext.processes.compiled.tracing.operations import (
    HOISTED_TEXT,
    LANE_TEXT,
    OWN_FUNCTIONS,
)

__all__ = ["Emission", "HoistedLines", "LoopBody", "loop_groups"]

# LLVM compares the addresses of all arrays before a vector loop, and gives up beyond 128 pairs.
_MOST_ADDRESS_PAIRS = 120
_PERIODIC = ("sin", "cos", "tan")
_INDENT = "    "


class Emission:
    """The text of the coefficients of one process.

    Parameters
    ----------
    prefix : str
        What all names in the text begin with.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._constants: dict[str, str] = {}
        self._functions: list[str] = []
        self._used: set[str] = set()

    def add(self, name: str, rows: Sequence[Expression]) -> None:
        """Add the coefficient ``{prefix}{name}`` that fills one row of ``out`` per expression."""
        lines = [
            "@kernel",
            f"def {self._prefix}{name}(t, x, theta, out):",
            f"{_INDENT}wide_vectors()",
        ]
        before = HoistedLines(rows)
        lines += [_INDENT + line for line in before.lines]
        for first, last in loop_groups(rows):
            lines += self._loops(rows, first, last, before)
        self._functions.append("\n".join(lines) + "\n")

    @property
    def sources(self) -> tuple[str, ...]:
        """The modules of the package whose functions the text calls."""
        return sources_of(self._used)

    def text(self) -> str:
        """Return constants, the functions for the precision in use, and the coefficients."""
        lines = [
            f"{self._prefix}{name} = {name}64 if FLOAT is np.float64 else {name}32"
            for name in sorted(self._used)
        ]
        lines += [f"{name} = FLOAT({value})" for value, name in self._constants.items()]
        return "\n".join(lines) + "\n\n\n" + "\n\n".join(self._functions)

    def _loops(
        self, rows: Sequence[Expression], first: int, last: int, before: HoistedLines
    ) -> list[str]:
        group = list(rows[first:last])
        body = LoopBody(self, group, before)
        indent = 2 * _INDENT
        stores = [f"out[{first + k}, i] = {body.name(row)}" for k, row in enumerate(group)]
        head = f"{_INDENT}for i in range(x.shape[1]):"
        lines = [head, *(indent + line for line in [*body.lines(False), *stores])]
        if not body.periodic:
            return lines
        # A second pass for the states at which a sine is beyond the range of the vector code;
        # at all others it computes the same numbers again.
        again = [head, *(indent + line for line in [*body.lines(True), *stores])]
        return [
            f"{_INDENT}beyond = 0",
            *lines,
            f"{_INDENT}if beyond:",
            *(_INDENT + line for line in again),
        ]

    def constant(self, value: float) -> str:
        """Return the name of a module-level constant in the precision of the module."""
        text = _number(value)
        return self._constants.setdefault(text, f"{self._prefix}c{len(self._constants)}")

    def function(self, name: str) -> str:
        """Return how the text calls one of the package's elementary functions."""
        self._used.add(name)
        return self._prefix + name


def _number(value: float) -> str:
    text = repr(value)
    return {"nan": "np.nan", "inf": "np.inf", "-inf": "-np.inf"}.get(text, text)


class HoistedLines:
    """What is computed once before the loops, in double precision."""

    def __init__(self, rows: Sequence[Expression]) -> None:
        nodes = reachable(rows)
        users = [node for node in nodes if node.varies]
        self.needed = {operand.number for user in users for operand in user.operands}
        self.needed |= {row.number for row in rows}
        self._names: dict[int, str] = {}
        self.lines: list[str] = []
        for node in nodes:
            if not node.varies and node.operation != "constant":
                self._add(node)

    def _add(self, node: Expression) -> None:
        name = f"h{len(self._names)}"
        self._names[node.number] = name
        self.lines.append(f"{name} = {self._value(node)}")
        if node.number in self.needed and not node.is_condition:
            self.lines.append(f"f{name} = FLOAT({name})")

    def _value(self, node: Expression) -> str:
        if node.operation == "symbol":
            kind = node.value[0]
            return "np.float64(t)" if kind == "t" else f"np.float64(theta[{node.value[1]}])"
        return HOISTED_TEXT[node.operation].format(*map(self._own, node.operands))

    def _own(self, node: Expression) -> str:
        if node.operation == "constant":
            text = _number(node.value)
            return f"({text})" if text.startswith("-") else text
        return self._names[node.number]

    def name(self, node: Expression) -> str:
        """Return the name of a value in the precision of the loop."""
        name = self._names[node.number]
        return name if node.is_condition else f"f{name}"


class LoopBody:
    """The lines of one loop.

    Parameters
    ----------
    emission : Emission
        Which keeps the constants and functions that the lines use.
    rows : sequence of Expression
        What the loop computes.
    before : HoistedLines
        What was computed before.
    read : callable, optional
        Returns the text of a coordinate by its number; ``x[j, i]`` by default.
    """

    def __init__(
        self,
        emission: Emission,
        rows: Sequence[Expression],
        before: HoistedLines,
        read: Callable[[int], str] = "x[{}, i]".format,
    ) -> None:
        self._emission = emission
        self._read = read
        self._before = before
        self._nodes = [node for node in reachable(rows) if node.varies]
        self._products = _fused_products(self._nodes, rows)
        inside = {product.number for product in self._products.values()}
        self._written = [node for node in self._nodes if node.number not in inside]
        self._names = {node.number: f"v{k}" for k, node in enumerate(self._written)}
        self.periodic = any(node.operation in _PERIODIC for node in self._written)

    def name(self, node: Expression) -> str:
        """Return how the loop refers to a value."""
        if node.operation == "constant":
            return self._emission.constant(node.value)
        return self._names[node.number] if node.varies else self._before.name(node)

    def lines(self, far: bool) -> list[str]:
        """Return the assignments; ``far`` asks for sines that are right at any argument."""
        lines = []
        for node in self._written:
            lines.append(f"{self._names[node.number]} = {self._value(node, far)}")
            if node.operation in _PERIODIC and not far:
                argument = self.name(node.operands[0])
                limit = self._emission.function("periodic_limit")
                lines.append(f"beyond |= np.int64(abs({argument}) > {limit})")
        return lines

    def _value(self, node: Expression, far: bool) -> str:
        if node.operation == "symbol":
            return self._read(node.value[1])
        if node.number in self._products:
            return self._fma(node)
        names = [self.name(operand) for operand in node.operands]
        if node.operation in OWN_FUNCTIONS:
            suffix = "_far" if far and node.operation in _PERIODIC else ""
            own = self._emission.function(OWN_FUNCTIONS[node.operation] + suffix)
            return f"{own}({', '.join(names)})"
        return LANE_TEXT[node.operation].format(*names)

    def _fma(self, node: Expression) -> str:
        product = self._products[node.number]
        a, b = map(self.name, product.operands)
        left, right = node.operands
        minus = "-" if node.operation == "sub" else ""
        if product is left:
            return f"fma({a}, {b}, {minus}{self.name(right)})"
        return f"fma({minus}{a}, {b}, {self.name(left)})"


def _fused_products(
    nodes: Sequence[Expression], rows: Sequence[Expression]
) -> dict[int, Expression]:
    """Return by sum or difference the product that becomes one instruction with it."""
    uses = Counter(operand.number for node in nodes for operand in node.operands)
    uses.update(row.number for row in rows)
    products: dict[int, Expression] = {}
    for node in nodes:
        if node.operation in ("add", "sub"):
            for operand in node.operands:
                if operand.operation == "mul" and operand.varies and uses[operand.number] == 1:
                    products[node.number] = operand
    return products


def loop_groups(rows: Sequence[Expression]) -> list[tuple[int, int]]:
    """Split the rows so that each loop has few enough arrays for LLVM to vectorise it."""
    groups: list[tuple[int, int]] = []
    first = 0
    read: set[int] = set()
    for k, row in enumerate(rows):
        own = _coordinates(row)
        writes = k - first + 1
        pairs = writes * (writes - 1) // 2 + writes * len(read | own)
        if k > first and pairs > _MOST_ADDRESS_PAIRS:
            groups.append((first, k))
            first, read = k, set()
        read |= own
    return [*groups, (first, len(rows))]


def _coordinates(row: Expression) -> set[int]:
    return {
        node.value[1]
        for node in reachable([row])
        if node.operation == "symbol" and node.value[0] == "x"
    }
