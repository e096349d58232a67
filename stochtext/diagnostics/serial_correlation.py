"""Serial dependence of residuals within trajectories.

Law of the room: a lag pair joins two residuals of one trajectory, never of two.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2

from stochtext._shared.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "MINIMUM_PAIRS",
    "arch_lm",
    "default_lags",
    "free_correlations",
    "ljung_box",
    "pair_counts",
]

MINIMUM_PAIRS = 20
"""Fewest lag pairs from which a serial correlation is judged."""


def pair_counts(trajectory: IntArray, max_lag: int) -> IntArray:
    """Count the pairs at each lag that lie within one trajectory.

    Parameters
    ----------
    trajectory : ndarray of shape (n,)
        Trajectory of each residual; equal values stand together.
    max_lag : int
        Longest lag.

    Returns
    -------
    ndarray of shape (max_lag,)
        Number of pairs at lags 1, ..., max_lag.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import pair_counts
    >>> pair_counts(np.array([0, 0, 0, 1, 1]), 3)
    array([3, 1, 0])
    """
    return np.array(
        [np.count_nonzero(_same(trajectory, lag)) for lag in range(1, max_lag + 1)], dtype=np.int64
    )


def default_lags(trajectory: IntArray, longest: int = 10) -> int:
    """Return the longest lag that the lengths of the trajectories carry.

    Parameters
    ----------
    trajectory : ndarray of shape (n,)
        Trajectory of each residual; equal values stand together.
    longest : int, default 10
        Upper limit.

    Returns
    -------
    int
        The largest lag not above ``longest`` and n // 5 that at least 20 pairs
        and a quarter of all residuals have; 1 if there is none.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import default_lags
    >>> default_lags(np.zeros(200))
    10
    >>> default_lags(np.repeat(np.arange(40), 5))
    3
    """
    n = len(trajectory)
    counts = pair_counts(trajectory, max(1, min(longest, n // 5)))
    enough = np.flatnonzero(counts >= max(MINIMUM_PAIRS, n / 4))
    return int(enough[-1]) + 1 if enough.size else 1


def ljung_box(
    resid: FloatArray, trajectory: IntArray, lags: int, df: float | None = None
) -> tuple[float, float, float]:
    r"""Test one series per trajectory for autocorrelation up to a lag.

    Parameters
    ----------
    resid : ndarray of shape (n,)
        Residuals (or their squares), in order within each trajectory.
    trajectory : ndarray of shape (n,)
        Trajectory of each residual; equal values stand together.
    lags : int
        Number of lags, each with at least one pair.
    df : float, optional
        Degrees of freedom, by default ``lags``; see :func:`free_correlations`.

    Returns
    -------
    statistic : float
    df : float
    pvalue : float

    Notes
    -----
    With :math:`c_i` the residuals less their common mean, :math:`P_k` the pairs
    at lag k that lie within a trajectory and :math:`n_k` their number,

    .. math:: \hat\rho_k = \sum_{(i,j) \in P_k} c_i c_j \Big/ \sum_i c_i^2,
              \qquad Q = n (n + 2) \sum_{k=1}^{m} \hat\rho_k^2 / n_k .

    For independent normal residuals of known mean the direction
    :math:`c / \lVert c \rVert` is uniform on the sphere, where
    :math:`E[u_i^2 u_j^2] = 1 / (n (n + 2))` and all odd moments vanish: hence
    :math:`\operatorname{var} \hat\rho_k = n_k / (n (n + 2))` exactly, and
    Q has mean m and, as the number of pairs grows, the law chi-squared(m).
    For a single path :math:`n_k = n - k`, which is the statistic of Ljung and Box.

    References
    ----------
    Ljung, G. M. and Box, G. E. P. (1978). On a measure of lack of fit in time
    series models. Biometrika 65, 297-303.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import ljung_box
    >>> statistic, df, pvalue = ljung_box(np.tile([1.0, -1.0], 50), np.zeros(100), 5)
    >>> df, pvalue < 1e-6
    (5.0, True)
    """
    n = len(resid)
    freedom = float(lags if df is None else df)
    centred = resid - resid.mean()
    power = centred @ centred
    statistic = 0.0
    for lag in range(1, lags + 1):
        same = _same(trajectory, lag)
        correlation = (centred[lag:] * centred[:-lag])[same].sum() / power
        statistic += correlation**2 / np.count_nonzero(same)
    statistic = float(n * (n + 2) * statistic)
    return statistic, freedom, float(chi2.sf(statistic, freedom))


def free_correlations(
    resid: FloatArray, trajectory: IntArray, lags: int, regressors: FloatArray
) -> float:
    r"""Return the mean of the Ljung-Box statistic after a regression left the residuals.

    Parameters
    ----------
    resid : ndarray of shape (n,)
        Residuals, in order within each trajectory.
    trajectory : ndarray of shape (n,)
        Trajectory of each residual; equal values stand together.
    lags : int
        Number of lags.
    regressors : ndarray of shape (n, p)
        Regressors of the conditional mean whose coefficients were estimated; a
        constant is added.

    Returns
    -------
    float
        Number of lags less the share of each lagged residual that the regressors
        explain.

    Notes
    -----
    Let :math:`v_k` hold the residual k steps earlier in the same trajectory (0 where
    there is none) and H project on the regressors. Fitted residuals are orthogonal
    to the regressors, so the numerator of :math:`\hat\rho_k` is
    :math:`e^T (I - H) v_k` with the errors e, and its variance is smaller than that
    without estimation by the factor :math:`1 - \lVert H v_k \rVert^2 / \lVert v_k \rVert^2`.
    The mean of Q is the sum of these factors. For an autoregression of order one
    with coefficient :math:`\phi` this is :math:`m - 1 + \phi^{2m}`: the m - 1 of Box
    and Pierce where memory is short, and m where it is long.

    References
    ----------
    Box, G. E. P. and Pierce, D. A. (1970). Distribution of residual autocorrelations
    in autoregressive-integrated moving average time series models. Journal of the
    American Statistical Association 65, 1509-1526.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import free_correlations
    >>> resid = np.random.default_rng(0).standard_normal(500)
    >>> x = np.r_[0.0, resid[:-1]]
    >>> round(free_correlations(resid, np.zeros(500), 10, x[:, None]), 1)
    9.0
    """
    basis, scales, _ = np.linalg.svd(
        np.column_stack([np.ones(len(resid)), regressors / _scale(regressors)]),
        full_matrices=False,
    )
    basis = basis[:, scales > 1e-10 * scales[0]]
    free = 0.0
    for lag in range(1, lags + 1):
        lagged = np.where(_same(trajectory, lag), resid[:-lag], 0.0)
        explained = basis[lag:].T @ lagged
        free += 1.0 - float(explained @ explained) / float(lagged @ lagged)
    return free


def arch_lm(resid: FloatArray, trajectory: IntArray, lags: int) -> tuple[float, int, float, int]:
    r"""Test for conditional variance that depends on past squared residuals.

    Parameters
    ----------
    resid : ndarray of shape (n,)
        Residuals, in order within each trajectory.
    trajectory : ndarray of shape (n,)
        Trajectory of each residual; equal values stand together.
    lags : int
        Number of past squares.

    Returns
    -------
    statistic : float
    df : int
    pvalue : float
    n : int
        Number of rows of the regression.

    Notes
    -----
    :math:`r_t^2` is regressed on a constant and :math:`r_{t-1}^2, \dots, r_{t-q}^2`
    of the same trajectory; the first q residuals of each trajectory are only
    regressors. The statistic is the number of rows times R squared, in the limit
    chi-squared(q).

    References
    ----------
    Engle, R. F. (1982). Autoregressive conditional heteroscedasticity with
    estimates of the variance of United Kingdom inflation. Econometrica 50,
    987-1007.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import arch_lm
    >>> resid = np.random.default_rng(0).standard_normal(300)
    >>> resid[100:200] *= 4.0
    >>> arch_lm(resid, np.zeros(300), 4)[2] < 1e-3
    True
    """
    squares = resid**2
    whole = _same(trajectory, lags)
    response = squares[lags:][whole]
    columns = [squares[lags - k : len(squares) - k][whole] for k in range(1, lags + 1)]
    design = np.column_stack([np.ones(len(response)), *columns])
    coefficients = np.linalg.lstsq(design, response, rcond=None)[0]
    error = response - design @ coefficients
    total = response - response.mean()
    n = len(response)
    statistic = float(n * (1.0 - (error @ error) / (total @ total)))
    return statistic, lags, float(chi2.sf(statistic, lags)), n


def _scale(regressors: FloatArray) -> FloatArray:
    scale: FloatArray = np.abs(regressors).max(axis=0)
    return np.where(scale > 0, scale, 1.0)


def _same(trajectory: IntArray, lag: int) -> BoolArray:
    same: BoolArray = trajectory[lag:] == trajectory[:-lag]
    return same
