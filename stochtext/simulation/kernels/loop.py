"""Tiles of paths through the steps of a grid; the scheme's own step stands in another file."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import formula, inlined, kernel, routine
from stochtext._shared.compilation.intrinsics import wide_vectors
from stochtext._shared.compilation.products import part_of
from stochtext._shared.compilation.transposition import BLOCK, LINE, stream_line, turn_block
from stochtext.simulation.kernels.euler import step, workspace
from stochtext.simulation.kernels.joint_refinement import refine_jointly
from stochtext.simulation.kernels.noise import fill_tile
from stochtext.simulation.kernels.refinement import refine

FLOAT = np.float64
#: Whether there are substeps, with further numbers that belong to integrals of the same path.
#: What is not needed is not compiled.
REFINED = True
JOINT = True

__all__ = ["run"]

#: What numbers are for; node numbers of refinements are added in steps of 256.
INCREMENTS = np.uint64(0)
FURTHER = np.uint64(1)
REFINEMENTS = np.uint64(2)
# A block of noise holds two numbers, so two steps begin and end with whole blocks.
_PAIR = 2
# Numbers of a tile that are kept until they are turned round into rows of the output, as long
# rows as the second cache can hold; and at most so many states.
_KEPT_NUMBERS = 2**16
_MOST_KEPT = 256


@routine
def _aligned(rows: Any, lanes: Any) -> Any:
    """Return an array whose rows begin on a cache line, if the lanes fill whole ones."""
    raw = np.empty(rows * lanes + LINE, FLOAT)
    skip = (-np.int64(raw.ctypes.data) % LINE) // raw.itemsize
    return raw[skip : skip + rows * lanes].reshape((rows, lanes))


@routine
def _fill(
    key: Any, stream: Any, path: Any, first: Any, width: Any, mirrored: Any, words: Any, out: Any
) -> None:
    """Write the numbers of the steps from ``first`` on, ``out`` of shape (steps * width, lanes)."""
    block = first * width // 2
    for k in range(out.shape[0] // 2):
        fill_tile(key, stream, path, block + k, mirrored, words, out, 2 * k)


@inlined
def _keep(x: Any, kept: Any, count: Any) -> None:
    for j in range(x.shape[0]):
        for i in range(x.shape[1]):
            kept[count, j, i] = x[j, i]


@routine
def _write(
    buffer: Any, count: Any, first: Any, lanes: Any, turned: Any, large: Any, out: Any
) -> None:
    """Turn the kept states round into rows of the output."""
    wide_vectors()
    d, apart, length = buffer.shape[1], buffer.shape[2], out.shape[1] * out.shape[2]
    numbers = count * d
    for lane in range(0, lanes, BLOCK):
        for k in range(0, numbers, BLOCK):
            turn_block(buffer, k * apart + lane, apart, turned, k, turned.shape[1])
        for i in range(min(BLOCK, lanes - lane)):
            to = (lane + i) * length + first * d
            _put_row(turned, i * turned.shape[1], numbers, large, out, to)


@inlined
def _put_row(turned: Any, at: Any, numbers: Any, large: Any, out: Any, to: Any) -> None:
    """Copy numbers to a place of the output, past the caches if it is larger than they are."""
    line = LINE // out.itemsize
    begin = min(numbers, (-np.int64(out.ctypes.data) % LINE // out.itemsize - to) % line)
    begin = begin if large else numbers
    source, target = part_of(turned, at, numbers), part_of(out, to, numbers)
    for k in range(begin):
        target[k] = source[k]
    end = begin + (numbers - begin) // line * line
    for k in range(begin, end, line):
        stream_line(turned, at + k, out, to + k)
    for k in range(end, numbers):
        target[k] = source[k]


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


@inlined
def _increments(
    key: Any, path: Any, now: Any, base: Any, parts: Any, m: Any, more: Any, mirrored: Any,
    words: Any, pair: Any, coarse: Any, further: Any, fine: Any, swings: Any,
) -> Any:  # fmt: skip
    """Have the Brownian increments of a step and of its substeps; return the step of row 0."""
    if now >= base + _PAIR:
        base = now - now % _PAIR
        _fill(key, INCREMENTS, path, base, m, mirrored, words, coarse)
        if JOINT:
            _fill(key, FURTHER, path, base, more, mirrored, words, further)
    if REFINED:
        row = (now - base) * m
        for j in range(m):
            for i in range(fine.shape[1]):
                fine[j, i] = coarse[row + j, i]
                if JOINT:
                    swings[j, i] = further[row + j, i]
        if JOINT:
            refine_jointly(
                key, REFINEMENTS, path, now, parts, m, mirrored, words, pair, fine, swings
            )
        else:
            refine(key, REFINEMENTS, path, now, parts, m, mirrored, words, pair, fine)
    return base


@inlined
def _further_numbers(
    key: Any, path: Any, at: Any, base: Any, more: Any, mirrored: Any, words: Any, further: Any
) -> Any:
    """Have the further numbers of a substep; return the substep of row 0."""
    if more > 0 and at >= base + _PAIR:
        base = at - at % _PAIR
        _fill(key, FURTHER, path, base, more, mirrored, words, further)
    return base


@formula
def _run_tile(
    drift: Any, diffusion: Any, third: Any, theta: Any, clock: Any, limits: Any, sizes: Any,
    key: Any, path: Any, x: Any, present: Any, noise: Any, b: Any, s: Any, c: Any, work: Any,
    kept: Any, turned: Any, out: Any, exploded: Any,
) -> None:  # fmt: skip
    """Simulate the paths of one tile, of which ``present`` are wanted."""
    m, own, fixed, _, _, more, n_steps, parts, each, _, step0, mirrored, _, large = sizes
    words, pair, coarse, further, fine, swings = noise
    z = fine if REFINED else coarse
    extra = swings if JOINT else further
    h = FLOAT(clock[2])
    if fixed:
        diffusion(clock[0], x, theta, s)
    base = other = -_PAIR
    count = written = parts - parts
    _keep(x, kept, count)
    count += 1
    for k in range(n_steps):
        now = step0 + k
        base = _increments(
            key, path, now, base, parts, m, more, mirrored, words, pair, coarse, further, fine,
            swings,
        )  # fmt: skip
        for part in range(parts):
            at = now * parts + part
            row = part * m if REFINED else (now - base) * m
            place = row
            if not JOINT:
                other = _further_numbers(key, path, at, other, more, mirrored, words, further)
                place = (at - other) * more
            step(
                drift, diffusion, third, theta, clock[0] + at * clock[1], clock[1], h, own,
                fixed, limits, x, z, row, extra, place, more, b, s, c, work,
            )  # fmt: skip
            if _count_lost(x) > 0:
                _mark_lost(x, k * parts + part + 1, exploded)
        if (k + 1) % each == 0:
            _keep(x, kept, count)
            count += 1
            if count == kept.shape[0] - BLOCK:
                _write(kept, count, written, present, turned, large, out)
                written += count
                count = 0
    _write(kept, count, written, present, turned, large, out)


@kernel
def run(
    drift: Any, diffusion: Any, third: Any, theta: Any, clock: Any, limits: Any, sizes: Any,
    key: Any, start: Any, out: Any, exploded: Any,
) -> None:  # fmt: skip
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
        Noise sources; 1 if each coordinate has its own one; 1 if the diffusion is
        constant, so that a step finds it in s; rows of the diffusion and of
        the third coefficient; further numbers of a step; steps; substeps; steps
        from one saved state to the next; first path; first step; 1 for mirrored pairs;
        lanes of a tile; 1 if the output is larger than the caches.
    key : uint64
    start : ndarray of shape (n, d)
    out : ndarray of shape (n, saved states, d)
    exploded : ndarray of int64, shape (n,)
        Step of the scheme after which a path was no longer finite; -1 before.
    """
    m, _, _, rows, third_rows, more, _, parts, _, path0, _, _, lanes, _ = sizes
    n, d = start.shape
    x = _aligned(d, lanes)
    b = _aligned(d, lanes)
    s = _aligned(rows, lanes)
    c = _aligned(third_rows, lanes)
    work = workspace(d, m, rows, lanes)
    length = max(1, min(_MOST_KEPT, _KEPT_NUMBERS // (d * lanes)))
    kept = np.empty((length + BLOCK, d, lanes + LINE // x.itemsize), FLOAT)
    turned = _aligned(BLOCK, length * d + LINE // x.itemsize)
    noise = (
        np.empty((2, lanes), np.uint64),
        _aligned(2, lanes),
        _aligned(_PAIR * m, lanes),
        _aligned(_PAIR * more, lanes),
        _aligned(parts * m if REFINED else 0, lanes),
        _aligned(parts * m if JOINT else 0, lanes),
    )
    for first in range(0, n, lanes):
        present = min(lanes, n - first)
        for i in range(lanes):
            for j in range(d):
                x[j, i] = start[first + min(i, present - 1), j]
        _run_tile(
            drift, diffusion, third, theta, clock, limits, sizes, key, path0 + first, x, present,
            noise, b, s, c, work, kept, turned, out[first : first + present],
            exploded[first : first + present],
        )  # fmt: skip
