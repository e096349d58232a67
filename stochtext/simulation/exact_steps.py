"""Paths drawn from the transition law of a process, without an error of discretisation.

Normal numbers are those of the Brownian increments, so that an exact path goes with the paths of
the schemes; it is the strong solution where the process takes the increments themselves.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stochtext._shared.progress import progress
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.simulation.grid import Grid
from stochtext.simulation.noise import INCREMENTS, normals

__all__ = ["run_exact"]

# Normal numbers that are held at a time.
_BLOCK = 2**22
# The quantile at 1 is infinite, and that at 0 may be no state.
_SMALLEST = np.finfo(float).eps / 2.0


def run_exact(
    process: Process,
    states: FloatArray,
    grid: Grid,
    key: np.uint64,
    mirrored: bool,
    out: FloatArray,
) -> IntArray:
    """Simulate all paths into ``out``, one exact step for each step of the grid.

    Parameters
    ----------
    process : Process
        With an exact step.
    states : ndarray of shape (n_paths, d)
        Where the paths start.
    grid : Grid
        Its substeps do not matter.
    key : uint64
        From ``noise_key``.
    mirrored : bool
        Whether paths 2k and 2k + 1 have opposite noise.
    out : ndarray of shape (n_paths, n_saved, d)
        Each state is rounded to its type.

    Returns
    -------
    ndarray of shape (n_paths,)
        The step of a scheme, counted with substeps, at which a path left the floating-point
        range, or -1.
    """
    x = states.astype(out.dtype)
    out[:, 0] = x
    exploded = np.full(len(x), -1, dtype=np.int64)
    clock_step = grid.clock_step * grid.n_substeps
    width = process.exact_normals or 1
    numbers = _numbers(grid, key, mirrored, len(x), width)
    for k, z in enumerate(progress(numbers, label="simulating", total=grid.n_steps)):
        t = grid.clock_start + (grid.first_step + k) * clock_step
        alive = exploded < 0
        if alive.any():
            x[alive] = _step(process, x[alive].astype(np.float64), t, grid.dt, clock_step, z[alive])
        exploded[alive & ~np.isfinite(x).all(axis=1)] = (k + 1) * grid.n_substeps
        x[exploded >= 0] = np.nan
        if (k + 1) % grid.save_every == 0:
            out[:, (k + 1) // grid.save_every] = x
    return exploded


def _step(
    process: Process, x: FloatArray, t: float, dt: float, clock_step: float, z: FloatArray
) -> FloatArray:
    if process.exact_normals is not None:
        return process.exact_step(x, t, dt, clock_step, z)
    from scipy.special import ndtr

    uniforms = np.clip(ndtr(z[:, 0]), _SMALLEST, 1.0 - _SMALLEST)
    return process.exact_step_uniform(x, dt, uniforms)  # type: ignore[attr-defined]


def _numbers(
    grid: Grid, key: np.uint64, mirrored: bool, n_paths: int, width: int
) -> Iterator[FloatArray]:
    """Yield the normal numbers of each step, shape (n_paths, width)."""
    paths = np.arange(grid.first_path, grid.first_path + n_paths)
    addresses = paths // 2 if mirrored else paths
    first, count = int(addresses[0]), int(addresses[-1] - addresses[0]) + 1
    sign = np.where(paths % 2, -1.0, 1.0)[:, None] if mirrored else 1.0
    each = max(1, _BLOCK // (count * width))
    for begin in range(0, grid.n_steps, each):
        steps = min(each, grid.n_steps - begin)
        number = (grid.first_step + begin) * width
        block = normals(key, INCREMENTS, first, count, number, steps * width)
        for k in range(steps):
            yield sign * block[addresses - first, k * width : (k + 1) * width]
