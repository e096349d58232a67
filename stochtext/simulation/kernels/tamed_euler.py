"""Euler's step with a tamed drift, for drifts that grow faster than the state.

References
----------
Hutzenthaler, Jentzen and Kloeden (2012), Strong convergence of an explicit numerical method for
SDEs with nonglobally Lipschitz continuous coefficients, Annals of Applied Probability 22,
1611-1641, equation 4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined, routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors

FLOAT = np.float64

__all__ = ["step", "workspace"]


@routine
def workspace(d: int, m: int, rows: int, lanes: int) -> Any:
    """Return further arrays of a step: the factor of the drift, and the largest entry of it."""
    return (np.empty((2, lanes), FLOAT),)


@inlined
def step(
    drift: Any, diffusion: Any, third: Any, theta: Any, t: Any, clock_step: Any, h: Any,
    own: Any, fixed: Any, limits: Any, x: Any, z: Any, row: Any, further: Any, further_row: Any,
    more: Any, b: Any, s: Any, c: Any, work: Any,
) -> None:  # fmt: skip
    """Advance x by X' = X + b h / (1 + h |b|) + sigma dW."""
    wide_vectors()
    d, lanes = x.shape
    drift(t, x, theta, b)
    diffusion(t, x, theta, s)
    factor = work[0]
    _tame(h, b, factor)
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
        for i in range(lanes):
            x[j, i] = fma(b[j, i], factor[0, i], x[j, i])


@inlined
def _tame(h: Any, b: Any, factor: Any) -> None:
    """Write h / (1 + h |b|) with the Euclidean norm, whose squares must not overflow."""
    d, lanes = b.shape
    for i in range(lanes):
        factor[0, i] = FLOAT(0.0)
        factor[1, i] = abs(b[0, i])
    if d == 1:
        for i in range(lanes):
            factor[0, i] = h / fma(h, factor[1, i], FLOAT(1.0))
        return
    for j in range(1, d):
        for i in range(lanes):
            factor[1, i] = max(factor[1, i], abs(b[j, i]))
    for j in range(d):
        for i in range(lanes):
            part = b[j, i] / factor[1, i] if factor[1, i] > FLOAT(0.0) else FLOAT(0.0)
            factor[0, i] = fma(part, part, factor[0, i])
    for i in range(lanes):
        norm = factor[1, i] * FLOAT(math.sqrt(factor[0, i]))
        factor[0, i] = h / fma(h, norm, FLOAT(1.0))
