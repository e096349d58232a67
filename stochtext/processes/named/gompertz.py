"""The Gompertz diffusion: growth that slows with the logarithm of the size.

Law of this file: log X is an Ornstein-Uhlenbeck process, and everything follows from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import exprel

from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import per_state
from stochtext.processes.closed_forms import KnownMoments, KnownStationaryLaw, KnownTransition
from stochtext.processes.linear.transition import transition_covariance
from stochtext.processes.named.euler_regression import euler_regression
from stochtext.processes.named.scalar import ScalarFormula

__all__ = ["Gompertz"]


def _decay_slope(decay: FloatArray) -> FloatArray:
    """Return the derivative of (1 - exp(-decay)) / decay, with its limit -1/2."""
    small = np.abs(decay) < 1e-2
    safe = np.where(small, 1.0, decay)
    series = -0.5 + decay * (1 / 3 - decay * (1 / 8 - decay * (1 / 30 - decay / 144)))
    return np.where(small, series, (np.exp(-safe) * (1.0 + safe) - 1.0) / safe**2)


class Gompertz(ScalarFormula, KnownTransition, KnownMoments, KnownStationaryLaw):
    """dX = (alpha - beta log X) X dt + sigma X dW, for X > 0.

    Parameters
    ----------
    alpha : float, optional
        Growth rate at X = 1, per unit of time.
    beta : float, optional
        Slowing of the growth rate, per unit of time and of log X.
    sigma : float, optional
        Noise of the growth rate, per root of a unit of time, not negative.

    Notes
    -----
    log X is an Ornstein-Uhlenbeck process with drift alpha - sigma^2 / 2 - beta log X, so the
    transition is lognormal; for beta > 0 so is the stationary law. The process is also the
    Schwartz model of a commodity's price.

    References
    ----------
    Gutiérrez, Nafidi and Gutiérrez Sánchez (2005), Forecasting total natural-gas
    consumption in Spain by using the stochastic Gompertz innovation diffusion model, Applied
    Energy 80, 115-124. Schwartz (1997), The stochastic behavior of commodity prices, Journal
    of Finance 52, 923-973, equation 1.

    Examples
    --------
    >>> from stochtext.processes import Gompertz
    >>> process = Gompertz(alpha=1.0, beta=0.5, sigma=0.2)
    >>> process.drift([[1.0]])
    array([[1.]])
    >>> process.conditional_mean([[1.0]], dt=1.0).round(6)
    array([[2.18987]])
    """

    type_name = "gompertz"
    open_domain = True
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"sigma": (0.0, np.inf)}

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta, "sigma": sigma})

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The state is positive."""
        return ((0.0, np.inf),)

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [(p["alpha"] - p["beta"] * np.log(x[0])) * x[0]]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * x[0]]

    def _log_moments(self, x: FloatArray, dt: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return mean and variance of log X(t + dt)."""
        alpha, beta, sigma = self._numbers("alpha", "beta", "sigma")
        # (1 - exp(-beta dt)) / beta, with its limit dt.
        reach = dt * exprel(-beta * dt)
        mean = np.log(x) * np.exp(-beta * dt) + (alpha - 0.5 * sigma**2) * reach
        return mean, transition_covariance(beta, sigma, dt)

    def _log_transition(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        (sigma,) = self._numbers("sigma")
        self._need(sigma > 0, "a transition density", "sigma > 0")
        mean, variance = self._log_moments(x, dt)
        away = np.log(x_next) - mean
        return -0.5 * away**2 / variance - 0.5 * np.log(2.0 * np.pi * variance) - np.log(x_next)

    def _transition_cdf(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        from scipy.special import ndtr

        return np.asarray(ndtr(self._normal_scores(x, x_next, dt)))

    def _normal_scores(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        mean, variance = self._log_moments(x, dt)
        return np.asarray((np.log(x_next) - mean) / np.sqrt(variance))

    def _transition_score(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        alpha, beta, sigma = self._numbers("alpha", "beta", "sigma")
        mean, variance = self._log_moments(x, dt)
        reach = dt * exprel(-beta * dt)
        slope = dt**2 * _decay_slope(beta * dt)
        by_alpha, by_sigma = reach, -sigma * reach
        by_beta = -dt * np.exp(-beta * dt) * np.log(x) + (alpha - 0.5 * sigma**2) * slope
        away = (np.log(x_next) - mean) / variance
        by_variance = 0.5 * (away**2 - 1.0 / variance)
        widening = 2.0 * sigma**2 * dt**2 * _decay_slope(2.0 * beta * dt)
        return np.column_stack(
            [
                away * by_alpha,
                away * by_beta + by_variance * widening,
                away * by_sigma + by_variance * 2.0 * variance / sigma,
            ]
        )

    def _transition_quantile(self, x: FloatArray, u: FloatArray, dt: FloatArray) -> FloatArray:
        from scipy.special import ndtri

        mean, variance = self._log_moments(x, dt)
        return np.asarray(np.exp(mean + np.sqrt(variance) * ndtri(u)))

    def _conditional_mean(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        mean, variance = self._log_moments(x, dt)
        return np.exp(mean + 0.5 * variance)

    def _conditional_variance(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        mean, variance = self._log_moments(x, dt)
        return np.exp(2.0 * mean + variance) * np.expm1(variance)

    @property
    def exact_normals(self) -> int | None:
        """One standard normal a step."""
        return 1

    def exact_step(
        self,
        x: FloatArray,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None,
        normals: FloatArray,
    ) -> FloatArray:
        """Return exp(m + s z) with mean m and standard deviation s of log X(t + dt).

        Parameters and result are those of `Process.exact_step`.
        """
        mean, variance = self._log_moments(x[:, 0], per_state("dt", dt, len(x)))
        with np.errstate(over="ignore"):
            return np.exp(mean[:, None] + np.sqrt(variance)[:, None] * normals)

    def _stationary_log(self) -> tuple[float, float]:
        """Return mean and variance of the stationary log X."""
        alpha, beta, sigma = self._numbers("alpha", "beta", "sigma")
        self._need(beta > 0 and sigma > 0, "a stationary law", "beta > 0 and sigma > 0")
        return (alpha - 0.5 * sigma**2) / beta, 0.5 * sigma**2 / beta

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        mean, variance = self._stationary_log()
        log_x = np.log(x)
        return -0.5 * (log_x - mean) ** 2 / variance - 0.5 * np.log(2 * np.pi * variance) - log_x

    def _stationary_moments(self) -> tuple[float, float]:
        mean, variance = self._stationary_log()
        level = float(np.exp(mean + 0.5 * variance))
        return level, level**2 * float(np.expm1(variance))

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares Euler step of log X; nothing for data at zero."""
        if not (np.all(x > 0) and np.all(x_next > 0)):
            return {}
        log_x = np.log(x[:, 0])
        design = np.column_stack([np.ones(len(log_x)), -log_x])
        (level, beta), sigma = euler_regression(design, np.log(x_next[:, 0]) - log_x, dt)
        return {"alpha": level + 0.5 * sigma**2, "beta": beta, "sigma": sigma}
