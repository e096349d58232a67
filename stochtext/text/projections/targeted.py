"""Directions that say most about something known of the documents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_integer
from stochtext.text.documents import name_some
from stochtext.text.projections.linear_map import LinearMap
from stochtext.trajectories.panel import Trajectories

__all__ = ["TargetedDirections"]


class TargetedDirections(LinearMap):
    """Partial least squares: directions whose covariance with a target is largest.

    Parameters
    ----------
    n_components : int
        Number of directions.
    target : "position" or sequence of str
        The relative position in the document, or columns of the metadata;
        columns without numbers count as categories.

    Notes
    -----
    SIMPLS [1]_: scores of unit variance without correlation. A direction found
    this way separates the training documents by construction: judge it on others.

    References
    ----------
    .. [1] de Jong, S. (1993). SIMPLS: an alternative approach to partial least squares
       regression. Chemometrics and Intelligent Laboratory Systems 18, 251-263.
    """

    _prefix = "pls"

    def __init__(self, n_components: int = 8, *, target: str | Sequence[str] = "position") -> None:
        self.n_components = n_components
        self.target = target

    def _fit_panel(self, panel: Trajectories) -> None:
        k = check_integer("n_components", self.n_components)
        states = panel.values
        target = _targets(panel, self.target)
        mean = states.mean(axis=0)
        centred = states - mean
        weights, loadings = simpls(
            centred.T @ centred / len(states), centred.T @ target / len(states), k
        )
        self.mean_ = mean
        self.components_, self.patterns_ = weights, loadings
        total = float(np.square(centred).sum()) / len(states)
        self.explained_variance_ratio_ = np.square(loadings).sum(axis=1) / total


def simpls(
    covariance: FloatArray, cross: FloatArray, n_components: int
) -> tuple[FloatArray, FloatArray]:
    """Return weights and loadings, both (k, p), from covariances.

    Parameters
    ----------
    covariance : ndarray of shape (p, p)
        Of the states.
    cross : ndarray of shape (p, q)
        Of the states with the targets.
    n_components : int
        Number k of directions.
    """
    left = cross.copy()
    smallest = 1e-9 * np.linalg.norm(cross)
    weights: list[FloatArray] = []
    loadings: list[FloatArray] = []
    basis: list[FloatArray] = []
    for done in range(n_components):
        if np.linalg.norm(left) <= smallest:
            raise DegenerateDataError(
                f"The target is exhausted by {done} direction(s): ask for n_components={done} at "
                "most, or name another target."
            )
        direction = np.linalg.svd(left, full_matrices=False)[0][:, 0]
        weight = direction / np.sqrt(direction @ covariance @ direction)
        loading = covariance @ weight
        fresh = loading.copy()
        for _ in range(2):  # orthogonal to rounding
            for old in basis:
                fresh -= old * (old @ fresh)
        fresh /= np.linalg.norm(fresh)
        left = left - np.outer(fresh, fresh @ left)
        sign = 1.0 if weight[np.argmax(np.abs(weight))] > 0 else -1.0
        weights.append(sign * weight)
        loadings.append(sign * loading)
        basis.append(fresh)
    return np.stack(weights), np.stack(loadings)


def _targets(panel: Trajectories, target: str | Sequence[str]) -> FloatArray:
    """Return the centred, scaled targets of all states, (N, q)."""
    if target == "position":
        known = panel.relative_times[:, None]
    else:
        names = [target] if isinstance(target, str) else list(target)
        known = np.column_stack([_column(panel, name) for name in names])
        known = np.repeat(known, panel.lengths, axis=0)
    centred = known - known.mean(axis=0)
    spread = centred.std(axis=0)
    if not (spread > 0).any():
        raise DegenerateDataError(f"The target {target!r} is the same everywhere.")
    return centred[:, spread > 0] / spread[spread > 0]


def _column(panel: Trajectories, name: str) -> FloatArray:
    """Return a column of the metadata as numbers, one column a category if it has none."""
    if name not in panel.metadata:
        available = ", ".join(map(repr, panel.metadata.columns)) or "none"
        raise InputError(f"`target` names no metadata: {name!r}. Available: {available}.")
    column = panel.metadata[name]
    if column.isna().any():
        raise InputError(
            f"Documents without a value of the target {name!r}: "
            f"{name_some(column.index[column.isna()])}."
        )
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64)[:, None]
    return pd.get_dummies(column).to_numpy(dtype=np.float64)
