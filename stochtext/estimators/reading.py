"""How estimators take their data: panels as panels, arrays through scikit-learn's door."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories, is_panel

__all__ = ["carries_times", "read_panel", "read_states"]

FORMS = "One trajectory is a (T, d) array of numbers; a panel is a list of arrays, or Trajectories."


def carries_times(X: Any) -> bool:
    """Whether ``X`` knows its own times: trajectories, or a list of them."""
    if isinstance(X, list | tuple):
        return any(isinstance(element, Trajectories) for element in X)
    return isinstance(X, Trajectories)


def read_panel(
    estimator: BaseEstimator,
    X: Any,
    *,
    dt: Any = None,
    times: Any = None,
    groups: Any = None,
    reset: bool,
) -> Trajectories:
    """Return ``X`` as trajectories and keep scikit-learn's bookkeeping of features.

    Parameters
    ----------
    estimator : BaseEstimator
        Whose ``n_features_in_`` is set (``reset=True``) or checked.
    X : Trajectories, list of arrays, 3-D array, or array_like of shape (T, d)
        A two-dimensional array is one trajectory.
    dt, times, groups
        As in :class:`stochtext.Trajectories`; not allowed beside a ``Trajectories``.
    reset : bool
        Whether this is a fit.

    Raises
    ------
    InputError
        As :class:`stochtext.Trajectories`, and if the number of features differs. Missing
        values are refused unless the estimator has ``missing="kalman"``.
    """
    gaps = getattr(estimator, "missing", "raise") == "kalman"
    if is_panel(X):
        panel = as_trajectories(X, dt=dt, times=times, groups=groups, gaps=gaps)
        _check_features(estimator, panel, reset=reset)
        return panel
    array = _validated(estimator, X, reset=reset)
    if len(array) < 2:
        raise InputError(
            f"A trajectory needs at least two states, got n_samples=1 (shape {array.shape})."
        )
    columns = getattr(estimator, "feature_names_in_", None)
    panel = as_trajectories(array, dt=dt, times=times, groups=groups, gaps=gaps)
    return panel if columns is None else panel.with_columns(list(columns))


def read_states(estimator: BaseEstimator, X: Any) -> FloatArray:
    """Return an array of states, one a row, with as many features as were fitted."""
    states = _validated(estimator, X, reset=False)
    bad = np.argwhere(~np.isfinite(states))
    if bad.size:
        row, column = bad[0]
        kind = "NaN" if np.isnan(states[row, column]) else "infinity"
        raise InputError(
            f"Input X contains {kind} (row {row}, column {column}); a state must be finite, "
            "neither NaN nor inf."
        )
    return states


def _validated(estimator: BaseEstimator, X: Any, *, reset: bool) -> FloatArray:
    try:
        array: FloatArray = validate_data(
            estimator, X, reset=reset, dtype=np.float64, ensure_all_finite=False
        )
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"{str(error).rstrip('.')}. {FORMS}") from error
    return array


def _check_features(estimator: BaseEstimator, panel: Trajectories, *, reset: bool) -> None:
    if reset:
        estimator.n_features_in_ = panel.n_features
        if hasattr(estimator, "feature_names_in_"):
            del estimator.feature_names_in_
    elif panel.n_features != estimator.n_features_in_:
        raise InputError(
            f"X has {panel.n_features} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input."
        )
