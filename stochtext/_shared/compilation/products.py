"""Products of a weight matrix with a few vectors, held in registers. Imported late: loads numba.

The vectors are the columns of some rows of an array ``work`` of shape (rows, width). Either width
is 128 bytes, a strip, and the vector unit goes along the strip; or width is 1, and it goes along
the weights. Both add the same products in the same order, so that they give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llvmlite import binding, ir
from numba import extending, types
from numba.core import cgutils
from numba.np.arrayobj import populate_array

# For a type checker the functions below would still have the compiler's own arguments.
intrinsic: Any = extending.intrinsic

__all__ = ["add_sums", "dense", "local_rows", "part_of"]

# A wide strip takes two vectors of 64 bytes, whatever the processor's vectors are.
_BYTES = 64
_VECTORS = 2
_PARTIAL = 4
# Sums that stay in registers: outputs of `dense` in a wide strip, and of one vector.
_OUTPUTS = 8 if binding.get_host_cpu_features().get("avx512f", False) else 2
_ALONG = 64
_SMALLEST = 8
_TOGETHER = 8
_SIZE = ir.IntType(64)
_LANE = ir.IntType(32)


@intrinsic(prefer_literal=True)
def dense(
    typing_context: Any, theta: Any, weight: Any, bias: Any, work: Any, x: Any, inputs: Any,
    y: Any, outputs: Any, width: Any,
) -> Any:  # fmt: skip
    """Write bias + weight' x, for a weight of shape (inputs, outputs).

    weight and bias are places in theta, x and y rows of work. ``outputs`` is a multiple of 8,
    ``width`` a literal number. Each sum is taken in the order of the inputs.
    """
    along = _along_weights if width.literal_value == 1 else _along_strip
    places = [types.int64] * 2, [types.int64] * 3
    signature = types.void(theta, *places[0], work, *places[1], types.int64, width)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = _Code(context, builder, signature.args[0].dtype)
        weights = code.data(signature.args[0], arguments[0])
        numbers = code.data(signature.args[3], arguments[3])
        along(
            code,
            code.at(weights, arguments[1]),
            code.at(weights, arguments[2]),
            code.at(numbers, code.times(arguments[4], width.literal_value)),
            arguments[5],
            code.at(numbers, code.times(arguments[6], width.literal_value)),
            arguments[7],
            width.literal_value,
        )
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def add_sums(
    typing_context: Any, theta: Any, weight: Any, work: Any, x: Any, inputs: Any, y: Any,
    outputs: Any, width: Any,
) -> Any:  # fmt: skip
    """Add weight x to y, for a weight of shape (outputs, inputs).

    weight is a place in theta, x and y are rows of work. ``inputs`` is a multiple of 4,
    ``width`` a literal number. Each sum is taken in four parts, part k over the inputs k,
    k + 4, ...
    """
    along = _sums_along_weights if width.literal_value == 1 else _sums_along_strip
    places = [types.int64] * 3
    signature = types.void(theta, types.int64, work, *places, types.int64, width)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = _Code(context, builder, signature.args[0].dtype)
        weights = code.data(signature.args[0], arguments[0])
        numbers = code.data(signature.args[2], arguments[2])
        first = code.at(weights, arguments[1])
        columns = width.literal_value
        x, y = (code.at(numbers, code.times(arguments[k], columns)) for k in (3, 5))
        for size, start, count in code.pieces(arguments[6], [_TOGETHER if columns == 1 else 2, 1]):
            with code.loop(count) as block:
                row = builder.add(start, code.times(block.index, size))
                own = code.at(first, builder.mul(arguments[4], row))
                to = code.at(y, code.times(row, columns))
                along(code, own, x, arguments[4], to, size, columns)
        return context.get_dummy_value()

    return signature, generate


@intrinsic(prefer_literal=True)
def local_rows(typing_context: Any, like: Any, rows: Any, width: Any) -> Any:
    """Return an array of shape (rows, width), literal numbers, that lives as long as the call."""
    kind = types.Array(like.dtype, 2, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = _Code(context, builder, like.dtype)
        sizes = (rows.literal_value, width.literal_value)
        memory = cgutils.alloca_once(builder, ir.ArrayType(code.number, sizes[0] * sizes[1]))
        memory.align = _BYTES
        data = builder.bitcast(memory, code.number.as_pointer())
        return code.array(kind, data, [code.size(size) for size in sizes])

    return kind(like, rows, width), generate


@intrinsic
def part_of(typing_context: Any, array: Any, first: Any, count: Any) -> Any:
    """Return ``count`` numbers from number ``first`` on without owning them: no view is counted."""
    kind = types.Array(array.dtype, 1, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        code = _Code(context, builder, array.dtype)
        place = code.at(code.data(signature.args[0], arguments[0]), arguments[1])
        return code.array(kind, place, [arguments[2]])

    return kind(array, types.int64, types.int64), generate


class _Code:
    """What the generators of one function share."""

    def __init__(self, context: Any, builder: Any, number: Any) -> None:
        self.context, self.builder = context, builder
        self.number = context.get_value_type(number)
        self.bytes = 4 if number == types.float32 else 8
        self.lanes = _BYTES // self.bytes

    def size(self, value: int) -> Any:
        return ir.Constant(_SIZE, value)

    def times(self, value: Any, factor: int) -> Any:
        return self.builder.mul(value, self.size(factor))

    def data(self, kind: Any, value: Any) -> Any:
        return self.context.make_array(kind)(self.context, self.builder, value).data

    def at(self, pointer: Any, place: Any) -> Any:
        return self.builder.gep(pointer, [place])

    def array(self, kind: Any, data: Any, shape: list[Any]) -> Any:
        """Return an array of one or two dimensions that owns nothing."""
        result = self.context.make_array(kind)(self.context, self.builder)
        each = self.size(self.bytes)
        strides = [self.times(shape[-1], self.bytes), each][-len(shape) :]
        populate_array(result, data, shape, strides, each, meminfo=None)
        return result._getvalue()

    def loop(self, count: Any) -> Any:
        return cgutils.for_range(self.builder, count, intp=_SIZE)

    def pieces(self, count: Any, sizes: list[int]) -> Iterator[tuple[int, Any, Any]]:
        """Cut ``count`` into pieces: yield size of a piece, start of the first one, number."""
        start = self.size(0)
        for size in sizes:
            number = self.builder.udiv(self.builder.sub(count, start), self.size(size))
            yield size, start, number
            start = self.builder.add(start, self.times(number, size))

    def load(self, pointer: Any, lanes: int) -> Any:
        pointer = self.builder.bitcast(pointer, self.vector(lanes).as_pointer())
        return self.builder.load(pointer, align=self.bytes)

    def store(self, value: Any, pointer: Any) -> None:
        pointer = self.builder.bitcast(pointer, value.type.as_pointer())
        self.builder.store(value, pointer, align=self.bytes)

    def vector(self, lanes: int) -> Any:
        return ir.VectorType(self.number, lanes)

    def spread(self, pointer: Any, lanes: int) -> Any:
        """Return a vector with the number at the pointer in every lane."""
        empty = ir.Constant(self.vector(lanes), ir.Undefined)
        value = self.builder.insert_element(
            empty, self.builder.load(pointer), ir.Constant(_LANE, 0)
        )
        return self.builder.shuffle_vector(
            value, empty, ir.Constant(ir.VectorType(_LANE, lanes), [0] * lanes)
        )

    def variable(self, value: Any) -> Any:
        place = cgutils.alloca_once(self.builder, value.type)
        self.builder.store(value, place)
        return place

    def fma(self, a: Any, b: Any, variable: Any) -> None:
        """Add a * b to a variable with one rounding."""
        kind = a.type
        name = f"llvm.fma.v{kind.count}f{8 * self.bytes}"
        function = cgutils.get_or_insert_function(
            self.builder.module, ir.FunctionType(kind, [kind] * 3), name
        )
        total = self.builder.call(function, [a, b, self.builder.load(variable)])
        self.builder.store(total, variable)


def _along_strip(
    code: _Code, weight: Any, bias: Any, x: Any, inputs: Any, y: Any, outputs: Any, width: int
) -> None:
    span = _VECTORS * code.lanes
    for start in range(0, width, span):
        with code.loop(code.builder.udiv(outputs, code.size(_OUTPUTS))) as block:
            first = code.times(block.index, _OUTPUTS)
            own_weight, own_bias = code.at(weight, first), code.at(bias, first)
            own_y = code.at(y, code.times(first, width))
            starts = [
                code.spread(code.at(own_bias, code.size(r)), code.lanes) for r in range(_OUTPUTS)
            ]
            sums = [[code.variable(value) for _ in range(_VECTORS)] for value in starts]
            with code.loop(inputs) as term:
                row = code.at(x, code.times(term.index, width))
                values = [
                    code.load(code.at(row, code.size(start + v * code.lanes)), code.lanes)
                    for v in range(_VECTORS)
                ]
                column = code.at(own_weight, code.builder.mul(term.index, outputs))
                for r in range(_OUTPUTS):
                    factor = code.spread(code.at(column, code.size(r)), code.lanes)
                    for v in range(_VECTORS):
                        code.fma(factor, values[v], sums[r][v])
            for r in range(_OUTPUTS):
                for v in range(_VECTORS):
                    place = code.at(own_y, code.size(r * width + start + v * code.lanes))
                    code.store(code.builder.load(sums[r][v]), place)


def _along_weights(
    code: _Code, weight: Any, bias: Any, x: Any, inputs: Any, y: Any, outputs: Any, width: int
) -> None:
    sizes = sorted({_ALONG, code.lanes, _SMALLEST}, reverse=True)
    for size, start, count in code.pieces(outputs, sizes):
        lanes = min(size, code.lanes)
        with code.loop(count) as block:
            first = code.builder.add(start, code.times(block.index, size))
            own_bias, own_weight, own_y = (code.at(p, first) for p in (bias, weight, y))
            offsets = [code.size(k) for k in range(0, size, lanes)]
            sums = [code.variable(code.load(code.at(own_bias, k), lanes)) for k in offsets]
            with code.loop(inputs) as term:
                factor = code.spread(code.at(x, term.index), lanes)
                row = code.at(own_weight, code.builder.mul(term.index, outputs))
                for offset, total in zip(offsets, sums, strict=True):
                    code.fma(code.load(code.at(row, offset), lanes), factor, total)
            for offset, total in zip(offsets, sums, strict=True):
                code.store(code.builder.load(total), code.at(own_y, offset))


def _sums_along_strip(
    code: _Code, weight: Any, x: Any, inputs: Any, y: Any, outputs: int, width: int
) -> None:
    builder = code.builder
    for start in range(0, width, _VECTORS * code.lanes):
        offsets = [code.size(start + v * code.lanes) for v in range(_VECTORS)]
        zero = ir.Constant(code.vector(code.lanes), [0.0] * code.lanes)
        sums = [
            [[code.variable(zero) for _ in range(_PARTIAL)] for _ in offsets]
            for _ in range(outputs)
        ]
        with code.loop(builder.udiv(inputs, code.size(_PARTIAL))) as block:
            first = code.times(block.index, _PARTIAL)
            for k in range(_PARTIAL):
                term = builder.add(first, code.size(k))
                row = code.at(x, code.times(term, width))
                values = [code.load(code.at(row, offset), code.lanes) for offset in offsets]
                for r in range(outputs):
                    place = builder.add(term, code.times(inputs, r))
                    factor = code.spread(code.at(weight, place), code.lanes)
                    for v, value in enumerate(values):
                        code.fma(factor, value, sums[r][v][k])
        for r in range(outputs):
            for v, offset in enumerate(offsets):
                total = _tree(code, [builder.load(part) for part in sums[r][v]])
                place = code.at(code.at(y, code.size(r * width)), offset)
                code.store(builder.fadd(code.load(place, code.lanes), total), place)


def _sums_along_weights(
    code: _Code, weight: Any, x: Any, inputs: Any, y: Any, outputs: int, width: int
) -> None:
    builder = code.builder
    zero = ir.Constant(code.vector(_PARTIAL), [0.0] * _PARTIAL)
    sums = [code.variable(zero) for _ in range(outputs)]
    with code.loop(builder.udiv(inputs, code.size(_PARTIAL))) as block:
        first = code.times(block.index, _PARTIAL)
        value = code.load(code.at(x, first), _PARTIAL)
        for r in range(outputs):
            place = builder.add(first, code.times(inputs, r))
            code.fma(code.load(code.at(weight, place), _PARTIAL), value, sums[r])
    for r in range(outputs):
        parts = builder.load(sums[r])
        total = _tree(
            code,
            [builder.extract_element(parts, ir.Constant(_LANE, k)) for k in range(_PARTIAL)],
        )
        place = code.at(y, code.size(r))
        builder.store(builder.fadd(builder.load(place), total), place)


def _tree(code: _Code, parts: list[Any]) -> Any:
    add = code.builder.fadd
    return add(add(parts[0], parts[1]), add(parts[2], parts[3]))
