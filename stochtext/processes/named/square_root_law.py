"""The law of the square-root diffusion dY = (alpha + beta Y) dt + sigma sqrt(Y) dW.

Law of this file: the processes that are powers of Y call it; it knows none of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import exprel, gammaln, xlogy
from scipy.stats import ncx2

from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.processes.named.bessel import log_scaled_bessel

__all__ = ["SquareRootLaw"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(240)
_TAIL_NODES, _TAIL_WEIGHTS = np.polynomial.laguerre.laggauss(24)


@dataclass(frozen=True)
class SquareRootLaw:
    """Transition of dY = (alpha + beta Y) dt + sigma sqrt(Y) dW on the half line Y >= 0.

    Parameters
    ----------
    alpha, beta : float
        Drift, of any sign unless Y is not absorbed, when alpha > 0.
    sigma : float
        Diffusion, positive.
    absorbed : bool, default False
        Whether zero, once reached, is kept (needs 2 alpha < sigma^2); otherwise it reflects.

    Notes
    -----
    With g = (exp(beta dt) - 1) / beta and c = 2 / (sigma^2 g), put u = c y exp(beta dt) and
    v = c y'. The density of v is exp(-u - v) (v / u)^(q / 2) I_|q|(2 sqrt(u v)) with
    q = 2 alpha / sigma^2 - 1 (Feller 1951; Cox, Ingersoll and Ross 1985, equation 18), with
    I_q where zero reflects. 2 v is then non-central chi-squared with 2 (q + 1) degrees of
    freedom and non-centrality 2 u. An absorbed v exceeds w with the probability that
    chi-squared with -2 q degrees of freedom and non-centrality 2 w stays below 2 u.
    """

    alpha: float
    beta: float
    sigma: float
    absorbed: bool = False

    @property
    def order(self) -> float:
        """The index q of the Bessel function, negative for an absorbed process."""
        return 2.0 * self.alpha / self.sigma**2 - 1.0

    def scale(self, dt: FloatArray) -> FloatArray:
        """Return c, the factor that makes v of a state."""
        return np.asarray(2.0 / (self.sigma**2 * dt * exprel(self.beta * dt)))

    def start(self, y: FloatArray, dt: FloatArray) -> FloatArray:
        """Return u of a state at the start of the step."""
        # c exp(beta dt) = 2 / (sigma^2 dt exprel(-beta dt)): no product of zero and infinity.
        return np.asarray(2.0 * y / (self.sigma**2 * dt * exprel(-self.beta * dt)))

    def log_density(self, y: FloatArray, y_next: FloatArray, dt: FloatArray) -> FloatArray:
        """Return the log density of Y(t + dt); of the part above zero, if it is absorbed."""
        c = self.scale(dt)
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            value = np.log(c) + self._log_density_of_v(self.start(y, dt), c * y_next)
        return np.where(np.isinf(y_next), -np.inf, value)

    def _log_density_of_v(self, u: FloatArray, v: FloatArray) -> FloatArray:
        u, v = np.broadcast_arrays(u, v)
        out = np.empty(u.shape)
        at_zero = u == 0.0
        out[at_zero] = self._log_density_from_zero(v[at_zero])
        u, v = u[~at_zero], v[~at_zero]
        q = self.order
        bessel = log_scaled_bessel(-q if self.absorbed else q, 2.0 * np.sqrt(u * v))
        with np.errstate(divide="ignore", invalid="ignore"):
            value = 0.5 * q * np.log(v / u) + bessel - (np.sqrt(v) - np.sqrt(u)) ** 2
        out[~at_zero] = np.where(v == 0.0, self._log_density_at_zero(u), value)
        return out

    def _log_density_from_zero(self, v: FloatArray) -> FloatArray:
        if self.absorbed:
            return np.full(v.shape, -np.inf)
        q = self.order
        with np.errstate(divide="ignore", invalid="ignore"):
            return (0.0 if q == 0.0 else q * np.log(v)) - v - gammaln(q + 1.0)

    def _log_density_at_zero(self, u: FloatArray) -> FloatArray:
        """Return the limit at v = 0 of the density, from the first term of the series."""
        q = self.order
        if self.absorbed:
            return -q * np.log(u) - u - gammaln(1.0 - q)
        if q == 0.0:
            return -u
        return np.full(u.shape, -np.inf if q > 0 else np.inf)

    def cdf(self, y: FloatArray, y_next: FloatArray, dt: FloatArray) -> FloatArray:
        """Return P(Y(t + dt) <= y_next), including what has been absorbed at zero."""
        u, v = self.start(y, dt), self.scale(dt) * y_next
        if self.absorbed:
            return np.asarray(ncx2.sf(2.0 * u, -2.0 * self.order, 2.0 * v))
        return np.asarray(ncx2.cdf(2.0 * v, 2.0 * (self.order + 1.0), 2.0 * u))

    def sf(self, y: FloatArray, y_next: FloatArray, dt: FloatArray) -> FloatArray:
        """Return P(Y(t + dt) > y_next)."""
        u, v = self.start(y, dt), self.scale(dt) * y_next
        if self.absorbed:
            return np.asarray(ncx2.cdf(2.0 * u, -2.0 * self.order, 2.0 * v))
        return np.asarray(ncx2.sf(2.0 * v, 2.0 * (self.order + 1.0), 2.0 * u))

    def log_tail(
        self, y: FloatArray, y_next: FloatArray, dt: FloatArray, above: BoolArray
    ) -> FloatArray:
        """Return the log probability beyond y_next > 0, for tails too small for `cdf` and `sf`.

        Parameters
        ----------
        y, y_next, dt : ndarray of shape (n,)
        above : ndarray of shape (n,)
            Which tail: P(Y > y_next), or the part above zero of P(Y <= y_next).

        Notes
        -----
        In w = log v the density v p(v) declines nearly exponentially from y_next on; what
        remains is integrated by Gauss and Laguerre.
        """
        u, v = self.start(y, dt), self.scale(dt) * y_next
        sign = np.where(above, 1.0, -1.0)

        def log_mass(w: FloatArray) -> FloatArray:
            start = np.broadcast_to(u if w.ndim == 1 else u[:, None], w.shape)
            return self._log_density_of_v(start.ravel(), np.exp(w).ravel()).reshape(w.shape) + w

        w = np.log(v)
        here = log_mass(w)
        step = 1e-4 * np.minimum(1.0, 1.0 / (1.0 + np.abs(here)))
        decline = (here - log_mass(w + sign * step)) / step
        nodes = w[:, None] + (sign / decline)[:, None] * _TAIL_NODES
        ratio = np.exp(log_mass(nodes) - here[:, None] + _TAIL_NODES) @ _TAIL_WEIGHTS
        return here + np.log(ratio / decline)

    def quantile(self, y: FloatArray, p: FloatArray, dt: FloatArray) -> FloatArray:
        """Return the state that Y(t + dt) does not exceed with probability p."""
        u, c = self.start(y, dt), self.scale(dt)
        if self.absorbed:
            return _absorbed_quantile(2.0 * u, -2.0 * self.order, p) / (2.0 * c)
        return np.asarray(ncx2.ppf(p, 2.0 * (self.order + 1.0), 2.0 * u)) / (2.0 * c)

    def mean(self, y: FloatArray, dt: FloatArray) -> FloatArray:
        """Return E Y(t + dt) of a process that is not absorbed (or has alpha = 0)."""
        return (self.start(y, dt) + self.order + 1.0) / self.scale(dt)

    def variance(self, y: FloatArray, dt: FloatArray) -> FloatArray:
        """Return Var Y(t + dt) of a process that is not absorbed (or has alpha = 0)."""
        return (2.0 * self.start(y, dt) + self.order + 1.0) / self.scale(dt) ** 2

    def power_moments(
        self, power: float, y: FloatArray, dt: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of Y(t + dt)^power, infinite where they are.

        Notes
        -----
        Given a Poisson number N with mean u, v is gamma distributed with N + q + 1 degrees
        of freedom, so that moments are sums of positive terms. Where v is concentrated,
        the variance is integrated around the mean by Gauss and Legendre, without
        cancellation.
        """
        u, c = self.start(y, dt), self.scale(dt)
        moments = [
            self._moments_from(power, float(one), float(scale))
            for one, scale in zip(u, c, strict=True)
        ]
        mean, variance = np.array(moments).reshape(len(u), 2).T
        return mean, variance

    def _moments_from(self, power: float, u: float, c: float) -> tuple[float, float]:
        centre, spread = u + max(self.order, -1.0) + 1.0, np.sqrt(2.0 * u + abs(self.order) + 1.0)
        reach = 10.0 + 2.0 * abs(power) * spread / centre if centre > 0 else np.inf
        if reach * spread >= 0.8 * centre:
            return self._mixture_moments(power, u, np.log(c))
        mean, variance = self._concentrated_moments(power, u, centre, reach * spread)
        log_factor = power * np.log(centre / c)
        with np.errstate(over="ignore"):
            return float(np.exp(log_factor) * mean), float(np.exp(2.0 * log_factor) * variance)

    def _concentrated_moments(
        self, power: float, u: float, centre: float, reach: float
    ) -> tuple[float, float]:
        """Return the moments of (v / centre)^power."""
        v = centre + reach * _NODES
        mass = np.exp(self._log_density_of_v(np.array(u), v)) * reach * _WEIGHTS
        value = (v / centre) ** power
        mean = float(mass @ value)
        return mean, float(mass @ (value - mean) ** 2)

    def _mixture_moments(self, power: float, u: float, log_c: float) -> tuple[float, float]:
        """Return the moments of (v / c)^power."""
        shift, shape = (-self.order, 0.0) if self.absorbed else (0.0, self.order)
        if shape + 1.0 + power <= 0.0:
            return np.inf, np.inf
        count = int(u + 40.0 * np.sqrt(u + 1.0) + 8.0 * abs(power)) + 60
        n = np.arange(count, dtype=np.float64)
        log_weight = xlogy(n + shift, u) - u - gammaln(n + shift + 1.0)
        # The weights may underflow where the powers overflow: they meet as logarithms.
        log_weight -= gammaln(n + shape + 1.0)
        with np.errstate(over="ignore"):
            mean = np.sum(np.exp(log_weight + gammaln(n + shape + 1.0 + power) - power * log_c))
            if shape + 1.0 + 2.0 * power <= 0.0:
                return float(mean), np.inf
            log_second = gammaln(n + shape + 1.0 + 2.0 * power) - 2.0 * power * log_c
            second = np.sum(np.exp(log_weight + log_second))
        return float(mean), float(second - mean**2)


def _absorbed_quantile(twice_u: FloatArray, df: float, p: FloatArray) -> FloatArray:
    """Return 2 v with P(chi-squared(df, 2 v) > 2 u) = p, zero for the part absorbed."""
    from scipy.optimize import brentq

    out = np.zeros(len(p))
    gone = ncx2.sf(twice_u, df, 0.0)
    for i in np.flatnonzero(p > gone):
        u, target = float(twice_u[i]), float(p[i])
        if target >= 1.0:
            out[i] = np.inf
            continue
        high = u + df + 10.0
        while ncx2.sf(u, df, high) < target:
            high *= 2.0
        # The tail is compared from the side on which it is small.
        upper = target > 0.5

        def gap(w: float, u: float = u, target: float = target, upper: bool = upper) -> float:
            if upper:
                return float(1.0 - target - ncx2.cdf(u, df, w))
            return float(ncx2.sf(u, df, w) - target)

        out[i] = brentq(gap, 0.0, high, xtol=1e-300, rtol=1e-14)
    return out
