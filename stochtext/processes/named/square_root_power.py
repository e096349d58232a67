"""Processes that are powers of a square-root diffusion, and what follows from that.

Law of this file: all laws come from ``SquareRootLaw``; a process says which power it is.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from scipy.special import gammaln, ndtri_exp, xlogy

from stochtext._shared.typing import FloatArray
from stochtext.processes.closed_forms import KnownMoments, KnownStationaryLaw, KnownTransition
from stochtext.processes.named.scalar import ScalarFormula
from stochtext.processes.named.square_root_law import SquareRootLaw
from stochtext.processes.named.square_root_score import square_root_score

__all__ = ["SquareRootPower"]

#: Beyond this normal score a tail probability leaves the floating-point range.
_FAR_SCORE = 37.0


class SquareRootPower(ScalarFormula, KnownTransition, KnownMoments, KnownStationaryLaw):
    """X = Y^p for a square-root diffusion dY = (alpha + beta Y) dt + s sqrt(Y) dW.

    Subclasses give ``_root``: the law of Y, and p.
    """

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The state is not negative."""
        return ((0.0, np.inf),)

    @abstractmethod
    def _root(self) -> tuple[SquareRootLaw, float]:
        """Return the law of Y and the power p, refusing parameters without such a law."""

    def _root_slopes(self) -> FloatArray | None:
        """Return d(alpha, beta, s, p) / d parameter, one row a parameter; None if not known."""
        return None

    # -- transition --------------------------------------------------------------------------

    def _log_transition(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        law, power = self._root()
        # Where the density has a finite limit at zero, take it from beside zero.
        exponent = (1.0 if law.absorbed else law.order + 1.0) / power - 1.0
        if abs(exponent) < 1e-12:
            x_next = np.maximum(x_next, 1e-100)
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            y, y_next = x ** (1.0 / power), x_next ** (1.0 / power)
            # log |dy/dx| of y = x^(1/p).
            slope = xlogy(1.0 / power - 1.0, x_next) - np.log(abs(power))
            value = law.log_density(y, y_next, dt) + slope
        return np.where(x_next == 0.0, np.inf if exponent < 0 else -np.inf, value)

    def _transition_cdf(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        law, power = self._root()
        y, y_next = x ** (1.0 / power), x_next ** (1.0 / power)
        return law.cdf(y, y_next, dt) if power > 0 else law.sf(y, y_next, dt)

    def _transition_sf(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        law, power = self._root()
        y, y_next = x ** (1.0 / power), x_next ** (1.0 / power)
        return law.sf(y, y_next, dt) if power > 0 else law.cdf(y, y_next, dt)

    def _normal_scores(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        scores = super()._normal_scores(x, x_next, dt)
        far = (np.abs(scores) > _FAR_SCORE) & (x_next > 0)
        if far.any():
            law, power = self._root()
            y, y_next = x[far] ** (1.0 / power), x_next[far] ** (1.0 / power)
            above = (scores[far] > 0) == (power > 0)
            log_tail = law.log_tail(y, y_next, dt[far], above)
            scores[far] = np.sign(scores[far]) * -ndtri_exp(log_tail)
        return scores

    def _transition_score(
        self, x: FloatArray, x_next: FloatArray, dt: FloatArray
    ) -> FloatArray | None:
        slopes = self._root_slopes()
        if slopes is None:
            return None
        law, power = self._root()
        with np.errstate(all="ignore"):
            y, y_next = x ** (1.0 / power), x_next ** (1.0 / power)
            law_score, start, end = square_root_score(law, y, y_next, dt)
            log_x, log_next = np.log(x), np.log(x_next)
            by_power = -(start * log_x + end * log_next + power + log_next) / power**2
        return np.column_stack([law_score, by_power]) @ slopes.T

    def _transition_quantile(self, x: FloatArray, u: FloatArray, dt: FloatArray) -> FloatArray:
        law, power = self._root()
        y_next = law.quantile(x ** (1.0 / power), u if power > 0 else 1.0 - u, dt)
        with np.errstate(divide="ignore"):
            return y_next**power

    def _conditional_mean(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        law, power = self._root()
        if power == 1.0:
            return law.mean(x, dt)
        return law.power_moments(power, x ** (1.0 / power), dt)[0]

    def _conditional_variance(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        law, power = self._root()
        if power == 1.0:
            return law.variance(x, dt)
        return law.power_moments(power, x ** (1.0 / power), dt)[1]

    # -- stationary law ----------------------------------------------------------------------

    def _gamma(self) -> tuple[float, float, float]:
        """Return shape and rate of the stationary gamma law of Y, and the power p."""
        law, power = self._root()
        self._need(
            law.beta < 0 and not law.absorbed,
            "a stationary law",
            "parameters that pull it back and keep it from being absorbed at zero",
        )
        return 2.0 * law.alpha / law.sigma**2, -2.0 * law.beta / law.sigma**2, power

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        shape, rate, power = self._gamma()
        with np.errstate(over="ignore"):
            y = x ** (1.0 / power)
        constant = shape * np.log(rate) - gammaln(shape) - np.log(abs(power))
        return np.asarray(xlogy(shape / power - 1.0, x) - rate * y + constant)

    def _stationary_moments(self) -> tuple[float, float]:
        shape, rate, power = self._gamma()
        if power == 1.0:
            return shape / rate, shape / rate**2
        self._need(shape + power > 0, "a stationary mean", "lighter tails: it is infinite here")
        log_mean = gammaln(shape + power) - gammaln(shape) - power * np.log(rate)
        if shape + 2.0 * power <= 0:
            return float(np.exp(log_mean)), float("inf")
        # log of E X^2 / (E X)^2
        ratio = gammaln(shape + 2.0 * power) - 2.0 * gammaln(shape + power) + gammaln(shape)
        return float(np.exp(log_mean)), float(np.exp(2.0 * log_mean) * np.expm1(ratio))
