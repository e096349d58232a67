"""The stationary laws of the Pearson diffusions, by the roots of their squared diffusion.

Law of this file: it knows mu and the quadratic a x^2 + b x + c, and no process.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, gammaln, loggamma, xlogy

from stochtext._shared.typing import FloatArray

__all__ = ["PearsonLaw", "pearson_interval"]


def pearson_interval(mu: float, a: float, b: float, c: float) -> tuple[float, float] | None:
    """Return the interval around mu on which a x^2 + b x + c is positive, None if there is none."""
    if not a * mu * mu + b * mu + c > 0:
        return None
    roots = _roots(a, b, c)
    low = max((r for r in roots if r < mu), default=-np.inf)
    high = min((r for r in roots if r > mu), default=np.inf)
    # Adding zero turns a negative zero into a positive one.
    return float(low) + 0.0, float(high) + 0.0


def _roots(a: float, b: float, c: float) -> tuple[float, ...]:
    if a == 0.0:
        return () if b == 0.0 else (-c / b,)
    square = b * b - 4.0 * a * c
    if square < 0.0:
        return ()
    # The larger root in size first: no cancellation, the other from their product.
    large = -0.5 * (b + np.copysign(np.sqrt(square), b))
    if large == 0.0:
        return (0.0, 0.0)
    return tuple(sorted((large / a, c / large)))


@dataclass(frozen=True)
class PearsonLaw:
    """The stationary law of dX = -theta (X - mu) dt + sqrt(2 theta (a X^2 + b X + c)) dW.

    Parameters
    ----------
    mu, a, b, c : float
        With a mu^2 + b mu + c > 0.

    Notes
    -----
    Forman and Sørensen (2008), section 2: after a shift, a change of scale and perhaps a
    reflection the law is normal (case 1), gamma (2), inverse gamma (4), F (5), skew t (3,
    Pearson's type IV) or beta (6).
    """

    mu: float
    a: float
    b: float
    c: float

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log density at states inside the domain, shape (n,)."""
        if self.a == 0.0 and self.b == 0.0:
            return -0.5 * (x - self.mu) ** 2 / self.c - 0.5 * np.log(2.0 * np.pi * self.c)
        roots = _roots(self.a, self.b, self.c)
        if not roots:
            return self._skew_t(x)
        if self.a == 0.0:
            side = np.sign(self.b)
            y, m, scale = side * (x - roots[0]), side * (self.mu - roots[0]), abs(self.b)
            shape = m / scale
            return np.asarray(
                xlogy(shape - 1.0, y) - y / scale - gammaln(shape) - shape * np.log(scale)
            )
        return self._between_or_beyond(x, roots[0], roots[-1])

    def _between_or_beyond(self, x: FloatArray, low: float, high: float) -> FloatArray:
        width = high - low
        if self.a < 0.0:
            z, m = (x - low) / width, (self.mu - low) / width
            p, q = -m / self.a, -(1.0 - m) / self.a
            inner = xlogy(p - 1.0, z) + xlogy(q - 1.0, 1.0 - z)
            return np.asarray(inner - betaln(p, q) - np.log(width))
        y, m = (x - high, self.mu - high) if self.mu > high else (low - x, low - self.mu)
        if width == 0.0:
            shape, rate = 1.0 + 1.0 / self.a, m / self.a
            constant = shape * np.log(rate) - gammaln(shape)
            return np.asarray(constant - (shape + 1.0) * np.log(y) - rate / y)
        p, q, z = m / (width * self.a), 1.0 + 1.0 / self.a, y / width
        inner = xlogy(p - 1.0, z) - (p + q) * np.log1p(z)
        return np.asarray(inner - betaln(p, q) - np.log(width))

    def _skew_t(self, x: FloatArray) -> FloatArray:
        centre = -0.5 * self.b / self.a
        scale = np.sqrt(self.c / self.a - centre**2)
        z, m = (x - centre) / scale, (self.mu - centre) / scale
        power, skew = 1.0 + 0.5 / self.a, -m / self.a
        # Heinrich (2004), A guide to the Pearson type IV distribution, equation 12.
        constant = 2.0 * float(np.real(loggamma(power + 0.5j * skew))) - gammaln(power)
        constant -= gammaln(power - 0.5) + 0.5 * np.log(np.pi) + np.log(scale)
        return np.asarray(constant - power * np.log1p(z * z) - skew * np.arctan(z))
