"""Euler's step, reflected at the ends of the state space.

References
----------
Berkaoui, Bossy and Diop (2008), Euler scheme for SDEs with non-Lipschitz diffusion coefficient:
strong convergence, ESAIM: Probability and Statistics 12, 1-11. Bossy and Diop (2007), An efficient
discretisation scheme for one dimensional SDEs with a diffusion coefficient function of the form
|x|^a, INRIA report 5396.
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
    """Return further arrays of a step; this one needs none."""
    return (np.empty((0, 0), FLOAT),)


@inlined
def step(
    drift: Any, diffusion: Any, third: Any, theta: Any, t: Any, clock_step: Any, h: Any,
    own: Any, fixed: Any, limits: Any, x: Any, z: Any, row: Any, further: Any, further_row: Any,
    more: Any, b: Any, s: Any, c: Any, work: Any,
) -> None:  # fmt: skip
    """Advance x by X + b h + sigma dW, folded back into the state space."""
    wide_vectors()
    d, lanes = x.shape
    drift(t, x, theta, b)
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
        for i in range(lanes):
            x[j, i] = fma(b[j, i], h, x[j, i])
        _fold(j, limits, x)


@inlined
def _fold(j: Any, limits: Any, x: Any) -> None:
    """Reflect coordinate j at its ends as often as it takes."""
    low = limits[0, j]
    high = limits[1, j]
    if low > -np.inf and high < np.inf:
        width = high - low
        for i in range(x.shape[1]):
            value = x[j, i]
            place = (value - low) / (width + width)
            place -= FLOAT(math.floor(place))
            folded = low + width * (FLOAT(1.0) - abs(fma(FLOAT(2.0), place, FLOAT(-1.0))))
            value = folded if value < low or value > high else value
            # Rounding must not carry it over an end, and infinity must stay visible.
            x[j, i] = low if value < low else (high if value > high else value)
        return
    for i in range(x.shape[1]):
        if low > -np.inf:
            x[j, i] = x[j, i] if x[j, i] >= low else low + (low - x[j, i])
        if high < np.inf:
            x[j, i] = x[j, i] if x[j, i] <= high else high - (x[j, i] - high)
