"""How far a finite sampling interval moves drift and covariance rate, in one coordinate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.polynomial import Polynomial

from stochtext._shared.typing import FloatArray
from stochtext.processes.fitted.bins.binned_moments import binned_moments_1d

__all__ = ["LONGEST_STEP", "DiscretizationBias", "weighted_quantile"]

#: Longest sampling interval, times the drift's slope, for which the correction was measured.
LONGEST_STEP = 0.15

_DRIFT_DEGREE = 4
_VARIANCE_DEGREE = 2
_ROUNDS = 4
# Beyond the central data the pilots are extrapolations: the correction stays what it is there.
_OUTER = 0.005
# More rows at equal intervals than this are shared out to nodes first, which changes a fit of
# low degree by the square of their distance.
_CONDENSED_FROM = 10_000
_NODES = 2001


@dataclass(frozen=True)
class DiscretizationBias:
    """What an Euler increment over dt adds to b and a, up to the second power of dt.

    Attributes
    ----------
    b, a : Polynomial
        Pilot polynomials of the drift and the covariance rate, on the same domain.
    dt : float
        Mean sampling interval.
    low, high : float
        States outside are given the correction of the nearer end.

    Notes
    -----
    With L f = b f' + a f'' / 2, the Itô-Taylor expansion of dX = b dt + sigma dW,
    a = sigma**2, gives ``E[dX] / dt = b + dt L b / 2 + dt**2 L L b / 6 + O(dt**3)`` and
    ``Var[dX] / dt = a + dt (a b' + b a' / 2 + a a'' / 4) + dt**2 v + O(dt**3)`` with
    ``v = (L g + 2 b L b + 2 a (L b)') / 6 - b L b``, ``g = 2 b**2 + b a' + 2 a b' + a a'' / 2``.
    The pilots are least squares fits to the increments less their own correction.

    References
    ----------
    Florens-Zmirou, D. (1989), Approximate discrete-time schemes for statistics of
    diffusion processes, Statistics 20, 547-557, lemma 1.
    """

    b: Polynomial
    a: Polynomial
    dt: float
    low: float = -np.inf
    high: float = np.inf

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
        low, high = (weighted_quantile(x, weight, q) for q in (_OUTER, 1 - _OUTER))
        if len(x) > _CONDENSED_FROM and np.ptp(dt) <= 1e-9 * dt[0]:
            x, rates, squares, weight = _condensed(x, rates, squares, weight)
            dt = np.full(len(x), dt[0])
        levels = len(np.unique(x))
        drift = _Regression(x, weight * dt, min(_DRIFT_DEGREE, levels - 1))
        variance = _Regression(x, weight, min(_VARIANCE_DEGREE, levels - 1))
        mean = float(np.average(dt, weights=weight))
        pilot = cls(drift(rates), variance(squares), mean, float(low), float(high))
        for _ in range(_ROUNDS if pilot.is_fine(x, weight) else 0):
            b = drift(rates - pilot.drift(x, dt))
            a = variance(squares - pilot.covariance(x, dt))
            pilot = cls(b, a, mean, float(low), float(high))
        return pilot

    def is_fine(self, x: FloatArray, weight: FloatArray) -> bool:
        """Return whether the interval is short enough for the correction at most states."""
        return bool(np.average(self.stiffness(x), weights=weight) <= LONGEST_STEP)

    def stiffness(self, x: FloatArray) -> FloatArray:
        """Return |b'| dt at states: the size of the expansion's terms."""
        return np.abs(self.b.deriv(1)(self._inside(x))) * self.dt

    def drift(self, x: FloatArray, dt: FloatArray | None = None) -> FloatArray:
        """Return the bias of the drift at states, for intervals dt (default the mean one)."""
        first, second, _, _ = self._terms
        return self._sum(x, dt, first, second)

    def covariance(self, x: FloatArray, dt: FloatArray | None = None) -> FloatArray:
        """Return the bias of the covariance rate at states, for intervals dt."""
        _, _, first, second = self._terms
        return self._sum(x, dt, first, second)

    def drift_design(self, x: FloatArray) -> FloatArray:
        """Return the regressors of the drift's pilot at states, shape (n, p)."""
        return _powers(self.b, x, 0)

    def drift_sensitivity(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return d bias / d b and d bias / d a coefficients, to first order in dt."""
        x, b, a = self._inside(x), self.b, self.a
        p, p1, p2 = (_powers(b, x, order) for order in range(3))
        by_b = b.deriv(1)(x)[:, None] * p + b(x)[:, None] * p1 + 0.5 * a(x)[:, None] * p2
        by_a = 0.5 * b.deriv(2)(x)[:, None] * _powers(a, x, 0)
        return 0.5 * self.dt * by_b, 0.5 * self.dt * by_a

    def covariance_sensitivity(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return d bias / d b and d bias / d a coefficients, to first order in dt."""
        x, b, a = self._inside(x), self.b, self.a
        q, q1, q2 = (_powers(a, x, order) for order in range(3))
        by_b = a(x)[:, None] * _powers(b, x, 1) + 0.5 * a.deriv(1)(x)[:, None] * _powers(b, x, 0)
        by_a = b.deriv(1)(x)[:, None] * q + 0.5 * b(x)[:, None] * q1
        by_a += 0.25 * (a.deriv(2)(x)[:, None] * q + a(x)[:, None] * q2)
        return self.dt * by_b, self.dt * by_a

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-able values that restore the object."""
        parts = {"b": self.b, "a": self.a}
        stored: dict[str, Any] = {
            name: {"coef": p.coef.tolist(), "domain": p.domain.tolist()}
            for name, p in parts.items()
        }
        return {**stored, "dt": self.dt, "low": self.low, "high": self.high}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> DiscretizationBias:
        """Return the object stored by :meth:`to_dict`."""
        b, a = (Polynomial(values[k]["coef"], values[k]["domain"]) for k in ("b", "a"))
        return cls(b, a, float(values["dt"]), float(values["low"]), float(values["high"]))

    @cached_property
    def _terms(self) -> tuple[Polynomial, Polynomial, Polynomial, Polynomial]:
        b, a = self.b, self.a
        lb = _generator(b, a, b)
        g = 2 * b * b + b * a.deriv(1) + 2 * a * b.deriv(1) + 0.5 * a * a.deriv(2)
        third = _generator(b, a, g) + 2 * b * lb + 2 * a * lb.deriv(1)
        return 0.5 * lb, _generator(b, a, lb) / 6, 0.5 * (g - 2 * b * b), third / 6 - b * lb

    def _sum(
        self, x: FloatArray, dt: FloatArray | None, first: Polynomial, second: Polynomial
    ) -> FloatArray:
        inside = self._inside(x)
        if dt is not None and len(dt) and np.any(dt != dt[0]):
            return np.asarray(dt * (first(inside) + dt * second(inside)))
        step = self.dt if dt is None or not len(dt) else float(dt[0])
        return np.asarray((step * first + step**2 * second)(inside))

    def _inside(self, x: FloatArray) -> FloatArray:
        return np.clip(x, self.low, self.high)


def weighted_quantile(x: FloatArray, weight: FloatArray, level: float) -> float:
    """Return the smallest state with at least this share of the weight at or below it."""
    if np.all(weight == weight[0]):
        return float(np.quantile(x, level, method="inverted_cdf"))
    order = np.argsort(x, kind="stable")
    share = np.cumsum(weight[order])
    # Sums of weights that are whole in exact arithmetic must not fall short by rounding.
    found = np.searchsorted(share, level * share[-1] * (1 - 1e-12))
    return float(x[order[min(int(found), len(x) - 1)]])


def _generator(b: Polynomial, a: Polynomial, f: Polynomial) -> Polynomial:
    """Return b f' + a f'' / 2."""
    return b * f.deriv(1) + 0.5 * a * f.deriv(2)


def _condensed(
    x: FloatArray, rates: FloatArray, squares: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return nodes with data, the mean responses there and their weight."""
    low, step = float(x.min()), float(np.ptp(x)) / (_NODES - 1)
    responses = np.column_stack([rates, squares])
    sums = binned_moments_1d(x, responses, low, step, _NODES, weight)
    kept = np.flatnonzero(sums[:, 0] > 0)
    mass = sums[kept, 0]
    nodes: FloatArray = np.asarray(low + step * kept, dtype=np.float64)
    return nodes, sums[kept, 1] / mass, sums[kept, 2] / mass, mass


def _powers(like: Polynomial, x: FloatArray, order: int) -> FloatArray:
    """Return derivatives of the monomials of a polynomial's scaled variable, shape (n, p)."""
    offset, scale = like.mapparms()
    degree = len(like.coef) - 1
    columns = np.polynomial.polynomial.polyvander(offset + scale * x, degree)
    for _ in range(order):
        shifted = np.zeros_like(columns)
        shifted[:, 1:] = columns[:, :-1] * np.arange(1, degree + 1) * scale
        columns = shifted
    return columns


class _Regression:
    """Weighted least squares on a polynomial in x; ranks below full are allowed."""

    def __init__(self, x: FloatArray, weight: FloatArray, degree: int) -> None:
        low, high = x.min(), x.max()
        half = (high - low) / 2 or 1.0
        self._domain = [low, low + 2 * half]
        self._design = np.polynomial.legendre.legvander((x - (low + high) / 2) / half, degree)
        self._weighted = self._design.T * weight
        self._inverse = np.linalg.pinv(self._weighted @ self._design, rcond=1e-12, hermitian=True)

    def __call__(self, y: FloatArray) -> Polynomial:
        solution = self._inverse @ (self._weighted @ y)
        coefficients = np.polynomial.legendre.leg2poly(solution)
        return Polynomial(coefficients, domain=self._domain, window=[-1.0, 1.0])
