"""The explicit step of weak order 2 without derivatives, for any noise.

References
----------
Platen (1984), Zur zeitdiskreten Approximation von Itoprozessen, dissertation B, Academy of
Sciences, Berlin. Kloeden and Platen (1992), section 15.1, equations 15.1.1 and 15.1.3.
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
    """Return further arrays of a step: a state, another drift, two diffusions, the result."""
    return (
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty((rows, lanes), FLOAT),
        np.empty((rows, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
    )


@inlined
def step(
    drift: Any, diffusion: Any, third: Any, theta: Any, t: Any, clock_step: Any, h: Any,
    own: Any, fixed: Any, limits: Any, x: Any, z: Any, row: Any, further: Any, further_row: Any,
    more: Any, b: Any, s: Any, c: Any, work: Any,
) -> None:  # fmt: skip
    """Advance x; two evaluations of the drift, and 1 + 4 m of a general diffusion."""
    wide_vectors()
    d, lanes = x.shape
    stage, b2, above, below, result = work
    root = FLOAT(math.sqrt(h))
    m = d if own else s.shape[0] // d
    drift(t, x, theta, b)
    diffusion(t, x, theta, s)
    for j in range(d):
        for i in range(lanes):
            stage[j, i] = fma(h, b[j, i], x[j, i])
        for p in range(m):
            if not own or p == j:
                entry = j if own else j * m + p
                for i in range(lanes):
                    stage[j, i] = fma(s[entry, i], root * z[row + p, i], stage[j, i])
    drift(t + clock_step, stage, theta, b2)
    for j in range(d):
        for i in range(lanes):
            result[j, i] = fma(FLOAT(0.5) * h, b[j, i] + b2[j, i], x[j, i])
    for p in range(1 if own else m):
        _move(own, m, p, h, root, x, b, s, stage)
        diffusion(t + clock_step, stage, theta, above)
        _move(own, m, p, h, -root, x, b, s, stage)
        diffusion(t + clock_step, stage, theta, below)
        _add_own(own, m, p, root, z, row, s, above, below, result)
    for r in range(m if more > 0 else 0):
        _move(own, m, r, h - h, root, x, b, s, stage)
        diffusion(t, stage, theta, above)
        _move(own, m, r, h - h, -root, x, b, s, stage)
        diffusion(t, stage, theta, below)
        _add_others(m, r, root, z, row, further, further_row, s, above, below, result)
    for j in range(d):
        for i in range(lanes):
            x[j, i] = result[j, i]


@routine
def _move(own: Any, m: Any, p: Any, h: Any, root: Any, x: Any, b: Any, s: Any, stage: Any) -> None:
    """Write x + b h + sigma_p root; with noise of one coordinate each, for all p at once."""
    wide_vectors()
    for j in range(x.shape[0]):
        entry = j if own else j * m + p
        for i in range(x.shape[1]):
            stage[j, i] = fma(s[entry, i], root, fma(h, b[j, i], x[j, i]))


@routine
def _add_own(
    own: Any, m: Any, p: Any, root: Any, z: Any, row: Any, s: Any, above: Any, below: Any,
    result: Any,
) -> None:  # fmt: skip
    """Add the terms of one source (all, if each has one coordinate) alone."""
    wide_vectors()
    quarter = FLOAT(0.25) * root
    for j in range(result.shape[0]):
        entry = j if own else j * m + p
        source = j if own else p
        for i in range(result.shape[1]):
            one = z[row + source, i]
            level = fma(FLOAT(2.0), s[entry, i], above[entry, i] + below[entry, i])
            bent = (above[entry, i] - below[entry, i]) * fma(one, one, FLOAT(-1.0))
            result[j, i] = fma(quarter, fma(level, one, bent), result[j, i])


@routine
def _add_others(
    m: Any, r: Any, root: Any, z: Any, row: Any, further: Any, further_row: Any, s: Any, above: Any,
    below: Any, result: Any,
) -> None:  # fmt: skip
    """Add the terms of source r with the others, and an area of plus or minus h for each pair."""
    wide_vectors()
    quarter = FLOAT(0.25) * root
    for j in range(result.shape[0]):
        for p in range(m):
            if p != r:
                low = min(p, r)
                high = max(p, r)
                pair = further_row + low * m - low * (low + 1) // 2 + high - low - 1
                sign = FLOAT(1.0) if r < p else FLOAT(-1.0)
                entry = j * m + p
                for i in range(result.shape[1]):
                    area = sign if further[pair, i] >= FLOAT(0.0) else -sign
                    level = above[entry, i] + below[entry, i] - FLOAT(2.0) * s[entry, i]
                    bent = fma(z[row + p, i], z[row + r, i], area)
                    part = fma(level, z[row + p, i], (above[entry, i] - below[entry, i]) * bent)
                    result[j, i] = fma(quarter, part, result[j, i])
