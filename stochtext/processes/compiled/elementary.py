"""Elementary functions that loops can vectorise: no call of a library, no branch.

Law of the room: every function documents its largest error in units in the last place (ulp) of
the correctly rounded result, measured against 200-bit arithmetic, and is right for NaN, infinite,
subnormal and signed-zero arguments. Names ending in 64 are for float64, in 32 for float32.
Functions for float32 compute in float64 and round once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined
from stochtext._shared.compilation.intrinsics import bits_of, float_of, fma

__all__ = [
    "arctan32",
    "arctan64",
    "cos32",
    "cos64",
    "cos_far32",
    "cos_far64",
    "cosh32",
    "cosh64",
    "exp32",
    "exp64",
    "expm132",
    "expm164",
    "log1p32",
    "log1p64",
    "log32",
    "log64",
    "periodic_limit32",
    "periodic_limit64",
    "power32",
    "power64",
    "sin32",
    "sin64",
    "sin_far32",
    "sin_far64",
    "sinh32",
    "sinh64",
    "tan32",
    "tan64",
    "tan_far32",
    "tan_far64",
    "tanh32",
    "tanh64",
]

#: Largest argument of the vector code of sine, cosine and tangent; the ``far`` functions are
#: right beyond it.
periodic_limit64 = 2.0**35
periodic_limit32 = np.float32(2.0**35)

# Adding this number rounds to an integer, which then stands in the last bits.
_ROUND = 6755399441055744.0
_ONE = np.uint64(1)
_TWO = np.uint64(2)
_NONE = np.uint64(0)
_EXPONENT_PLACE = np.uint64(52)
_SIGN_PLACE = np.uint64(63)
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
    """Return exp(x). Largest error 0.7 ulp; 1 ulp where the result is subnormal."""
    return _exponential(_between(x, -750.0, 715.0), 0.0, 0.0)


@inlined
def expm164(x: Any) -> Any:
    """Return exp(x) - 1. Largest error 1.1 ulp."""
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
def tanh64(x: Any) -> Any:
    """Return the hyperbolic tangent. Largest error 2 ulp."""
    size = abs(x)
    change = expm164(2.0 * (20.0 if size > 20.0 else size))
    result = change / (change + 2.0)
    result = -result if x < 0.0 else result
    return x if size < 1e-9 else result


@inlined
def sinh64(x: Any) -> Any:
    """Return the hyperbolic sine. Largest error 2 ulp."""
    size = abs(x)
    small = expm164(1.0 if size > 1.0 else size)
    small = 0.5 * (small + small / (small + 1.0))
    half = _exponential(_between(size, 0.0, 715.0), 0.0, 1.0)
    result = small if size < 1.0 else half - 0.25 / half
    result = -result if x < 0.0 else result
    return x if size < 1e-9 else result


@inlined
def cosh64(x: Any) -> Any:
    """Return the hyperbolic cosine. Largest error 1.3 ulp."""
    half = _exponential(_between(abs(x), 0.0, 715.0), 0.0, 1.0)
    return half + 0.25 / half


# -- logarithms ------------------------------------------------------------------------------

_SMALLEST_NORMAL = 2.2250738585072014e-308
_SHIFT = 1.8014398509481984e16
_BITS_OF_ROOT_HALF = np.uint64(0x3FE6A09E667F3BCD)
_EXPONENT_SHIFT = np.uint64(1024)
_BITS_OF_2_52 = np.uint64(0x4330000000000000)
_TWO_52 = 4503599627370496.0 + 1024.0
_LN2_FIRST = 6.93147180369123816490e-01
_LN2_SECOND = 1.90821492927058770002e-10


@inlined
def _exponent(x: Any) -> Any:
    """Return k with x / 2^k in [sqrt(1/2), sqrt(2)), for normal x > 0."""
    place = (bits_of(x) - _BITS_OF_ROOT_HALF + (_EXPONENT_SHIFT << _EXPONENT_PLACE)) >> _EXPONENT_PLACE
    return float_of(place | _BITS_OF_2_52) - _TWO_52


@inlined
def _mantissa(x: Any) -> Any:
    """Return x / 2^k in [sqrt(1/2), sqrt(2)), for normal x > 0."""
    bits = bits_of(x)
    place = (bits - _BITS_OF_ROOT_HALF + (_EXPONENT_SHIFT << _EXPONENT_PLACE)) >> _EXPONENT_PLACE
    return float_of(bits + ((_EXPONENT_SHIFT - place) << _EXPONENT_PLACE))


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
    """Return the natural logarithm. Largest error 0.9 ulp."""
    small = x < _SMALLEST_NORMAL
    normal = x * _SHIFT if small else x
    k = _exponent(normal)
    f = _mantissa(normal) - 1.0
    result = _logarithm(f, k - 54.0 if small else k, 0.0)
    result = x if x > 1.7976931348623157e308 else result
    result = -math.inf if x == 0.0 else result
    return result if x >= 0.0 else math.nan


@inlined
def log1p64(x: Any) -> Any:
    """Return log(1 + x). Largest error 1.1 ulp."""
    whole = 1.0 + x
    k = _exponent(whole)
    # What was lost in 1 + x, to first order.
    lost = 1.0 - (whole - x) if x > 1.0 else x - (whole - 1.0)
    near = k == 0.0
    rest = 0.0 if near else lost / whole
    f = x if near else _mantissa(whole) - 1.0
    result = _logarithm(f, k, rest)
    result = x if x > 1.7976931348623157e308 else result
    result = -math.inf if x == -1.0 else result
    result = x if abs(x) < 1e-17 else result
    return result if x >= -1.0 else math.nan


# -- powers ----------------------------------------------------------------------------------


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
    third_low = fma(
        cube_low, 0.6666666666666666, fma(cube, 0.6666666666666666, -third)
    ) + cube * 3.700743415417188e-17
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
    """Return x^y as C's pow does. Largest error 0.8 ulp."""
    size = abs(x)
    result = _positive_power(size, y)
    result = (math.inf if y < 0.0 else 0.0) if size == 0.0 else result
    result = (0.0 if y < 0.0 else math.inf) if size == math.inf else result
    whole = np.floor(y) == y
    odd = whole & (np.floor(0.5 * y) != 0.5 * y)
    negative = (bits_of(x) >> _SIGN_PLACE) != _NONE
    result = -result if negative & odd else result
    undefined = (x < 0.0) & (not whole) & (size != math.inf)
    result = math.nan if undefined else result
    result = x + y if (x != x) | (y != y) else result
    return 1.0 if (y == 0.0) | (x == 1.0) | ((x == -1.0) & (abs(y) == math.inf)) else result


