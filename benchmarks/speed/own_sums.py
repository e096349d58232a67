"""The package's own binned and local regression: what the estimators do for their curves alone.

With ``own_noise`` the only place where these benchmarks look behind the public interface: other
packages return curves without errors, tests or a process, and this is the same work.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from stochtext.processes.fitted.bins.binned_moments import binned_powers_1d, binned_squares_2d
from stochtext.processes.fitted.bins.curve_table import Nodes, column_limits
from stochtext.processes.fitted.smoothing.binned_regression import fit_nodes
from stochtext.processes.fitted.smoothing.local_polynomial import LocalPolynomial

__all__ = ["line", "local_linear", "plane"]

_PART = 32768

Array = NDArray[np.float64]
Curves = tuple[Array, Array, Array]


def line(
    path: Array, dt: float, bandwidth: float, size: int, *, degree: int = 1, snapped: bool = False
) -> Callable[[], Curves]:
    """Return a function that gives places, drift and D2 of a path (n + 1,), Epanechnikov kernel.

    Places are the middles of equal bins from one bandwidth below the data to one above. With
    ``snapped`` states count as if they were in the middle of their bin, as other packages take
    them.
    """

    def run() -> Curves:
        nodes = _nodes(path[:-1, None], bandwidth, size)
        low, step, sums = float(nodes.low[0]), float(nodes.step[0]), np.zeros((size, 3))
        # In parts that stay in the processor's cache.
        for start in range(0, len(path) - 1, _PART):
            part = path[start : start + _PART + 1]
            x = _snapped(part[:-1, None], nodes)[:, 0] if snapped else part[:-1]
            binned_powers_1d(x, np.diff(part), low, step, size, 2, sums=sums)
        value = _fitted(sums, nodes, bandwidth, degree, "epanechnikov")
        return nodes.axis(0), value[:, 0] / dt, value[:, 1] / (2.0 * dt)

    return run


def plane(
    path: Array, dt: float, bandwidth: float, size: int, *, snapped: bool = False
) -> Callable[[], Curves]:
    """Return a function that gives places (2, size), drift (2, ...) and D2 (3, ...) in the plane.

    Averages with a Gaussian kernel. D2 has the coefficients of x^2, x y and y^2, that of x y
    without one half.
    """

    def run() -> Curves:
        x, change = path[:-1], np.diff(path, axis=0)
        nodes = _nodes(x, bandwidth, size)
        if snapped:
            x = _snapped(x, nodes)
        sums = binned_squares_2d(x, change, nodes.low, nodes.step, (size, size))
        value = np.moveaxis(_fitted(sums, nodes, bandwidth, 0, "gaussian"), -1, 0) / dt
        value[[2, 4]] /= 2.0
        return np.stack([nodes.axis(0), nodes.axis(1)]), value[:2], value[2:]

    return run


def local_linear(
    x: Array, response: Array, places: Array, bandwidth: float, kernel: str
) -> Callable[[], Array]:
    """Return a function that gives the direct local linear fit at places (k,)."""
    ones = np.ones(len(x))
    width = np.array([bandwidth])

    def run() -> Array:
        regression = LocalPolynomial(x[:, None], ones, ones, width, 1, kernel)
        return regression.fit(places[:, None], response[:, None]).value[:, 0]

    return run


def _nodes(x: Array, bandwidth: float, size: int) -> Nodes:
    least, largest = column_limits(x)
    low, high = least - bandwidth, largest + bandwidth
    step = (high - low) / size
    return Nodes(low + step / 2.0, step, (size,) * x.shape[1])


def _snapped(x: Array, nodes: Nodes) -> Array:
    return nodes.low + nodes.step * np.round((x - nodes.low) / nodes.step)


def _fitted(sums: Array, nodes: Nodes, bandwidth: float, degree: int, kernel: str) -> Array:
    """Return fits of sums of plain counts and responses, shape (*nodes.shape, responses)."""
    # With weights of one the weights and their squares have the same sums.
    both = np.concatenate([sums[..., :1], sums], axis=-1)
    width = np.full(len(nodes.shape), bandwidth)
    return fit_nodes(both, nodes, width, degree, kernel)[0]
