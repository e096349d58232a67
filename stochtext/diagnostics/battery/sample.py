"""One-step residuals of a panel, and which of them are neighbours.

Law of this file: a lag pair joins two residuals of one trajectory, never of two.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.special import ndtri

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.diagnostics.serial_correlation import default_lags

__all__ = ["Layout", "OneStepSample"]

MOST_LAGS = 10
MOST_LAGS_ARCH = 5
MOST_LAGS_SURFACE = 5
MOST_LAGS_MOMENTS = 19
# Beyond this many standard deviations a distribution function is too close to 0 or 1.
FAR = 7.0


class Layout:
    """The neighbours among rows, for every sample of the same lengths.

    Parameters
    ----------
    trajectory : ndarray of int of shape (n,)
        Trajectory of each row; equal values stand together.
    """

    def __init__(self, trajectory: IntArray) -> None:
        self.trajectory = trajectory
        self._later: dict[int, IntArray] = {}

    def __len__(self) -> int:
        return len(self.trajectory)

    def later(self, lag: int) -> IntArray:
        """Return the rows that have a row ``lag`` steps earlier in their trajectory."""
        if lag not in self._later:
            same = self.trajectory[lag:] == self.trajectory[:-lag]
            self._later[lag] = np.flatnonzero(same) + lag
        return self._later[lag]

    @cached_property
    def lags(self) -> int:
        """Lags of Ljung and Box that the lengths carry."""
        return default_lags(self.trajectory, MOST_LAGS)

    @cached_property
    def lags_arch(self) -> int:
        """Lags of ARCH-LM that the lengths carry."""
        return min(MOST_LAGS_ARCH, self.lags)

    @cached_property
    def lags_surface(self) -> int:
        """Lags whose joint densities are estimated."""
        return min(MOST_LAGS_SURFACE, self.lags)

    @cached_property
    def lags_moments(self) -> int:
        """Lags over which correlations of powers are added up."""
        return default_lags(self.trajectory, MOST_LAGS_MOMENTS)


@dataclass(frozen=True)
class OneStepSample:
    """What a model leaves of one panel.

    Attributes
    ----------
    resid : ndarray of shape (n, d)
        Standardised residuals.
    pit : ndarray of shape (n, d)
        Probability integral transforms, conditional on the coordinates before.
    x : ndarray of shape (n, d)
        State from which each step started.
    scores : ndarray of shape (n, k) or None
        Derivatives of the log density of each row by the parameters.
    """

    resid: FloatArray
    pit: FloatArray
    x: FloatArray
    scores: FloatArray | None = None

    @cached_property
    def normal(self) -> FloatArray:
        """Generalised residuals: standard normal under the model, whatever its density."""
        with np.errstate(divide="ignore"):
            scores: FloatArray = ndtri(np.clip(self.pit, 0.0, 1.0))
        near = np.abs(scores) < FAR
        return np.where(near, scores, np.copysign(np.maximum(np.abs(self.resid), FAR), scores))

    def component(self, j: int) -> OneStepSample:
        """Return the sample of one coordinate, with the scores of all."""
        pick = slice(j, j + 1)
        return replace(self, resid=self.resid[:, pick], pit=self.pit[:, pick], x=self.x[:, pick])
