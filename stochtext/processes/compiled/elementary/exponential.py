"""Exponential and hyperbolic functions, from exp(n log(2) + r) = 2^n exp(r)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined
from stochtext._shared.compilation.intrinsics import bits_of, float_of, fma

__all__ = [
    "cosh32",
    "cosh64",
    "exp32",
    "exp64",
    "expm132",
    "expm164",
    "sinh32",
    "sinh64",
    "swift_exp64",
    "tanh32",
    "tanh64",
]

# Adding this number rounds to an integer, which then stands in the last bits.
_ROUND = 6755399441055744.0
_EXPONENT_PLACE = np.uint64(52)
_BITS_OF_ONE = np.uint64(0x3FF0000000000000)
_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.6931471805599453
_LN2_LOW = 2.3190468138462996e-17


@inlined
def _exponential_tail(r: Any) -> Any:
    """Return (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2."""
    q = fma(2.09147553258932e-09, r, 2.5105312729622103e-08)
    q = fma(q, r, 2.755727347871858e-07)
    q = fma(q, r, 2.755725517000089e-06)
    q = fma(q, r, 2.480158732567746e-05)
    q = fma(q, r, 0.0001984126987500228)
    q = fma(q, r, 0.0013888888888883711)
    q = fma(q, r, 0.008333333333326084)
    q = fma(q, r, 0.04166666666666667)
    q = fma(q, r, 0.1666666666666667)
    return fma(q, r, 0.5)


@inlined
def _power_of_two(n: Any) -> Any:
    """Return 2^n for an integer n stored as a float, -1022 <= n <= 1023."""
    return float_of((bits_of(n + _ROUND) << _EXPONENT_PLACE) + _BITS_OF_ONE)


@inlined
def _scaled(value: Any, n: Any) -> Any:
    """Return value * 2^n, through two factors, so that n may leave the range of exponents."""
    half = (n * 0.5 + _ROUND) - _ROUND
    return value * _power_of_two(half) * _power_of_two(n - half)


@inlined
def _exponential(high: Any, low: Any, halvings: Any) -> Any:
    """Return exp(high + low) / 2^halvings; ``low`` is below one ulp of ``high``."""
    n = fma(high, _LOG2_E, _ROUND) - _ROUND
    first = fma(-n, _LN2_HIGH, high)
    rest = fma(-n, _LN2_LOW, low)
    r = first + rest
    rest = rest - (r - first)
    tail = fma(r * r, _exponential_tail(r), rest)
    return _scaled(1.0 + (r + tail), n - halvings)


@inlined
def _between(x: Any, low: Any, high: Any) -> Any:
    """Return x, at least ``low`` and at most ``high``; NaN stays NaN."""
    x = high if x > high else x
    return low if x < low else x


@inlined
def exp64(x: Any) -> Any:
    """Return exp(x). Error below 1 ulp, also where the result is subnormal."""
    return _exponential(_between(x, -750.0, 715.0), 0.0, 0.0)


@inlined
def swift_exp64(x: Any) -> Any:
    """Return exp(x) in half the time, for -708 <= x <= 709. Error below 1 ulp.

    Above, it is infinite; below, the smallest number of the range. For long vectors of which
    each number waits for its polynomial, which is why that is evaluated as a tree.
    """
    inside = _between(x, -708.0, 709.0)
    n = fma(inside, _LOG2_E, _ROUND) - _ROUND
    r = fma(-n, _LN2_LOW, fma(-n, _LN2_HIGH, inside))
    z = r * r
    low = fma(fma(0.041666666666666667, r, 0.16666666666666667), r, 0.5)
    middle = fma(0.0013888888888883711, r, 0.008333333333326084)
    middle = fma(fma(2.48015873256774e-05, r, 0.0001984126987500228), z, middle)
    high = fma(2.755727347871858e-07, r, 2.755725517000089e-06)
    high = fma(fma(2.09147553258932e-09, r, 2.5105312729622103e-08), z, high)
    tail = fma(fma(high, z * z, middle), z * r, low)
    result = fma(tail, z, r) + 1.0
    return math.inf if x > 709.0 else result * _power_of_two(n)


@inlined
def exp32(x: Any) -> Any:
    """Return exp(x) in float32. Error below 0.51 ulp, also where the result is subnormal."""
    wide = _between(np.float64(x), -110.0, 95.0)
    n = fma(wide, _LOG2_E, _ROUND) - _ROUND
    r = fma(-n, _LN2_HIGH, wide)
    q = fma(0.00019891080463998843, r, 0.0013933730715792083)
    q = fma(q, r, 0.008333310844647862)
    q = fma(q, r, 0.04166646419740569)
    q = fma(q, r, 0.16666666681704215)
    q = fma(q, r, 0.500000001353873)
    return np.float32(fma(r * r, q, 1.0 + r) * _power_of_two(n))


@inlined
def expm164(x: Any) -> Any:
    """Return exp(x) - 1. Error below 1.5 ulp."""
    inside = _between(x, -60.0, 709.9)
    n = fma(inside, _LOG2_E, _ROUND) - _ROUND
    first = fma(-n, _LN2_HIGH, inside)
    rest = -n * _LN2_LOW
    r = first + rest
    rest = rest - (r - first)
    change = r + fma(r * r, _exponential_tail(r), rest)
    # Half the power of two, so that it does not overflow before the result does.
    half = _power_of_two(n - 1.0)
    result = 2.0 * (fma(half, change, half - 0.5))
    return x if abs(x) < 1e-17 else result


@inlined
def expm132(x: Any) -> Any:
    """Return exp(x) - 1 in float32. Error below 0.51 ulp."""
    return np.float32(expm164(np.float64(x)))


@inlined
def _quick_change(x: Any) -> Any:
    """Return exp(x) - 1 for 0 <= x <= 40, with an error below 2 ulp."""
    n = fma(x, _LOG2_E, _ROUND) - _ROUND
    r = fma(-n, _LN2_LOW, fma(-n, _LN2_HIGH, x))
    change = fma(r * r, _exponential_tail(r), r)
    power = _power_of_two(n)
    return fma(power, change, power - 1.0)


@inlined
def tanh64(x: Any) -> Any:
    """Return the hyperbolic tangent. Error below 3 ulp."""
    size = abs(x)
    change = _quick_change(2.0 * (20.0 if size > 20.0 else size))
    result = change / (change + 2.0)
    result = -result if x < 0.0 else result
    return x if size < 1e-9 else result


@inlined
def tanh32(x: Any) -> Any:
    """Return the hyperbolic tangent in float32. Error below 0.51 ulp."""
    return np.float32(tanh64(np.float64(x)))


@inlined
def sinh64(x: Any) -> Any:
    """Return the hyperbolic sine. Error below 2 ulp."""
    size = abs(x)
    small = expm164(1.0 if size > 1.0 else size)
    small = 0.5 * (small + small / (small + 1.0))
    half = _exponential(_between(size, 0.0, 715.0), 0.0, 1.0)
    result = small if size < 1.0 else half - 0.25 / half
    result = -result if x < 0.0 else result
    return x if size < 1e-9 else result


@inlined
def sinh32(x: Any) -> Any:
    """Return the hyperbolic sine in float32. Error below 0.51 ulp."""
    return np.float32(sinh64(np.float64(x)))


@inlined
def cosh64(x: Any) -> Any:
    """Return the hyperbolic cosine. Error below 1.5 ulp."""
    half = _exponential(_between(abs(x), 0.0, 715.0), 0.0, 1.0)
    return half + 0.25 / half


@inlined
def cosh32(x: Any) -> Any:
    """Return the hyperbolic cosine in float32. Error below 0.51 ulp."""
    return np.float32(cosh64(np.float64(x)))
