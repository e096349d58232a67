"""The stochastic Runge-Kutta step SRA1 of strong order 1.5, for additive noise.

References
----------
Rößler (2010), Runge-Kutta methods for the strong approximation of solutions of stochastic
differential equations, SIAM Journal on Numerical Analysis 48, 922-952, scheme SRA1.
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
    """Return further arrays of a step: another state, drift, and diffusion; I(1, 0) / h."""
    return (
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty((rows, lanes), FLOAT),
        np.empty((m, lanes), FLOAT),
    )


@inlined
def step(
    drift: Any, diffusion: Any, third: Any, theta: Any, t: Any, clock_step: Any, h: Any,
    own: Any, fixed: Any, limits: Any, x: Any, z: Any, row: Any, further: Any, further_row: Any,
    more: Any, b: Any, s: Any, c: Any, work: Any,
) -> None:  # fmt: skip
    """Advance x; two evaluations of drift and of diffusion."""
    wide_vectors()
    lanes = x.shape[1]
    stage, second, late, mean = work
    root = FLOAT(math.sqrt(h))
    for p in range(more):
        for i in range(lanes):
            part = FLOAT(_INTEGRAL) * further[further_row + p, i]
            mean[p, i] = root * fma(FLOAT(0.5), z[row + p, i], part)
    drift(t, x, theta, b)
    diffusion(t, x, theta, s)
    diffusion(t + clock_step, x, theta, late)
    _look_ahead(own, h, x, b, late, mean, stage)
    drift(t + 0.75 * clock_step, stage, theta, second)
    _advance(own, h, root, x, z, row, b, second, s, late, mean)


@routine
def _look_ahead(own: Any, h: Any, x: Any, b: Any, late: Any, mean: Any, stage: Any) -> None:
    wide_vectors()
    d, lanes = x.shape
    m = late.shape[0] // d
    for j in range(d):
        for i in range(lanes):
            stage[j, i] = fma(FLOAT(0.75) * h, b[j, i], x[j, i])
        if own:
            for i in range(lanes):
                stage[j, i] = fma(FLOAT(1.5) * late[j, i], mean[j, i], stage[j, i])
        else:
            for p in range(m):
                for i in range(lanes):
                    stage[j, i] = fma(FLOAT(1.5) * late[j * m + p, i], mean[p, i], stage[j, i])


@routine
def _advance(
    own: Any, h: Any, root: Any, x: Any, z: Any, row: Any, b: Any, second: Any, s: Any, late: Any,
    mean: Any,
) -> None:  # fmt: skip
    wide_vectors()
    d, lanes = x.shape
    m = 1 if own else s.shape[0] // d
    for j in range(d):
        for i in range(lanes):
            slope = fma(FLOAT(2.0), second[j, i], b[j, i])
            x[j, i] = fma(h / FLOAT(3.0), slope, x[j, i])
        for q in range(m):
            p = j if own else q
            entry = j * m + q
            for i in range(lanes):
                dw = root * z[row + p, i]
                moved = fma(late[entry, i], dw - mean[p, i], x[j, i])
                x[j, i] = fma(s[entry, i], mean[p, i], moved)
