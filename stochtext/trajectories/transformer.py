"""What the transformers of panels share: one map for all states, whatever holds them.

A panel in gives ``Trajectories`` out, an array in gives an array (or the
container chosen by ``set_output``) out. A transformer maps states one by one
and never touches times, ids or metadata.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.trajectories.construction.labels import default_columns
from stochtext.trajectories.construction.values import check_finite
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories, is_panel

__all__ = ["PanelTransformer", "orient"]

Self = TypeVar("Self", bound="PanelTransformer")


def orient(components: FloatArray) -> FloatArray:
    """Give each row the sign that makes its largest entry positive."""
    largest = np.argmax(np.abs(components), axis=1)
    signs = np.sign(components[np.arange(len(components)), largest])
    return components * np.where(signs == 0, 1.0, signs)[:, None]


class ArrayTransformer(TransformerMixin, BaseEstimator):
    """The path of plain arrays, which ``set_output`` wraps."""

    @abstractmethod
    def _map(self, states: FloatArray) -> FloatArray:
        """Map (n, d) states to (n, k) features."""

    def transform(self, X: Any) -> Any:
        """Map the rows of an array."""
        return self._map(self._read_array(X, reset=False))

    def _read_array(self, X: Any, *, reset: bool, minimum: int = 1) -> FloatArray:
        try:
            array = validate_data(
                self,
                X,
                reset=reset,
                dtype=np.float64,
                ensure_all_finite=False,
                ensure_min_samples=minimum,
            )
        except ValueError as error:
            raise InputError(str(error)) from error
        names = getattr(self, "feature_names_in_", default_columns(array.shape[1]))
        offsets = np.array([0, len(array)], dtype=np.int64)
        check_finite(array, offsets, tuple(names), pd.RangeIndex(1))
        return array


class PanelTransformer(ArrayTransformer, auto_wrap_output_keys=None):  # type: ignore[call-arg]
    """A map of states that takes arrays and panels alike.

    Subclasses give ``_fit_panel``, ``_map``, ``_unmap`` and ``_n_outputs``.
    """

    n_features_in_: int

    @abstractmethod
    def _fit_panel(self, panel: Trajectories) -> None:
        """Learn the map."""

    @abstractmethod
    def _unmap(self, features: FloatArray) -> FloatArray:
        """Map (n, k) features back to (n, d) states."""

    @abstractmethod
    def _output_names(self) -> tuple[str, ...]:
        """Return the names of the features."""

    def fit(self: Self, X: Any, y: Any = None) -> Self:
        """Learn the map from all states of the panel.

        Parameters
        ----------
        X : Trajectories, list of arrays, (m, T, d) array, or (T, d) array
            An array with two dimensions is one trajectory.
        y : ignored
            For the sake of pipelines.

        Raises
        ------
        InputError
            If the data cannot be read as trajectories.
        """
        if is_panel(X):
            panel = as_trajectories(X)
            self._remember(X, panel)
        else:
            panel = Trajectories(self._read_array(X, reset=True, minimum=2))
        self._fit_panel(panel)
        return self

    def _next_part(self, X: Any) -> Trajectories:
        """Return the next part of a panel that is learned in parts."""
        panel = as_trajectories(X)
        if hasattr(self, "_sums"):
            self._check_same_columns(panel)
        else:
            self._remember(X, panel)
        return panel

    def fit_transform(self, X: Any, y: Any = None, **fit_params: Any) -> Any:
        """Learn the map and return the mapped ``X``."""
        return self.fit(X, y, **fit_params).transform(X)

    def transform(self, X: Any) -> Any:
        """Map every state.

        Parameters
        ----------
        X : Trajectories, list of arrays, (m, T, d) array, or (n, d) array
            States with the columns seen in ``fit``.

        Returns
        -------
        Trajectories or array of shape (n, k)
            A panel for a panel, with named columns; else an array, or what
            ``set_output`` asks for.
        """
        check_is_fitted(self)
        if not is_panel(X):
            return super().transform(X)
        panel = as_trajectories(X)
        self._check_same_columns(panel)
        return panel.with_values(self._map(panel.values), columns=self._output_names())

    def inverse_transform(self, X: Any) -> Any:
        """Map features back to states; the closest ones if the map reduces.

        Parameters
        ----------
        X : Trajectories, list of arrays, (m, T, k) array, or (n, k) array
            What ``transform`` returned.
        """
        check_is_fitted(self)
        names = self._output_names()
        if is_panel(X):
            panel = as_trajectories(X)
            self._check_width(panel.n_features, len(names))
            return panel.with_values(self._unmap(panel.values), columns=self._input_names())
        array = np.asarray(X, dtype=np.float64)
        if array.ndim != 2:
            raise InputError(f"Expected a 2-D array of features; got the shape {array.shape}.")
        self._check_width(array.shape[1], len(names))
        check_finite(array, np.array([0, len(array)]), names, pd.RangeIndex(1))
        return self._unmap(array)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray[Any, Any]:
        """Return the names of the features that ``transform`` gives."""
        check_is_fitted(self)
        if input_features is not None:
            given = [str(name) for name in input_features]
            known = getattr(self, "feature_names_in_", None)
            if known is not None and list(known) != given:
                raise InputError("input_features is not equal to feature_names_in_")
            if len(given) != self.n_features_in_:
                raise InputError(
                    "input_features should have length equal to number of features "
                    f"({self.n_features_in_}), got {len(given)}"
                )
        return np.asarray(self._output_names(), dtype=object)

    def _input_names(self) -> tuple[str, ...]:
        names = getattr(self, "feature_names_in_", default_columns(self.n_features_in_))
        return tuple(str(name) for name in names)

    def _remember(self, X: Any, panel: Trajectories) -> None:
        self.n_features_in_ = panel.n_features
        if panel.columns != default_columns(panel.n_features):
            self.feature_names_in_ = np.asarray(panel.columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _check_same_columns(self, panel: Trajectories) -> None:
        if panel.n_features != self.n_features_in_:
            raise InputError(
                f"X has {panel.n_features} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input."
            )
        known = getattr(self, "feature_names_in_", None)
        unnamed = panel.columns == default_columns(panel.n_features)
        if known is not None and not unnamed and list(known) != list(panel.columns):
            raise InputError(
                f"The panel has the columns {list(panel.columns)}; {type(self).__name__} was "
                f"fitted on {list(known)}. Give the same columns in the same order."
            )

    @staticmethod
    def _check_width(given: int, expected: int) -> None:
        if given != expected:
            raise InputError(
                f"X has {given} columns, but inverse_transform is expecting {expected}, as "
                "transform returns them."
            )
