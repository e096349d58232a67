"""The key under which a simulation finds its noise, and the noise itself for those who ask."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState

__all__ = [
    "BRIDGES",
    "CROSSINGS",
    "EXACT",
    "FURTHER",
    "INCREMENTS",
    "REFINEMENTS",
    "noise_key",
    "normals",
    "words",
]

#: What numbers are for: those of one stream are independent of those of another. Streams 0 to
#: 255 are purposes, the higher bits tell the nodes of a refinement.
INCREMENTS = 0
FURTHER = 1
REFINEMENTS = 2
EXACT = 4
BRIDGES = 5
CROSSINGS = 6


def noise_key(random_state: RandomState) -> np.uint64:
    """Return the key under which a simulation finds its noise."""
    return np.uint64(generator(random_state, "simulation").integers(0, 2**64, dtype=np.uint64))


def normals(
    key: np.uint64, stream: int, first_path: int, n_paths: int, first: int, n_numbers: int
) -> FloatArray:
    """Return the standard normal numbers first, first + 1, ... of each path.

    Parameters
    ----------
    key : uint64
        From ``noise_key``.
    stream : int
        What the numbers are for.
    first_path, n_paths : int
        Which paths.
    first, n_numbers : int
        Which numbers of each.

    Returns
    -------
    ndarray of shape (n_paths, n_numbers)
    """
    skip = first % 2
    out = np.empty((n_paths, (n_numbers + skip + 1) // 2 * 2))
    _function("fill_normals", 2)(key, np.uint64(stream), first_path, first // 2, out)
    return out[:, skip : skip + n_numbers]


def words(
    key: np.uint64, stream: int, first_path: int, n_paths: int, first_block: int, n_blocks: int
) -> NDArray[np.uint64]:
    """Return the random words behind the numbers, shape (n_paths, n_blocks, 2)."""
    out = np.empty((n_paths, n_blocks, 2), dtype=np.uint64)
    _function("fill_words", 3)(key, np.uint64(stream), first_path, first_block, out)
    return out


@cache
def _function(name: str, dimensions: int) -> Any:
    from numba import types

    from stochtext._shared.compilation.generated import compiled_module, machine_function

    number = {2: types.float64, 3: types.uint64}[dimensions]
    signature = types.void(
        types.uint64,
        types.uint64,
        types.int64,
        types.int64,
        types.Array(number, dimensions, "C"),
    )
    module = compiled_module("noise", ["stochtext.simulation.kernels.noise"])
    return machine_function(module, name, signature)
