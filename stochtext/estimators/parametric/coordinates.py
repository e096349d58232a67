"""Coordinates without bounds: logarithms of positive parameters, logits of bounded ones."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit

from stochtext._shared.typing import FloatArray

__all__ = ["Coordinates"]

INSIDE = 1e-6
ON_BOUND = 1e-6


class Coordinates:
    """A map from R^k to the inside of a box.

    Parameters
    ----------
    box : ndarray of shape (k, 2)
    start : ndarray of shape (k,)
        A point in the box; it says how far from a bound is inside.
    """

    def __init__(self, box: FloatArray, start: FloatArray) -> None:
        self.low, self.high = box.T
        self.below = np.isfinite(self.low) & np.isinf(self.high)
        self.above = np.isinf(self.low) & np.isfinite(self.high)
        self.between = np.isfinite(self.low) & np.isfinite(self.high)
        self.scale = np.maximum(np.abs(start), 1.0)

    def to_parameters(self, z: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the parameters and the derivative of each in its coordinate."""
        theta, slope = z.copy(), np.ones_like(z)
        grown = np.exp(np.minimum(z, 500.0))
        theta[self.below] = (self.low + grown)[self.below]
        theta[self.above] = (self.high - grown)[self.above]
        slope[self.below], slope[self.above] = grown[self.below], -grown[self.above]
        k = self.between
        share, width = expit(z[k]), (self.high - self.low)[k]
        theta[k] = self.low[k] + share * width
        slope[k] = share * (1.0 - share) * width
        return theta, slope

    def from_parameters(self, theta: FloatArray) -> FloatArray:
        """Return the coordinates of a point of the box, moved inside from its bounds."""
        z = theta.copy()
        nearest = INSIDE * self.scale
        z[self.below] = np.log(np.maximum(theta - self.low, nearest))[self.below]
        z[self.above] = np.log(np.maximum(self.high - theta, nearest))[self.above]
        k = self.between
        share = (theta[k] - self.low[k]) / (self.high - self.low)[k]
        z[k] = logit(np.clip(share, INSIDE, 1.0 - INSIDE))
        return z

    def snapped(self, theta: FloatArray) -> FloatArray:
        """Return the point with parameters that have come to a bound put on it."""
        near = ON_BOUND * self.scale
        theta = np.where(np.isfinite(self.low) & (theta - self.low < near), self.low, theta)
        return np.where(np.isfinite(self.high) & (self.high - theta < near), self.high, theta)
