"""Drive the compiled loops: ranges of paths over threads, whatever the process is made of.

Imported late, because it loads numba.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numba import types

from stochtext._shared.compilation.generated import compiled_module, machine_function
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.compiled.coefficients import (
    CompiledCoefficients,
    coefficient_type,
    number_type,
)
from stochtext.simulation.grid import Grid
from stochtext.simulation.schemes import Scheme
from stochtext.simulation.threads import run_tasks

__all__ = ["run_tiles"]

_KERNELS = "stochtext.simulation.kernels"
# Lanes of a tile: more make calls cheaper, fewer keep its numbers in the first cache.
_LANES = 512
_FEWEST_LANES = 64
_CACHED_NUMBERS = 2**12
# Numbers in a vector of the processor, or more: a narrower tile would not be faster.
_VECTOR = 8
_LANES_IN_PYTHON = 2**14
# Bytes: an output larger than that will not be in a cache when it is read.
_CACHES = 2**22
# Steps of paths in one task: about half a second of work.
_TASK = 2**26


def run_tiles(
    coefficients: CompiledCoefficients,
    scheme: Scheme,
    states: FloatArray,
    grid: Grid,
    key: np.uint64,
    *,
    limits: FloatArray,
    further: int,
    mirrored: bool,
    n_threads: int,
    out: FloatArray,
) -> IntArray:
    """Simulate all paths into ``out``.

    Parameters
    ----------
    coefficients : CompiledCoefficients
    scheme : Scheme
    states : ndarray of shape (n_paths, d)
        Where the paths start.
    grid : Grid
    key : uint64
        From ``noise_key``.
    limits : ndarray of shape (2, d)
        Lower and upper end of the state space.
    further : int
        Normal numbers of a step besides the Brownian increments.
    mirrored : bool
        Whether paths 2k and 2k + 1 have opposite noise.
    n_threads : int
        Threads; the result does not depend on it.
    out : ndarray of shape (n_paths, n_saved, d)

    Returns
    -------
    ndarray of shape (n_paths,)
        The step of the scheme at which a path left the floating-point range, or -1.
    """
    lanes = _lanes(coefficients, further, len(states), n_threads)
    large = out.nbytes > _CACHES
    run = _run_function(scheme, coefficients.dtype, grid.n_substeps > 1)
    exploded = np.full(len(states), -1, dtype=np.int64)
    number = np.dtype(coefficients.dtype).type
    starts, ends = states.astype(number), np.ascontiguousarray(limits, dtype=number)
    clock = np.array([grid.clock_start, grid.clock_step, grid.step])
    n_third, third = 0, coefficients.drift
    if scheme.derivative is not None:
        third, n_third = coefficients.derivative(scheme.derivative)
    functions, theta = (coefficients.drift, coefficients.diffusion, third), coefficients.theta
    fixed = (
        coefficients.noise_dim,
        int(coefficients.diagonal),
        int(coefficients.source.constant_diffusion),
        coefficients.diffusion_rows,
        n_third,
        further,
        grid.n_steps,
        grid.n_substeps,
        grid.save_every,
    )

    def run_range(first: int, stop: int) -> None:
        addresses = (grid.first_path + first, grid.first_step, mirrored, lanes, large)
        sizes = np.array([*fixed, *addresses], dtype=np.int64)
        rows = slice(first, stop)
        run(*functions, theta, clock, ends, sizes, key, starts[rows], out[rows], exploded[rows])

    threads = 1 if coefficients.in_python else n_threads
    tasks = list(_tasks(len(states), grid.n_scheme_steps, lanes, threads))
    run_tasks(run_range, tasks, threads, "simulating")
    coefficients.raise_error()
    return exploded


def _lanes(coefficients: CompiledCoefficients, further: int, n_paths: int, n_threads: int) -> int:
    """Return the width of a tile: what fits the cache, and no more than a thread's share."""
    if coefficients.in_python:
        return min(n_paths, _LANES_IN_PYTHON)
    noise = 2 * (coefficients.noise_dim + further)
    rows = 2 * coefficients.source.dim + coefficients.diffusion_rows + noise
    lanes = _LANES
    while lanes > _FEWEST_LANES and lanes * rows > _CACHED_NUMBERS:
        lanes //= 2
    share = -(-n_paths // n_threads)
    if not coefficients.source.costly:
        share = -(-share // _VECTOR) * _VECTOR
    return min(lanes, share)


def _tasks(n_paths: int, n_steps: int, lanes: int, n_threads: int) -> Iterator[tuple[int, int]]:
    """Cut the paths into ranges of whole tiles, several for each thread."""
    tiles = -(-n_paths // lanes)
    enough = max(1, _TASK // (n_steps * lanes))
    shared = -(-tiles // (4 * n_threads)) if n_threads > 1 else tiles
    each = min(enough, shared) * lanes
    for first in range(0, n_paths, each):
        yield first, min(first + each, n_paths)


@cache
def _run_function(scheme: Scheme, dtype: str, refined: bool) -> Any:
    joint = refined and scheme.time_integrals
    refinement = ["joint_refinement" if joint else "refinement"] if refined else []
    parts = ("noise", *refinement, *scheme.kernel, "loop")
    module = compiled_module(
        f"{scheme.name}_{dtype}",
        [f"{_KERNELS}.{part}" for part in parts],
        instructions=("stochtext._shared.compilation.transposition",),
        FLOAT=f"np.{dtype}",
        REFINED=str(refined),
        JOINT=str(joint),
    )
    number, coefficient = number_type(dtype), coefficient_type(dtype)
    signature = types.void(
        coefficient,
        coefficient,
        coefficient,
        number[::1],
        types.float64[::1],
        number[:, ::1],
        types.int64[::1],
        types.uint64,
        number[:, ::1],
        number[:, :, ::1],
        types.int64[::1],
    )
    return machine_function(module, "run", signature)
