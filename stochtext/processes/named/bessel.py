"""The logarithm of the modified Bessel function I, scaled, where the function itself underflows.

Law of the room: numbers in, numbers out; no process is known here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln, hyp0f1, ive

from stochtext._shared.typing import FloatArray

__all__ = ["DEBYE_TERMS", "FAR", "log_scaled_bessel"]

#: Beyond this radius sqrt(order^2 + z^2) six terms of Debye's expansion reach rounding error.
FAR = 200.0
#: Coefficients in s and divisors of the terms of Debye's expansion.
DEBYE_TERMS = (
    ((3.0, -5.0), 24.0),
    ((81.0, -462.0, 385.0), 1152.0),
    ((30375.0, -369603.0, 765765.0, -425425.0), 414720.0),
    ((4465125.0, -94121676.0, 349922430.0, -446185740.0, 185910725.0), 39813120.0),
    (
        (1519035525.0, -49286948607.0, 284499769554.0, -614135872350.0, 566098157625.0,
         -188699385875.0),
        6688604160.0,
    ),
)  # fmt: skip


def log_scaled_bessel(order: float, z: FloatArray) -> FloatArray:
    """Return log(I_order(z) exp(-z)) for z >= 0 and order > -1.

    Parameters
    ----------
    order : float
        Order of the modified Bessel function of the first kind, above -1.
    z : ndarray of shape (n,)
        Arguments, >= 0.

    Returns
    -------
    ndarray of shape (n,)

    Notes
    -----
    SciPy's ``ive`` where it neither underflows nor overflows; the leading power times
    0F1 near zero (Abramowitz and Stegun 9.6.47); Debye's uniform expansion where
    sqrt(order^2 + z^2) is large (9.7.7, written in r = sqrt(order^2 + z^2), which also
    covers order 0 and large z).
    """
    z = np.asarray(z, dtype=np.float64)
    out = np.empty_like(z)
    far = np.hypot(order, z) > FAR
    out[far] = _debye(order, z[far])
    near = np.flatnonzero(~far)
    value = ive(order, z[near])
    tiny = value < 1e-280
    with np.errstate(divide="ignore"):
        out[near] = np.where(tiny, 0.0, np.log(np.where(tiny, 1.0, value)))
    out[near[tiny]] = _leading_power(order, z[near[tiny]])
    return out


def _leading_power(order: float, z: FloatArray) -> FloatArray:
    series = hyp0f1(order + 1.0, 0.25 * z * z)
    if order == 0.0:
        return np.log(series) - z
    with np.errstate(divide="ignore"):
        return order * np.log(0.5 * z) - gammaln(order + 1.0) - z + np.log(series)


def _debye(order: float, z: FloatArray) -> FloatArray:
    r = np.hypot(order, z)
    # sqrt(order^2 + z^2) - z without cancellation for z >> order.
    exponent = order * order / (r + z)
    if order != 0.0:
        with np.errstate(divide="ignore"):
            exponent = exponent - order * np.arcsinh(order / z)
    return exponent - 0.5 * np.log(2.0 * np.pi * r) + np.log(_debye_series((order / r) ** 2, r))


def _debye_series(s: FloatArray, r: FloatArray) -> Any:
    """Return sum_k u_k / order^k with s = p^2 = (order / r)^2; u_k as in 9.3.9-10."""
    total = np.ones_like(r)
    for k, (coefficients, divisor) in enumerate(DEBYE_TERMS, start=1):
        total = total + np.polynomial.polynomial.polyval(s, coefficients) / (divisor * r**k)
    return total
