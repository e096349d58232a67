"""Whether states were seen with noise: a test that needs no model of the dynamics.

Law of this file: rows are transitions; nothing is known of estimators.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations_with_replacement
from math import comb

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.typing import BoolArray, FloatArray, IntArray

__all__ = ["NuggetTest", "nugget_test"]

_HIGHEST_DEGREE = 5
_MOST_MONOMIALS = 45
_ROWS_PER_MONOMIAL = 40
_FEWEST_PAIRS = 30


@dataclass(frozen=True)
class NuggetTest:
    """Test of "the states were observed without noise".

    Attributes
    ----------
    variance : ndarray of shape (d,)
        Estimated variance of the noise of each coordinate, to first order in it; it can be
        negative.
    se : ndarray of shape (d,)
    pvalues : ndarray of shape (d,)
        One-sided, of each coordinate.
    statistic : float
        Standardised sum over coordinates; large values speak for noise.
    pvalue : float
        Of the hypothesis that no coordinate has noise.
    n_pairs : int
        Pairs of successive transitions.
    reason : str or None
        Why numbers are NaN.
    """

    variance: FloatArray
    se: FloatArray
    pvalues: FloatArray
    statistic: float
    pvalue: float
    n_pairs: int
    reason: str | None = None

    @property
    def sd(self) -> FloatArray:
        """Estimated standard deviation of the noise, 0 where the variance is negative."""
        return np.sqrt(np.maximum(self.variance, 0.0))

    def to_frame(self, columns: tuple[str, ...] | None = None) -> pd.DataFrame:
        """Return one row a coordinate: noise variance, standard error and p-value."""
        names = columns or tuple(f"x{j}" for j in range(len(self.variance)))
        return pd.DataFrame(
            {"noise_variance": self.variance, "se": self.se, "pvalue": self.pvalues},
            index=pd.Index(names, name="coordinate"),
        )

    def __repr__(self) -> str:
        tail = f" ({self.reason})" if self.reason else ""
        return (
            f"No observation noise: z = {self.statistic:.4g}, p = {self.pvalue:.4g}, "
            f"{self.n_pairs} pairs{tail}"
        )


def nugget_test(
    x: FloatArray,
    x_next: FloatArray,
    dt: FloatArray,
    trajectory: IntArray,
    *,
    clock: FloatArray | None = None,
    weight: FloatArray | None = None,
) -> NuggetTest:
    """Test whether observed states carry independent noise.

    Parameters
    ----------
    x, x_next : ndarray of shape (n, d)
        Transitions in order, row by row.
    dt : ndarray of shape (n,)
    trajectory : ndarray of int of shape (n,)
        Transitions of one trajectory follow each other.
    clock : ndarray of shape (n,), optional
        Further regressor: the time, or the position in the trajectory.
    weight : ndarray of shape (n,), optional
        How often each transition counts.

    Notes
    -----
    Increments are regressed on polynomials of the state. Without noise the state is Markov
    and the residual u_t has mean zero given all before, so u_{t-1} u_t has mean zero,
    whatever the dynamics; with noise of variance r in a coordinate its mean is about
    -r E[m' (1 - g')], m' the slope of the conditional mean and g' that of u_{t-1} on x_t.
    The statistic is the sum of these products, with u_{t-1} orthogonal to the regressors
    (so that the regression does not matter to first order) and White's variance, which is
    right for martingale differences, on one path or many. What a regression that is too
    stiff adds is a product of two errors, that of m and that of the regression of u_{t-1} on
    x_t. The p-value for all coordinates is twice the smaller one of that of
    the standardised sum and that of the smallest single one by Bonferroni.

    References
    ----------
    Neyman (1959), Optimal asymptotic tests of composite statistical hypotheses.
    Zhang, Mykland and Ait-Sahalia (2005), A tale of two time scales, Journal of the American
    Statistical Association 100, 1394-1411.
    """
    n, d = x.shape
    omega = np.ones(n) if weight is None else weight
    pairs = (trajectory[1:] == trajectory[:-1]) & (omega[1:] > 0)
    unit, centre = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0), x.mean(axis=0)
    z, slopes = _regressors((x - centre) / unit, dt, clock)
    if pairs.sum() < max(_FEWEST_PAIRS, 3 * z.shape[1]):
        return _nothing(d, int(pairs.sum()), "too few pairs of successive transitions")
    root = np.sqrt(omega / dt)[:, None]
    response = (x_next - x) / unit
    beta, rank = _solved(root * z, root * response)
    u = response - z @ beta
    before, after = u[:-1][pairs] / np.sqrt(dt[:-1][pairs, None]), u[1:][pairs]
    after = after / np.sqrt(dt[1:][pairs, None])
    weights = omega[1:][pairs]
    scale = np.sqrt(weights)[:, None]
    design = (z / np.sqrt(dt)[:, None])[1:][pairs]
    gamma, _ = _solved(scale * design, scale * before)
    w = before - design @ gamma
    terms = w * after
    score = weights @ terms
    spread = (terms * weights[:, None]).T @ terms * len(u) / max(len(u) - rank, 1)
    matrix = _sensitivity(slopes, beta, gamma, dt, pairs, weights)
    return _tested(score, spread, matrix, unit, int(pairs.sum()))


def _tested(
    score: FloatArray, spread: FloatArray, matrix: FloatArray, unit: FloatArray, n_pairs: int
) -> NuggetTest:
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return _nothing(len(score), n_pairs, "the state forgets itself between observations")
    variance = inverse @ score
    covariance = inverse @ spread @ inverse.T
    se = np.sqrt(np.diag(covariance))
    single = score / np.sqrt(np.diag(spread))
    ones = 1.0 / np.sqrt(np.diag(spread))
    total = float(single.sum() / np.sqrt(ones @ spread @ ones))
    pvalues = stats.norm.cdf(single)
    pooled = float(stats.norm.cdf(total))
    pvalue = pooled if len(score) == 1 else min(1.0, 2 * min(pooled, len(score) * pvalues.min()))
    return NuggetTest(variance * unit**2, se * unit**2, pvalues, -total, pvalue, n_pairs)


def _nothing(d: int, n_pairs: int, reason: str) -> NuggetTest:
    nan = np.full(d, np.nan)
    return NuggetTest(nan, nan, nan, float("nan"), float("nan"), n_pairs, reason)


def _solved(design: FloatArray, response: FloatArray) -> tuple[FloatArray, int]:
    solution, _, rank, _ = np.linalg.lstsq(design, response, rcond=1e-10)
    return np.asarray(solution, dtype=np.float64), int(rank)


def _regressors(
    z: FloatArray, dt: FloatArray, clock: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return regressors of increments (n, q) and their slopes in the states (d, n, q)."""
    n, d = z.shape
    powers = _monomials(d, n)
    phi = np.prod(z[:, None, :] ** powers, axis=2)
    slopes = []
    for j in range(d):
        lower = powers.copy()
        lower[:, j] = np.maximum(lower[:, j] - 1, 0)
        slopes.append(powers[:, j] * np.prod(z[:, None, :] ** lower, axis=2))
    grad = np.stack(slopes)
    if clock is not None:
        place = (clock - clock.mean()) / (clock.std() or 1.0)
        phi = np.column_stack([phi, place, place**2])
        grad = np.concatenate([grad, np.zeros((d, n, 2))], axis=2)
    if np.ptp(dt) <= 1e-9 * dt.max():
        return phi * dt[:, None], grad * dt[:, None]
    # what a long step adds to the mean of the increment: its leading term
    few = np.flatnonzero(np.r_[powers.sum(axis=1) <= 3, np.zeros(phi.shape[1] - len(powers), bool)])
    squared = dt[:, None] ** 2
    return (
        np.hstack([phi * dt[:, None], phi[:, few] * squared]),
        np.concatenate([grad * dt[:, None], grad[..., few] * squared], axis=2),
    )


