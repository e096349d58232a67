"""The stochastic Runge-Kutta step SRI1W1 of strong order 1.5, for noise of one coordinate each.

References
----------
Rößler (2010), Runge-Kutta methods for the strong approximation of solutions of stochastic
differential equations, SIAM Journal on Numerical Analysis 48, 922-952, scheme SRI1W1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined, routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors

FLOAT = np.float64

__all__ = ["step", "workspace"]

_INTEGRAL = 0.5 / math.sqrt(3.0)


@routine
def workspace(d: int, m: int, rows: int, lanes: int) -> Any:
    """Return further arrays of a step: a state, another drift, three diffusions."""
    return (
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
    )


@inlined
def step(
    drift: Any, diffusion: Any, third: Any, theta: Any, t: Any, clock_step: Any, h: Any,
    own: Any, fixed: Any, limits: Any, x: Any, z: Any, row: Any, further: Any, further_row: Any,
    more: Any, b: Any, s: Any, c: Any, work: Any,
) -> None:  # fmt: skip
    """Advance x; two evaluations of the drift and four of the diffusion."""
    wide_vectors()
    d, lanes = x.shape
    stage, b2, s2, s3, s4 = work
    root = FLOAT(math.sqrt(h))
    quarter = FLOAT(0.25) * h
    drift(t, x, theta, b)
    diffusion(t, x, theta, s)
    for j in range(d):
        for i in range(lanes):
            mean = root * _integral(z[row + j, i], further[further_row + j, i])
            stage[j, i] = fma(FLOAT(0.75) * h, b[j, i], x[j, i]) + FLOAT(1.5) * s[j, i] * mean
    drift(t + 0.75 * clock_step, stage, theta, b2)
    for j in range(d):
        for i in range(lanes):
            stage[j, i] = fma(quarter, b[j, i], x[j, i]) + FLOAT(0.5) * root * s[j, i]
    diffusion(t + 0.25 * clock_step, stage, theta, s2)
    for j in range(d):
        for i in range(lanes):
            stage[j, i] = fma(h, b[j, i], x[j, i]) - root * s[j, i]
    diffusion(t + clock_step, stage, theta, s3)
    for j in range(d):
        for i in range(lanes):
            sum_of_stages = fma(
                FLOAT(3.0), s2[j, i], fma(FLOAT(-5.0), s[j, i], FLOAT(0.5) * s3[j, i])
            )
            stage[j, i] = fma(quarter, b[j, i], x[j, i]) + root * sum_of_stages
    diffusion(t + 0.25 * clock_step, stage, theta, s4)
    _advance(h, root, x, z, row, further, further_row, b, b2, s, s2, s3, s4)


@inlined
def _integral(z: Any, zeta: Any) -> Any:
    """Return I(1, 0) / h^(3/2)."""
    return fma(FLOAT(_INTEGRAL), zeta, FLOAT(0.5) * z)


@routine
def _advance(
    h: Any, root: Any, x: Any, z: Any, row: Any, further: Any, further_row: Any, b: Any, b2: Any,
    s: Any, s2: Any, s3: Any, s4: Any,
) -> None:  # fmt: skip
    """Add the stages; all integrals are divided by sqrt(h) and powers of it."""
    wide_vectors()
    d, lanes = x.shape
    third = FLOAT(1.0 / 3.0)
    for j in range(d):
        for i in range(lanes):
            one = z[row + j, i]
            two = FLOAT(0.5) * fma(one, one, FLOAT(-1.0))
            mean = _integral(one, further[further_row + j, i])
            three = FLOAT(1.0 / 6.0) * one * fma(one, one, FLOAT(-3.0))
            noise = s[j, i] * (FLOAT(2.0) * (mean - three) - one - two)
            part = FLOAT(4.0) * (one + two - mean)
            noise = fma(third * s2[j, i], fma(FLOAT(5.0), three, part), noise)
            part = FLOAT(2.0) * (one - mean - three) - two
            noise = fma(third * s3[j, i], part, noise)
            noise = fma(s4[j, i], three, noise)
            slope = third * fma(FLOAT(2.0), b2[j, i], b[j, i])
            x[j, i] = fma(h, slope, fma(root, noise, x[j, i]))
