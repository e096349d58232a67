"""Conditional moments with jumpdiff, as its documentation does it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["line"]


def line(
    path: NDArray[np.float64], dt: float, bandwidth: float, bins: int
) -> Callable[[], tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]]:
    """Return a function that gives places, drift and D2 of a path (n + 1,), Epanechnikov kernel."""
    import jumpdiff

    def run() -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        places, found = jumpdiff.moments(
            path, bw=bandwidth, bins=np.array([bins]), power=2, lag=[1], correction=False
        )
        return places[:, 0], found[1, :, 0] / dt, found[2, :, 0] / (2.0 * dt)

    return run
