"""Normal numbers by address: (key, purpose, path, number) gives the same value always.

Philox4x32-10 is a function of a counter, so no number depends on how many threads run, how
paths are grouped, or what was drawn before. Imported late, because it loads numba.

References
----------
Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3,
Proceedings of SC11. Box and Muller (1958), Annals of Mathematical Statistics 29, 610-611.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types

from stochtext._shared.random import generator
from stochtext._shared.typing import RandomState
from stochtext.processes.compiled.compilation import kernel

__all__ = ["AREAS", "INCREMENTS", "fill_normals", "noise_key", "philox"]

#: Purposes: numbers for one of them are independent of those for another.
INCREMENTS = 0
AREAS = 1

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_MANTISSA_SHIFT = np.uint64(11)
_ONE = np.uint64(1)
_UNIT = 2.0**-53


def noise_key(random_state: RandomState) -> np.uint64:
    """Return the key under which a simulation finds its noise."""
    return np.uint64(generator(random_state, "simulation").integers(0, 2**64, dtype=np.uint64))


@kernel()
def philox(c0: Any, c1: Any, c2: Any, c3: Any, key: Any) -> Any:
    """Return two 64-bit words for the counter (c0, c1, c2, c3) of 32-bit words."""
    k0 = key & _LOW
    k1 = key >> _HALF
    for _ in range(10):
        p0 = _MULTIPLIER_0 * c0
        p1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _LOW, (p0 >> _HALF) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return (c1 << _HALF) | c0, (c3 << _HALF) | c2


@kernel()
def _normal_pair(key: Any, purpose: Any, path: Any, block: Any) -> Any:
    r0, r1 = philox(path, block & _LOW, block >> _HALF, purpose, key)
    # The radius uses (0, 1]: its logarithm is finite.
    radius = math.sqrt(-2.0 * math.log(((r0 >> _MANTISSA_SHIFT) + _ONE) * _UNIT))
    angle = 2.0 * math.pi * ((r1 >> _MANTISSA_SHIFT) * _UNIT)
    return radius * math.cos(angle), radius * math.sin(angle)


@kernel(types.void(types.uint64, types.int64, types.int64, types.int64, types.float64[:, ::1]))
def fill_normals(key: Any, purpose: int, first_path: int, first_number: int, out: Any) -> None:
    """Write the numbers first_number, first_number + 1, ... of each path into its row.

    Parameters
    ----------
    key : uint64
        From `noise_key`.
    purpose : int
        `INCREMENTS` or `AREAS`.
    first_path : int
        Path of the first row.
    first_number : int
        Address of the first column.
    out : ndarray of shape (n_paths, n_numbers)
    """
    for row in range(out.shape[0]):
        path = np.uint64(first_path + row)
        column = 0
        while column < out.shape[1]:
            number = first_number + column
            a, b = _normal_pair(key, np.uint64(purpose), path, np.uint64(number // 2))
            if number % 2 == 1:
                out[row, column] = b
                column += 1
            else:
                out[row, column] = a
                if column + 1 < out.shape[1]:
                    out[row, column + 1] = b
                column += 2
