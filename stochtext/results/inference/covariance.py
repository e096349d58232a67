"""Covariance matrices of maximum-likelihood estimates.

With H the negative Hessian of the log likelihood and s_i the score of
transition i, the nonrobust covariance is H^{-1} and the others are
sandwiches H^{-1} B H^{-1} (White, 1982, eq. 3.2): B sums s_i s_i' over
transitions ("robust"), adds Bartlett-weighted products at nearby lags within
trajectories ("hac"; Newey and West, 1987), or sums over clusters the outer
products of cluster totals times M / (M - 1) ("cluster"; Liang and Zeger, 1986).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext._shared.validation import check_choice

__all__ = ["COV_TYPES", "ParameterCovariances", "parameter_covariances"]

COV_TYPES = ("nonrobust", "robust", "hac", "cluster")


@dataclass(frozen=True)
class ParameterCovariances:
    """All covariance matrices of one estimate.

    Attributes
    ----------
    matrices : dict of str to ndarray of shape (k, k)
    n_clusters : int
    default : str
    reason : str or None
        Why standard errors are NaN, if they are.
    """

    matrices: dict[str, FloatArray]
    n_clusters: int
    default: str
    reason: str | None = None

    def matrix(self, cov_type: str) -> FloatArray:
        """Return the covariance of one type.

        Raises
        ------
        InputError
            For a clustered covariance of a single cluster.
        """
        check_choice("cov_type", cov_type, COV_TYPES)
        if cov_type == "cluster" and self.n_clusters < 2:
            raise InputError(
                "A clustered covariance needs at least two trajectories (or groups); there is "
                'one. Use cov_type="hac" for a single path.'
            )
        return self.matrices[cov_type]


def parameter_covariances(
    hessian: FloatArray,
    scores: FloatArray,
    *,
    trajectory: IntArray,
    cluster: IntArray,
    cov_type: str | None,
) -> ParameterCovariances:
    """Return every covariance from the Hessian and the scores.

    Parameters
    ----------
    hessian : ndarray of shape (k, k)
        Negative Hessian of the log likelihood at the estimate.
    scores : ndarray of shape (n, k)
        Score of each transition, in panel order.
    trajectory : ndarray of int of shape (n,)
    cluster : ndarray of int of shape (m,)
        Cluster of each trajectory.
    cov_type : str or None
        The default type; None takes ``"cluster"`` for two or more clusters and
        ``"nonrobust"`` otherwise.
    """
    n_clusters = int(cluster.max()) + 1
    default = cov_type or ("cluster" if n_clusters > 1 else "nonrobust")
    bread, reason = _inverse(hessian)
    totals = np.zeros((n_clusters, scores.shape[1]))
    np.add.at(totals, cluster[trajectory], scores)
    matrices = {
        "nonrobust": bread,
        "robust": bread @ (scores.T @ scores) @ bread,
        "hac": bread @ _newey_west(scores, trajectory) @ bread,
    }
    if n_clusters > 1:
        matrices["cluster"] = n_clusters / (n_clusters - 1) * bread @ (totals.T @ totals) @ bread
    result = ParameterCovariances(matrices, n_clusters, default, reason)
    result.matrix(default)
    return result


def _inverse(hessian: FloatArray) -> tuple[FloatArray, str | None]:
    missing = np.full_like(hessian, np.nan)
    if not np.isfinite(hessian).all():
        return missing, "The Hessian of the log likelihood is not finite at the estimate."
    scale = np.sqrt(np.abs(np.diag(hessian)))
    if not scale.all():
        return missing, "The log likelihood is flat in at least one parameter."
    unit = hessian / np.outer(scale, scale)
    smallest = np.linalg.eigvalsh((unit + unit.T) / 2)[0]
    if smallest < 1e-8:
        return missing, (
            "The log likelihood is flat or not concave at the estimate (smallest scaled "
            f"curvature {smallest:.1e}): some combination of parameters is not identified."
        )
    inverse = np.linalg.inv((unit + unit.T) / 2)
    return inverse / np.outer(scale, scale), None


def _newey_west(scores: FloatArray, trajectory: IntArray) -> FloatArray:
    longest = int(np.bincount(trajectory).max())
    lags = min(int(4 * (longest / 100) ** (2 / 9)), longest - 1)
    meat = scores.T @ scores
    for lag in range(1, lags + 1):
        same = trajectory[lag:] == trajectory[:-lag]
        cross = scores[lag:][same].T @ scores[:-lag][same]
        meat = meat + (1 - lag / (lags + 1)) * (cross + cross.T)
    return meat
