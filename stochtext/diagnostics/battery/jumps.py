"""Whether some residuals are too large for a diffusion.

Law of this file: products of neighbours stay within a trajectory.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr
from scipy.stats import norm

from stochtext._shared.typing import FloatArray
from stochtext.diagnostics.battery.sample import Layout

__all__ = ["bipower_statistic", "largest_residual", "largest_residual_pvalue"]

FACTOR = math.pi / 2
TRIPOWER = (2 ** (2 / 3) * math.gamma(7 / 6) / math.gamma(1 / 2)) ** -3


def bipower_statistic(normal: FloatArray, layout: Layout) -> float:
    r"""Return the ratio statistic of realised and bipower variation, standard normal.

    Parameters
    ----------
    normal : ndarray of shape (n, d)
        Residuals; the columns' statistics are added up and divided by the root of d.
    layout : Layout

    Notes
    -----
    With :math:`RV = \sum Z_t^2`, :math:`BV = \frac{\pi}{2} n \, \overline{Z_t Z_{t-1}}` of
    absolute values, the tripower quarticity TQ of powers 4/3, and n residuals,

    .. math::

        z = \frac{1 - BV / RV}{\sqrt{\big((\pi/2)^2 + \pi - 5\big) \max(1, TQ / BV^2) / n}} .

    One large residual enters RV with its square and BV with its size only; a slowly changing
    variance enters both alike, so that the test tells jumps from stochastic volatility.

    References
    ----------
    Barndorff-Nielsen, O. E. and Shephard, N. (2006). Econometrics of testing for jumps in
    financial economics using bipower variation. Journal of Financial Econometrics 4, 1-30.

    Huang, X. and Tauchen, G. (2005). The relative contribution of jumps to total price
    variance. Journal of Financial Econometrics 3, 456-499.
    """
    n, d = normal.shape
    size = np.abs(normal)
    one, two = layout.later(1), layout.later(2)
    realised = np.sum(size**2, axis=0)
    bipower = FACTOR * n * np.mean(size[one] * size[one - 1], axis=0)
    power = size ** (4 / 3)
    quarticity = TRIPOWER * n**2 * np.mean(power[two] * power[two - 1] * power[two - 2], axis=0)
    spread = np.maximum(1.0, quarticity / bipower**2)
    variance = (FACTOR**2 + math.pi - 5) / n * spread
    return float(np.sum((1 - bipower / realised) / np.sqrt(variance)) / math.sqrt(d))


def largest_residual(normal: FloatArray) -> float:
    """Return the largest absolute residual."""
    return float(np.max(np.abs(normal)))


def largest_residual_pvalue(largest: float, count: int) -> float:
    r"""Return the probability that the largest of ``count`` normal numbers is as large.

    Notes
    -----
    :math:`1 - (2 \Phi(m) - 1)^n` exactly, where Lee and Mykland's jump test takes the Gumbel
    limit; conservative where the variance was estimated from the same residuals.

    References
    ----------
    Lee, S. S. and Mykland, P. A. (2008). Jumps in financial markets: a new nonparametric
    test and jump dynamics. Review of Financial Studies 21, 2535-2563.
    """
    if largest < 1:
        return float(1 - (2 * ndtr(largest) - 1) ** count)
    return float(-np.expm1(count * np.log1p(-2 * norm.sf(largest))))
