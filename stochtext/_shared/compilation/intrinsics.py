"""Instructions that numba does not offer by itself. Imported late: it loads numba."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import extending, types
from numba.core import cgutils
from numba.np import arrayobj

# For a type checker the functions below would still have the compiler's own arguments.
intrinsic: Any = extending.intrinsic

__all__ = [
    "bits_of",
    "borrowed",
    "call_address",
    "float_of",
    "fma",
    "stack_column",
    "wide_vectors",
]


@intrinsic
def fma(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """Return a * b + c with one rounding, the same in vector and in scalar code."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        result = signature.return_type
        values = [
            context.cast(builder, value, given, result)
            for value, given in zip(arguments, signature.args, strict=True)
        ]
        return builder.fma(*values)

    double = any(value not in (types.float32,) for value in (a, b, c))
    result = types.float64 if double else types.float32
    return result(a, b, c), generate


@intrinsic
def wide_vectors(typing_context: Any) -> Any:
    """Let LLVM use the widest vectors of the processor in the function that calls this.

    By default it keeps to half the width on several processors with 512-bit registers, for
    the sake of programs that mix in other code.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # llvmlite checks attributes against a list that lacks this one.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def bits_of(typing_context: Any, value: Any) -> Any:
    """Return the bits of a float64 as an uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(types.uint64)
        return builder.bitcast(arguments[0], kind)

    return types.uint64(types.float64), generate


@intrinsic
def float_of(typing_context: Any, bits: Any) -> Any:
    """Return the float64 that has these bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(types.float64)
        return builder.bitcast(arguments[0], kind)

    return types.float64(types.uint64), generate


@intrinsic
def borrowed(typing_context: Any, arrays: Any) -> Any:
    """Return a tuple of arrays without owning them, so that nobody counts references to them.

    Counting takes an atomic instruction for every argument of every call.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lent = []
        for k, kind in enumerate(arrays.types):
            value = builder.extract_value(arguments[0], k)
            array = context.make_array(kind)(context, builder, value)
            array.meminfo = array.parent = ir.Constant(array.meminfo.type, None)
            lent.append(array._getvalue())
        return context.make_tuple(builder, signature.return_type, lent)

    return arrays(arrays), generate


@intrinsic
def call_address(
    typing_context: Any, address: Any, t: Any, states: Any, out: Any, count: Any
) -> Any:
    """Call the C function void(double t, void *states, void *out, int64 count) at an address."""
    signature = types.void(types.int64, types.float64, types.uintp, types.uintp, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        double, whole = ir.DoubleType(), ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [double, whole, whole, whole])
        place = builder.inttoptr(arguments[0], kind.as_pointer())
        builder.call(place, arguments[1:])
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def stack_column(typing_context: Any, zeros: Any) -> Any:
    """Return an array of shape (n, 1) on the stack, which LLVM can keep in registers.

    ``zeros`` is a tuple of n numbers, of which only number and type count. The array must not
    outlive the function that makes it.
    """
    result = types.Array(zeros.dtype, 2, "C")

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        number = context.get_value_type(zeros.dtype)
        data = cgutils.alloca_once(builder, number, size=zeros.count)
        array = context.make_array(result)(context, builder)
        size = context.get_constant(types.intp, context.get_abi_sizeof(number))
        shape = [context.get_constant(types.intp, n) for n in (zeros.count, 1)]
        arrayobj.populate_array(array, data, shape, [size, size], size, meminfo=None)
        return array._getvalue()

    return result(zeros), generate
