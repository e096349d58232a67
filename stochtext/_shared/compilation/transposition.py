"""Blocks of a matrix turned round in registers, and rows that go past the caches.

Imported late: loads numba.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending, types

# For a type checker the functions below would still have the compiler's own arguments.
intrinsic: Any = extending.intrinsic

__all__ = ["BLOCK", "LINE", "stream_line", "turn_block"]

#: Rows and columns of a block.
BLOCK = 8
#: Bytes of a cache line.
LINE = 64


@intrinsic
def turn_block(
    typing_context: Any, source: Any, at: Any, apart: Any, out: Any, to: Any, out_apart: Any
) -> Any:
    """Write the transpose of eight rows of eight numbers.

    ``at`` and ``to`` are the places of the first number in either array, ``apart`` and
    ``out_apart`` how far the rows are from each other, all counted in numbers.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = context.get_value_type(source.dtype)
        size = number.get_abi_size(context.target_data)
        kind = ir.VectorType(number, BLOCK)

        def place(array: int, first: int, stride: int, row: int) -> Any:
            data = context.make_array(signature.args[array])(context, builder, arguments[array])
            skip = builder.mul(arguments[stride], ir.Constant(ir.IntType(64), row))
            own = builder.gep(data.data, [builder.add(arguments[first], skip)])
            return builder.bitcast(own, kind.as_pointer())

        rows = [builder.load(place(0, 1, 2, k), align=size) for k in range(BLOCK)]
        for k, row in enumerate(_transposed(builder, rows)):
            builder.store(row, place(3, 4, 5, k), align=size)
        return context.get_dummy_value()

    places = (types.int64, types.int64)
    return types.void(source, *places, out, *places), generate


@intrinsic
def stream_line(typing_context: Any, source: Any, at: Any, out: Any, to: Any) -> Any:
    """Copy a cache line, which begins at place ``to`` of ``out``, without reading it first.

    It pays for what is too large for the caches anyway: the processor otherwise reads every
    line before it is overwritten.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = context.get_value_type(source.dtype)
        size = number.get_abi_size(context.target_data)
        kind = ir.VectorType(number, LINE // size)
        places = []
        for array, place in ((0, 1), (2, 3)):
            data = context.make_array(signature.args[array])(context, builder, arguments[array])
            own = builder.gep(data.data, [arguments[place]])
            places.append(builder.bitcast(own, kind.as_pointer()))
        line = builder.load(places[0], align=size)
        written = builder.store(line, places[1], align=LINE)
        one = ir.Constant(ir.IntType(32), 1)
        written.set_metadata("nontemporal", builder.module.add_metadata([one]))
        return context.get_dummy_value()

    return types.void(source, types.int64, out, types.int64), generate


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Swap the parts off the diagonal, in blocks of two, four and eight."""
    rows = list(rows)
    for half in (1, 2, 4):
        lower = [i if not i & half else BLOCK + i - half for i in range(BLOCK)]
        upper = [i + half if not i & half else BLOCK + i for i in range(BLOCK)]
        for k in (k for k in range(BLOCK) if not k & half):
            one, two = rows[k], rows[k + half]
            rows[k] = builder.shuffle_vector(one, two, _mask(lower))
            rows[k + half] = builder.shuffle_vector(one, two, _mask(upper))
    return rows


def _mask(places: list[int]) -> Any:
    return ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), places)