# -- sine, cosine, tangent -------------------------------------------------------------------

_TWO_OVER_PI = 0.6366197723675814
_HALF_PI_FIRST = 1.5707963267948966
_HALF_PI_SECOND = 6.123233995736766e-17
_HALF_PI_THIRD = -1.4973849048591698e-33


@inlined
def _quarter(x: Any) -> Any:
    """Return how many quarter turns x is, rounded, in the last bits of a float."""
    return fma(x, _TWO_OVER_PI, _ROUND)


@inlined
def _in_quarter(x: Any, n: Any) -> Any:
    """Return x - n pi / 2; the first step is exact, because both share their last bit."""
    r = fma(-n, _HALF_PI_FIRST, x)
    r = fma(-n, _HALF_PI_SECOND, r)
    return fma(-n, _HALF_PI_THIRD, r)


@inlined
def _sine(r: Any) -> Any:
    z = r * r
    q = fma(1.5915309183057952e-10, z, -2.5051092308431318e-08)
    q = fma(q, z, 2.7557315910939e-06)
    q = fma(q, z, -0.00019841269836385435)
    q = fma(q, z, 0.0083333333333307)
    q = fma(q, z, -0.16666666666666666)
    return fma(r * z, q, r)


@inlined
def _cosine(r: Any) -> Any:
    z = r * r
    q = fma(-1.1380868171449914e-11, z, 2.0876121534608454e-09)
    q = fma(q, z, -2.7557317151858866e-07)
    q = fma(q, z, 2.480158729853226e-05)
    q = fma(q, z, -0.0013888888888887241)
    q = fma(q, z, 0.041666666666666664)
    half = 0.5 * z
    near = 1.0 - half
    return near + fma(z * z, q, (1.0 - near) - half)


@inlined
def sin64(x: Any) -> Any:
    """Return the sine for |x| <= 2^35. Largest error 1 ulp; nonsense beyond that."""
    turned = _quarter(x)
    r = _in_quarter(x, turned - _ROUND)
    place = bits_of(turned)
    result = _cosine(r) if (place & _ONE) != _NONE else _sine(r)
    result = -result if (place & _TWO) != _NONE else result
    return x if abs(x) < 1e-9 else result


@inlined
def cos64(x: Any) -> Any:
    """Return the cosine for |x| <= 2^35. Largest error 1 ulp; nonsense beyond that."""
    turned = _quarter(x)
    r = _in_quarter(x, turned - _ROUND)
    place = bits_of(turned)
    result = _sine(r) if (place & _ONE) != _NONE else _cosine(r)
    return -result if ((place + _ONE) & _TWO) != _NONE else result


@inlined
def tan64(x: Any) -> Any:
    """Return the tangent for |x| <= 2^35. Largest error 2 ulp; nonsense beyond that."""
    turned = _quarter(x)
    r = _in_quarter(x, turned - _ROUND)
    above, below = _sine(r), _cosine(r)
    odd = (bits_of(turned) & _ONE) != _NONE
    result = (-below if odd else above) / (above if odd else below)
    return x if abs(x) < 1e-9 else result


@inlined
def sin_far64(x: Any) -> Any:
    """Return the sine of any number; as `sin64` where that is right."""
    return sin64(x) if abs(x) <= periodic_limit64 else math.sin(x)


