"""Kramers-Moyal coefficients with kramersmoyal, as its documentation does it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["line", "plane"]

Coefficients = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
#: 1, x, y, x^2, x y and y^2.
PLANE_POWERS = ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))


def line(
    path: NDArray[np.float64], dt: float, bandwidth: float, bins: int
) -> Callable[[], Coefficients]:
    """Return a function that gives places, drift and D2 of a path (n + 1,), Epanechnikov kernel."""
    import kramersmoyal

    def run() -> Coefficients:
        found, edges = kramersmoyal.km(path, bins=[bins], powers=2, bw=bandwidth)
        # km divides by the factorials already.
        return edges[0], found[1] / dt, found[2] / dt

    return run


def plane(
    path: NDArray[np.float64], dt: float, bandwidth: float, bins: int
) -> Callable[[], Coefficients]:
    """Return a function that gives places (2, bins), drift (2, ...) and D2 (3, ...) in the plane.

    With its Gaussian kernel, which is the product of one along each coordinate.
    """
    import kramersmoyal
    from kramersmoyal.kernels import gaussian

    powers = np.array(PLANE_POWERS)

    def run() -> Coefficients:
        found, edges = kramersmoyal.km(
            path, bins=[bins, bins], powers=powers, kernel=gaussian, bw=bandwidth
        )
        return np.stack(edges), found[1:3] / dt, found[3:] / dt

    return run
