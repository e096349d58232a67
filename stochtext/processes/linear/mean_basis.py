"""Functions of the clock that a moving mean is a sum of, with what a step needs of them.

Law of this file: every function is a polynomial of degree at most 3 between knots, so that
its integral against an exponential over a step is exact once the step is split at knots.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["MeanBasis", "NaturalSpline", "Polynomials"]


@dataclass(frozen=True)
class Polynomials:
    """The powers 1, u, ..., u^p.

    Attributes
    ----------
    degree : int
        p; the likelihood of a linear SDE takes at most 3.
    """

    degree: int

    @property
    def size(self) -> int:
        """Number of functions q."""
        return self.degree + 1

    @property
    def order(self) -> int:
        """Highest derivative that does not vanish."""
        return self.degree

    @property
    def level(self) -> FloatArray:
        """Coefficients of the constant 1, shape (q,)."""
        return np.eye(self.size)[0]

    @property
    def knots(self) -> FloatArray:
        """No knots."""
        return np.empty(0)

    @property
    def jumps(self) -> FloatArray:
        """Jumps of the third derivatives at the knots, shape (0, q)."""
        return np.empty((0, self.size))

    def derivatives(self, u: FloatArray) -> FloatArray:
        """Return all derivatives of all functions, shape (order + 1, n, q), factorials in."""
        found = np.zeros((self.order + 1, len(u), self.size))
        for j in range(self.order + 1):
            for k in range(j, self.size):
                found[j, :, k] = _falling(k, j) * u ** (k - j)
        return found


@dataclass(frozen=True)
class NaturalSpline:
    r"""The cardinal natural cubic splines: each is 1 at its own knot and 0 at the others.

    A sum with coefficients v is the natural cubic spline through the points (knot, v):
    the smoothest curve through them, straight beyond the first and the last knot.

    Attributes
    ----------
    places : tuple of float
        The knots, increasing; at least two.

    References
    ----------
    Green and Silverman (1994), Nonparametric Regression and Generalized Linear Models,
    section 2.1-2.2.
    """

    places: tuple[float, ...]

    @property
    def size(self) -> int:
        """Number of functions q, one a knot."""
        return len(self.places)

    @property
    def order(self) -> int:
        """Highest derivative that does not vanish."""
        return 3

    @property
    def level(self) -> FloatArray:
        """Coefficients of the constant 1, shape (q,)."""
        return np.ones(self.size)

    @property
    def knots(self) -> FloatArray:
        """The knots, shape (q,)."""
        return np.array(self.places)

    @cached_property
    def pieces(self) -> FloatArray:
        """Coefficients of (u - origin)^j, shape (q + 1, 4, q): a piece between any two knots.

        The origin of a piece is the knot at its left end, of the first piece the first knot.
        """
        from scipy.interpolate import CubicSpline

        knots, q = self.knots, self.size
        inner = CubicSpline(knots, np.eye(q), bc_type="natural")
        pieces = np.zeros((q + 1, 4, q))
        pieces[1:q] = np.swapaxes(inner.c[::-1], 0, 1)
        for piece, end in ((0, 0), (q, q - 1)):
            pieces[piece, 0] = np.eye(q)[end]
            pieces[piece, 1] = inner(knots[end], 1)
        return pieces

    @cached_property
    def jumps(self) -> FloatArray:
        """Jumps of the third derivatives at the knots, shape (q, q)."""
        return np.asarray(6.0 * np.diff(self.pieces[:, 3], axis=0), dtype=np.float64)

    def derivatives(self, u: FloatArray) -> FloatArray:
        """Return all derivatives of all functions, shape (4, n, q); at a knot from the right."""
        piece = np.searchsorted(self.knots, u, side="right")
        away = (u - self.knots[np.maximum(piece - 1, 0)])[:, None]
        c = self.pieces[piece]
        found = np.zeros((4, len(u), self.size))
        for j in range(4):
            for k in range(j, 4):
                found[j] += _falling(k, j) * c[:, k] * away ** (k - j)
        return found


MeanBasis = Polynomials | NaturalSpline


def _falling(k: int, j: int) -> float:
    """Return k! / (k - j)!."""
    product = 1.0
    for i in range(j):
        product *= k - i
    return product