@inlined
def cos_far64(x: Any) -> Any:
    """Return the cosine of any number; as `cos64` where that is right."""
    return cos64(x) if abs(x) <= periodic_limit64 else math.cos(x)


@inlined
def tan_far64(x: Any) -> Any:
    """Return the tangent of any number; as `tan64` where that is right."""
    return tan64(x) if abs(x) <= periodic_limit64 else math.tan(x)


@inlined
def arctan64(x: Any) -> Any:
    """Return the inverse tangent. Largest error 1 ulp."""
    size = abs(x)
    above = -1.0
    below = size
    high = 1.5707963267948966
    low = 6.123233995736766e-17
    middle = size < 2.4375
    above = size - 1.5 if middle else above
    below = fma(1.5, size, 1.0) if middle else below
    high = 0.982793723247329 if middle else high
    low = 1.3903311031230998e-17 if middle else low
    middle = size < 1.1875
    above = size - 1.0 if middle else above
    below = size + 1.0 if middle else below
    high = 0.7853981633974483 if middle else high
    low = 3.061616997868383e-17 if middle else low
    middle = size < 0.6875
    above = fma(2.0, size, -1.0) if middle else above
    below = size + 2.0 if middle else below
    high = 0.4636476090008061 if middle else high
    low = 2.2698777452961687e-17 if middle else low
    near = size < 0.4375
    above = size if near else above
    below = 1.0 if near else below
    high = 0.0 if near else high
    low = 0.0 if near else low
    r = above / below
    z = r * r
    q = fma(-0.017398493746311847, z, 0.03768901965761332)
    q = fma(q, z, -0.05028655774469561)
    q = fma(q, z, 0.058465916600748055)
    q = fma(q, z, -0.06663093015943815)
    q = fma(q, z, 0.07692075701061427)
    q = fma(q, z, -0.0909089963318541)
    q = fma(q, z, 0.11111110885034843)
    q = fma(q, z, -0.14285714282932097)
    q = fma(q, z, 0.19999999999986603)
    q = fma(q, z, -0.3333333333333332)
    result = high + (r + fma(r * z, q, low))
    result = -result if x < 0.0 else result
    return x if size < 1e-9 else result


# -- single precision ------------------------------------------------------------------------


@inlined
def exp32(x: Any) -> Any:
    """Return exp(x) in float32. Largest error 0.51 ulp, also where the result is subnormal."""
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
def expm132(x: Any) -> Any:
    """Return exp(x) - 1 in float32. Largest error 0.51 ulp."""
    return np.float32(expm164(np.float64(x)))


@inlined
def tanh32(x: Any) -> Any:
    """Return the hyperbolic tangent in float32. Largest error 0.51 ulp."""
    return np.float32(tanh64(np.float64(x)))


@inlined
def sinh32(x: Any) -> Any:
    """Return the hyperbolic sine in float32. Largest error 0.51 ulp."""
    return np.float32(sinh64(np.float64(x)))


@inlined
def cosh32(x: Any) -> Any:
    """Return the hyperbolic cosine in float32. Largest error 0.51 ulp."""
    return np.float32(cosh64(np.float64(x)))


@inlined
def log32(x: Any) -> Any:
    """Return the natural logarithm in float32. Largest error 0.51 ulp."""
    return np.float32(log64(np.float64(x)))


@inlined
def log1p32(x: Any) -> Any:
    """Return log(1 + x) in float32. Largest error 0.51 ulp."""
    return np.float32(log1p64(np.float64(x)))


@inlined
def power32(x: Any, y: Any) -> Any:
    """Return x^y in float32. Largest error 0.51 ulp."""
    return np.float32(power64(np.float64(x), np.float64(y)))


@inlined
def sin32(x: Any) -> Any:
    """Return the sine in float32 for |x| <= 2^35. Largest error 0.51 ulp."""
    return np.float32(sin64(np.float64(x)))


@inlined
def cos32(x: Any) -> Any:
    """Return the cosine in float32 for |x| <= 2^35. Largest error 0.51 ulp."""
    return np.float32(cos64(np.float64(x)))


@inlined
def tan32(x: Any) -> Any:
    """Return the tangent in float32 for |x| <= 2^35. Largest error 0.51 ulp."""
    return np.float32(tan64(np.float64(x)))


@inlined
def sin_far32(x: Any) -> Any:
    """Return the sine of any float32."""
    return np.float32(sin_far64(np.float64(x)))


@inlined
def cos_far32(x: Any) -> Any:
    """Return the cosine of any float32."""
    return np.float32(cos_far64(np.float64(x)))


@inlined
def tan_far32(x: Any) -> Any:
    """Return the tangent of any float32."""
    return np.float32(tan_far64(np.float64(x)))


@inlined
def arctan32(x: Any) -> Any:
    """Return the inverse tangent in float32. Largest error 0.51 ulp."""
    return np.float32(arctan64(np.float64(x)))
