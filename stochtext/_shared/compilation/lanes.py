"""Sixteen numbers side by side, a row of an array, as one value. Imported late: loads numba.

A loop over the numbers of a row is unrolled by LLVM before it looks for vectors, and then finds
none, because the rows that it writes might be rows that it reads. Here the whole row is read first.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.np.arrayobj import populate_array

# For a type checker the functions below would still have the compiler's own arguments.
intrinsic: Any = extending.intrinsic

__all__ = ["fused", "load", "root", "rows_of", "spread", "store"]

COUNT = 16
_ROW = ir.VectorType(ir.DoubleType(), COUNT)
_NUMBER_BYTES = 8


class Lanes(types.Type):
    """Numba's type of sixteen float64."""

    def __init__(self) -> None:
        super().__init__(name=f"float64 x {COUNT}")


lanes = Lanes()


@extending.register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _ROW)


@intrinsic
def load(typing_context: Any, work: Any, row: Any) -> Any:
    """Return a row of an array of sixteen columns."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load(_place(context, builder, signature, arguments), align=_NUMBER_BYTES)

    return lanes(work, types.int64), generate


@intrinsic
def store(typing_context: Any, work: Any, row: Any, value: Any) -> Any:
    """Write a row of an array of sixteen columns."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature, arguments)
        builder.store(arguments[2], place, align=_NUMBER_BYTES)
        return context.get_dummy_value()

    return types.void(work, types.int64, lanes), generate


@intrinsic
def spread(typing_context: Any, number: Any) -> Any:
    """Return a number in every lane."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _spread(builder, arguments[0])

    return lanes(types.float64), generate


@intrinsic
def root(typing_context: Any, value: Any) -> Any:
    """Return square roots, NaN where a number is not positive."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero, nan = (ir.Constant(_ROW, [number] * COUNT) for number in (0.0, float("nan")))
        positive = builder.fcmp_ordered(">", arguments[0], zero)
        return builder.select(positive, _called(builder, "llvm.sqrt", arguments), nan)

    return lanes(lanes), generate


@intrinsic
def fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c with one rounding; numbers stand for rows of them."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _called(builder, "llvm.fma", [_as_row(builder, value) for value in arguments])

    return lanes(*(_row_or_number(kind) for kind in (a, b, c))), generate


@intrinsic
def rows_of(typing_context: Any, work: Any, first: Any, count: Any) -> Any:
    """Return rows of an array of sixteen columns without owning them: no view is counted."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        place = _place(context, builder, signature, arguments, work.dtype)
        array = context.make_array(signature.return_type)(context, builder)
        shape = [arguments[2], context.get_constant(types.intp, COUNT)]
        strides = [context.get_constant(types.intp, _NUMBER_BYTES * n) for n in (COUNT, 1)]
        size = context.get_constant(types.intp, _NUMBER_BYTES)
        populate_array(array, place, shape, strides, size, meminfo=None)
        return array._getvalue()

    return types.Array(work.dtype, 2, "C")(work, types.int64, types.int64), generate


def _place(context: Any, builder: Any, signature: Any, arguments: Any, kind: Any = None) -> Any:
    """Return the address of a row, or of its first number."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    first = builder.mul(arguments[1], ir.Constant(ir.IntType(64), COUNT))
    place = builder.gep(array.data, [first])
    return place if kind is not None else builder.bitcast(place, _ROW.as_pointer())


def _row_or_number(kind: Any) -> Any:
    return lanes if isinstance(kind, Lanes) else types.float64


def _as_row(builder: Any, value: Any) -> Any:
    return value if value.type == _ROW else _spread(builder, value)


def _spread(builder: Any, number: Any) -> Any:
    first = builder.insert_element(ir.Constant(_ROW, ir.Undefined), number, ir.IntType(32)(0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), COUNT), [0] * COUNT)
    return builder.shuffle_vector(first, ir.Constant(_ROW, ir.Undefined), everywhere)


def _called(builder: Any, name: str, arguments: Any) -> Any:
    kind = ir.FunctionType(_ROW, [_ROW] * len(arguments))
    function = cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{COUNT}f64")
    return builder.call(function, arguments)


def _offer(symbol: Any, instruction: str) -> None:
    """Let an operator take rows, or a row and a number."""

    @intrinsic
    def of_rows(typing_context: Any, a: Any, b: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return getattr(builder, instruction)(*(_as_row(builder, x) for x in arguments))

        return lanes(_row_or_number(a), _row_or_number(b)), generate

    def implementation(a: Any, b: Any) -> Callable[..., Any] | None:
        if isinstance(a, Lanes) or isinstance(b, Lanes):
            return lambda a, b: of_rows(a, b)
        return None

    extending.overload(symbol, strict=False)(implementation)


@intrinsic
def _negative(typing_context: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fneg(arguments[0])

    return lanes(lanes), generate


@extending.overload(operator.neg, strict=False)
def _negative_row(value: Any) -> Callable[..., Any] | None:
    return (lambda value: _negative(value)) if isinstance(value, Lanes) else None


for _symbol, _instruction in (
    (operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"),
    (operator.truediv, "fdiv"),
):  # fmt: skip
    _offer(_symbol, _instruction)
