"""Drive the compiled kernels: tiles of paths over threads, blocks of steps over time.

Imported late, because it loads numba.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.compiled.compilation import CompiledCoefficients
from stochtext.simulation.grid import Grid
from stochtext.simulation.kernels import advance_kernel
from stochtext.simulation.levy_areas import area_numbers
from stochtext.simulation.noise import AREAS, INCREMENTS, fill_normals

__all__ = ["run_compiled"]

_TILE = 128
# Numbers in the noise of one tile and block: small enough for the cache.
_BLOCK_NUMBERS = 2**16


def run_compiled(
    coefficients: CompiledCoefficients,
    states: FloatArray,
    grid: Grid,
    key: np.uint64,
    *,
    noise_dim: int,
    milstein: bool,
    terms: int,
    n_threads: int,
    out: FloatArray,
    first_path: int = 0,
) -> IntArray:
    """Simulate all paths into ``out``.

    Parameters
    ----------
    coefficients : CompiledCoefficients
    states : ndarray of shape (n_paths, d)
        Where the paths start.
    grid : Grid
    key : uint64
        From ``noise_key``.
    noise_dim : int
        Number of noise sources.
    milstein : bool
        Whether to add the Milstein corrections.
    terms : int
        Fourier terms of the Lévy areas, 0 for none.
    n_threads : int
        Threads; the result does not depend on it.
    out : ndarray of shape (n_paths, n_saved, d)
    first_path : int, default 0
        Address of the first path's noise.

    Returns
    -------
    ndarray of shape (n_paths,)
        The step of the scheme at which a path left the floating-point range, or -1.
    """
    exploded = np.full(len(states), -1, dtype=np.int64)
    width = max(1, min(_TILE, -(-len(states) // n_threads)))
    advance = advance_kernel(coefficients.diagonal)
    theta = np.array(coefficients.theta, dtype=np.float64)
    times = np.array([grid.clock_start, grid.clock_step, grid.step])
    q = area_numbers(noise_dim, terms)

    def run_tile(start: int) -> None:
        tile = slice(start, start + width)
        x, saved, left = states[tile].copy(), out[tile], exploded[tile]
        saved[:, 0] = x
        block = max(1, _BLOCK_NUMBERS // (len(x) * (noise_dim + q)))
        for first in range(0, grid.n_scheme_steps, block):
            steps = min(block, grid.n_scheme_steps - first)
            noise = np.empty((len(x), steps * noise_dim))
            extra = np.empty((len(x), steps * q))
            path = first_path + start
            fill_normals(key, INCREMENTS, path, first * noise_dim, noise)
            fill_normals(key, AREAS, path, first * q, extra)
            counts = np.array([first, grid.per_save, terms, milstein, steps], dtype=np.int64)
            advance(
                coefficients.drift,
                coefficients.diffusion,
                theta,
                times,
                counts,
                noise,
                extra,
                x,
                saved,
                left,
            )

    tiles = range(0, len(states), width)
    if n_threads == 1 or len(tiles) == 1:
        for start in tiles:
            run_tile(start)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(run_tile, tiles))
    return exploded
