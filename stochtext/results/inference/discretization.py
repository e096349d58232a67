"""How far a finite sampling interval moves drift and covariance rate, in one coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial

from stochtext._shared.typing import FloatArray

__all__ = ["DiscretizationBias"]

_DRIFT_DEGREE = 4
_VARIANCE_DEGREE = 2


@dataclass(frozen=True)
class DiscretizationBias:
    """Leading terms in dt of what an Euler increment adds to b and a.

    Attributes
    ----------
    b, a : Polynomial
        Pilot polynomials of the drift and the covariance rate.
    dt : float
        Mean sampling interval.

    Notes
    -----
    By the Itô-Taylor expansion, for dX = b dt + sigma dW with a = sigma**2,
    ``E[dX] / dt = b + dt (b b' + a b'' / 2) / 2 + O(dt**2)`` and
    ``Var[dX] / dt = a + dt (a b' + b a' / 2 + a a'' / 4) + O(dt**2)``.

    References
    ----------
    Florens-Zmirou, D. (1989), Approximate discrete-time schemes for statistics of
    diffusion processes, Statistics 20, 547-557, lemma 1.
    """

    b: Polynomial
    a: Polynomial
    dt: float

    @classmethod
    def fit(
        cls,
        x: FloatArray,
        rates: FloatArray,
        squares: FloatArray,
        dt: FloatArray,
        weight: FloatArray,
    ) -> DiscretizationBias:
        """Fit the pilots to dX / dt and e**2 / dt by weighted least squares.

        Parameters
        ----------
        x, rates, squares, dt, weight : ndarrays of shape (n,)
        """
        levels = len(np.unique(x))
        return cls(
            _pilot(x, rates, weight * dt, min(_DRIFT_DEGREE, levels - 1)),
            _pilot(x, squares, weight, min(_VARIANCE_DEGREE, levels - 1)),
            float(np.average(dt, weights=weight)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able values that restore the object."""
        parts = {"b": self.b, "a": self.a}
        stored: dict[str, Any] = {
            name: {"coef": p.coef.tolist(), "domain": p.domain.tolist()}
            for name, p in parts.items()
        }
        return {**stored, "dt": self.dt}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DiscretizationBias:
        """Return the object stored by :meth:`to_dict`."""
        b, a = (Polynomial(values[k]["coef"], values[k]["domain"]) for k in ("b", "a"))
        return cls(b, a, float(values["dt"]))

    def drift(self, x: FloatArray) -> FloatArray:
        """Return the leading bias of the drift at states, shape (n,)."""
        b, a = self.b, self.a
        return 0.5 * self.dt * (b(x) * b.deriv(1)(x) + 0.5 * a(x) * b.deriv(2)(x))

    def covariance(self, x: FloatArray) -> FloatArray:
        """Return the leading bias of the covariance rate at states, shape (n,)."""
        b, a = self.b, self.a
        second = a.deriv(2)(x)
        return self.dt * (a(x) * b.deriv(1)(x) + 0.5 * b(x) * a.deriv(1)(x) + 0.25 * a(x) * second)


def _pilot(x: FloatArray, y: FloatArray, weight: FloatArray, degree: int) -> Polynomial:
    """Fit a polynomial in x, least squares with weights; ranks below full are allowed."""
    low, high = x.min(), x.max()
    half = (high - low) / 2 or 1.0
    design = np.polynomial.legendre.legvander((x - (low + high) / 2) / half, degree)
    root = np.sqrt(weight)
    solution = np.linalg.lstsq(design * root[:, None], y * root, rcond=1e-10)[0]
    coefficients = np.polynomial.legendre.leg2poly(solution)
    return Polynomial(coefficients, domain=[low, low + 2 * half], window=[-1.0, 1.0])
