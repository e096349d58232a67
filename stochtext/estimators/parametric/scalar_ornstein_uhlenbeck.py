"""Exact likelihood of the Ornstein-Uhlenbeck process in one dimension, from sums of products.

Over a step h, X(t + h) given X(t) = x is normal with mean mu + phi (x - mu) and variance
v = sigma^2 h e(2 kappa h), where phi = exp(-kappa h) and e(z) = (1 - exp(-z)) / z. Steps of equal
length enter through sums of products only, so that an evaluation does not depend on how many
there are. Inside, states are counted from their mean, which keeps the digits of the noise.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.sample import TransitionSample
from stochtext.transitions.likelihood import TransitionLikelihood

__all__ = ["ScalarOrnsteinUhlenbeckLikelihood"]

SMALL = 1e-4


class ScalarOrnsteinUhlenbeckLikelihood(TransitionLikelihood):
    """Negative log likelihood in (kappa, mu, sigma), its gradient and scores.

    Parameters
    ----------
    sample : TransitionSample
        With one coordinate.
    """

    def __init__(self, sample: TransitionSample) -> None:
        self.weight, self.dt = sample.weight, sample.dt
        self.centre = float(sample.x.mean())
        self.x, self.y = sample.x[:, 0] - self.centre, sample.x_next[:, 0] - self.centre
        if np.all(sample.dt == sample.dt[0]):
            self.steps, group = sample.dt[:1], None
        else:
            # Steps that differ by rounding only, as in np.diff of a grid, are one step.
            digits = 10.0 ** np.floor(np.log10(sample.dt.min()))
            _, first, group = np.unique(
                np.round(sample.dt / digits, 10), return_index=True, return_inverse=True
            )
            self.steps = sample.dt[first]
        w, x, y = self.weight, self.x, self.y
        wx, wy = w * x, w * y
        columns = (w, wx, wy, wx * x, wx * y, wy * y)
        if group is None:
            self.sums = [np.array([column.sum()]) for column in columns]
        else:
            self.sums = [np.bincount(group, column) for column in columns]

    def value_and_gradient(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log likelihood and its gradient; (inf, NaN) where undefined."""
        kappa, mu, sigma = vector
        m = mu - self.centre
        w, sx, sy, sxx, sxy, syy = self.sums
        with np.errstate(all="ignore"):
            phi, v, slope = _moments(kappa, sigma, self.steps)
            away = 1.0 - phi
            rest = syy - 2 * phi * sxy - 2 * away * m * sy
            rest = rest + phi**2 * sxx + 2 * phi * away * m * sx + away**2 * m**2 * w
            value = 0.5 * float(np.sum(w * np.log(2 * np.pi * v) + rest / v))
            by_phi = m * sy - sxy + phi * sxx + (1 - 2 * phi) * m * sx - away * m**2 * w
            by_m = away * (phi * sx + away * m * w - sy)
            excess = 0.5 * (w - rest / v)
            gradient = np.array(
                [
                    np.sum(excess * slope - by_phi * self.steps * phi / v),
                    np.sum(by_m / v),
                    np.sum(2.0 * excess) / sigma if sigma else np.nan,
                ]
            )
        if not (sigma > 0 and np.isfinite(value) and np.isfinite(gradient).all()):
            return np.inf, np.full(3, np.nan)
        return value, gradient

    def scores(self, vector: FloatArray) -> FloatArray:
        """Return the weighted score of every transition, shape (n, 3)."""
        kappa, mu, sigma = vector
        phi, v, slope = _moments(kappa, sigma, self.dt)
        away_from_mean = self.x + self.centre - mu
        error = self.y + self.centre - mu - phi * away_from_mean
        excess = 0.5 * (error**2 / v - 1.0)
        by_kappa = excess * slope - error * self.dt * phi * away_from_mean / v
        columns = (by_kappa, error * (1.0 - phi) / v, 2.0 * excess / sigma)
        return self.weight[:, None] * np.stack(columns, axis=1)

    def log_density(self, vector: FloatArray) -> FloatArray:
        """Return the log density of each transition without its weight, shape (n,)."""
        kappa, mu, sigma = vector
        with np.errstate(all="ignore"):
            phi, v, _ = _moments(kappa, sigma, self.dt)
            error = self.y + self.centre - mu - phi * (self.x + self.centre - mu)
            density: FloatArray = -0.5 * (np.log(2 * np.pi * v) + error**2 / v)
        return density


def _moments(
    kappa: float, sigma: float, steps: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return phi, v and d log v / d kappa of each step."""
    phi, z = np.exp(-kappa * steps), 2.0 * kappa * steps
    small = np.abs(z) < SMALL
    safe = np.where(small, 1.0, z)
    share = np.where(small, 1.0 - z / 2 + z**2 / 6, -np.expm1(-safe) / safe)
    slope = np.where(small, -0.5 + z / 12, 1.0 / np.expm1(safe) - 1.0 / safe)
    return phi, sigma**2 * steps * share, 2.0 * steps * slope
