"""Curves known on a regular grid of nodes, interpolated between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.processes.fitted.bins.binned_moments import read_off_1d

__all__ = ["CurveTable", "Nodes", "column_limits"]

_TOGETHER = 128


def column_limits(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the least and the largest entry of each column of (n, d).

    Long rows are compared at once; along the rows of a narrow table numpy is slow.
    """
    n, d = x.shape
    whole = n - n % _TOGETHER
    parts = [x[whole:]]
    if whole:
        wide = np.ascontiguousarray(x[:whole]).reshape(-1, _TOGETHER * d)
        parts = [
            *(reduced.reshape(_TOGETHER, d) for reduced in (wide.min(axis=0), wide.max(axis=0))),
            x[whole:],
        ]
    ends = np.concatenate(parts)
    return ends.min(axis=0), ends.max(axis=0)


@dataclass(frozen=True)
class Nodes:
    """A regular grid in one or two coordinates.

    Attributes
    ----------
    low, step : ndarray of shape (d,)
    shape : tuple of d int
    """

    low: FloatArray
    step: FloatArray
    shape: tuple[int, ...]

    @classmethod
    def around(
        cls, points: FloatArray, margin: FloatArray, wanted: FloatArray, most: int
    ) -> Nodes | None:
        """Return nodes at most ``wanted`` apart around points; None if there were too many."""
        least, largest = column_limits(points)
        low, high = least - margin, largest + margin
        sizes = np.ceil((high - low) / wanted) + 1
        if np.any(sizes > most):
            return None
        return cls(low, (high - low) / (sizes - 1), tuple(int(size) for size in sizes))

    def axis(self, j: int) -> FloatArray:
        """Return the places along one coordinate."""
        return self.low[j] + self.step[j] * np.arange(self.shape[j])


@dataclass(frozen=True)
class CurveTable:
    """Values at nodes, interpolated between them; NaN spreads to its neighbours.

    Attributes
    ----------
    nodes : Nodes
    values : ndarray of shape (*nodes.shape, r)
    convex : bool
        In two coordinates: linear interpolation, whose weights are not negative, and not
        cubic.
    """

    nodes: Nodes
    values: FloatArray
    convex: bool = False

    def __call__(self, x: FloatArray) -> FloatArray:
        """Return values at states, shape (n, r); NaN near and beyond the ends."""
        if len(self.nodes.shape) == 1:
            return read_off_1d(x[:, 0], self.nodes.low[0], self.nodes.step[0], self.values)
        cells, shares, inside = self._places(x)
        result = np.zeros((len(x), self.values.shape[-1]))
        weights = [_linear(share) if self.convex else _cubic(share) for share in shares]
        for k in range(4):
            for m in range(4):
                weight = (weights[0][k] * weights[1][m])[:, None]
                result += weight * self.values[cells[0] + k - 1, cells[1] + m - 1]
        result[~inside] = np.nan
        return result

    def _places(self, x: FloatArray) -> tuple[list[IntArray], list[FloatArray], BoolArray]:
        inside = np.ones(len(x), dtype=bool)
        cells, shares = [], []
        for j, size in enumerate(self.nodes.shape):
            position = (x[:, j] - self.nodes.low[j]) / self.nodes.step[j]
            here = (position >= 1) & (position <= size - 2)
            inside &= here
            position = np.where(here, position, 1.0)
            cell = np.minimum(position.astype(np.int64), size - 3)
            cells.append(cell)
            shares.append(position - cell)
        return cells, shares, inside


def _linear(s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return linear weights of the nodes at -1, 0, 1 and 2."""
    return 0.0 * s, 1.0 - s, s, 0.0 * s


def _cubic(s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the Lagrange weights of the nodes at -1, 0, 1 and 2."""
    return (
        -s * (s - 1) * (s - 2) / 6,
        (s + 1) * (s - 1) * (s - 2) / 2,
        -(s + 1) * s * (s - 2) / 2,
        (s + 1) * s * (s - 1) / 6,
    )
