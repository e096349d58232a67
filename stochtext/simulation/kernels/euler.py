"""The step of Euler and Maruyama.

References
----------
Maruyama (1955), Rendiconti del Circolo Matematico di Palermo 4, 48-90. Kloeden and Platen (1992),
section 10.2.
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
    """Advance x by X' = X + b h + sigma dW, with dW = sqrt(h) z[row], z[row + 1], ..."""
    wide_vectors()
    d, lanes = x.shape
    drift(t, x, theta, b)
    if not fixed:
        diffusion(t, x, theta, s)
    root = FLOAT(math.sqrt(h))
    if own:
        for j in range(d):
            for i in range(lanes):
                # The drift last: in a single path all else is ready before it.
                x[j, i] = fma(b[j, i], h, fma(s[j, i], root * z[row + j, i], x[j, i]))
        return
    m = s.shape[0] // d
    if m == 2:
        for j in range(d):
            for i in range(lanes):
                noisy = fma(s[2 * j, i], root * z[row, i], x[j, i])
                noisy = fma(s[2 * j + 1, i], root * z[row + 1, i], noisy)
                x[j, i] = fma(b[j, i], h, noisy)
        return
    for j in range(d):
        for p in range(m):
            for i in range(lanes):
                x[j, i] = fma(s[j * m + p, i], root * z[row + p, i], x[j, i])
        for i in range(lanes):
            x[j, i] = fma(b[j, i], h, x[j, i])
