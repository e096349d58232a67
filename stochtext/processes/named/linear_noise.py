"""Linear drift with linear noise: inhomogeneous geometric Brownian motion and its relatives.

Law of this file: moments come from linear equations, the stationary laws are inverse gamma.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln

from stochtext._shared.typing import FloatArray
from stochtext.processes.closed_forms import KnownStationaryLaw
from stochtext.processes.named.euler_regression import euler_regression
from stochtext.processes.named.linear_drift import LinearDriftMoments
from stochtext.processes.named.scalar import ScalarFormula

__all__ = ["GeneralLinear", "InhomogeneousGeometricBrownianMotion"]


def _log_inverse_gamma(y: FloatArray, shape: float, rate: float) -> FloatArray:
    log_y = np.log(y)
    return np.asarray(shape * np.log(rate) - gammaln(shape) - (shape + 1.0) * log_y - rate / y)


class InhomogeneousGeometricBrownianMotion(ScalarFormula, LinearDriftMoments, KnownStationaryLaw):
    """dX = kappa (mu - X) dt + sigma X dW, for X > 0.

    Parameters
    ----------
    kappa : float, optional
        Rate of return to the mean, per unit of time, not negative.
    mu : float, optional
        Mean level, in units of X, not negative.
    sigma : float, optional
        Volatility, per root of a unit of time, not negative.

    Notes
    -----
    The stationary law, for positive parameters, is an inverse gamma law with shape
    2 kappa / sigma^2 + 1 and rate 2 kappa mu / sigma^2; its variance is finite for
    2 kappa > sigma^2. The process is also called the Brennan-Schwartz process and the GARCH
    diffusion.

    References
    ----------
    Brennan and Schwartz (1980), Analyzing convertible bonds, Journal of Financial and
    Quantitative Analysis 15, 907-929. Nelson (1990), ARCH models as diffusion
    approximations, Journal of Econometrics 45, 7-38.

    Examples
    --------
    >>> from stochtext.processes import InhomogeneousGeometricBrownianMotion
    >>> process = InhomogeneousGeometricBrownianMotion(kappa=1.0, mu=0.5, sigma=0.5)
    >>> process.diffusion([[2.0]])
    array([[[1.]]])
    >>> process.stationary_covariance().round(6)
    array([[0.035714]])
    """

    type_name = "inhomogeneous_geometric_brownian_motion"
    open_domain = True
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "kappa": (0.0, np.inf),
        "mu": (0.0, np.inf),
        "sigma": (0.0, np.inf),
    }

    def __init__(
        self,
        kappa: float | None = None,
        mu: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"kappa": kappa, "mu": mu, "sigma": sigma})

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The state is positive."""
        return ((0.0, np.inf),)

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["kappa"] * (p["mu"] - x[0])]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * x[0]]

    def _coefficients(self) -> tuple[float, float, float, float, float]:
        kappa, mu, sigma = self._numbers("kappa", "mu", "sigma")
        return kappa * mu, -kappa, 0.0, 0.0, sigma**2

    def _law(self) -> tuple[float, float]:
        kappa, mu, sigma = self._numbers("kappa", "mu", "sigma")
        self._need(min(kappa, mu, sigma) > 0, "a stationary law", "positive parameters")
        return 2.0 * kappa / sigma**2 + 1.0, 2.0 * kappa * mu / sigma**2

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        return _log_inverse_gamma(x, *self._law())

    def _stationary_moments(self) -> tuple[float, float]:
        shape, _ = self._law()
        (mu,) = self._numbers("mu")
        return mu, mu**2 / (shape - 2.0) if shape > 2 else np.inf

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the weighted least-squares drift; nothing for data at zero."""
        if not np.all(x > 0):
            return {}
        state = x[:, 0]
        design = np.column_stack([1.0 / state, -np.ones(len(state))])
        (level, kappa), sigma = euler_regression(design, x_next[:, 0] / state - 1.0, dt)
        kappa = max(kappa, 0.01 / float(np.mean(dt)))
        return {"kappa": kappa, "mu": max(level / kappa, 0.1 * float(state.mean())), "sigma": sigma}


class GeneralLinear(ScalarFormula, LinearDriftMoments, KnownStationaryLaw):
    """dX = (alpha + beta X) dt + (gamma + delta X) dW.

    Parameters
    ----------
    alpha : float, optional
        Drift at zero, in units of X per unit of time.
    beta : float, optional
        Slope of the drift, per unit of time.
    gamma : float, optional
        Diffusion at zero, in units of X per root of a unit of time.
    delta : float, optional
        Slope of the diffusion, per root of a unit of time.

    Notes
    -----
    The general linear equation in one dimension with one noise. For estimation only
    (gamma, delta) up to a common sign counts. With delta = 0 it is the Ornstein-Uhlenbeck
    process; otherwise Y = X + gamma / delta has drift alpha - beta gamma / delta + beta Y and
    diffusion delta Y, and for 2 beta < delta^2 the stationary law of Y (of -Y, if
    alpha - beta gamma / delta is negative) is an inverse gamma law with shape
    1 - 2 beta / delta^2 and rate 2 abs(alpha - beta gamma / delta) / delta^2.

    References
    ----------
    Kloeden and Platen (1992), Numerical Solution of Stochastic Differential Equations,
    section 4.2 and equations 4.2.11-4.2.12 (moments).

    Examples
    --------
    >>> from stochtext.processes import GeneralLinear
    >>> process = GeneralLinear(alpha=1.0, beta=-2.0, gamma=0.3, delta=0.4)
    >>> process.diffusion([[1.0]])
    array([[[0.7]]])
    >>> process.stationary_mean()
    array([0.5])
    """

    type_name = "general_linear"

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        gamma: float | None = None,
        delta: float | None = None,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta, "gamma": gamma, "delta": delta})

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["alpha"] + p["beta"] * x[0]]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["gamma"] + p["delta"] * x[0]]

    def _coefficients(self) -> tuple[float, float, float, float, float]:
        alpha, beta, gamma, delta = self._numbers("alpha", "beta", "gamma", "delta")
        return alpha, beta, gamma**2, 2.0 * gamma * delta, delta**2

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        alpha, beta, gamma, delta = self._numbers("alpha", "beta", "gamma", "delta")
        if delta == 0:
            mean, variance = self._stationary_moments()
            return -0.5 * (x - mean) ** 2 / variance - 0.5 * np.log(2.0 * np.pi * variance)
        push = alpha - beta * gamma / delta
        self._need(
            2.0 * beta < delta**2 and push != 0,
            "a stationary density",
            "2 beta < delta^2 and alpha other than beta gamma / delta",
        )
        y = (x + gamma / delta) * np.sign(push)
        out = np.full(len(y), -np.inf)
        shape, rate = 1.0 - 2.0 * beta / delta**2, 2.0 * abs(push) / delta**2
        out[y > 0] = _log_inverse_gamma(y[y > 0], shape, rate)
        return out

    def _stationary_moments(self) -> tuple[float, float]:
        alpha, beta, gamma, delta = self._numbers("alpha", "beta", "gamma", "delta")
        self._need(
            beta < 0 and (gamma, delta) != (0.0, 0.0),
            "a stationary mean",
            "beta < 0 and noise",
        )
        mean = -alpha / beta
        slack = -2.0 * beta - delta**2
        return mean, (gamma + delta * mean) ** 2 / slack if slack > 0 else np.inf

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares drift of an Euler step with constant diffusion."""
        state = x[:, 0]
        design = np.column_stack([np.ones(len(state)), state])
        (alpha, beta), sigma = euler_regression(design, x_next[:, 0] - state, dt)
        # A flat diffusion is a stationary point of no likelihood; start beside it.
        delta = 0.1 * sigma / max(float(np.std(state)), 1e-300)
        gamma = sigma - delta * float(np.mean(state))
        return {"alpha": alpha, "beta": beta, "gamma": gamma, "delta": delta}
