"""A few long paths, where a tile would spend its time on calls.

Imported late, because it loads numba.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from stochtext._shared.compilation.generated import compiled_module, machine_function
from stochtext._shared.progress import progress
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.compiled.coefficients import CompiledCoefficients, number_type
from stochtext.simulation.grid import Grid
from stochtext.simulation.noise import FURTHER, INCREMENTS, normals
from stochtext.simulation.schemes import Scheme

__all__ = ["are_long", "run_long"]

_KERNELS = "stochtext.simulation.kernels"
# Compiling the loop for one process takes longer than fewer steps do.
_LONG = 2**18
_FEW = 8
_BLOCK = 2**14


def are_long(coefficients: CompiledCoefficients, grid: Grid, n_paths: int) -> bool:
    """Say whether paths are few and long enough for a loop of their own."""
    plain = grid.n_substeps == 1 and not coefficients.in_python
    return plain and n_paths < _FEW and grid.n_steps >= _LONG


def run_long(
    coefficients: CompiledCoefficients,
    scheme: Scheme,
    states: FloatArray,
    grid: Grid,
    key: np.uint64,
    *,
    limits: FloatArray,
    further: int,
    mirrored: bool,
    out: FloatArray,
) -> IntArray:
    """Simulate the paths one after the other; parameters and result as in ``run_tiles``."""
    march = _march_function(coefficients, scheme, further)
    number = np.dtype(coefficients.dtype).type
    ends = np.ascontiguousarray(limits, dtype=number)
    clock = np.array([grid.clock_start, grid.clock_step, grid.step])
    exploded = np.full(len(states), -1, dtype=np.int64)

    def noise(stream: int, path: int, first: int, steps: int, width: int) -> Any:
        address = path // 2 if mirrored else path
        numbers = normals(key, stream, address, 1, first * width, steps * width).reshape(-1, 1)
        if mirrored and path % 2:
            np.negative(numbers, out=numbers)
        return np.ascontiguousarray(numbers, dtype=number)

    nothing = np.empty((0, 1), dtype=number)
    theta = coefficients.theta
    blocks = range(0, grid.n_steps, _BLOCK)
    for row, path in enumerate(range(grid.first_path, grid.first_path + len(states))):
        state = states[row].astype(number)
        out[row, 0] = state
        for first in progress(blocks, label="simulating"):
            steps = min(_BLOCK, grid.n_steps - first)
            now = grid.first_step + first
            counts = np.array([now, first, steps, grid.save_every], dtype=np.int64)
            z = noise(INCREMENTS, path, now, steps, coefficients.noise_dim)
            more = noise(FURTHER, path, now, steps, further) if further else nothing
            lost = march(theta, clock, ends, counts, z, more, state, out[row])
            if lost >= 0:
                exploded[row] = lost
                out[row, (lost - 1) // grid.save_every + 1 :] = np.nan
                break
    return exploded


def _march_function(coefficients: CompiledCoefficients, scheme: Scheme, further: int) -> Any:
    third, rows = "drift", 0
    if scheme.derivative is not None:
        third, rows = scheme.derivative, coefficients.derivative_rows(scheme.derivative)
    module = compiled_module(
        f"long_{scheme.name}_{coefficients.dtype}",
        [*coefficients.sources, *(f"{_KERNELS}.{part}" for part in (*scheme.kernel, "march"))],
        f"{coefficients.source.text}\nthird = {third}\n",
        FLOAT=f"np.{coefficients.dtype}",
        DIM=str(coefficients.source.dim),
        NOISE_DIM=str(coefficients.noise_dim),
        DIFFUSION_ROWS=str(coefficients.diffusion_rows),
        THIRD_ROWS=str(rows),
        FURTHER_NUMBERS=str(further),
        OWN=str(int(coefficients.diagonal)),
    )
    number = number_type(coefficients.dtype)
    column = number[:, ::1]
    signature = types.int64(
        number[::1],
        types.float64[::1],
        column,
        types.int64[::1],
        column,
        column,
        number[::1],
        column,
    )
    return machine_function(module, "march", signature)
