"""Means of dependent numbers with honest standard errors.

Law: where no standard error exists it is NaN, and the reason comes with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import stats

from stochtext._shared.typing import FloatArray, IntArray

__all__ = ["MeanEstimate", "clustered_mean", "newey_west_lags", "newey_west_mean"]

# Differences of two computations of the same number are rounding, not variation.
_ROUNDING = 1e-10


class MeanEstimate(NamedTuple):
    """A mean, its standard error, degrees of freedom and why the error is NaN."""

    value: float
    se: float
    df: float
    reason: str | None

    def conf_int(self, alpha: float) -> tuple[float, float]:
        """Return the interval of level 1 - alpha from the t distribution."""
        half = float(stats.t.ppf(1 - alpha / 2, self.df)) * self.se
        return self.value - half, self.value + half

    @property
    def pvalue(self) -> float:
        """Two-sided p-value of the hypothesis that the mean is zero."""
        return float(2 * stats.t.sf(abs(self.value) / self.se, self.df))


def clustered_mean(
    values: FloatArray, cluster: IntArray, scale: float | None = None
) -> MeanEstimate:
    r"""Return the pooled mean with a standard error clustered by ``cluster``.

    Parameters
    ----------
    values : ndarray of shape (n,)
    cluster : ndarray of int of shape (n,)
        Codes 0, ..., M - 1.
    scale : float, optional
        Size of the numbers of which ``values`` are differences, by default their
        own: variation at the level of its rounding counts as none.

    Notes
    -----
    With S_c the sum and n_c the number of values in cluster c,

    .. math:: se^2 = \frac{M}{M-1} \frac{1}{n^2} \sum_c (S_c - \bar v\, n_c)^2,

    and t(M - 1) quantiles (Cameron and Miller, 2015).

    References
    ----------
    Cameron, A. C. and Miller, D. L. (2015). A practitioner's guide to
    cluster-robust inference. Journal of Human Resources 50, 317-372.
    """
    mean, reason = _mean(values)
    counts = np.bincount(cluster)
    m = int(np.count_nonzero(counts))
    if reason is None and m < 2:
        reason = "one cluster only: clustered standard errors need at least two"
    if reason is not None:
        return MeanEstimate(mean, np.nan, max(m - 1.0, 1.0), reason)
    moved = np.bincount(cluster, weights=values - mean)
    se = float(np.sqrt(m / (m - 1) * np.sum(moved**2))) / len(values)
    return _checked(mean, se, m - 1.0, values, scale)


def newey_west_mean(
    values: FloatArray, lags: int | None = None, scale: float | None = None
) -> MeanEstimate:
    """Return the mean of a time series with a Newey-West standard error.

    Parameters
    ----------
    values : ndarray of shape (n,)
        In order of time.
    lags : int, optional
        Default :func:`newey_west_lags`.
    scale : float, optional
        As in :func:`clustered_mean`.

    References
    ----------
    Newey, W. K. and West, K. D. (1987). A simple, positive semi-definite,
    heteroskedasticity and autocorrelation consistent covariance matrix.
    Econometrica 55, 703-708.
    """
    mean, reason = _mean(values)
    n = len(values)
    if reason is None and n < 3:
        reason = f"{n} transitions only"
    if reason is not None:
        return MeanEstimate(mean, np.nan, max(n - 1.0, 1.0), reason)
    moved = values - mean
    depth = min(newey_west_lags(n) if lags is None else lags, n - 1)
    variance = float(moved @ moved)
    for k in range(1, depth + 1):
        variance += 2 * (1 - k / (depth + 1)) * float(moved[k:] @ moved[:-k])
    return _checked(mean, float(np.sqrt(variance)) / n, n - 1.0, values, scale)


def newey_west_lags(n: int) -> int:
    """Return the number of lags for a series of length ``n``, 4 (n / 100)^(2/9)."""
    return int(4 * (n / 100) ** (2 / 9))


def _mean(values: FloatArray) -> tuple[float, str | None]:
    if np.isnan(values).any():
        return np.nan, f"{int(np.isnan(values).sum())} of {len(values)} values are NaN"
    if np.isneginf(values).any():
        impossible = int(np.isneginf(values).sum())
        return -np.inf, f"density zero at {impossible} of {len(values)} transitions"
    with np.errstate(invalid="ignore"):
        mean = float(values.mean())
    return mean, None if np.isfinite(mean) else "values are not finite"


def _checked(
    mean: float, se: float, df: float, values: FloatArray, scale: float | None
) -> MeanEstimate:
    size = float(np.abs(values).max()) if scale is None else scale
    if se <= _ROUNDING * max(size, np.finfo(np.float64).tiny):
        return MeanEstimate(mean, np.nan, df, "no variation between the held-out parts")
    return MeanEstimate(mean, se, df, None)
