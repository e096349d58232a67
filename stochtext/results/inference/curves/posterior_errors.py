"""Posterior standard deviations of a Gaussian-process drift."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import part_of_type
from stochtext.processes.fitted.gaussian_process import GaussianProcessDiffusion

__all__ = ["PosteriorErrors"]

COARSE = (
    "NaN where the sampling interval biases the covariance rate by more than 30 % of its "
    "standard error"
)


class PosteriorErrors:
    """What knows the uncertainty of a Gaussian-process fit.

    Parameters
    ----------
    process : GaussianProcessDiffusion
    rate_error : ndarray of shape (d, d)
        Standard errors of the covariance rate, for Gaussian noise; NaN where its bias is known
        to be too large.
    """

    kind = "posterior"

    def __init__(self, process: GaussianProcessDiffusion, rate_error: FloatArray) -> None:
        self.process = process
        self._rate_error = rate_error

    def drift(self, x: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray, str | None]:
        """Return posterior mean and standard deviation of the drift."""
        return self.process.local_drift(x), np.sqrt(self.process.drift_variance(x)), None

    def covariance(self, x: FloatArray, t: FloatArray) -> tuple[FloatArray, FloatArray, str | None]:
        """Return the covariance rate and its standard error."""
        estimate = self.process.local_covariance(x)
        reason = COARSE if np.isnan(self._rate_error).any() else None
        return estimate, np.broadcast_to(self._rate_error, estimate.shape).copy(), reason

    def interval_centre(self, x: FloatArray, t: FloatArray, which: str) -> FloatArray:
        """Return the estimate itself."""
        return self.process.local_drift(x) if which == "drift" else self.process.local_covariance(x)

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return what restores the object beside its process."""
        return {"kind": self.kind}, {"rate_error": self._rate_error}

    @classmethod
    def from_dict(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> PosteriorErrors:
        """Restore the object from what :meth:`to_dict` returned and the fitted process."""
        return cls(part_of_type(process, GaussianProcessDiffusion), arrays["rate_error"])
