"""Integrals over the end of a step of a density that need not integrate to one.

The line of possible ends is cut into panels, each as wide as one standard deviation of the
noise at its place, and each panel gets a Gauss-Legendre rule.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.transitions.expansions.quadrature import gauss_legendre

__all__ = ["ACCURACY", "Panels", "panel_edges"]

#: Relative error of the integrals; where more than this may be missing they are NaN.
ACCURACY = 1e-8
_EACH_WAY = 8
_NODES = 6
_SUBSTEPS = 4
# Terms of panels farther out than this many standard deviations may be unknown.
_INNER = 6

Density = Callable[[FloatArray, FloatArray, FloatArray], tuple[FloatArray, FloatArray]]


def panel_edges(
    diffusion: Callable[[FloatArray], FloatArray],
    center: FloatArray,
    dt: FloatArray,
    domain: tuple[float, float],
) -> FloatArray:
    """Return the edges of the panels of each row, shape (n, 17), in increasing order.

    Parameters
    ----------
    diffusion : callable
        ``sigma(x)`` for x of shape (n,).
    center : ndarray of shape (n,)
        Middle edge, inside the domain.
    dt : ndarray of shape (n,)
        Lengths of the steps.
    domain : (float, float)
        Where the process lives; panels end there.
    """
    edges = np.empty((len(center), 2 * _EACH_WAY + 1))
    edges[:, _EACH_WAY] = center
    for sign in (-1, 1):
        x = center
        for panel in range(1, _EACH_WAY + 1):
            for _ in range(_SUBSTEPS):
                x = _moved(diffusion, x, sign * np.sqrt(dt) / _SUBSTEPS, domain)
            edges[:, _EACH_WAY + sign * panel] = x
    return np.maximum.accumulate(edges, axis=1)


def _moved(
    diffusion: Callable[[FloatArray], FloatArray],
    x: FloatArray,
    step: FloatArray,
    domain: tuple[float, float],
) -> FloatArray:
    """Follow dx = |sigma(x)| dy by the midpoint rule; stay where there is no noise."""

    def speed(at: FloatArray) -> FloatArray:
        sigma = np.abs(diffusion(np.clip(at, *domain)))
        return np.where(np.isfinite(sigma), sigma, 0.0)

    middle = x + 0.5 * step * speed(x)
    return np.clip(x + step * speed(middle), *domain)


class Panels:
    """The density of the end of each step at the nodes of its panels.

    Parameters
    ----------
    density : callable
        ``density(x, x_next, dt)`` gives log densities and the sizes of their largest terms.
    x, dt : ndarray of shape (n,)
    edges : ndarray of shape (n, k + 1)

    Attributes
    ----------
    mass : ndarray of shape (n,)
        Integral of the density; NaN where it is not known to `ACCURACY`.
    """

    def __init__(self, density: Density, x: FloatArray, dt: FloatArray, edges: FloatArray) -> None:
        self._density, self._x, self._dt, self._edges = density, x, dt, edges
        self._points, self._parts = self._panel(edges[:, :-1], edges[:, 1:])
        by_panel = self._parts.sum(axis=2)
        unknown = np.isnan(by_panel)
        middle = slice(_EACH_WAY - _INNER, _EACH_WAY + _INNER)
        broken = unknown[:, middle].any(axis=1)
        self._parts[unknown] = 0.0
        self._by_panel = np.where(unknown, 0.0, by_panel)
        with np.errstate(invalid="ignore", divide="ignore"):
            mass = self._by_panel.sum(axis=1)
            edge = (self._last(0) + self._last(1)) / mass
            self.mass = np.where(broken | ~(edge < ACCURACY) | ~(mass > 0.0), np.nan, mass)

    def _last(self, end: int) -> FloatArray:
        """Return the mass of the outermost panel that is not empty."""
        step = 1 if end == 0 else -1
        width = np.diff(self._edges, axis=1)[:, ::step] > 0.0
        return self._by_panel[:, ::step][np.arange(len(width)), np.argmax(width, axis=1)]

    def _panel(self, low: FloatArray, high: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the nodes of panels (n, k) and density times weight at them, (n, k, nodes)."""
        nodes, weights = gauss_legendre(_NODES)
        points = low[..., None] + nodes * (high - low)[..., None]
        each = points[0].size
        value, largest = self._density(
            np.repeat(self._x, each), points.ravel(), np.repeat(self._dt, each)
        )
        with np.errstate(over="ignore", invalid="ignore"):
            value = np.where(largest > 1.0, np.nan, np.exp(value)).reshape(points.shape)
            parts = value * weights * (high - low)[..., None]
        empty = (high <= low)[..., None]
        return points, np.where(empty, 0.0, parts)

    def moments(self) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of the normalised density, each of shape (n,)."""
        offset = self._points - self._x[:, None, None]
        first = np.sum(self._parts * offset, axis=(1, 2)) / self.mass
        spread = (offset - first[:, None, None]) ** 2
        return self._x + first, np.sum(self._parts * spread, axis=(1, 2)) / self.mass

    def distribution(self, x_next: FloatArray) -> FloatArray:
        """Return the distribution function of the normalised density, shape (n,)."""
        at = np.clip(x_next, self._edges[:, 0], self._edges[:, -1])
        below = self._edges <= at[:, None]
        whole = np.maximum(below.sum(axis=1) - 1, 0)
        rows = np.arange(len(at))
        _, part = self._panel(self._edges[rows, whole][:, None], at[:, None])
        running = np.concatenate(
            [np.zeros((len(at), 1)), np.cumsum(self._by_panel, axis=1)], axis=1
        )
        total = running[rows, whole] + np.nan_to_num(part.sum(axis=(1, 2)))
        return np.clip(total / self.mass, 0.0, 1.0)
