"""Wald tests of linear restrictions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import as_float_array

__all__ = ["WaldTest", "linear_restrictions", "wald_test"]


@dataclass(frozen=True)
class WaldTest:
    """A Wald test; ``pvalue`` is NaN with a ``reason`` where it cannot be honest."""

    statistic: float
    pvalue: float
    distribution: str
    df_num: int
    df_denom: float
    reason: str | None = None

    def __repr__(self) -> str:
        tail = f" ({self.reason})" if self.reason else ""
        degrees = f"{self.df_num}" if np.isinf(self.df_denom) else f"{self.df_num}, {self.df_denom}"
        return (
            f"Wald test: {self.distribution}({degrees}) = {self.statistic:.4g}, "
            f"p = {self.pvalue:.4g}{tail}"
        )


def linear_restrictions(names: list[str], hypothesis: Any) -> tuple[FloatArray, FloatArray]:
    """Return R and q of R theta = q.

    Parameters
    ----------
    names : list of str
        Parameter names.
    hypothesis : str, array_like of shape (q, k), or pair (R, q)
        A string such as ``"mu = 0, kappa = 1"`` uses the parameter names.
    """
    if isinstance(hypothesis, str):
        from patsy import DesignInfo, PatsyError

        try:
            constraint = DesignInfo(names).linear_constraint(hypothesis)
        except PatsyError as error:
            raise InputError(
                f"`hypothesis` {hypothesis!r} is not a linear restriction on {names}: {error}."
            ) from None
        return constraint.coefs, constraint.constants.ravel()
    left, right = hypothesis if isinstance(hypothesis, tuple) else (hypothesis, 0.0)
    matrix = np.atleast_2d(as_float_array("hypothesis", left))
    if matrix.ndim != 2 or matrix.shape[1] != len(names):
        raise InputError(
            f"`hypothesis` needs one column per parameter ({len(names)}); got {matrix.shape}."
        )
    return matrix, np.broadcast_to(np.asarray(right, dtype=np.float64), (len(matrix),))


def wald_test(
    params: FloatArray,
    covariance: FloatArray,
    restrictions: tuple[FloatArray, FloatArray],
    *,
    n_clusters: int | None,
) -> WaldTest:
    """Test R theta = q.

    Notes
    -----
    W = (R theta - q)' (R V R')^{-1} (R theta - q) is referred to chi2(q). With V
    clustered over M clusters it is a Hotelling statistic:
    (M - q) / (q (M - 1)) W ~ F(q, M - q) (Hansen, 2022, Econometrics, sec. 4.23,
    for q = 1); for q >= M - 1 the clustered covariance is too poor in rank.
    """
    matrix, value = restrictions
    q = len(matrix)
    gap = matrix @ params - value
    # A parameter on its bound has no covariance, which matters only where it is tested.
    tested = np.any(matrix != 0.0, axis=0)
    part = matrix[:, tested]
    spread = part @ covariance[np.ix_(tested, tested)] @ part.T
    infinite = float("inf")
    if not np.isfinite(spread).all():
        reason = "the covariance of the parameters is NaN"
        return WaldTest(np.nan, np.nan, "chi2", q, infinite, reason)
    if n_clusters is not None and q >= n_clusters - 1:
        reason = f"{q} restrictions need more than {q + 1} clusters, there are {n_clusters}"
        return WaldTest(np.nan, np.nan, "F", q, float(max(n_clusters - q, 0)), reason)
    if np.linalg.matrix_rank(spread, hermitian=True) < q:
        return WaldTest(np.nan, np.nan, "chi2", q, infinite, "the restrictions are redundant")
    statistic = float(gap @ np.linalg.solve(spread, gap))
    if n_clusters is None:
        return WaldTest(statistic, float(stats.chi2.sf(statistic, q)), "chi2", q, infinite)
    scaled = statistic * (n_clusters - q) / (q * (n_clusters - 1))
    pvalue = float(stats.f.sf(scaled, q, n_clusters - q))
    return WaldTest(scaled, pvalue, "F", q, float(n_clusters - q))
