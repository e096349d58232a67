"""Shape of the distribution of residuals.

Law of the room: residuals of all trajectories are one sample; no pairs are formed.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from stochtext._shared.typing import FloatArray

__all__ = ["jarque_bera"]


def jarque_bera(resid: FloatArray) -> tuple[float, int, float]:
    r"""Test residuals for the skewness and kurtosis of a normal law.

    Parameters
    ----------
    resid : ndarray of shape (n,)
        Residuals.

    Returns
    -------
    statistic : float
    df : int
    pvalue : float

    Notes
    -----
    :math:`n (S^2 / 6 + (K - 3)^2 / 24)` with the moment estimates of skewness S
    and kurtosis K, in the limit chi-squared(2).

    References
    ----------
    Jarque, C. M. and Bera, A. K. (1987). A test for normality of observations
    and regression residuals. International Statistical Review 55, 163-172.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import jarque_bera
    >>> resid = np.random.default_rng(0).exponential(size=200)
    >>> jarque_bera(resid)[2] < 1e-6
    True
    """
    centred = resid - resid.mean()
    variance = np.mean(centred**2)
    skewness = np.mean(centred**3) / variance**1.5
    kurtosis = np.mean(centred**4) / variance**2
    statistic = float(len(resid) * (skewness**2 / 6 + (kurtosis - 3) ** 2 / 24))
    return statistic, 2, float(chi2.sf(statistic, 2))
