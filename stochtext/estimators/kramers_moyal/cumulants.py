"""From conditional moments to conditional cumulants, whose rates are the coefficients."""

from __future__ import annotations

from math import factorial

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["coefficients_of_moments"]


def coefficients_of_moments(
    moments: FloatArray, step: FloatArray, squared_step: FloatArray, *, corrected: bool
) -> tuple[FloatArray, FloatArray]:
    """Return D_0 to D_order and their derivatives by the moments.

    Parameters
    ----------
    moments : ndarray of shape (C, order + 1)
        In column n the mean of e**n / dt, e being the increment less its mean; the columns
        0 and 1 are not read.
    step, squared_step : ndarrays of shape (C,)
        Means of dt and of dt**2.
    corrected : bool
        Whether the products of lower moments that a finite step adds are taken off.

    Returns
    -------
    coefficients : ndarray of shape (C, order + 1)
        NaN in the columns 0 and 1.
    derivatives : ndarray of shape (C, order + 1, order + 1)
        Of each coefficient by each moment.

    Notes
    -----
    Without state dependence within a step, exp(dt D(s)) generates the moments, D(s) being
    the sum of ``D_n s**n``: ``n! D_n dt`` is the n-th cumulant, which is the finite-time
    correction to all orders in dt.

    References
    ----------
    Rydin Gorjão, L., Witthaut, D., Lehnertz, K. and Lind, P. G. (2021), Arbitrary-order
    finite-time corrections for the Kramers-Moyal operator, Entropy 23, 517.
    """
    cells, size = moments.shape
    h, g = step, squared_step
    values = moments.copy()
    values[:, :2] = np.nan
    slopes = np.zeros((cells, size, size))
    slopes[:] = np.eye(size)
    if corrected:
        _take_off_products(moments, h, g, values, slopes)
    scale = np.array([1.0 / factorial(n) for n in range(size)])
    return values * scale, slopes * scale[None, :, None]


def _take_off_products(
    y: FloatArray, h: FloatArray, g: FloatArray, values: FloatArray, slopes: FloatArray
) -> None:
    """Turn central moments into cumulants, with mean(dt) = h and mean(dt**2) = g."""
    size = y.shape[1]
    if size > 4:
        values[:, 4] -= 3 * h * y[:, 2] ** 2
        slopes[:, 4, 2] = -6 * h * y[:, 2]
    if size > 5:
        values[:, 5] -= 10 * h * y[:, 3] * y[:, 2]
        slopes[:, 5, 2], slopes[:, 5, 3] = -10 * h * y[:, 3], -10 * h * y[:, 2]
    if size > 6:
        cubic = 45 * h**2 - 15 * g
        values[:, 6] += -15 * h * y[:, 4] * y[:, 2] - 10 * h * y[:, 3] ** 2 + cubic * y[:, 2] ** 3
        slopes[:, 6, 2] = -15 * h * y[:, 4] + 3 * cubic * y[:, 2] ** 2
        slopes[:, 6, 3] = -20 * h * y[:, 3]
        slopes[:, 6, 4] = -15 * h * y[:, 2]
