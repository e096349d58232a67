"""Growth with saturation and proportional noise: logistic, Pearl-Verhulst, Ginzburg-Landau.

Law of this file: a power of each process grows logistically, and has a gamma stationary law.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln, xlogy

from stochtext._shared.typing import FloatArray
from stochtext.processes.closed_forms import KnownStationaryLaw
from stochtext.processes.named.euler_regression import euler_regression
from stochtext.processes.named.scalar import ScalarFormula

__all__ = ["GinzburgLandau", "Logistic", "PearlVerhulst"]


class _ProportionalNoise(ScalarFormula, KnownStationaryLaw):
    """dX = (a X - b X^(1 + p)) dt + sigma X dW: X^p has a gamma stationary law."""

    open_domain = True
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"sigma": (0.0, np.inf)}

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The state is positive."""
        return ((0.0, np.inf),)

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * x[0]]

    @abstractmethod
    def _rates(self) -> tuple[float, float, float]:
        """Return a, b and p."""

    def _gamma(self) -> tuple[float, float, float]:
        """Return shape and rate of the gamma law of X^p, and p."""
        growth, limit, power = self._rates()
        (sigma,) = self._numbers("sigma")
        self._need(
            sigma > 0 and limit > 0 and 2.0 * growth > sigma**2,
            "a stationary law",
            "sigma > 0, a growth rate above sigma^2 / 2 and a positive limit to growth",
        )
        shape = (2.0 * growth / sigma**2 - 1.0) / power
        return shape, 2.0 * limit / (power * sigma**2), power

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        shape, rate, power = self._gamma()
        constant = shape * np.log(rate) - gammaln(shape) + np.log(power)
        return np.asarray(xlogy(power * shape - 1.0, x) - rate * x**power + constant)

    def _stationary_moments(self) -> tuple[float, float]:
        shape, rate, power = self._gamma()
        if power == 1.0:
            return shape / rate, shape / rate**2
        first = gammaln(shape + 1.0 / power) - gammaln(shape) - np.log(rate) / power
        second = gammaln(shape + 2.0 / power) - gammaln(shape) - 2.0 * np.log(rate) / power
        variance = np.exp(2.0 * first) * np.expm1(second - 2.0 * first)
        return float(np.exp(first)), float(variance)

    @staticmethod
    def _regression(
        x: FloatArray, x_next: FloatArray, dt: FloatArray, power: float
    ) -> tuple[float, float, float]:
        """Return a, b and sigma of the Euler step of X divided by X."""
        state = x[:, 0]
        design = np.column_stack([np.ones(len(state)), -(state**power)])
        (growth, limit), sigma = euler_regression(design, x_next[:, 0] / state - 1.0, dt)
        return growth, limit, sigma


