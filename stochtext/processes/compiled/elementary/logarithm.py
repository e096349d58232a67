"""Logarithms: log(2^k m) = k log(2) + 2 artanh((m - 1) / (m + 1))."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined
from stochtext._shared.compilation.intrinsics import bits_of, float_of, fma

__all__ = ["log1p32", "log1p64", "log32", "log64"]

_SMALLEST_NORMAL = 2.2250738585072014e-308
_LARGEST = 1.7976931348623157e308
_SHIFT = 1.8014398509481984e16
_BITS_OF_ROOT_HALF = np.uint64(0x3FE6A09E667F3BCD)
_FIELD = np.uint64(52)
_EXPONENT_SHIFT = np.uint64(1024)
_BITS_OF_2_52 = np.uint64(0x4330000000000000)
_TWO_52 = 4503599627370496.0 + 1024.0
_LN2_FIRST = 6.93147180369123816490e-01
_LN2_SECOND = 1.90821492927058770002e-10


@inlined
def _place(x: Any) -> Any:
    """Return k + 1024 with x / 2^k in [sqrt(1/2), sqrt(2)), for normal x > 0."""
    steps = bits_of(x) - _BITS_OF_ROOT_HALF + (_EXPONENT_SHIFT << _FIELD)
    return steps >> _FIELD


@inlined
def _exponent(x: Any) -> Any:
    """Return k as a float."""
    return float_of(_place(x) | _BITS_OF_2_52) - _TWO_52


@inlined
def _mantissa(x: Any) -> Any:
    """Return x / 2^k."""
    return float_of(bits_of(x) + ((_EXPONENT_SHIFT - _place(x)) << _FIELD))


@inlined
def _logarithm_tail(z: Any) -> Any:
    """Return (2 artanh(s) - 2 s) / s^3 at z = s^2, |s| <= 0.172."""
    q = fma(0.13114976096717038, z, 0.1326603503726105)
    q = fma(q, z, 0.15386342974308154)
    q = fma(q, z, 0.18181793722272505)
    q = fma(q, z, 0.2222222240984404)
    q = fma(q, z, 0.2857142857072283)
    q = fma(q, z, 0.4000000000000101)
    return fma(q, z, 0.6666666666666666)


@inlined
def _logarithm(f: Any, k: Any, rest: Any) -> Any:
    """Return log(1 + f) + k log(2) + rest."""
    s = f / (2.0 + f)
    z = s * s
    half = 0.5 * f * f
    inner = fma(s, fma(z, _logarithm_tail(z), half), fma(k, _LN2_SECOND, rest))
    return fma(k, _LN2_FIRST, f - (half - inner))


@inlined
def log64(x: Any) -> Any:
    """Return the natural logarithm. Error below 1 ulp."""
    small = x < _SMALLEST_NORMAL
    normal = x * _SHIFT if small else x
    k = _exponent(normal)
    f = _mantissa(normal) - 1.0
    result = _logarithm(f, k - 54.0 if small else k, 0.0)
    result = x if x > _LARGEST else result
    result = -math.inf if x == 0.0 else result
    return result if x >= 0.0 else math.nan


@inlined
def log32(x: Any) -> Any:
    """Return the natural logarithm in float32. Error below 0.51 ulp."""
    return np.float32(log64(np.float64(x)))


@inlined
def log1p64(x: Any) -> Any:
    """Return log(1 + x). Error below 1 ulp."""
    whole = 1.0 + x
    k = _exponent(whole)
    # What was lost in 1 + x, to first order.
    lost = 1.0 - (whole - x) if x > 1.0 else x - (whole - 1.0)
    near = k == 0.0
    rest = 0.0 if near else lost / whole
    f = x if near else _mantissa(whole) - 1.0
    result = _logarithm(f, k, rest)
    result = x if x > _LARGEST else result
    result = -math.inf if x == -1.0 else result
    result = x if abs(x) < 1e-17 else result
    return result if x >= -1.0 else math.nan


@inlined
def log1p32(x: Any) -> Any:
    """Return log(1 + x) in float32. Error below 0.51 ulp."""
    return np.float32(log1p64(np.float64(x)))
