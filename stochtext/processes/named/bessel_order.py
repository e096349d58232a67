"""The derivative of the modified Bessel function I by its order.

Law of this file: every sum has terms of one sign, or is an expansion taken to rounding error.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, psi

from stochtext._shared.typing import FloatArray
from stochtext.processes.named.bessel import DEBYE_TERMS, FAR

__all__ = ["order_slope"]

#: Terms of the power series that count for arguments up to ``FAR``.
_TERMS = 280
_CHUNK = 4096
#: Arguments beyond which the series is interpolated, to 1e-13 for orders of -1/2 and more.
_MANY = 128
_NODES = 64


def order_slope(order: float, z: FloatArray) -> FloatArray:
    """Return d log I_order(z) / d order - log(z / 2) for z >= 0 and order > -1.

    Parameters
    ----------
    order : float
        Above -1.
    z : ndarray of shape (n,)
        Arguments, >= 0.

    Returns
    -------
    ndarray of shape (n,)

    Notes
    -----
    From the power series (Abramowitz and Stegun 9.6.10) it is minus the mean of
    psi(order + k + 1) with the terms of the series as weights; where sqrt(order^2 + z^2) is
    large, Debye's expansion (9.7.7) is differentiated term by term.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.processes.named.bessel_order import order_slope
    >>> order_slope(0.0, np.array([0.0])).round(6)
    array([0.577216])
    """
    z = np.asarray(z, dtype=np.float64)
    out = np.empty_like(z)
    far = np.hypot(order, z) > FAR
    with np.errstate(divide="ignore", invalid="ignore"):
        out[far] = _debye_slope(order, z[far])
    near = np.flatnonzero(~far)
    if len(near) > _MANY and order >= -0.5:
        out[near] = _interpolated_slope(order, z[near])
        return out
    for first in range(0, len(near), _CHUNK):
        rows = near[first : first + _CHUNK]
        out[rows] = _series_slope(order, z[rows])
    return out


def _interpolated_slope(order: float, z: FloatArray) -> FloatArray:
    """Return the series from its values at Chebyshev nodes in log(1 + order + z)."""
    scale = 1.0 + abs(order)
    top = np.log1p(FAR / scale)
    nodes = np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES)
    values = _series_slope(order, np.expm1(0.5 * top * (1.0 + nodes)) * scale)
    series = np.polynomial.chebyshev.chebfit(nodes, values, _NODES - 1)
    return np.polynomial.chebyshev.chebval(2.0 * np.log1p(z / scale) / top - 1.0, series)


def _series_slope(order: float, z: FloatArray) -> FloatArray:
    k = np.arange(_TERMS, dtype=np.float64)
    with np.errstate(divide="ignore"):
        half = np.maximum(2.0 * np.log(0.5 * z), -1e3)
    log_terms = half[:, None] * k - (gammaln(k + 1.0) + gammaln(order + k + 1.0))
    weights = np.exp(log_terms - log_terms.max(axis=1, keepdims=True))
    return -(weights @ psi(order + k + 1.0)) / weights.sum(axis=1)


def _debye_slope(order: float, z: FloatArray) -> FloatArray:
    r = np.hypot(order, z)
    s = (order / r) ** 2
    s_slope = 2.0 * order * z**2 / r**4
    series, slope = np.ones_like(r), np.zeros_like(r)
    for k, (coefficients, divisor) in enumerate(DEBYE_TERMS, start=1):
        value = np.polynomial.polynomial.polyval(s, coefficients) / (divisor * r**k)
        rise = np.polynomial.polynomial.polyval(s, np.polynomial.polynomial.polyder(coefficients))
        series = series + value
        slope = slope + rise * s_slope / (divisor * r**k) - k * order / r**2 * value
    # -arcsinh(order / z) - log(z / 2), without infinities at z = 0.
    leading = np.log(2.0) - np.log(order + r) if order >= 0 else _negative(order, z)
    return leading - 0.5 * order / r**2 + slope / series


def _negative(order: float, z: FloatArray) -> FloatArray:
    return -np.arcsinh(order / z) - np.log(0.5 * z)
