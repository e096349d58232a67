"""Small networks on many states at once: what stands between their matrix products.

States are taken in strips, or one by one. Everything about a strip of ``width`` states stands in
one flat array ``work``: number k of state l at ``k * width + l``. Factors and covariance rates have
d rows for the diagonal, and then, where they are not diagonal, the lower triangle by rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined
from stochtext._shared.compilation.intrinsics import bits_of, float_of, fma
from stochtext.processes.compiled.elementary.exponential import exp32, exp64, tanh32, tanh64

FLOAT = np.float64

__all__ = [
    "STRIP",
    "activate",
    "add_linear_part",
    "add_products_of_factor",
    "factorise",
    "scale_factor",
    "set_rows",
    "squash32",
    "squash64",
    "standardise",
    "whole_strips",
    "write_factor",
    "write_rows",
]

#: States side by side.
STRIP = 128 // np.dtype(FLOAT).itemsize
# A strip costs as much as this many states alone.
_STRIP_COST = STRIP // 3
_LARGEST_LOG_SCALE = 5.0

_SQUASH_ROUND64 = 6755399441055744.0
_SQUASH_ROUND32 = np.float32(12582912.0)
_SQUASH_PLACE64 = np.uint64(52)
_SQUASH_PLACE32 = np.int32(23)
_SQUASH_ONE64 = np.uint64(0x3FF0000000000000)
_SQUASH_ONE32 = np.int32(0x3F800000)


@inlined
def whole_strips(lanes: Any) -> Any:
    """Return how many of the states are taken in strips; the others are taken one by one."""
    rest = lanes % STRIP
    return lanes if rest > _STRIP_COST else lanes - rest


# -- activation ------------------------------------------------------------------------------


@inlined
def squash64(x: Any) -> Any:
    """Return tanh(x) = (1 - e) / (1 + e), e = exp(-2 |x|); largest absolute error 3e-16."""
    size = abs(x)
    t = -2.0 * (20.0 if size > 20.0 else size)
    turned = fma(t, 1.4426950408889634, _SQUASH_ROUND64)
    n = turned - _SQUASH_ROUND64
    r = fma(-n, 2.3190468138462996e-17, fma(-n, 0.6931471805599453, t))
    q = fma(2.5100375929185925e-08, r, 2.762007600563138e-07)
    q = fma(q, r, 2.7557268480106926e-06)
    q = fma(q, r, 2.480152132210459e-05)
    q = fma(q, r, 0.00019841269863040675)
    q = fma(q, r, 0.001388888891719689)
    q = fma(q, r, 0.008333333333330065)
    q = fma(q, r, 0.041666666666624164)
    q = fma(q, r, 0.16666666666666669)
    q = fma(q, r, 0.5000000000000001)
    power = float_of((bits_of(turned) << _SQUASH_PLACE64) + _SQUASH_ONE64)
    e = fma(power, fma(r * r, q, r), power)
    above, below = 1.0 - e, 1.0 + e
    # 1 / below by Newton's method from a parabola: a division takes longer.
    guess = fma(fma(0.3232323232323232, below, -1.4545454545454546), below, 2.121212121212121)
    guess = fma(guess, fma(-below, guess, 1.0), guess)
    guess = fma(guess, fma(-below, guess, 1.0), guess)
    result = above * guess
    result = fma(guess, fma(-below, result, above), result)
    return -result if x < 0.0 else result


@inlined
def squash32(x: Any) -> Any:
    """Return tanh(x) in float32 as `squash64` does; largest absolute error 1.5e-7."""
    size = abs(x)
    t = np.float32(-2.0) * (np.float32(10.0) if size > np.float32(10.0) else size)
    turned = fma(t, np.float32(1.4426950408889634), _SQUASH_ROUND32)
    n = turned - _SQUASH_ROUND32
    r = fma(-n, np.float32(0.6931471805599453), t)
    q = fma(np.float32(0.008374640256372834), r, np.float32(0.04189827708809491))
    q = fma(q, r, np.float32(0.16666457247433814))
    q = fma(q, r, np.float32(0.49999147001973493))
    bits = (np.float32(turned).view(np.int32) << _SQUASH_PLACE32) + _SQUASH_ONE32
    power = np.int32(bits).view(np.float32)
    e = fma(power, fma(r * r, q, r), power)
    above, below = np.float32(1.0) - e, np.float32(1.0) + e
    guess = fma(np.float32(0.3232323232323232), below, np.float32(-1.4545454545454546))
    guess = fma(guess, below, np.float32(2.121212121212121))
    guess = fma(guess, fma(-below, guess, np.float32(1.0)), guess)
    result = above * guess
    result = fma(guess, fma(-below, result, above), result)
    return -result if x < np.float32(0.0) else result


_squash = squash32 if FLOAT is np.float32 else squash64
_network_exp = exp32 if FLOAT is np.float32 else exp64
_network_tanh = tanh32 if FLOAT is np.float32 else tanh64


@inlined
def activate(work: Any, first: Any, count: Any) -> None:
    """Replace numbers by their tanh."""
    for k in range(first, first + count):
        work[k] = _squash(work[k])


# -- inputs, linear part, outputs ------------------------------------------------------------


@inlined
def standardise(
    t: Any, x: Any, first: Any, lanes: Any, theta: Any, inputs: Any, rows: Any, work: Any,
    width: Any,
) -> None:  # fmt: skip
    """Write (x - centre) / spread, with t below the state, and zeros up to row ``rows``.

    theta begins with the centre and 1 / spread; ``lanes`` states stand in the strip.
    """
    for k in range(rows):
        if k < x.shape[0]:
            centre, rate = theta[k], theta[inputs + k]
            for i in range(lanes):
                work[k * width + i] = (x[k, first + i] - centre) * rate
            for i in range(lanes, width):
                work[k * width + i] = FLOAT(0.0)
        else:
            value = FLOAT(0.0)
            if k < inputs:
                value = FLOAT((t - theta[k]) * theta[inputs + k])
            for i in range(width):
                work[k * width + i] = value


@inlined
def set_rows(theta: Any, place: Any, work: Any, y: Any, rows: Any, width: Any) -> None:
    """Write one number of theta a row."""
    for k in range(rows):
        for i in range(width):
            work[y + k * width + i] = theta[place + k]


@inlined
def add_linear_part(
    theta: Any, place: Any, work: Any, inputs: Any, y: Any, outputs: Any, width: Any
) -> None:
    """Add slope z, with the slope of shape (outputs, inputs) in theta."""
    for j in range(outputs):
        for k in range(inputs):
            slope = theta[place + j * inputs + k]
            for i in range(width):
                at = y + j * width + i
                work[at] = fma(slope, work[k * width + i], work[at])


@inlined
def write_rows(
    work: Any, y: Any, width: Any, rows: Any, out: Any, first: Any, lanes: Any
) -> None:
    """Copy rows of the strip to where they belong."""
    for k in range(rows):
        for i in range(lanes):
            out[k, first + i] = work[y + k * width + i]


# -- covariance rate -------------------------------------------------------------------------


@inlined
def scale_factor(
    theta: Any, place: Any, work: Any, y: Any, d: Any, triangle: Any, width: Any
) -> None:
    """Turn log scales and lower triangle into a factor; theta holds log scales and units."""
    for j in range(d):
        level, unit = theta[place + j], theta[place + d + j]
        for i in range(width):
            at = y + j * width + i
            move = _network_tanh(work[at] / FLOAT(_LARGEST_LOG_SCALE))
            work[at] = unit * _network_exp(fma(FLOAT(_LARGEST_LOG_SCALE), move, level))
        if triangle:
            for k in range(j):
                row = y + (d + j * (j - 1) // 2 + k) * width
                for i in range(width):
                    work[row + i] *= work[y + j * width + i]


@inlined
def _entry(d: Any, j: Any, k: Any, width: Any) -> Any:
    """Return where entry (j, k) of a factor stands, k <= j."""
    return (j if j == k else d + j * (j - 1) // 2 + k) * width


@inlined
def add_products_of_factor(
    work: Any, y: Any, total: Any, d: Any, triangle: Any, width: Any
) -> None:
    """Add factor times its transpose."""
    for j in range(d):
        for k in range(0 if triangle else j, j + 1):
            to = total + _entry(d, j, k, width)
            for q in range(0 if triangle else k, k + 1):
                left, right = y + _entry(d, j, q, width), y + _entry(d, k, q, width)
                for i in range(width):
                    work[to + i] = fma(work[left + i], work[right + i], work[to + i])


@inlined
def factorise(work: Any, a: Any, d: Any, triangle: Any, members: Any, width: Any) -> None:
    """Replace a sum of covariance rates by the lower Cholesky factor of their mean."""
    for j in range(d):
        for k in range(0 if triangle else j, j + 1):
            at = a + _entry(d, j, k, width)
            for i in range(width):
                work[at + i] /= FLOAT(members)
            for q in range(0 if triangle else k, k):
                left, right = a + _entry(d, j, q, width), a + _entry(d, k, q, width)
                for i in range(width):
                    work[at + i] = fma(-work[left + i], work[right + i], work[at + i])
            if k < j:
                for i in range(width):
                    work[at + i] /= work[a + k * width + i]
            else:
                for i in range(width):
                    work[at + i] = math.sqrt(work[at + i])


@inlined
def write_factor(
    work: Any, y: Any, width: Any, d: Any, out: Any, first: Any, lanes: Any
) -> None:
    """Write the d * d entries of a lower triangular matrix, zeros above the diagonal."""
    for j in range(d):
        for k in range(d):
            if k <= j:
                row = y + _entry(d, j, k, width)
                for i in range(lanes):
                    out[j * d + k, first + i] = work[row + i]
            else:
                for i in range(lanes):
                    out[j * d + k, first + i] = FLOAT(0.0)
