"""What the projections of this folder share: subtract a mean, multiply by weights."""

from __future__ import annotations

from stochtext._shared.typing import FloatArray
from stochtext.trajectories.transformer import PanelTransformer

__all__ = ["LinearMap"]


class LinearMap(PanelTransformer):
    """A linear map of states whose weights a subclass learns.

    Attributes
    ----------
    components_ : ndarray of shape (k, p)
        Weights.
    patterns_ : ndarray of shape (k, p)
        Change of the state that goes with one unit of a component.
    mean_ : ndarray of shape (p,)
        Mean of the training states.
    explained_variance_ratio_ : ndarray of shape (k,)
        Share of the variance of the training states.
    log_abs_det_jacobian_ : None
        These maps reduce the dimension.
    """

    _prefix = "z"
    components_: FloatArray
    patterns_: FloatArray
    mean_: FloatArray
    explained_variance_ratio_: FloatArray
    log_abs_det_jacobian_: float | None = None

    def _map(self, states: FloatArray) -> FloatArray:
        return (states - self.mean_) @ self.components_.T

    def _unmap(self, features: FloatArray) -> FloatArray:
        return features @ self.patterns_ + self.mean_

    def _output_names(self) -> tuple[str, ...]:
        return tuple(f"{self._prefix}{j + 1}" for j in range(len(self.components_)))
