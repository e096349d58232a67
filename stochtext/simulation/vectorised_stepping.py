"""Step all paths together in NumPy, for processes without machine code.

The noise is the one that the compiled kernels use. Imported late, because it loads numba.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.simulation.grid import Grid
from stochtext.simulation.kernels import iterated_integrals
from stochtext.simulation.levy_areas import area_numbers
from stochtext.simulation.noise import AREAS, INCREMENTS, fill_normals

__all__ = ["run_vectorised"]

_BLOCK_NUMBERS = 2**20
_RELATIVE_STEP = 6e-6
_SMALLEST_SCALE = 1e-3


def run_vectorised(
    process: Process,
    states: FloatArray,
    grid: Grid,
    key: np.uint64,
    *,
    noise_dim: int,
    milstein: bool,
    terms: int,
    out: FloatArray,
    first_path: int = 0,
) -> IntArray:
    """Simulate all paths into ``out``; parameters and result as in ``run_compiled``."""
    n, m, q = len(states), noise_dim, area_numbers(noise_dim, terms)
    exploded = np.full(n, -1, dtype=np.int64)
    x = states.copy()
    out[:, 0] = x
    block = max(1, _BLOCK_NUMBERS // (n * (m + q)))
    for first in range(0, grid.n_scheme_steps, block):
        steps = min(block, grid.n_scheme_steps - first)
        noise, extra = np.empty((n, steps * m)), np.empty((n, steps * q))
        fill_normals(key, INCREMENTS, first_path, first * m, noise)
        fill_normals(key, AREAS, first_path, first * q, extra)
        for k in range(steps):
            alive = np.flatnonzero(exploded < 0)
            xi, more = noise[alive, k * m : (k + 1) * m], extra[alive, k * q : (k + 1) * q]
            t = grid.clock_start + (first + k) * grid.clock_step
            with np.errstate(all="ignore"):
                x[alive] = _step(process, x[alive], t, grid.step, xi, more, terms, milstein)
            lost = ~np.isfinite(x).all(axis=1) & (exploded < 0)
            exploded[lost] = first + k + 1
            x[lost] = np.nan
            if (first + k + 1) % grid.per_save == 0:
                out[:, (first + k + 1) // grid.per_save] = x
    return exploded


def _step(
    process: Process,
    x: FloatArray,
    t: float,
    dt: float,
    xi: FloatArray,
    extra: FloatArray,
    terms: int,
    milstein: bool,
) -> FloatArray:
    if len(x) == 0:
        return x
    sigma = process.diffusion(x, t)
    after = x + process.drift(x, t) * dt
    after += np.sqrt(dt) * np.einsum("ndm,nm->nd", sigma, xi)
    if not milstein:
        return after
    integrals = np.empty((*xi.shape, xi.shape[1]))
    xi, extra = np.ascontiguousarray(xi), np.ascontiguousarray(extra)
    for row in range(len(xi)):
        iterated_integrals(xi[row], extra[row], terms, dt, integrals[row])
    for p in range(xi.shape[1]):
        slope = _along_column(process, x, t, sigma[:, :, p])
        after += np.einsum("ndq,nq->nd", slope, integrals[:, p])
    return after


def _along_column(process: Process, x: FloatArray, t: float, column: FloatArray) -> FloatArray:
    """Return (column . grad) sigma by a central difference, shape (n, d, m)."""
    size = np.abs(column).max(axis=1)
    reach = _RELATIVE_STEP * np.maximum(np.abs(x).max(axis=1), _SMALLEST_SCALE)
    length = np.where(size > 0, reach / np.where(size > 0, size, 1.0), 0.0)
    move = length[:, None] * column
    difference = process.diffusion(x + move, t) - process.diffusion(x - move, t)
    safe = np.where(length > 0, 2.0 * length, 1.0)
    return difference / safe[:, None, None]
