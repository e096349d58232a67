"""Covariance matrices of maximum-likelihood estimates.

With H the negative Hessian of the log likelihood and s_i the score of
transition i, the nonrobust covariance is H^{-1} and the others are
sandwiches H^{-1} B H^{-1} (White, 1982, eq. 3.2): B sums s_i s_i' over
transitions ("robust"), adds Bartlett-weighted products at nearby lags within
trajectories ("hac"; Newey and West, 1987), or sums over clusters the outer
products of cluster totals times M / (M - 1) ("cluster"; Liang and Zeger, 1986).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext._shared.validation import check_choice

__all__ = [
    "COV_TYPES",
    "ParameterCovariances",
    "flat_direction",
    "newey_west_lags",
    "parameter_covariances",
]

COV_TYPES = ("nonrobust", "robust", "hac", "cluster")
# Below this curvature, in units in which every parameter has curvature one, is flat.
FLAT = 1e-8


@dataclass(frozen=True)
class ParameterCovariances:
    """All covariance matrices of one estimate.

    Attributes
    ----------
    matrices : mapping of str to ndarray of shape (k, k)
        NaN in the rows and columns of parameters without a standard error.
    n_clusters : int
    default : str
    reason : str or None
        Why standard errors are NaN, if they are.
    """

    matrices: Mapping[str, FloatArray]
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
        return self.matrices[self.checked(cov_type)]

    def checked(self, cov_type: str) -> str:
        """Return the type if there is such a covariance."""
        check_choice("cov_type", cov_type, COV_TYPES)
        if cov_type == "cluster" and self.n_clusters < 2:
            raise InputError(
                "A clustered covariance needs at least two trajectories (or groups); there is "
                'one. Use cov_type="hac" for a single path.'
            )
        return cov_type

    def degrees_of_freedom(self, cov_type: str) -> float:
        """Return those of the t distribution: clusters minus one, or infinity."""
        return float(self.n_clusters - 1) if cov_type == "cluster" else np.inf

    def quantile(self, alpha: float, cov_type: str) -> float:
        """Return how many standard errors an interval of level 1 - alpha reaches."""
        level, df = 1 - alpha / 2, self.degrees_of_freedom(cov_type)
        return float(stats.norm.ppf(level) if np.isinf(df) else stats.t.ppf(level, df))

    def describe(self) -> str:
        """Return what the default covariance is, for the notes of a summary."""
        m = self.n_clusters
        return {
            "nonrobust": "inverse observed information, normal quantiles",
            "robust": "sandwich, normal quantiles",
            "hac": "Newey-West sandwich within trajectories, normal quantiles",
            "cluster": f"sandwich clustered over {m} trajectories or groups, t({m - 1}) quantiles",
        }[self.default]

    def notes(self, k: int) -> list[str]:
        """Return the sentences for the summary of a fit of ``k`` parameters."""
        notes = [f"Standard errors: {self.describe()}."]
        if self.reason:
            notes.append(f"Standard errors are NaN: {self.reason}")
        if self.default == "cluster" and k > self.n_clusters / 2:
            notes.append(
                f"{k} parameters against {self.n_clusters} clusters: the clustered covariance has "
                f"rank at most {self.n_clusters}; prefer a bootstrap over trajectories."
            )
        return notes


def parameter_covariances(
    hessian: FloatArray,
    scores: FloatArray | Callable[[], FloatArray],
    *,
    trajectory: IntArray,
    cluster: IntArray,
    cov_type: str | None,
    held: BoolArray | None = None,
) -> ParameterCovariances:
    """Return every covariance from the Hessian and the scores.

    Parameters
    ----------
    hessian : ndarray of shape (k, k)
        Negative Hessian of the log likelihood at the estimate.
    scores : ndarray of shape (n, k), or callable that returns it
        Score of each transition, in panel order. A callable is called when a
        sandwich is first asked for.
    trajectory : ndarray of int of shape (n,)
    cluster : ndarray of int of shape (m,)
        Cluster of each trajectory.
    cov_type : str or None
        The default type; None takes ``"cluster"`` for two or more clusters and
        ``"nonrobust"`` otherwise.
    held : ndarray of bool of shape (k,), optional
        Parameters on a bound: they have no covariance, that of the others holds them.
    """
    n_clusters = int(cluster.max()) + 1
    default = cov_type or ("cluster" if n_clusters > 1 else "nonrobust")
    inside = np.ones(len(hessian), dtype=bool) if held is None else ~held
    bread, reason = _inverse(hessian[np.ix_(inside, inside)])
    own = scores if callable(scores) else (lambda: scores)
    matrices = _Sandwiches(bread, own, inside, trajectory, cluster)
    result = ParameterCovariances(matrices, n_clusters, default, reason)
    result.checked(default)
    return result


class _Sandwiches(Mapping[str, FloatArray]):
    """Covariances by type, computed when first asked for."""

    def __init__(
        self,
        bread: FloatArray,
        scores: Callable[[], FloatArray],
        inside: BoolArray,
        trajectory: IntArray,
        cluster: IntArray,
    ) -> None:
        self._bread = bread
        self._scores = scores
        self._inside = inside
        self._trajectory = trajectory
        self._cluster = cluster
        self._rows: FloatArray | None = None
        self._known: dict[str, FloatArray] = {}
        self._kinds = COV_TYPES if cluster.max() > 0 else COV_TYPES[:-1]

    def __getitem__(self, cov_type: str) -> FloatArray:
        if cov_type not in self._kinds:
            raise KeyError(cov_type)
        if cov_type not in self._known:
            matrix = np.full((len(self._inside), len(self._inside)), np.nan)
            matrix[np.ix_(self._inside, self._inside)] = self._covariance(cov_type)
            self._known[cov_type] = matrix
        return self._known[cov_type]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def __reduce__(self) -> tuple[type, tuple[dict[str, FloatArray]]]:
        # What computes the scores may not be picklable; the matrices are.
        return dict, (dict(self),)

    def _covariance(self, cov_type: str) -> FloatArray:
        if cov_type == "nonrobust" or np.isnan(self._bread).any():
            return self._bread
        if self._rows is None:
            self._rows = self._scores()[:, self._inside]
        return self._bread @ self._meat(cov_type, self._rows) @ self._bread

    def _meat(self, cov_type: str, scores: FloatArray) -> FloatArray:
        if cov_type == "robust":
            return scores.T @ scores
        if cov_type == "hac":
            return _newey_west(scores, self._trajectory)
        n_clusters = int(self._cluster.max()) + 1
        code = self._cluster[self._trajectory]
        totals = np.stack(
            [np.bincount(code, column, minlength=n_clusters) for column in scores.T], axis=1
        )
        return n_clusters / (n_clusters - 1) * totals.T @ totals


def flat_direction(hessian: FloatArray) -> FloatArray | None:
    """Return the direction in which a likelihood does not curve, or None if it does in all.

    Parameters
    ----------
    hessian : ndarray of shape (k, k)

    Returns
    -------
    ndarray of shape (k,) or None
        In the units of the parameters, with a largest entry of one.
    """
    scale = np.sqrt(np.abs(np.diag(hessian)))
    if not np.isfinite(hessian).all():
        return None
    if not scale.all():
        return np.asarray(scale == 0.0, dtype=np.float64)
    values, vectors = np.linalg.eigh(_unit(hessian, scale))
    if values[0] >= FLAT:
        return None
    direction = vectors[:, 0]
    direction = np.where(np.abs(direction) < 1e-4, 0.0, direction) / scale
    return direction / direction[np.abs(direction).argmax()]


def _unit(hessian: FloatArray, scale: FloatArray) -> FloatArray:
    unit = hessian / np.outer(scale, scale)
    return (unit + unit.T) / 2


def _inverse(hessian: FloatArray) -> tuple[FloatArray, str | None]:
    missing = np.full_like(hessian, np.nan)
    if not hessian.size:
        return missing, "Every estimated parameter lies on a bound."
    if not np.isfinite(hessian).all():
        return missing, "The Hessian of the log likelihood is not finite at the estimate."
    scale = np.sqrt(np.abs(np.diag(hessian)))
    if not scale.all():
        return missing, "The log likelihood is flat in at least one parameter."
    unit = _unit(hessian, scale)
    smallest = np.linalg.eigvalsh(unit)[0]
    if smallest < FLAT:
        return missing, (
            "The log likelihood is flat or not concave at the estimate (smallest scaled "
            f"curvature {smallest:.1e}): some combination of parameters is not identified."
        )
    return np.linalg.inv(unit) / np.outer(scale, scale), None


def newey_west_lags(trajectory: IntArray) -> int:
    """Return the number of lags, from the length of the longest trajectory."""
    longest = int(np.bincount(trajectory).max())
    return min(int(4 * (longest / 100) ** (2 / 9)), longest - 1)


def _newey_west(scores: FloatArray, trajectory: IntArray) -> FloatArray:
    lags = newey_west_lags(trajectory)
    meat = scores.T @ scores
    for lag in range(1, lags + 1):
        same = trajectory[lag:] == trajectory[:-lag]
        cross = scores[lag:][same].T @ scores[:-lag][same]
        meat = meat + (1 - lag / (lags + 1)) * (cross + cross.T)
    return meat
