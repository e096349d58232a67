"""Powers: exp(y log x), the logarithm as a sum of two floats, so that no digit is lost."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined
from stochtext._shared.compilation.intrinsics import bits_of, fma
from stochtext.processes.compiled.elementary.exponential import _between, _exponential
from stochtext.processes.compiled.elementary.logarithm import (
    _LN2_FIRST,
    _LN2_SECOND,
    _SHIFT,
    _SMALLEST_NORMAL,
    _exponent,
    _mantissa,
)

__all__ = ["power32", "power64"]

_SIGN_PLACE = np.uint64(63)
_NO_SIGN = np.uint64(0)


@inlined
def _power_tail(z: Any) -> Any:
    """Return (2 artanh(s) - 2 s - 2 s^3 / 3) / s^5 at z = s^2, |s| <= 0.172."""
    q = fma(0.11748731293045087, z, 0.11703768295090529)
    q = fma(q, z, 0.13334897783803823)
    q = fma(q, z, 0.15384593233666863)
    q = fma(q, z, 0.18181818351736828)
    q = fma(q, z, 0.22222222221583057)
    q = fma(q, z, 0.28571428571429486)
    return fma(q, z, 0.4)


@inlined
def _positive_power(x: Any, y: Any) -> Any:
    """Return x^y for x > 0, with the logarithm in twice the precision of a float."""
    small = x < _SMALLEST_NORMAL
    normal = x * _SHIFT if small else x
    k = _exponent(normal)
    f = _mantissa(normal) - 1.0
    k = k - 54.0 if small else k
    below = 2.0 + f
    inverse = 1.0 / below
    s = f * inverse
    s_low = fma(-s, f - (below - 2.0), fma(-s, below, f)) * inverse
    z = s * s
    z_low = fma(2.0 * s, s_low, fma(s, s, -z))
    cube = s * z
    cube_low = fma(s_low, z, fma(s, z_low, fma(s, z, -cube)))
    third = cube * 0.6666666666666666
    third_low = (
        fma(cube_low, 0.6666666666666666, fma(cube, 0.6666666666666666, -third))
        + cube * 3.700743415417188e-17
    )
    # Sums from the largest to the smallest part, each with what it lost.
    largest = k * _LN2_FIRST
    first = largest + 2.0 * s
    lost = 2.0 * s - (first - largest)
    second = first + third
    lost = lost + (third - (second - first))
    lost = lost + fma(cube * z, _power_tail(z), fma(k, _LN2_SECOND, fma(2.0, s_low, third_low)))
    high = second + lost
    low = lost - (high - second)
    product = y * high
    product_low = fma(y, low, fma(y, high, -product))
    inside = _between(product, -750.0, 715.0)
    return _exponential(inside, product_low if inside == product else 0.0, 0.0)


@inlined
def power64(x: Any, y: Any) -> Any:
    """Return x^y as C's pow does. Error below 1.5 ulp."""
    size = abs(x)
    result = _positive_power(size, y)
    result = (math.inf if y < 0.0 else 0.0) if size == 0.0 else result
    result = (0.0 if y < 0.0 else math.inf) if size == math.inf else result
    whole = np.floor(y) == y
    odd = whole & (np.floor(0.5 * y) != 0.5 * y)
    negative = (bits_of(x) >> _SIGN_PLACE) != _NO_SIGN
    result = -result if negative & odd else result
    undefined = (x < 0.0) & (not whole) & (size != math.inf)
    result = math.nan if undefined else result
    result = x + y if (x != x) | (y != y) else result
    return 1.0 if (y == 0.0) | (x == 1.0) | ((x == -1.0) & (abs(y) == math.inf)) else result


@inlined
def power32(x: Any, y: Any) -> Any:
    """Return x^y in float32. Error below 0.51 ulp."""
    return np.float32(power64(np.float64(x), np.float64(y)))
