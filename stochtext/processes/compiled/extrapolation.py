"""One process where data were seen and another one elsewhere: which of them holds for a state.

The support stands in theta: lower corner, upper corner, centre, precision by rows, radius.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined, routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors

FLOAT = np.float64

__all__ = ["count_contained", "place_diffusion", "take_outside"]


@inlined
def _is_contained(x: Any, i: Any, theta: Any, place: Any) -> Any:
    d = x.shape[0]
    inside = True
    squared = FLOAT(0.0)
    for j in range(d):
        lower, upper = theta[place + j], theta[place + d + j]
        inside = inside & (x[j, i] >= lower) & (x[j, i] <= upper)
        away = x[j, i] - theta[place + 2 * d + j]
        for k in range(d):
            weight = theta[place + (3 + j) * d + k]
            squared = fma(away * weight, x[k, i] - theta[place + 2 * d + k], squared)
    distance = math.sqrt(squared if squared > FLOAT(0.0) else FLOAT(0.0))
    return inside & (distance <= theta[place + (3 + d) * d])


@routine
def count_contained(x: Any, theta: Any, place: Any) -> Any:
    """Return how many states the support contains; NaN lies outside."""
    wide_vectors()
    count = 0
    for i in range(x.shape[1]):
        count += 1 if _is_contained(x, i, theta, place) else 0
    return count


@routine
def take_outside(x: Any, theta: Any, place: Any, outside: Any, out: Any) -> None:
    """Replace the coefficients of states that the support does not contain."""
    for i in range(x.shape[1]):
        if not _is_contained(x, i, theta, place):
            for row in range(out.shape[0]):
                out[row, i] = outside[row, i]


@routine
def place_diffusion(own: Any, d: Any, own_dim: Any, diagonal: Any, out: Any) -> None:
    """Write a diffusion of ``own_dim`` noise sources, or a diagonal one, among zeros."""
    wide_vectors()
    m = out.shape[0] // d
    out[:] = FLOAT(0.0)
    for j in range(d):
        for p in range(own_dim):
            if p == j or not diagonal:
                row = j if diagonal else j * own_dim + p
                for i in range(out.shape[1]):
                    out[j * m + p, i] = own[row, i]
