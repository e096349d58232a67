"""TestU01 on the raw words, through its C library (Debian: ``libtestu01-0``, in non-free).

L'Ecuyer and Simard (2007), TestU01: a C library for empirical testing of random number
generators, ACM Transactions on Mathematical Software 33(4), 22.
"""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np
from numba import types

__all__ = ["BATTERIES", "available", "run_battery"]

#: Battery -> name of its function; Rabbit and Alphabit take a number of bits.
BATTERIES = {
    "SmallCrush": "bbattery_SmallCrush",
    "Crush": "bbattery_Crush",
    "BigCrush": "bbattery_BigCrush",
    "Rabbit": "bbattery_Rabbit",
    "Alphabit": "bbattery_Alphabit",
}
_ENOUGH_TESTS = 201


def available() -> bool:
    """Whether the library is installed."""
    return ctypes.util.find_library("testu01") is not None


def run_battery(
    name: str, chunks: Iterator[np.ndarray], *, bits: float = 2.0**30, reverse: bool = False
) -> dict[str, float]:
    """Run one battery on 32-bit words and return its p-values by test.

    Parameters
    ----------
    name : str
        From ``BATTERIES``.
    chunks : iterator of ndarray of uint32
        The words; it must not end.
    bits : float
        How many bits Rabbit and Alphabit see.
    reverse : bool, default False
        Whether the bits of each word are reversed: most tests look at the highest bits.
    """
    library = ctypes.CDLL(ctypes.util.find_library("testu01"))
    # Not its report on every test.
    ctypes.c_int.in_dll(library, "swrite_Basic").value = 0
    kept, function = _source(chunks, reverse)
    make = library.unif01_CreateExternGenBits
    make.restype, make.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_void_p]
    battery = getattr(library, BATTERIES[name])
    generator = ctypes.c_void_p(make(b"words", function.address))
    arguments: list[Any] = [ctypes.c_double(bits)] if name in ("Rabbit", "Alphabit") else []
    # Alphabit looks at all 32 bits of each word.
    arguments += [0, 32] if name == "Alphabit" else []
    battery(generator, *arguments)
    # The library allows one such generator at a time.
    library.unif01_DeleteExternGenBits(generator)
    del kept
    return _results(library)


def _results(library: Any) -> dict[str, float]:
    count = ctypes.c_int.in_dll(library, "bbattery_NTests").value
    names = (ctypes.c_char_p * _ENOUGH_TESTS).in_dll(library, "bbattery_TestNames")
    values = (ctypes.c_double * _ENOUGH_TESTS).in_dll(library, "bbattery_pVal")
    return {
        f"{k + 1} {(names[k] or b'').decode().strip()}": float(values[k])
        for k in range(count)
        # A negative value marks a test that was not done.
        if values[k] >= 0.0
    }


def _source(chunks: Iterator[np.ndarray], reverse: bool) -> tuple[Any, Any]:
    """Return a C function without arguments that gives the next word, and what it must keep."""
    buffer = _prepared(next(chunks), reverse).copy()
    position = np.zeros(1, dtype=np.int64)

    @ctypes.CFUNCTYPE(None)
    def refill() -> None:
        buffer[:] = _prepared(next(chunks), reverse)
        position[0] = 0

    size, at, where = buffer.size, buffer.ctypes.data, position.ctypes.data

    @numba.cfunc(types.uint32())
    def word() -> Any:
        place = numba.carray(_as_int64(where), 1)
        if place[0] == size:
            refill()
        place[0] += 1
        return numba.carray(_as_uint32(at), size)[place[0] - 1]

    return (refill, buffer, position), word


@numba.extending.intrinsic
def _as_int64(typing_context: Any, address: Any) -> Any:
    """Return an integer as a pointer to int64."""
    return _pointer(types.CPointer(types.int64), address)


@numba.extending.intrinsic
def _as_uint32(typing_context: Any, address: Any) -> Any:
    """Return an integer as a pointer to uint32."""
    return _pointer(types.CPointer(types.uint32), address)


def _pointer(kind: Any, address: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(kind))

    return kind(address), generate


def _prepared(chunk: np.ndarray, reverse: bool) -> np.ndarray:
    if not reverse:
        return chunk
    x = chunk.byteswap()
    for shift, mask in ((4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        low = np.uint32(mask)
        x = ((x & low) << np.uint32(shift)) | ((x >> np.uint32(shift)) & low)
    return x
