"""Tests that what should have mean zero is uncorrelated with functions of the state before.

Law of this file: the errors are martingale differences if the hypothesis holds, so that the
variance of their sums is the sum of squares, on one path or many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from stochtext._shared.typing import FloatArray

__all__ = ["OrthogonalityTest", "constant_covariance_test", "linear_drift_test"]

_ROWS_PER_RESTRICTION = 15
_MOST_PAIRS = 5
# Single far states would decide otherwise.
_FURTHEST = 2.5


@dataclass(frozen=True)
class OrthogonalityTest:
    """An F test; ``pvalue`` is NaN with a ``reason`` where it cannot be honest.

    Attributes
    ----------
    hypothesis : str
    statistic : float
    pvalue : float
    df_num : int
        Number of restrictions.
    df_denom : float
    reason : str or None
    """

    hypothesis: str
    statistic: float
    pvalue: float
    df_num: int
    df_denom: float
    reason: str | None = None

    def __repr__(self) -> str:
        tail = f" ({self.reason})" if self.reason else ""
        return (
            f"{self.hypothesis}: F({self.df_num}, {self.df_denom:g}) = {self.statistic:.4g}, "
            f"p = {self.pvalue:.4g}{tail}"
        )


def linear_drift_test(
    x: FloatArray,
    x_next: FloatArray,
    dt: FloatArray,
    *,
    clock: FloatArray | None = None,
    weight: FloatArray | None = None,
) -> OrthogonalityTest:
    """Test "the drift is linear" against powers and products of the coordinates.

    Parameters
    ----------
    x, x_next : ndarray of shape (n, d)
        Transitions.
    dt : ndarray of shape (n,)
    clock : ndarray of shape (n,), optional
        Time or position, if the model sees it; enters the linear regression.
    weight : ndarray of shape (n,), optional
        How often each transition counts.

    Notes
    -----
    A linear drift makes the conditional mean of the increment linear in the state (exactly,
    for any fixed step; for varying steps terms of second order in the step are added). The
    residuals of that regression are then uncorrelated with squares, cubes and products. It is
    the network test of Terasvirta, Lin and Granger with White's variance, so that the
    covariance rate may depend on the state.

    References
    ----------
    Terasvirta, Lin and Granger (1993), Power of the neural network linearity test, Journal of
    Time Series Analysis 14, 209-220.
    """
    n = len(x)
    omega = np.ones(n) if weight is None else weight
    z = _standardised(x)
    columns = [np.ones((n, 1)), z]
    if clock is not None:
        columns.append(_standardised(clock[:, None]))
    root = np.sqrt(dt)[:, None]
    linear = np.hstack(columns)
    nuisance = linear * root
    if np.ptp(dt) > 1e-9 * dt.max():
        nuisance = np.hstack([nuisance, linear * root * dt[:, None]])
    response = _standardised(x_next - x, centred=False) / root
    errors = response - nuisance @ _solved(nuisance, response, omega)
    features = _nonlinear(z, max(1, n // (_ROWS_PER_RESTRICTION * x.shape[1]))) * root
    return _tested("The drift is linear", errors, features, nuisance, omega)


def constant_covariance_test(
    residual: FloatArray, x: FloatArray, *, weight: FloatArray | None = None
) -> OrthogonalityTest:
    """Test "the covariance rate is constant" by the residuals of a fit in which it is.

    Parameters
    ----------
    residual : ndarray of shape (n, d)
        Standardised by the conditional covariance of the fit.
    x : ndarray of shape (n, d)
        States before.
    weight : ndarray of shape (n,), optional

    Notes
    -----
    Squares and products of the residuals are uncorrelated with functions of the state if the
    hypothesis holds and the conditional covariance is right for the step; errors of the drift
    matter to second order only. The products then have the same variance everywhere, which is
    estimated (Koenker's form of the test).

    References
    ----------
    White (1980), A heteroskedasticity-consistent covariance matrix estimator and a direct test
    for heteroskedasticity, Econometrica 48, 817-838. Koenker (1981), A note on studentizing a
    test for heteroscedasticity, Journal of Econometrics 17, 107-112.
    """
    n, d = x.shape
    omega = np.ones(n) if weight is None else weight
    rows, columns = np.tril_indices(d)
    products = residual[:, rows] * residual[:, columns]
    errors = products - (omega @ products) / omega.sum()
    z = _standardised(x)
    room = max(d, n // (_ROWS_PER_RESTRICTION * errors.shape[1]))
    features = np.hstack([z, _nonlinear(z, room, highest=2)])[:, :room]
    return _tested(
        "The covariance rate is constant", errors, features, np.ones((n, 1)), omega, alike=True
    )


def _tested(
    hypothesis: str, errors: FloatArray, features: FloatArray, nuisance: FloatArray,
    omega: FloatArray, alike: bool = False,
) -> OrthogonalityTest:  # fmt: skip
    """Test that errors and features are uncorrelated; ``alike``: errors of one variance."""
    kept = features - nuisance @ _solved(nuisance, features, omega)
    terms = (kept[:, :, None] * errors[:, None, :]).reshape(len(errors), -1)
    scale = np.sqrt((terms**2).mean(axis=0))
    terms = terms[:, scale > 0] / scale[scale > 0]
    n, q = float(omega.sum()), terms.shape[1]
    freedom = n - nuisance.shape[1] - q
    if freedom < q or q == 0:
        reason = f"{n:.0f} transitions are too few for {q} restrictions"
        return OrthogonalityTest(hypothesis, np.nan, np.nan, q, np.nan, reason)
    mean = omega @ terms / n
    spread = (terms * omega[:, None]).T @ terms / n - np.outer(mean, mean)
    if alike:
        own = [(a * omega[:, None]).T @ a / n for a in (kept, errors)]
        spread = (np.kron(*own) / np.outer(scale, scale))[np.ix_(scale > 0, scale > 0)]
    values, vectors = np.linalg.eigh(spread)
    good = values > 1e-10 * values[-1]
    distance = float((((mean @ vectors[:, good]) ** 2) / values[good]).sum())
    rank = int(good.sum())
    statistic = (n - nuisance.shape[1] - rank) / rank * distance
    pvalue = float(stats.f.sf(statistic, rank, freedom))
    return OrthogonalityTest(hypothesis, statistic, pvalue, rank, freedom)


def _standardised(values: FloatArray, centred: bool = True) -> FloatArray:
    scale = values.std(axis=0)
    middle = values.mean(axis=0) if centred else 0.0
    return np.asarray((values - middle) / np.where(scale > 0, scale, 1.0))


def _solved(design: FloatArray, response: FloatArray, omega: FloatArray) -> FloatArray:
    root = np.sqrt(omega)[:, None]
    return np.asarray(np.linalg.lstsq(root * design, root * response, rcond=1e-10)[0])


def _nonlinear(z: FloatArray, room: int, highest: int = 3) -> FloatArray:
    """Return squares, cubes and products, as many as there is room for."""
    d, z = z.shape[1], np.clip(z, -_FURTHEST, _FURTHEST)
    columns = [z**2] + ([z**3] if highest > 2 else [])
    if 1 < d <= _MOST_PAIRS:
        rows, others = np.tril_indices(d, -1)
        columns.append(z[:, rows] * z[:, others])
    return np.hstack(columns)[:, :room]