class Logistic(_ProportionalNoise):
    """dX = (alpha X - beta X^2) dt + sigma X dW, for X > 0.

    Parameters
    ----------
    alpha : float, optional
        Growth rate, per unit of time.
    beta : float, optional
        Competition, per unit of time and of X.
    sigma : float, optional
        Noise of the growth rate, per root of a unit of time, not negative.

    Notes
    -----
    For 2 alpha > sigma^2 and beta > 0 the stationary law is a gamma law with shape
    2 alpha / sigma^2 - 1 and rate 2 beta / sigma^2; for 2 alpha < sigma^2 the population
    dies out.

    References
    ----------
    Kloeden and Platen (1992), Numerical Solution of Stochastic Differential Equations,
    section 7.1. Pasquali (2001), The stochastic logistic equation: stationary solutions and
    their stability, Rendiconti del Seminario Matematico della Università di Padova 106.

    Examples
    --------
    >>> from stochtext.processes import Logistic
    >>> process = Logistic(alpha=1.0, beta=0.5, sigma=0.4)
    >>> process.drift([[1.0], [2.0]])
    array([[0.5],
           [0. ]])
    >>> process.stationary_mean().round(6)
    array([1.84])
    """

    type_name = "logistic"

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta, "sigma": sigma})

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [x[0] * (p["alpha"] - p["beta"] * x[0])]

    def _rates(self) -> tuple[float, float, float]:
        alpha, beta = self._numbers("alpha", "beta")
        return alpha, beta, 1.0

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares growth rate; nothing for data at zero."""
        if not np.all(x > 0):
            return {}
        growth, limit, sigma = self._regression(x, x_next, dt, 1.0)
        return {"alpha": growth, "beta": limit, "sigma": sigma}


class PearlVerhulst(_ProportionalNoise):
    """dX = kappa (mu - X) X dt + sigma X dW, for X > 0.

    Parameters
    ----------
    kappa : float, optional
        Competition, per unit of time and of X.
    mu : float, optional
        Carrying capacity, in units of X.
    sigma : float, optional
        Noise of the growth rate, per root of a unit of time, not negative.

    Notes
    -----
    The logistic process with alpha = kappa mu and beta = kappa. For
    2 kappa mu > sigma^2 > 0 and kappa > 0 the stationary law is a gamma law with shape
    2 kappa mu / sigma^2 - 1 and rate 2 kappa / sigma^2.

    References
    ----------
    Verhulst (1838), Notice sur la loi que la population suit dans son accroissement. Pearl
    and Reed (1920), On the rate of growth of the population of the United States since
    1790, Proceedings of the National Academy of Sciences 6, 275-288.

    Examples
    --------
    >>> from stochtext.processes import PearlVerhulst
    >>> process = PearlVerhulst(kappa=0.5, mu=2.0, sigma=0.4)
    >>> process.drift([[1.0], [2.0]])
    array([[0.5],
           [0. ]])
    >>> process.stationary_covariance().round(6)
    array([[0.2944]])
    """

    type_name = "pearl_verhulst"

    def __init__(
        self,
        kappa: float | None = None,
        mu: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"kappa": kappa, "mu": mu, "sigma": sigma})

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["kappa"] * (p["mu"] - x[0]) * x[0]]

    def _rates(self) -> tuple[float, float, float]:
        kappa, mu = self._numbers("kappa", "mu")
        return kappa * mu, kappa, 1.0

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares growth rate; nothing for data at zero."""
        if not np.all(x > 0):
            return {}
        growth, limit, sigma = self._regression(x, x_next, dt, 1.0)
        mu = growth / limit if growth > 0 and limit > 0 else float(np.mean(x))
        return {"kappa": limit if limit > 0 else max(growth, 1e-3) / mu, "mu": mu, "sigma": sigma}


class GinzburgLandau(_ProportionalNoise):
    """dX = (alpha X - beta X^3) dt + sigma X dW, for X > 0.

    Parameters
    ----------
    alpha : float, optional
        Growth rate, per unit of time.
    beta : float, optional
        Strength of the cubic restoring force, per unit of time and of X^2.
    sigma : float, optional
        Noise of the growth rate, per root of a unit of time, not negative.

    Notes
    -----
    X^2 grows logistically. For 2 alpha > sigma^2 and beta > 0 its stationary law is a gamma
    law with shape alpha / sigma^2 - 1/2 and rate beta / sigma^2. The drift grows faster than
    linearly: explicit schemes with large steps explode, tamed and implicit ones do not. -X
    is the same process, so that a start below zero can be mirrored.

    References
    ----------
    Kloeden and Platen (1992), Numerical Solution of Stochastic Differential Equations,
    equations 4.4.40 and 4.4.52. Hutzenthaler, Jentzen and Kloeden (2011), Strong and weak
    divergence in finite time of Euler's method, Proceedings of the Royal Society A 467.

    Examples
    --------
    >>> from stochtext.processes import GinzburgLandau
    >>> process = GinzburgLandau(alpha=1.0, beta=1.0, sigma=0.5)
    >>> process.drift([[0.5], [1.0]])
    array([[0.375],
           [0.   ]])
    """

    type_name = "ginzburg_landau"

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta, "sigma": sigma})

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [x[0] * (p["alpha"] - p["beta"] * x[0] * x[0])]

    def _rates(self) -> tuple[float, float, float]:
        alpha, beta = self._numbers("alpha", "beta")
        return alpha, beta, 2.0

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares growth rate; nothing for data at zero."""
        if not np.all(x > 0):
            return {}
        growth, limit, sigma = self._regression(x, x_next, dt, 2.0)
        return {"alpha": growth, "beta": limit, "sigma": sigma}
