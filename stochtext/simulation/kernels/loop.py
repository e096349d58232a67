"""Tiles of paths through the steps of a grid; the scheme's own step stands in another file."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined, kernel, routine
from stochtext.simulation.kernels.euler import step, workspace
from stochtext.simulation.kernels.joint_refinement import refine_jointly
from stochtext.simulation.kernels.noise import fill_path, fill_tile
from stochtext.simulation.kernels.refinement import refine

FLOAT = np.float64
#: Whether there are substeps, with further numbers that belong to integrals of the same path;
#: whether the lanes are too few for a tile. What is not needed is not compiled.
REFINED = True
JOINT = True
ALONE = True

__all__ = ["run"]

#: What numbers are for; node numbers of refinements are added in steps of 256.
INCREMENTS = np.uint64(0)
FURTHER = np.uint64(1)
REFINEMENTS = np.uint64(2)
_PAIR = 2
_LONG = 512
_MANY = 64
# States of a tile that are kept until they are turned round into rows of the output.
_KEPT = 32


@routine
def _fill(
    key: Any, stream: Any, path: Any, first: Any, width: Any, mirrored: Any, words: Any, out: Any
) -> None:
    """Write the numbers of the steps from ``first`` on, ``out`` of shape (steps * width, lanes)."""
    rows, lanes = out.shape
    block = first * width // 2
    if not ALONE:
        for k in range(rows // 2):
            fill_tile(key, stream, path, block + k, mirrored, words, out, 2 * k)
        return
    line = np.empty(rows, out.dtype)
    for i in range(lanes):
        fill_path(key, stream, path + i, block, mirrored, words, line)
        for k in range(rows):
            out[k, i] = line[k]


@inlined
def _keep(x: Any, kept: Any, count: Any) -> None:
    for j in range(x.shape[0]):
        for i in range(x.shape[1]):
            kept[count, j, i] = x[j, i]


@routine
def _write(buffer: Any, count: Any, first: Any, lanes: Any, out: Any) -> None:
    """Turn the kept states round into rows of the output."""
    d = buffer.shape[1]
    if d == 1:
        for i in range(lanes):
            row = out[i, first : first + count, 0]
            for k in range(count):
                row[k] = buffer[k, 0, i]
        return
    for i in range(lanes):
        for k in range(count):
            for j in range(d):
                out[i, first + k, j] = buffer[k, j, i]


@inlined
def _count_lost(x: Any) -> int:
    lost = 0
    for j in range(x.shape[0]):
        for i in range(x.shape[1]):
            lost += 0 if abs(x[j, i]) < np.inf else 1
    return lost


@routine
def _mark_lost(x: Any, step: Any, exploded: Any) -> None:
    """Note which paths have just left the floating-point range; they stay NaN for good."""
    d, lanes = x.shape
    for i in range(lanes):
        for j in range(d):
            if i < exploded.size and exploded[i] < 0 and not abs(x[j, i]) < np.inf:
                exploded[i] = step
        if i < exploded.size and exploded[i] >= 0:
            for j in range(d):
                x[j, i] = np.nan


@kernel
def run(
    drift: Any,
    diffusion: Any,
    third: Any,
    theta: Any,
    clock: Any,
    limits: Any,
    sizes: Any,
    key: Any,
    start: Any,
    out: Any,
    exploded: Any,
) -> None:
    """Simulate paths.

    Parameters
    ----------
    drift, diffusion, third : coefficient
        The third is what the scheme asks for: a derivative, or anything.
    theta : ndarray
        All parameters.
    clock : ndarray of shape (3,)
        Reading at step 0, length of a scheme's step on the clock, and in time.
    limits : ndarray of shape (2, d)
        Lower and upper end of the state space.
    sizes : ndarray of int64
        Noise sources; 1 if each coordinate has its own one; rows of the diffusion and of
        the third coefficient; further numbers of a step; steps; substeps; steps
        from one saved state to the next; first path; first step; 1 for mirrored pairs;
        lanes of a tile.
    key : uint64
    start : ndarray of shape (n, d)
    out : ndarray of shape (n, saved states, d)
    exploded : ndarray of int64, shape (n,)
        Step of the scheme after which a path was no longer finite; -1 before.
    """
    m, own, rows, third_rows, more, n_steps, parts, each, path0, step0, mirrored, lanes = sizes
    n, d = start.shape
    h = FLOAT(clock[2])
    window = _LONG if ALONE and more <= _MANY else _PAIR
    x = np.empty((d, lanes), FLOAT)
    coarse = np.empty((window * m, lanes), FLOAT)
    further = np.empty((window * more, lanes), FLOAT)
    fine = np.empty((parts * m, lanes), FLOAT)
    swings = np.empty((parts * more if JOINT else 0, lanes), FLOAT)
    b = np.empty((d, lanes), FLOAT)
    s = np.empty((rows, lanes), FLOAT)
    c = np.empty((third_rows, lanes), FLOAT)
    work = workspace(d, m, rows, lanes)
    kept = np.empty((_KEPT, d, lanes), FLOAT)
    words = np.empty((2, max(lanes, window * max(m, more))), np.uint64)
    pair = np.empty((2, lanes), FLOAT)
    for first in range(0, n, lanes):
        present = min(lanes, n - first)
        path = path0 + first
        left = exploded[first : first + present]
        states = out[first : first + present]
        for i in range(lanes):
            for j in range(d):
                x[j, i] = start[first + min(i, present - 1), j]
        count = written = parts - parts
        _keep(x, kept, count)
        count += 1
        base = further_base = -window
        for k in range(n_steps):
            now = step0 + k
            if now >= base + window:
                base = now - now % window
                _fill(key, INCREMENTS, path, base, m, mirrored, words, coarse)
            row = (now - base) * m
            if JOINT:
                if now >= further_base + window:
                    further_base = base
                    _fill(key, FURTHER, path, base, more, mirrored, words, further)
                further_row = (now - further_base) * more
                for i in range(m):
                    for lane in range(lanes):
                        fine[i, lane] = coarse[row + i, lane]
                        swings[i, lane] = further[further_row + i, lane]
                refine_jointly(
                    key, REFINEMENTS, path, now, parts, m, mirrored, words, pair, fine, swings
                )
            elif REFINED:
                for i in range(m):
                    for lane in range(lanes):
                        fine[i, lane] = coarse[row + i, lane]
                refine(key, REFINEMENTS, path, now, parts, m, mirrored, words, pair, fine)
            for part in range(parts):
                at = now * parts + part
                if not JOINT:
                    if more > 0 and at >= further_base + window:
                        further_base = at - at % window
                        _fill(key, FURTHER, path, further_base, more, mirrored, words, further)
                    further_row = (at - further_base) * more
                t = clock[0] + at * clock[1]
                if JOINT:
                    step(
                        drift, diffusion, third, theta, t, clock[1], h, own, limits, x,
                        fine, part * m, swings, part * m, more, b, s, c, work,
                    )  # fmt: skip
                elif REFINED:
                    step(
                        drift, diffusion, third, theta, t, clock[1], h, own, limits, x,
                        fine, part * m, further, further_row, more, b, s, c, work,
                    )  # fmt: skip
                else:
                    step(
                        drift, diffusion, third, theta, t, clock[1], h, own, limits, x,
                        coarse, row, further, further_row, more, b, s, c, work,
                    )  # fmt: skip
                if _count_lost(x) > 0:
                    _mark_lost(x, k * parts + part + 1, left)
            if (k + 1) % each == 0:
                _keep(x, kept, count)
                count += 1
                if count == _KEPT:
                    _write(kept, count, written, present, states)
                    written += count
                    count = 0
        _write(kept, count, written, present, states)
