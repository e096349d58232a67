"""The package's own noise fill: the one place where these benchmarks look behind the public API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types

from benchmarks.speed.timing import Candidate
from benchmarks.speed.workloads import Size
from stochtext._shared.compilation.generated import compiled_module, machine_function

__all__ = ["buffer_fill", "tile_fill"]

_LANES = 128
_KEY = np.uint64(0x243F6A8885A308D3)
# What the simulation does for its noise, without the simulation.
_TEXT = '''
@kernel
def fill_tiles(key, n_paths, n_steps, words, buffer):
    """Draw the numbers of all paths, a tile after the other, into the rows of a buffer."""
    for path in range(0, n_paths, buffer.shape[1]):
        for block in range(n_steps // 2):
            row = (2 * block) % buffer.shape[0]
            fill_tile(key, np.uint64(0), path, block, 0, words, buffer, row)
'''


def tile_fill(size: Size) -> Candidate:
    """Return the fill of as many normal numbers as ``size`` needs, into one tile of two rows."""
    tiles = -(-size.paths // _LANES)
    return _candidate(tiles * _LANES, size.steps, 2)


def buffer_fill(count: int) -> Candidate:
    """Return the fill of a buffer of ``count`` normal numbers."""
    return _candidate(_LANES, count // _LANES, count // _LANES)


def _candidate(n_paths: int, n_steps: int, rows: int) -> Candidate:
    buffer, words = np.zeros((rows, _LANES)), np.zeros((2, _LANES), dtype=np.uint64)
    fill = _compiled()

    def run() -> np.ndarray:
        fill(_KEY, n_paths, n_steps, words, buffer)
        return buffer

    _check_normal(run(), rows)
    return Candidate(run, float(n_paths * n_steps))


def _compiled() -> Callable[..., Any]:
    module = compiled_module("benchmark_noise", ["stochtext.simulation.kernels.noise"], _TEXT)
    signature = types.void(
        types.uint64, types.int64, types.int64, types.uint64[:, ::1], types.float64[:, ::1]
    )
    return machine_function(module, "fill_tiles", signature)


def _check_normal(z: np.ndarray, rows: int) -> None:
    """Raise if the buffer holds anything but normal numbers, as after a change of layout."""
    score = z.mean() * np.sqrt(z.size), (np.mean(z * z) - 1.0) * np.sqrt(z.size / 2.0)
    if max(np.abs(score)) > 5.0 or len(np.unique(z)) < rows * _LANES // 2:
        raise AssertionError(f"The noise fill gives no normal numbers: scores {score}.")
