"""Euler's step with coefficients taken at the state truncated to the state space.

The path itself may leave the state space and comes back; what is shown of it is truncated.

References
----------
Lord, Koekkoek and van Dijk (2010), A comparison of biased simulation schemes for stochastic
volatility models, Quantitative Finance 10, 177-194, section 3.
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
    """Return further arrays of a step: the truncated state."""
    return (np.empty((d, lanes), FLOAT),)


@inlined
def step(
    drift: Any, diffusion: Any, third: Any, theta: Any, t: Any, clock_step: Any, h: Any,
    own: Any, fixed: Any, limits: Any, x: Any, z: Any, row: Any, further: Any, further_row: Any,
    more: Any, b: Any, s: Any, c: Any, work: Any,
) -> None:  # fmt: skip
    """Advance x by X' = X + b(X+) h + sigma(X+) dW, where X+ is X truncated."""
    wide_vectors()
    d, lanes = x.shape
    inside = work[0]
    for j in range(d):
        low = limits[0, j]
        high = limits[1, j]
        for i in range(lanes):
            value = x[j, i]
            inside[j, i] = low if value < low else (high if value > high else value)
    drift(t, inside, theta, b)
    diffusion(t, inside, theta, s)
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
            x[j, i] = fma(b[j, i], h, x[j, i])
