"""Euler's step with the drift at its end, found by Newton's method; for stiff drifts.

References
----------
Kloeden and Platen (1992), section 12.2. Higham, Mao and Stuart (2002), Strong convergence of
Euler-type methods for nonlinear stochastic differential equations, SIAM Journal on Numerical
Analysis 40, 1041-1063.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined, routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors

FLOAT = np.float64

__all__ = ["step", "workspace"]

_MOST_ROUNDS = 100
# Newton's method doubles the digits: after a step this small there are no more to find.
_DIGITS = 2.0**-30 if FLOAT is np.float64 else 2.0**-13
_ROUNDING = 2.0**-51 if FLOAT is np.float64 else 2.0**-22


@routine
def workspace(d: int, m: int, rows: int, lanes: int) -> Any:
    """Return further arrays of a step: right side, best point, direction, matrix, and sizes."""
    return (
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty((d * d, lanes), FLOAT),
        np.empty((3, lanes), FLOAT),
    )


@inlined
def step(
    drift: Any, diffusion: Any, third: Any, theta: Any, t: Any, clock_step: Any, h: Any,
    own: Any, fixed: Any, limits: Any, x: Any, z: Any, row: Any, further: Any, further_row: Any,
    more: Any, b: Any, s: Any, c: Any, work: Any,
) -> None:  # fmt: skip
    """Advance x to the root of X' = X + b(t + h, X') h + sigma dW; NaN where none is found."""
    wide_vectors()
    d, lanes = x.shape
    right, best, direction, matrix, sizes = work
    diffusion(t, x, theta, s)
    root = FLOAT(math.sqrt(h))
    m = s.shape[0] // d
    for j in range(d):
        if own:
            for i in range(lanes):
                x[j, i] = fma(s[j, i], root * z[row + j, i], x[j, i])
        else:
            for p in range(m):
                for i in range(lanes):
                    x[j, i] = fma(s[j * m + p, i], root * z[row + p, i], x[j, i])
    _begin(x, right, best, direction, sizes)
    for _ in range(_MOST_ROUNDS):
        drift(t + clock_step, x, theta, b)
        third(t + clock_step, x, theta, c)
        if _improve(h, x, b, c, right, best, direction, matrix, sizes) == 0:
            break
    for i in range(lanes):
        if sizes[1, i] >= FLOAT(0.0):
            for j in range(d):
                x[j, i] = np.nan


@routine
def _begin(x: Any, right: Any, best: Any, direction: Any, sizes: Any) -> None:
    """Take the right side of the equation as the first guess."""
    for i in range(x.shape[1]):
        for j in range(x.shape[0]):
            right[j, i] = x[j, i]
            best[j, i] = x[j, i]
            direction[j, i] = FLOAT(0.0)
        sizes[0, i] = np.inf
        sizes[1, i] = FLOAT(1.0)


@routine
def _improve(
    h: Any, x: Any, b: Any, c: Any, right: Any, best: Any, direction: Any, matrix: Any, sizes: Any
) -> int:
    """Take the next guess of each lane; return how many are still on their way.

    ``sizes`` holds the residual of the best point, and the part of the direction that is
    tried: -1 for a lane that is done, whose numbers depend on no other lane.
    """
    d, lanes = x.shape
    active = 0
    for i in range(lanes):
        if sizes[1, i] >= FLOAT(0.0):
            residual = FLOAT(0.0)
            for j in range(d):
                residual += abs(x[j, i] - right[j, i] - h * b[j, i])
            if residual <= sizes[0, i]:
                sizes[0, i] = residual
                sizes[1, i] = FLOAT(1.0)
                for j in range(d):
                    best[j, i] = x[j, i]
                _find_direction(h, i, x, b, c, right, direction, matrix)
            elif sizes[0, i] < np.inf:
                sizes[1, i] *= FLOAT(0.5)
            else:
                # Nothing can be said from the first guess: the lane is lost.
                sizes[1, i] = FLOAT(-1.0)
                for j in range(d):
                    x[j, i] = np.nan
                continue
            small = FLOAT(0.0)
            reach = FLOAT(0.0)
            for j in range(d):
                small += FLOAT(_DIGITS) * abs(best[j, i]) + FLOAT(_ROUNDING) * abs(right[j, i])
                reach += abs(direction[j, i])
                x[j, i] = fma(sizes[1, i], direction[j, i], best[j, i])
            if sizes[1, i] * reach <= small:
                sizes[1, i] = FLOAT(-1.0)
            else:
                active += 1
    return active


@routine
def _find_direction(
    h: Any, i: Any, x: Any, b: Any, c: Any, right: Any, direction: Any, matrix: Any
) -> None:
    """Solve (I - h b') direction = -residual for one lane, with the largest pivots."""
    d = x.shape[0]
    for j in range(d):
        direction[j, i] = right[j, i] + h * b[j, i] - x[j, i]
    if d == 1:
        direction[0, i] /= FLOAT(1.0) - h * c[0, i]
        return
    for j in range(d):
        for k in range(d):
            one = FLOAT(1.0) if j == k else FLOAT(0.0)
            matrix[j * d + k, i] = one - h * c[j * d + k, i]
    for k in range(d):
        pivot = k
        for j in range(k + 1, d):
            if abs(matrix[j * d + k, i]) > abs(matrix[pivot * d + k, i]):
                pivot = j
        if pivot != k:
            for q in range(k, d):
                entry = matrix[k * d + q, i]
                matrix[k * d + q, i] = matrix[pivot * d + q, i]
                matrix[pivot * d + q, i] = entry
            entry = direction[k, i]
            direction[k, i] = direction[pivot, i]
            direction[pivot, i] = entry
        for j in range(k + 1, d):
            factor = matrix[j * d + k, i] / matrix[k * d + k, i]
            for q in range(k + 1, d):
                matrix[j * d + q, i] = fma(-factor, matrix[k * d + q, i], matrix[j * d + q, i])
            direction[j, i] = fma(-factor, direction[k, i], direction[j, i])
    for j in range(d - 1, -1, -1):
        for q in range(j + 1, d):
            direction[j, i] = fma(-matrix[j * d + q, i], direction[q, i], direction[j, i])
        direction[j, i] /= matrix[j * d + j, i]
