"""A fitted process of one coordinate with its curves moved within their errors."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import Process

__all__ = ["ShiftedProcess"]


class ShiftedProcess(Process):
    """A process whose drift is shifted and whose covariance rate is multiplied.

    Parameters
    ----------
    fitted : Process
        Of one coordinate.
    drift_nodes, drift_shift : ndarray of shape (k,)
        What is added to the drift at increasing states; linear in between, constant beyond.
    rate_nodes, log_rate_shift : ndarray of shape (m,)
        Logarithm of the factor of the covariance rate, likewise.
    """

    def __init__(
        self,
        fitted: Process,
        drift_nodes: FloatArray,
        drift_shift: FloatArray,
        rate_nodes: FloatArray,
        log_rate_shift: FloatArray,
    ) -> None:
        super().__init__(dim=1, noise="general", noise_dim=fitted.noise_dim, clock=fitted.clock)
        self.fitted = fitted
        self._drift_shift = drift_nodes, drift_shift
        self._log_rate_shift = rate_nodes, log_rate_shift

    @property
    def autonomous(self) -> bool:
        """Whether the fitted process does not depend on t."""
        return self.fitted.autonomous

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The domain of the fitted process."""
        return self.fitted.domain

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return self.fitted.drift(x, t) + np.interp(x, *self._drift_shift)

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return self.fitted.diffusion(x, t) * self._factor(x)[:, :, None]

    def covariance(self, x: ArrayLike, t: ArrayLike = 0.0) -> FloatArray:
        """Return the covariance rate, shape (n, 1, 1)."""
        states, times = self._checked(x, t)
        return self.fitted.covariance(states, times) * self._factor(states)[:, :, None] ** 2

    def _factor(self, x: FloatArray) -> FloatArray:
        return np.exp(0.5 * np.interp(x, *self._log_rate_shift))
