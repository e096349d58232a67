"""The step of Milstein, for noise sources of one coordinate each, and for general noise.

References
----------
Milstein (1974), Theory of Probability and its Applications 19, 557-562. Kloeden and Platen (1992),
section 10.3.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined, routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors
from stochtext.simulation.kernels.iterated_integrals import add_levy_areas, iterated_integrals

FLOAT = np.float64

__all__ = ["step", "workspace"]


@routine
def workspace(d: int, m: int, rows: int, lanes: int) -> Any:
    """Return further arrays of a step: the iterated integrals."""
    return (np.empty((m * m, lanes), FLOAT),)


@inlined
def step(
    drift: Any, diffusion: Any, third: Any, theta: Any, t: Any, clock_step: Any, h: Any,
    own: Any, fixed: Any, limits: Any, x: Any, z: Any, row: Any, further: Any, further_row: Any,
    more: Any, b: Any, s: Any, c: Any, work: Any,
) -> None:  # fmt: skip
    """Advance x by X' = X + b h + sigma dW + sum over p, q of (sigma_p grad) sigma_q I(p, q)."""
    wide_vectors()
    d, lanes = x.shape
    drift(t, x, theta, b)
    diffusion(t, x, theta, s)
    third(t, x, theta, c)
    root = FLOAT(math.sqrt(h))
    if own:
        half = FLOAT(0.5)
        for j in range(d):
            for i in range(lanes):
                dw = root * z[row + j, i]
                bent = half * c[j, i] * fma(dw, dw, -h)
                x[j, i] = fma(b[j, i], h, fma(s[j, i], dw, x[j, i])) + bent
        return
    m = s.shape[0] // d
    _add_general(d, m, root, h, x, z, row, further, further_row, more, b, s, c, work[0])


@routine
def _add_general(
    d: Any, m: Any, root: Any, h: Any, x: Any, z: Any, row: Any, further: Any, further_row: Any,
    more: Any, b: Any, s: Any, c: Any, integrals: Any,
) -> None:  # fmt: skip
    wide_vectors()
    lanes = x.shape[1]
    iterated_integrals(z, row, m, h, integrals)
    if more > 0:
        add_levy_areas(z, row, m, h, further, further_row, more, integrals)
    for j in range(d):
        for i in range(lanes):
            x[j, i] = fma(b[j, i], h, x[j, i])
        for p in range(m):
            for i in range(lanes):
                x[j, i] = fma(s[j * m + p, i], root * z[row + p, i], x[j, i])
            for q in range(m):
                for i in range(lanes):
                    x[j, i] = fma(c[(p * d + j) * m + q, i], integrals[p * m + q, i], x[j, i])
