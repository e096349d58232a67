"""Coefficients that are linear in the state, in any dimension.

theta holds kappa (d * d), the mean (terms * d: the coefficients of 1, u, u^2, ... below one
another), the knots of a spline and sigma, row by row. With knots the coefficients are those
of 1, u - first knot, and max(u - knot, 0)^3 for each knot.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined
from stochtext._shared.compilation.intrinsics import fma

FLOAT = np.float64

__all__ = ["constant_rows", "linear_drift", "linear_jacobian"]


@inlined
def constant_rows(theta: Any, out: Any) -> None:
    """Write the last numbers of theta, one a row."""
    rows = out.shape[0]
    for row in range(rows):
        value = theta[theta.size - rows + row]
        for i in range(out.shape[1]):
            out[row, i] = value


@inlined
def linear_drift(t: Any, x: Any, theta: Any, terms: Any, knots: Any, out: Any) -> None:
    """Write kappa (m(t) - x) with the mean m of ``terms`` coefficients."""
    d, lanes = x.shape
    powers, first = terms - knots, d * d + terms * d
    for k in range(d):
        level = FLOAT(0.0)
        place = t - theta[first] if knots > 0 else t
        for power in range(powers - 1, -1, -1):
            level = fma(level, FLOAT(place), theta[d * d + power * d + k])
        for j in range(knots):
            ramp = max(FLOAT(t) - theta[first + j], FLOAT(0.0))
            level = fma(ramp * ramp * ramp, theta[d * d + (powers + j) * d + k], level)
        for j in range(d):
            rate = theta[j * d + k]
            if k == 0:
                for i in range(lanes):
                    out[j, i] = rate * (level - x[k, i])
            else:
                for i in range(lanes):
                    out[j, i] = fma(rate, level - x[k, i], out[j, i])


@inlined
def linear_jacobian(theta: Any, out: Any) -> None:
    """Write -kappa."""
    for row in range(out.shape[0]):
        value = -theta[row]
        for i in range(out.shape[1]):
            out[row, i] = value
