"""A fitted ensemble of networks with its curves moved within their errors."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import part_of_type
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.results.inference.curves.network_features import network_features

__all__ = ["PerturbedProcess"]

_LARGEST_LOG_MOVE = 3.0


class PerturbedProcess(Process):
    """A process whose drift is shifted and whose covariance rate is transformed.

    Parameters
    ----------
    fitted : Process
        With a ``NetworkProcess`` inside, whose features carry the moves.
    drift_weights : ndarray of shape (d, F)
        ``features @ drift_weights.T`` is added to the drift.
    factor_weights : ndarray of shape (d (d + 1) / 2, F')
        The factor L of the covariance rate becomes L T, T the lower triangular matrix with
        these entries, its diagonal exponentiated.
    """

    def __init__(
        self, fitted: Process, drift_weights: FloatArray, factor_weights: FloatArray
    ) -> None:
        super().__init__(dim=fitted.dim, noise="general", noise_dim=fitted.dim, clock=fitted.clock)
        self.fitted = fitted
        self._network = part_of_type(fitted, NetworkProcess)
        self._drift_weights = drift_weights
        self._factor_weights = factor_weights

    @property
    def autonomous(self) -> bool:
        """Whether the fitted process does not depend on t."""
        return self.fitted.autonomous

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The domain of the fitted process."""
        return self.fitted.domain

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        features = network_features(self._network, "drift", self._near(x), t)
        moved: FloatArray = self.fitted.drift(x, t) + features @ self._drift_weights.T
        return moved

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        d = x.shape[1]
        features = network_features(self._network, "covariance", self._near(x), t)
        listed = features @ self._factor_weights.T
        rows, columns = np.tril_indices(d)
        triangle = np.zeros((len(x), d, d))
        triangle[:, rows, columns] = listed
        own = np.arange(d)
        moves = np.clip(triangle[:, own, own], -_LARGEST_LOG_MOVE, _LARGEST_LOG_MOVE)
        triangle[:, own, own] = np.exp(moves)
        lower = np.linalg.cholesky(self.fitted.covariance(x, t))
        return np.asarray(lower @ triangle, dtype=np.float64)

    def _near(self, x: FloatArray) -> FloatArray:
        """Return the nearest states in the box of the data: errors are not known further out."""
        support = getattr(self.fitted, "support", None)
        return x if support is None else np.clip(x, support.lower, support.upper)

    def covariance(self, x: ArrayLike, t: ArrayLike = 0.0) -> FloatArray:
        """Return the covariance rate, shape (n, d, d)."""
        states, times = self._checked(x, t)
        factor = self._diffusion(states, times)
        return factor @ factor.transpose(0, 2, 1)
