"""Sine, cosine and tangent: a whole number of quarter turns is taken off in three steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined
from stochtext._shared.compilation.intrinsics import bits_of, fma

__all__ = [
    "cos32",
    "cos64",
    "cos_far32",
    "cos_far64",
    "periodic_limit32",
    "periodic_limit64",
    "sin32",
    "sin64",
    "sin_far32",
    "sin_far64",
    "tan32",
    "tan64",
    "tan_far32",
    "tan_far64",
]

#: Largest argument of the vector code; the ``far`` functions are right beyond it.
periodic_limit64 = 2.0**35
periodic_limit32 = np.float32(2.0**35)

# Adding this number rounds to an integer, which then stands in the last bits.
_WHOLE = 6755399441055744.0
_ONE = np.uint64(1)
_TWO = np.uint64(2)
_NONE = np.uint64(0)
_TWO_OVER_PI = 0.6366197723675814
_HALF_PI_FIRST = 1.5707963267948966
_HALF_PI_SECOND = 6.123233995736766e-17
_HALF_PI_THIRD = -1.4973849048591698e-33


@inlined
def _quarter(x: Any) -> Any:
    """Return how many quarter turns x is, rounded, in the last bits of a float."""
    return fma(x, _TWO_OVER_PI, _WHOLE)


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
    """Return the sine for |x| <= 2^35. Error below 1.5 ulp; nonsense beyond that."""
    turned = _quarter(x)
    r = _in_quarter(x, turned - _WHOLE)
    place = bits_of(turned)
    result = _cosine(r) if (place & _ONE) != _NONE else _sine(r)
    result = -result if (place & _TWO) != _NONE else result
    return x if abs(x) < 1e-9 else result


@inlined
def sin32(x: Any) -> Any:
    """Return the sine in float32 for |x| <= 2^35. Error below 0.51 ulp."""
    return np.float32(sin64(np.float64(x)))


@inlined
def cos64(x: Any) -> Any:
    """Return the cosine for |x| <= 2^35. Error below 1.5 ulp; nonsense beyond that."""
    turned = _quarter(x)
    r = _in_quarter(x, turned - _WHOLE)
    place = bits_of(turned)
    result = _sine(r) if (place & _ONE) != _NONE else _cosine(r)
    return -result if ((place + _ONE) & _TWO) != _NONE else result


@inlined
def cos32(x: Any) -> Any:
    """Return the cosine in float32 for |x| <= 2^35. Error below 0.51 ulp."""
    return np.float32(cos64(np.float64(x)))


@inlined
def tan64(x: Any) -> Any:
    """Return the tangent for |x| <= 2^35. Error below 3 ulp; nonsense beyond that."""
    turned = _quarter(x)
    r = _in_quarter(x, turned - _WHOLE)
    above, below = _sine(r), _cosine(r)
    odd = (bits_of(turned) & _ONE) != _NONE
    result = (-below if odd else above) / (above if odd else below)
    return x if abs(x) < 1e-9 else result


@inlined
def tan32(x: Any) -> Any:
    """Return the tangent in float32 for |x| <= 2^35. Error below 0.51 ulp."""
    return np.float32(tan64(np.float64(x)))


@inlined
def sin_far64(x: Any) -> Any:
    """Return the sine of any number; as `sin64` where that is right."""
    return sin64(x) if abs(x) <= periodic_limit64 else math.sin(x)


@inlined
def sin_far32(x: Any) -> Any:
    """Return the sine of any float32."""
    return np.float32(sin_far64(np.float64(x)))


@inlined
def cos_far64(x: Any) -> Any:
    """Return the cosine of any number; as `cos64` where that is right."""
    return cos64(x) if abs(x) <= periodic_limit64 else math.cos(x)


@inlined
def cos_far32(x: Any) -> Any:
    """Return the cosine of any float32."""
    return np.float32(cos_far64(np.float64(x)))


@inlined
def tan_far64(x: Any) -> Any:
    """Return the tangent of any number; as `tan64` where that is right."""
    return tan64(x) if abs(x) <= periodic_limit64 else math.tan(x)


@inlined
def tan_far32(x: Any) -> Any:
    """Return the tangent of any float32."""
    return np.float32(tan_far64(np.float64(x)))
