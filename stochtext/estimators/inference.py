"""Covariances of an estimate, with a warning where they rest on few clusters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from stochtext._shared.exceptions import SampleSizeWarning
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.newton import Optimum
from stochtext.estimators.sample import TransitionSample
from stochtext.results.inference.parameters.covariance import (
    ParameterCovariances,
    flat_direction,
    parameter_covariances,
)

__all__ = ["MappedCovariances", "checked_covariances", "warn_of_few_clusters"]

FEW = 10


def checked_covariances(
    optimum: Optimum,
    scores: FloatArray | Callable[[], FloatArray],
    sample: TransitionSample,
    cov_type: str | None,
    names: Sequence[str] | None = None,
    matrices: Callable[[IntArray], Mapping[str, FloatArray]] | None = None,
) -> ParameterCovariances:
    """Return all covariances of an estimate; fewer than ten clusters warn.

    Where the optimiser did not converge, or there are no more transitions than
    parameters, every covariance is NaN, with that reason. Parameters on a bound have
    none; that of the others holds them fixed.

    Parameters
    ----------
    optimum : Optimum
    scores : ndarray of shape (n, k), or callable that returns it
        Weighted score of each transition.
    sample : TransitionSample
    cov_type : str or None
    names : sequence of str, optional
        Names of the parameters, for the direction of a flat likelihood.
    matrices : callable, optional
        Returns the covariances, given the clusters, where they are known without a Hessian.
    """
    reason = _no_covariance(optimum, int(np.count_nonzero(sample.weight)))
    clusters = _used_clusters(sample)
    if matrices is not None and reason is None:
        m = int(clusters.max()) + 1
        default = cov_type or ("cluster" if m > 1 else "nonrobust")
        known = ParameterCovariances(matrices(clusters), m, default)
        known.checked(default)
        warn_of_few_clusters(known)
        return known
    hessian = optimum.hessian if reason is None else np.full_like(optimum.hessian, np.nan)
    covariances = parameter_covariances(
        hessian, scores, trajectory=sample.trajectory, cluster=clusters,
        cov_type=cov_type, held=optimum.held,
    )  # fmt: skip
    if reason is None and covariances.reason is not None and names is not None:
        reason = _flat_reason(optimum, names)
    if reason is not None:
        covariances = replace(covariances, reason=reason)
    warn_of_few_clusters(covariances)
    return covariances


def warn_of_few_clusters(covariances: ParameterCovariances) -> None:
    """Warn where the default errors rest on fewer than ten clusters."""
    if covariances.default == "cluster" and covariances.n_clusters < FEW:
        warnings.warn(
            f"Standard errors are clustered over only {covariances.n_clusters} trajectories or "
            'groups; below ten they are unreliable. Consider cov_type="hac".',
            SampleSizeWarning,
            stacklevel=6,
        )


def _used_clusters(sample: TransitionSample) -> IntArray:
    """Return the clusters, numbered so that only those with weight count."""
    if sample.weight.all():
        return sample.cluster
    used = np.unique(sample.trajectory[sample.weight > 0])
    codes = np.zeros_like(sample.cluster)
    codes[used] = np.unique(sample.cluster[used], return_inverse=True)[1]
    return codes


def _no_covariance(optimum: Optimum, n_transitions: int) -> str | None:
    if optimum.flat is not None:
        return optimum.flat
    if not optimum.converged:
        return "The optimiser did not converge."
    if n_transitions <= len(optimum.theta):
        return f"{len(optimum.theta)} parameters were fitted to {n_transitions} transitions."
    return None


def _flat_reason(optimum: Optimum, names: Sequence[str]) -> str | None:
    """Return a sentence that names the direction in which the likelihood is flat."""
    inside = np.ones(len(names), dtype=bool) if optimum.held is None else ~optimum.held
    direction = flat_direction(optimum.hessian[np.ix_(inside, inside)])
    if direction is None:
        return None
    own = [name for name, keep in zip(names, inside, strict=True) if keep]
    parts = [f"{v:+.3g} in {name}" for v, name in zip(direction, own, strict=True) if v]
    return (
        f"The log likelihood is flat along {', '.join(parts)}: the data do not identify this "
        "combination of parameters. Hold one of them with `fixed=`, or leave it out."
    )


class MappedCovariances(Mapping[str, FloatArray]):
    """Covariances of functions of the parameters that were searched, NaN where ``missing``."""

    def __init__(
        self, own: Mapping[str, FloatArray], jacobian: FloatArray, missing: FloatArray | None
    ) -> None:
        self._own, self._jacobian, self._missing = own, jacobian, missing

    def __getitem__(self, cov_type: str) -> FloatArray:
        matrix = self._jacobian @ self._own[cov_type] @ self._jacobian.T
        if self._missing is not None:
            matrix[self._missing.astype(bool)] = np.nan
            matrix[:, self._missing.astype(bool)] = np.nan
        return np.asarray(matrix, dtype=np.float64)

    def __iter__(self) -> Iterator[str]:
        return iter(self._own)

    def __len__(self) -> int:
        return len(self._own)

    def __reduce__(self) -> tuple[type, tuple[dict[str, FloatArray]]]:
        return dict, (dict(self),)
