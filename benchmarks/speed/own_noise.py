"""The package's own noise fill: the one place where a benchmark looks behind the public API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.speed.workloads import Size
from stochtext.simulation.noise import fill_normals

__all__ = ["LANES", "tile_filler"]

#: Paths, and numbers of each path, in a tile buffer of 256 KiB.
LANES, NUMBERS = 128, 256
_KEY = np.uint64(0x243F6A8885A308D3)
_PURPOSE = 0


def tile_filler(size: Size) -> Callable[[], np.ndarray]:
    """Return a run that draws the normal numbers of ``size`` tile by tile into one buffer."""
    tile = np.zeros((LANES, NUMBERS))

    def run() -> np.ndarray:
        for path in range(0, size.paths, LANES):
            rows = min(LANES, size.paths - path)
            for number in range(0, size.steps, NUMBERS):
                columns = min(NUMBERS, size.steps - number)
                _fill(
                    path, number, tile[:rows] if columns == NUMBERS else _short(tile, rows, columns)
                )
        return tile

    return run


def whole_filler(out: np.ndarray) -> Callable[[], np.ndarray]:
    """Return a run that fills all of ``out``, (paths, numbers), at once."""

    def run() -> np.ndarray:
        _fill(0, 0, out)
        return out

    return run


def _fill(path: int, number: int, out: Any) -> None:
    fill_normals(_KEY, _PURPOSE, path, number, out)


def _short(tile: np.ndarray, rows: int, columns: int) -> np.ndarray:
    return tile.ravel()[: rows * columns].reshape(rows, columns)