def _monomials(d: int, n: int) -> IntArray:
    """Return exponents of all monomials of the highest degree that the data carry."""
    most = max(d + 1, min(_MOST_MONOMIALS, n // _ROWS_PER_MONOMIAL))
    degree = 1
    while degree < _HIGHEST_DEGREE and comb(d + degree + 1, d) <= most:
        degree += 1
    chosen = [
        np.bincount(np.array(parts, dtype=int), minlength=d)
        for total in range(degree + 1)
        for parts in combinations_with_replacement(range(d), total)
    ]
    return np.array(chosen)


def _sensitivity(
    slopes: FloatArray, beta: FloatArray, gamma: FloatArray, dt: FloatArray, pairs: BoolArray,
    weights: FloatArray,
) -> FloatArray:  # fmt: skip
    """Return minus the derivative of the score in the noise variances, a (d, d) matrix."""
    own = slopes[:, 1:][:, pairs]
    step, last = dt[1:][pairs], dt[:-1][pairs]
    identity = np.eye(beta.shape[1])[:, None, :]
    mean_slope = identity + np.einsum("knq,qj->knj", own, beta)
    # u before is divided by its sqrt(dt); the regressors of w by that of the step after
    answer = np.einsum("knq,qj->knj", own, gamma) / np.sqrt(step)[None, :, None]
    kept = identity / np.sqrt(last)[None, :, None] - answer
    return -np.einsum("n,knj,knj->jk", weights / np.sqrt(step), mean_slope, kept)
