"""The coordinate in which a domain is cut into panels: logarithmic towards finite ends.

Law of this file: it knows the ends of a domain and no process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray

__all__ = ["Coordinate"]

#: Nearer to an end other than zero the distance to it drowns in the rounding of the state.
_NEAREST = 1e-10
_SMALLEST = 1e-280


@dataclass(frozen=True)
class Coordinate:
    """y = x on the line, log(x - low), -log(high - x), or log((x - low) / (high - x)).

    Parameters
    ----------
    low, high : float
        Ends of the domain.
    """

    low: float
    high: float

    def of(self, x: FloatArray) -> FloatArray:
        """Return y of states inside the domain."""
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        if below and above:
            return np.log(x - self.low) - np.log(self.high - x)
        if below:
            return np.log(x - self.low)
        return -np.log(self.high - x) if above else np.asarray(x, dtype=np.float64)

    def state(self, y: FloatArray) -> FloatArray:
        """Return the states at y."""
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        if below and above:
            decay = np.exp(-np.abs(y))
            share = np.where(y > 0, 1.0, decay) / (1.0 + decay)
            return self.low + (self.high - self.low) * share
        if below:
            return self.low + np.exp(y)
        return self.high - np.exp(-y) if above else y

    def slope(self, y: FloatArray) -> FloatArray:
        """Return dx / dy."""
        below, above = np.isfinite(self.low), np.isfinite(self.high)
        if below and above:
            decay = np.exp(-np.abs(y))
            return (self.high - self.low) * decay / (1.0 + decay) ** 2
        if below:
            return np.exp(y)
        return np.exp(-y) if above else np.ones_like(y)

    def inside(self, x: FloatArray) -> BoolArray:
        """Return which states are far enough inside the domain to have a coordinate."""
        with np.errstate(invalid="ignore"):
            good = np.isfinite(x)
            for end, distance in ((self.low, x - self.low), (self.high, self.high - x)):
                if np.isfinite(end):
                    good &= distance > max(_NEAREST * abs(end), _SMALLEST)
        return np.asarray(good)
