"""What a rung of the ladder says about documents it was not fitted to.

Law of this file: one row a transition, in panel order; first states are never predicted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.trajectories.panel import Trajectories

__all__ = ["Prediction", "Rung", "gaussian", "last_rows", "past_means"]


class Prediction(NamedTuple):
    """Predicted next states and the log density of what came, arrays of shape (n,)."""

    mean: FloatArray
    log_density: FloatArray


#: From a training panel and a test panel of one coordinate to predictions.
Rung = Callable[[Trajectories, Trajectories], Prediction]


def gaussian(mean: FloatArray, variance: FloatArray | float, target: FloatArray) -> Prediction:
    """Return a normal prediction, with the log density of the target."""
    log_density = -0.5 * (np.log(2 * np.pi * variance) + (target - mean) ** 2 / variance)
    return Prediction(np.broadcast_to(mean, target.shape), log_density)


def past_means(panel: Trajectories) -> tuple[FloatArray, FloatArray]:
    """Return before each transition the mean of the document so far, and of how many states."""
    means, counts = [], []
    for x in panel.arrays():
        n = np.arange(1.0, len(x))
        means.append(np.cumsum(x[:-1], axis=0) / n[:, None])
        counts.append(n)
    return np.concatenate(means), np.concatenate(counts)


def last_rows(panel: Trajectories) -> IntArray:
    """Return the rows that are the last of their trajectory."""
    return panel.offsets[1:] - 1
