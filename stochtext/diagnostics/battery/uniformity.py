"""Distances of probability integral transforms from the uniform law.

Law of this file: numbers without p-values; with estimated parameters the tables of these
statistics reject nothing at all.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["uniformity_statistics"]

SMALLEST = 1e-12


def uniformity_statistics(pit: FloatArray) -> tuple[float, float, float]:
    r"""Return the statistics of Anderson-Darling, Cramér-von Mises and Kolmogorov-Smirnov.

    Parameters
    ----------
    pit : ndarray
        All values are one sample.

    Notes
    -----
    With the sorted values :math:`u_1 \le \dots \le u_n`:

    .. math::

        A^2 &= -n - \frac 1n \sum_i (2 i - 1) [\log u_i + \log(1 - u_{n + 1 - i})], \\
        W^2 &= \frac{1}{12 n} + \sum_i \Big(u_i - \frac{2 i - 1}{2 n}\Big)^2, \\
        D &= \max_i \max\Big(\frac in - u_i, u_i - \frac{i - 1}{n}\Big).

    References
    ----------
    Stephens, M. A. (1974). EDF statistics for goodness of fit and some comparisons. Journal of
    the American Statistical Association 69, 730-737.
    """
    u = np.sort(pit, axis=None)
    n = len(u)
    i = np.arange(1, n + 1)
    inside = np.clip(u, SMALLEST, 1 - SMALLEST)
    odd = 2 * i - 1
    anderson = -n - np.mean(odd * (np.log(inside) + np.log1p(-inside[::-1])))
    cramer = 1 / (12 * n) + np.sum((u - odd / (2 * n)) ** 2)
    kolmogorov = max(np.max(i / n - u), np.max(u - (i - 1) / n))
    return float(anderson), float(cramer), float(kolmogorov)
