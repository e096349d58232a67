"""From a statistic and simulated ones to a p-value.

Law of this file: within the range of the draws a p-value is a rank.
"""

from __future__ import annotations

import math

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["bootstrap_pvalue"]

FEWEST_DRAWS = 19
TAIL = 0.1
FEWEST_TAIL = 5


def bootstrap_pvalue(statistic: float, draws: FloatArray) -> float:
    r"""Return the upper tail probability of a statistic among simulated ones.

    Parameters
    ----------
    statistic : float
    draws : ndarray of shape (B,)
        Finite; at least 19.

    Returns
    -------
    float
        NaN with fewer draws, or if the statistic is not finite.

    Notes
    -----
    The rank :math:`(1 + \#\{T^*_b \ge T\}) / (B + 1)` wherever a draw is as large as the
    statistic. Beyond all draws the rank says 1 / (B + 1) however far, which no adjustment
    for many tests survives; there the tail is continued by the power law that Hill's
    estimate fits to the largest tenth of the draws, taken from their median m:

    .. math:: p = \frac{1}{B + 1} \Big(\frac{T^*_{\max} - m}{T - m}\Big)^{\alpha}.

    That is conservative for tails lighter than a power, as those of all statistics here are
    in the limit.

    References
    ----------
    Davison, A. C. and Hinkley, D. V. (1997). Bootstrap Methods and their Application. Cambridge
    University Press, section 4.2.

    Hill, B. M. (1975). A simple general approach to inference about the tail of a
    distribution. Annals of Statistics 3, 1163-1174.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import bootstrap_pvalue
    >>> draws = np.random.default_rng(0).chisquare(2, 199)
    >>> bootstrap_pvalue(np.sort(draws)[-10], draws)
    0.055
    >>> bootstrap_pvalue(40.0, draws) < 1e-3
    True
    """
    size = len(draws)
    if size < FEWEST_DRAWS or not math.isfinite(statistic):
        return math.nan
    above = int(np.sum(draws >= statistic))
    rank = (1 + above) / (size + 1)
    count = int(TAIL * size)
    if above or count < FEWEST_TAIL:
        return rank
    ordered = np.sort(draws) - np.median(draws)
    top = ordered[-count:]
    if not 0 < top[0] < top[-1]:
        return rank
    index = 1 / float(np.mean(np.log(top[1:] / top[0])))
    reach = statistic - float(np.median(draws))
    return float(rank * (top[-1] / reach) ** index)
