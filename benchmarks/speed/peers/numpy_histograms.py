"""Means of increments in bins with three histograms of numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["line"]


def line(
    path: NDArray[np.float64], dt: float, limits: tuple[float, float], bins: int
) -> Callable[[], tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
    """Return a function that gives places, drift and D2 of a path (n + 1,), not smoothed."""

    def run() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        x, change = path[:-1], np.diff(path)
        count, edges = np.histogram(x, bins, limits)
        first, _ = np.histogram(x, bins, limits, weights=change)
        second, _ = np.histogram(x, bins, limits, weights=change * change)
        total = np.where(count > 0, count, 1) * dt
        return (edges[1:] + edges[:-1]) / 2.0, first / total, second / (2.0 * total)

    return run
