"""The score of the square-root diffusion: how its log density changes with its parameters.

Law of this file: derivatives are exact; only the density itself is taken from ``SquareRootLaw``.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expm1, exprel

from stochtext._shared.typing import FloatArray
from stochtext.processes.named.bessel import log_scaled_bessel
from stochtext.processes.named.bessel_order import order_slope
from stochtext.processes.named.square_root_law import SquareRootLaw

__all__ = ["square_root_score"]


def square_root_score(
    law: SquareRootLaw, y: FloatArray, y_next: FloatArray, dt: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the derivatives of the log density by parameters and states.

    Parameters
    ----------
    law : SquareRootLaw
    y, y_next, dt : ndarray of shape (n,)
        Positive states and lengths of the steps.

    Returns
    -------
    score : ndarray of shape (n, 3)
        By alpha, beta and sigma.
    start, end : ndarray of shape (n,)
        By log y and log y_next.

    Notes
    -----
    With D(u, v) the log density of v, r = I_(nu+1)(z) / I_nu(z) and z = 2 sqrt(u v),
    u dD/du = z r / 2 - u and v dD/dv = q + z r / 2 - v (for an absorbed process q changes
    sides), and dD/dq follows from the derivative of the Bessel function by its order.
    """
    c, u = law.scale(dt), law.start(y, dt)
    v, q = c * y_next, law.order
    order = -q if law.absorbed else q
    z = 2.0 * np.sqrt(u * v)
    # r - 1, in which the leading terms have cancelled.
    deficit = expm1(log_scaled_bessel(order + 1.0, z) - log_scaled_bessel(order, z))
    gap = np.sqrt(v) - np.sqrt(u)
    start = np.sqrt(u) * (gap * (1.0 + deficit) + np.sqrt(u) * deficit)
    end = np.sqrt(v) * (-gap * (1.0 + deficit) + np.sqrt(v) * deficit)
    start, end = (start - q, end) if law.absorbed else (start, end + q)
    sign = -1.0 if law.absorbed else 1.0
    # log(v / u) / 2 + log(z / 2) is log v, its mirror image log u.
    leading = np.log(v) if sign > 0 else np.log(u)
    by_order = sign * (leading + order_slope(order, z))
    share = _growth_slope(law.beta * dt)
    by_alpha = by_order * 2.0 / law.sigma**2
    by_beta = dt * ((1.0 - share) * start - share * (1.0 + end))
    by_sigma = -2.0 / law.sigma * (1.0 + start + end) - by_order * 4.0 * law.alpha / law.sigma**3
    return np.column_stack([by_alpha, by_beta, by_sigma]), start, end


def _growth_slope(growth: FloatArray) -> FloatArray:
    """Return the derivative of log((exp(growth) - 1) / growth), with its limit 1/2."""
    small = np.abs(growth) < 1e-2
    safe = np.where(small, 1.0, growth)
    series = 0.5 + growth / 12.0 - growth**3 / 720.0
    return np.where(small, series, (1.0 / exprel(-safe) - 1.0) / safe)
