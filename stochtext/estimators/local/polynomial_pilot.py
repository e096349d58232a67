"""Polynomials in several coordinates as pilots of a drift and its derivatives."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.results.inference.curves.local.discretization import weighted_quantile

__all__ = ["PolynomialPilot", "affordable_powers", "derivative", "monomials"]

_ROWS_PER_TERM = 10
_HIGHEST = {2: 3}
_OUTER = 0.005


def affordable_powers(dim: int, n: int, highest: int) -> IntArray:
    """Return the exponents of all monomials up to a degree that n rows can bear, (p, d)."""
    while highest > 1 and comb(highest + dim, dim) * _ROWS_PER_TERM > n:
        highest -= 1
    if highest == 1:
        return np.vstack([np.zeros((1, dim), dtype=np.int64), np.eye(dim, dtype=np.int64)])
    found = [p for p in np.ndindex(*([highest + 1] * dim)) if sum(p) <= highest]
    return np.array(found, dtype=np.int64)


def monomials(u: FloatArray, powers: IntArray) -> FloatArray:
    """Return products of powers of the coordinates, shape (n, p)."""
    result = np.ones((len(u), len(powers)))
    for j in range(u.shape[1]):
        columns = np.vander(u[:, j], int(powers[:, j].max()) + 1, increasing=True)
        result *= columns[:, powers[:, j]]
    return result


def derivative(u: FloatArray, powers: IntArray, k: int, order: int) -> FloatArray:
    """Return derivatives of the monomials by coordinate k, shape (n, p)."""
    factor = np.prod([np.maximum(powers[:, k] - j, 0) for j in range(order)], axis=0)
    lowered = powers.copy()
    lowered[:, k] = np.maximum(powers[:, k] - order, 0)
    return monomials(u, lowered) * factor


@dataclass(frozen=True)
class PolynomialPilot:
    """A polynomial drift fitted by least squares: quadratic, cubic in two coordinates.

    Attributes
    ----------
    low, high, centre, scale : ndarray of shape (d,)
        States outside ``low`` and ``high`` get the values of the nearest inside.
    powers : ndarray of int of shape (p, d)
    coefficients : ndarray of shape (p, d)
    covariance : ndarray of shape (d, d)
        Pooled covariance rate.
    """

    low: FloatArray
    high: FloatArray
    centre: FloatArray
    scale: FloatArray
    powers: IntArray
    coefficients: FloatArray
    covariance: FloatArray

    @classmethod
    def fit(
        cls,
        x: FloatArray,
        increments: FloatArray,
        dt: FloatArray,
        weight: FloatArray,
        covariance: FloatArray,
    ) -> PolynomialPilot:
        """Fit dX / dt with weights dt.

        Parameters
        ----------
        x, increments : ndarrays of shape (n, d)
        dt, weight : ndarrays of shape (n,)
        covariance : ndarray of shape (d, d)
        """
        d = x.shape[1]
        low, high = (
            np.array([weighted_quantile(column, weight, level) for column in x.T])
            for level in (_OUTER, 1 - _OUTER)
        )
        centre, scale = x.mean(axis=0), np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
        powers = affordable_powers(d, len(x), _HIGHEST.get(d, 2) if d <= 6 else 1)
        design = monomials((x - centre) / scale, powers)
        weighted = design * (weight * dt)[:, None]
        inverse = np.linalg.pinv(weighted.T @ design, rcond=1e-12, hermitian=True)
        coefficients = inverse @ (weighted.T @ (increments / dt[:, None]))
        return cls(low, high, centre, scale, powers, coefficients, covariance)

    def at(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return b (n, d), its Jacobian (n, d, d) and tr(a b'') / 2 (n, d) at states."""
        u = (np.clip(x, self.low, self.high) - self.centre) / self.scale
        d = x.shape[1]
        first = [derivative(u, self.powers, k, 1) @ self.coefficients for k in range(d)]
        jacobian = np.stack(first, axis=2) / self.scale
        curvature = np.zeros((len(x), d))
        for k in range(d):
            lowered = self.powers.copy()
            lowered[:, k] = np.maximum(self.powers[:, k] - 1, 0)
            for m in range(d):
                second = derivative(u, lowered, m, 1) * self.powers[:, k]
                share = self.covariance[k, m] / (self.scale[k] * self.scale[m])
                curvature += 0.5 * share * (second @ self.coefficients)
        return monomials(u, self.powers) @ self.coefficients, jacobian, curvature
