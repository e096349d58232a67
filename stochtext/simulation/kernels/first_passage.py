"""When one coordinate first reaches a barrier, between the steps of a scheme too.

Between two steps the coordinate is taken for a Brownian bridge with the variance that it has at
the first one. Whether the bridge reaches the barrier, and when, is drawn from its exact law.

References
----------
Giraudo and Sacerdote (1999), An improved technique for the simulation of first passage times for
diffusion processes, Communications in Statistics: Simulation and Computation 28, 1135-1163.
Gobet (2000), Weak approximation of killed diffusion using Euler schemes, Stochastic Processes and
their Applications 87, 167-197. Michael, Schucany and Haas (1976), The American Statistician 30,
88-90.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import formula, inlined, kernel, routine
from stochtext._shared.compilation.intrinsics import float_of, fma, wide_vectors
from stochtext.simulation.kernels.euler import step, workspace
from stochtext.simulation.kernels.noise import (
    _LOW,
    _ONE,
    _SHIFT_12,
    normal_pair,
    philox,
)

FLOAT = np.float64

__all__ = ["run_passages"]

#: What numbers are for. The first two are those of ``simulate``: the paths are the same.
INCREMENTS = np.uint64(0)
FURTHER = np.uint64(1)
CROSSINGS = np.uint64(6)
_HALF_WORD = np.uint64(32)
_PAIR = 2
# After so many steps (an even number) those who have arrived make room.
_STRIDE = 16
# The uniform numbers are no smaller than 2^-52: a crossing with less than that never happens.
_FARTHEST = 18.1
_LOST = 2


@routine
def _fill_scattered(
    key: Any, stream: Any, paths: Any, first: Any, width: Any, words: Any, out: Any
) -> None:
    """Write the numbers of two steps from ``first`` on, for any paths."""
    wide_vectors()
    k0 = np.uint64(key) & _LOW
    k1 = np.uint64(key) >> _HALF_WORD
    for k in range(width):
        block = first * width // 2 + k
        low = np.uint64(block) & _LOW
        high = np.uint64(block) >> _HALF_WORD
        for i in range(out.shape[1]):
            r0, r1 = philox(np.uint64(paths[i]), low, high, stream, k0, k1)
            words[0, i] = r0
            words[1, i] = r1
        for i in range(out.shape[1]):
            a, b = normal_pair(words[0, i], words[1, i])
            out[2 * k, i] = a
            out[2 * k + 1, i] = b


@routine
def _block(key: Any, path: Any, block: Any) -> Any:
    at = np.uint64(block)
    k0 = np.uint64(key) & _LOW
    k1 = np.uint64(key) >> _HALF_WORD
    return philox(np.uint64(path), at & _LOW, at >> _HALF_WORD, CROSSINGS, k0, k1)


@routine
def _reaches(before: float, after: float, variance: float, corrected: int, word: Any) -> bool:
    """Return whether a Brownian bridge reaches a barrier.

    Parameters
    ----------
    before, after : float
        Distance to the barrier at both ends, negative on the other side.
    variance : float
        Of the bridge's Brownian motion over the step.
    corrected : int
        0: only the end of the step is looked at.
    word : uint64
        Random bits.
    """
    if after <= 0.0 or not corrected:
        return after <= 0.0
    chance = 2.0 - float_of((word >> _SHIFT_12) | _ONE)
    return chance < math.exp(-2.0 * before * after / variance)


@routine
def _part_of_step(before: float, after: float, variance: float, number: float, word: Any) -> float:
    """Return when a bridge that reaches a barrier first does, in parts of the step.

    With s = u / (1 - u), u the part of the step, the bridge is at the barrier when a Brownian
    motion with drift is, so s has an inverse Gaussian law of mean before / |after| and shape
    before^2 / variance.
    """
    beyond = abs(after)
    square = number * number
    if beyond == 0.0:
        odds = before * before / (variance * square)
    else:
        mean = before / beyond
        c = 0.5 * square * variance / (before * beyond)
        odds = mean / (1.0 + c + math.sqrt(c * (2.0 + c)))
        choice = 2.0 - float_of((word >> _SHIFT_12) | _ONE)
        if choice * (mean + odds) > mean:
            odds = mean * mean / odds
    return odds / (1.0 + odds) if odds < 1.0 else 1.0 / (1.0 + 1.0 / odds)


@routine
def _arrive(
    key: Any, path: Any, k: Any, low: Any, high: Any, before: Any, after: Any, variance: Any,
    corrected: Any,
) -> Any:  # fmt: skip
    """Return the part of the step until the first barrier and its side, or inf and 0."""
    r0, r1 = _block(key, path, 3 * k)
    up = high < math.inf and _reaches(high - before, high - after, variance, corrected, r0)
    down = low > -math.inf and _reaches(before - low, after - low, variance, corrected, r1)
    if not (up or down):
        return math.inf, 0
    if not corrected:
        return 1.0, 1 if up else -1
    n0, n1 = _block(key, path, 3 * k + 1)
    c0, c1 = _block(key, path, 3 * k + 2)
    number_up, number_down = normal_pair(n0, n1)
    part_up = part_down = math.inf
    if up:
        part_up = _part_of_step(high - before, high - after, variance, number_up, c0)
    if down:
        part_down = _part_of_step(before - low, after - low, variance, number_down, c1)
    if part_up <= part_down:
        return part_up, 1
    return part_down, -1


@routine
def _load(start: Any, left: Any, first: Any, count: Any, path0: Any, x: Any, paths: Any) -> None:
    for i in range(x.shape[1]):
        row = left[min(first + i, count - 1)]
        paths[i] = path0 + row
        for j in range(x.shape[0]):
            x[j, i] = start[row, j]


@inlined
def _store(x: Any, left: Any, first: Any, present: Any, start: Any) -> None:
    for i in range(present):
        for j in range(x.shape[0]):
            start[left[first + i], j] = x[j, i]


@routine
def _remaining(left: Any, count: Any, sides: Any) -> int:
    """Move those who have not arrived to the front, in order, and count them."""
    kept = 0
    for r in range(count):
        if sides[left[r]] == 0:
            left[kept] = left[r]
            kept += 1
    return kept


@routine
def _variances(h: Any, first: Any, m: Any, s: Any, variance: Any) -> None:
    """Write the variance of the component over a step, from m rows of the diffusion."""
    for i in range(variance.size):
        variance[i] = h * s[first, i] * s[first, i]
    for p in range(1, m):
        for i in range(variance.size):
            variance[i] = fma(h * s[first + p, i], s[first + p, i], variance[i])


@routine
def _count_near(
    component: Any, low: Any, high: Any, x: Any, before: Any, variance: Any, near: Any
) -> int:
    """Mark and count the lanes that may have reached a barrier or left the finite numbers."""
    d, lanes = x.shape
    count = 0
    for i in range(lanes):
        after = x[component, i]
        reach = _FARTHEST * variance[i]
        far = (high - before[i]) * (high - after) > reach
        far &= (before[i] - low) * (after - low) > reach
        near[i] = 0 if far else 1
    for j in range(d):
        for i in range(lanes):
            near[i] |= 0 if abs(x[j, i]) < np.inf else 1
    for i in range(lanes):
        count += near[i]
    return count


@routine
def _settle(
    key: Any, path: Any, k: Any, h: Any, component: Any, low: Any, high: Any, before: Any,
    variance: Any, corrected: Any, x: Any, lane: Any, row: Any, times: Any, sides: Any,
) -> None:  # fmt: skip
    """Decide about one path; one that arrives or is lost is not followed any more."""
    finite = True
    for j in range(x.shape[0]):
        finite &= abs(x[j, lane]) < np.inf
    if finite:
        part, side = _arrive(
            key, path, k, low, high, before, x[component, lane], variance, corrected
        )  # fmt: skip
        if side == 0:
            return
    else:
        part, side = 1.0, _LOST
    times[row] = (k + part) * h
    sides[row] = side


@inlined
def _settle_near(
    key: Any, paths: Any, k: Any, h: Any, component: Any, low: Any, high: Any, before: Any,
    variance: Any, corrected: Any, x: Any, near: Any, left: Any, first: Any, present: Any,
    times: Any, sides: Any,
) -> None:  # fmt: skip
    """Decide about the marked paths of a tile that are still followed."""
    for i in range(present):
        row = left[first + i]
        if near[i] > 0 and sides[row] == 0:
            _settle(
                key, paths[i], k, h, component, low, high, before[i], variance[i], corrected, x,
                i, row, times, sides,
            )  # fmt: skip


@formula
def _follow(
    drift: Any, diffusion: Any, third: Any, theta: Any, clock: Any, limits: Any, barriers: Any,
    sizes: Any, key: Any, left: Any, paths: Any, x: Any, noise: Any, b: Any, s: Any, c: Any,
    work: Any, watch: Any, start: Any, times: Any, sides: Any,
) -> None:  # fmt: skip
    """Step all paths, in tiles of those who have not arrived."""
    m, own, _, _, more, n_steps, path0, lanes, component, corrected = sizes
    words, z, further = noise
    before, variance, near = watch
    h = FLOAT(clock[2])
    low, high = barriers[0], barriers[1]
    count, now = left.size, 0
    while count > 0 and now < n_steps:
        stop = min(now + _STRIDE, n_steps)
        for first in range(0, count, lanes):
            present = min(lanes, count - first)
            _load(start, left, first, count, path0, x, paths)
            for k in range(now, stop):
                if k % _PAIR == 0:
                    _fill_scattered(key, INCREMENTS, paths, k, m, words, z)
                    if more > 0:
                        _fill_scattered(key, FURTHER, paths, k, more, words, further)
                t = clock[0] + k * clock[1]
                for i in range(lanes):
                    before[i] = x[component, i]
                if corrected:
                    diffusion(t, x, theta, s)
                    _variances(h, component if own else component * m, 1 if own else m, s, variance)
                step(
                    drift, diffusion, third, theta, t, clock[1], h, own, 0, limits, x,
                    z, k % _PAIR * m, further, k % _PAIR * more, more, b, s, c, work,
                )  # fmt: skip
                if _count_near(component, low, high, x, before, variance, near) > 0:
                    _settle_near(
                        key, paths, k, h, component, low, high, before, variance, corrected, x,
                        near, left, first, present, times, sides,
                    )  # fmt: skip
            _store(x, left, first, present, start)
        count = _remaining(left, count, sides)
        now = stop
    for r in range(count):
        times[left[r]] = n_steps * h


@kernel
def run_passages(
    drift: Any, diffusion: Any, third: Any, theta: Any, clock: Any, limits: Any, barriers: Any,
    sizes: Any, key: Any, start: Any, times: Any, sides: Any,
) -> None:  # fmt: skip
    """Follow paths until they reach a barrier.

    Parameters
    ----------
    drift, diffusion, third, theta, clock, limits, key
        As in ``run``.
    barriers : ndarray of shape (2,)
        The lower and the upper one; infinite where there is none.
    sizes : ndarray of int64
        Noise sources; 1 if each coordinate has its own one; rows of the diffusion and of
        the third coefficient; further numbers of a step; steps; first path; lanes of a
        tile; the component; 1 to look between the steps.
    start : ndarray of shape (n, d)
        Where the paths start; holds where they are afterwards.
    times : ndarray of shape (n,)
        Receives the time of arrival, or of the last step.
    sides : ndarray of int64, shape (n,)
        Zeros; receives 1 for the upper barrier, -1 for the lower one, 2 for a path that left
        the floating-point range.
    """
    m, _, rows, third_rows, more, _, _, lanes, _, _ = sizes
    n, d = start.shape
    x = np.empty((d, lanes), FLOAT)
    paths = np.empty(lanes, np.int64)
    noise = (
        np.empty((2, lanes), np.uint64),
        np.empty((_PAIR * m, lanes), FLOAT),
        np.empty((_PAIR * more, lanes), FLOAT),
    )
    b = np.empty((d, lanes), FLOAT)
    s = np.empty((rows, lanes), FLOAT)
    c = np.empty((third_rows, lanes), FLOAT)
    work = workspace(d, m, rows, lanes)
    watch = (np.empty(lanes, FLOAT), np.zeros(lanes, FLOAT), np.zeros(lanes, np.int64))
    _follow(
        drift, diffusion, third, theta, clock, limits, barriers, sizes, key, np.arange(n), paths,
        x, noise, b, s, c, work, watch, start, times, sides,
    )  # fmt: skip
