"""Hyperbolic diffusions: bounded pull and stationary tails that decline exponentially.

Law of this file: the stationary law is Barndorff-Nielsen's hyperbolic distribution.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import kve

from stochtext._shared.typing import FloatArray
from stochtext.processes.closed_forms import KnownStationaryLaw
from stochtext.processes.named.euler_regression import euler_regression
from stochtext.processes.named.scalar import ScalarFormula

__all__ = ["GeneralHyperbolic", "Hyperbolic"]


class _HyperbolicLaw(ScalarFormula, KnownStationaryLaw):
    """A process with a hyperbolic stationary law, of which subclasses give the parameters."""

    @abstractmethod
    def _law(self) -> tuple[float, float, float, float]:
        """Return steepness, asymmetry, scale and location, refusing what has no such law."""

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        alpha, beta, delta, mu = self._law()
        root = np.sqrt((alpha - beta) * (alpha + beta))
        zeta, away = delta * root, x - mu
        constant = np.log(root / (2.0 * alpha * delta)) - np.log(kve(1, zeta)) + zeta
        return np.asarray(constant - alpha * np.hypot(delta, away) + beta * away)

    def _stationary_moments(self) -> tuple[float, float]:
        alpha, beta, delta, mu = self._law()
        root = np.sqrt((alpha - beta) * (alpha + beta))
        zeta = delta * root
        second, third = kve(2, zeta) / kve(1, zeta), kve(3, zeta) / kve(1, zeta)
        mean = mu + delta * beta / root * second
        spread = second / zeta + (beta / root) ** 2 * (third - second**2)
        return float(mean), float(delta**2 * spread)


class Hyperbolic(_HyperbolicLaw):
    """dX = -kappa X / sqrt(delta^2 + X^2) dt + sigma dW.

    Parameters
    ----------
    kappa : float, optional
        Greatest speed of the return to zero, in units of X per unit of time.
    delta : float, optional
        Distance from zero beyond which the pull is nearly constant, in units of X.
    sigma : float, optional
        Diffusion, in units of X per root of a unit of time.

    Notes
    -----
    The stationary density, for positive parameters, is proportional to
    exp(-(2 kappa / sigma^2) sqrt(delta^2 + x^2)), the symmetric hyperbolic distribution.

    References
    ----------
    Barndorff-Nielsen (1978), Hyperbolic distributions and distributions on hyperbolae,
    Scandinavian Journal of Statistics 5, 151-157. Bibby and Sørensen (1995), Martingale
    estimation functions for discretely observed diffusion processes, Bernoulli 1, 17-39
    (with delta = 1).

    Examples
    --------
    >>> from stochtext.processes import Hyperbolic
    >>> process = Hyperbolic(kappa=1.0, delta=1.0, sigma=1.0)
    >>> process.drift([[0.75], [-0.75]])
    array([[-0.6],
           [ 0.6]])
    >>> process.stationary_density([[0.0]]).round(6)
    array([0.483804])
    """

    type_name = "hyperbolic"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "delta": (0.0, np.inf),
        "sigma": (0.0, np.inf),
    }

    def __init__(
        self,
        kappa: float | None = None,
        delta: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"kappa": kappa, "delta": delta, "sigma": sigma}, noise="additive")

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [-p["kappa"] * x[0] / np.sqrt(p["delta"] * p["delta"] + x[0] * x[0])]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"]]

    def _law(self) -> tuple[float, float, float, float]:
        kappa, delta, sigma = self._numbers("kappa", "delta", "sigma")
        self._need(min(kappa, delta, sigma) > 0, "a stationary law", "positive parameters")
        return 2.0 * kappa / sigma**2, 0.0, delta, 0.0

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the Euler step's values with delta at the spread of the data."""
        state = x[:, 0]
        delta = float(np.sqrt(np.mean(state**2)))
        design = (-state / np.hypot(delta, state))[:, None]
        (kappa,), sigma = euler_regression(design, x_next[:, 0] - state, dt)
        return {"kappa": kappa, "delta": delta, "sigma": sigma}


class GeneralHyperbolic(_HyperbolicLaw):
    """dX = (sigma^2 / 2) (beta - gamma (X - mu) / sqrt(delta^2 + (X - mu)^2)) dt + sigma dW.

    Parameters
    ----------
    beta : float, optional
        Asymmetry of the stationary law, per unit of X.
    gamma : float, optional
        Steepness of the stationary law, per unit of X, not negative.
    delta : float, optional
        Scale, in units of X, not negative.
    mu : float, optional
        Location, in units of X.
    sigma : float, optional
        Diffusion, in units of X per root of a unit of time, not negative.

    Notes
    -----
    For gamma > abs(beta), delta > 0 and sigma > 0 the stationary law is the hyperbolic
    distribution, with density proportional to
    exp(-gamma sqrt(delta^2 + (x - mu)^2) + beta (x - mu)), whatever sigma is.

    References
    ----------
    Bibby and Sørensen (1997), A hyperbolic diffusion model for stock prices, Finance and
    Stochastics 1, 25-41. Rydberg (1999), Generalized hyperbolic diffusion processes with
    applications in finance, Mathematical Finance 9, 183-201. Iacus (2008), Simulation and
    Inference for Stochastic Differential Equations, section 1.13.

    Examples
    --------
    >>> from stochtext.processes import GeneralHyperbolic
    >>> process = GeneralHyperbolic(beta=0.5, gamma=2.0, delta=1.0, mu=0.0, sigma=1.0)
    >>> process.drift([[0.0], [0.75]])
    array([[ 0.25],
           [-0.35]])
    >>> process.stationary_mean().round(6)
    array([0.475739])
    """

    type_name = "general_hyperbolic"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "gamma": (0.0, np.inf),
        "delta": (0.0, np.inf),
        "sigma": (0.0, np.inf),
    }

    def __init__(
        self,
        beta: float | None = None,
        gamma: float | None = None,
        delta: float | None = None,
        mu: float | None = None,
        sigma: float | None = None,
    ) -> None:
        params = {"beta": beta, "gamma": gamma, "delta": delta, "mu": mu, "sigma": sigma}
        super().__init__(params, noise="additive")

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        away = x[0] - p["mu"]
        pull = p["gamma"] * away / np.sqrt(p["delta"] * p["delta"] + away * away)
        return [0.5 * p["sigma"] * p["sigma"] * (p["beta"] - pull)]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"]]

    def _law(self) -> tuple[float, float, float, float]:
        beta, gamma, delta, mu, sigma = self._numbers("beta", "gamma", "delta", "mu", "sigma")
        self._need(
            gamma > abs(beta) and delta > 0 and sigma > 0,
            "a stationary law",
            "gamma > abs(beta), delta > 0 and sigma > 0",
        )
        return gamma, beta, delta, mu

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the Euler step's values with mu and delta at centre and spread of the data."""
        state = x[:, 0]
        mu, delta = float(np.median(state)), float(np.std(state))
        away = state - mu
        design = np.column_stack([np.ones(len(state)), -away / np.hypot(delta, away)])
        (level, pull), sigma = euler_regression(design, x_next[:, 0] - state, dt)
        gamma = max(2.0 * pull / sigma**2, 1e-3)
        beta = min(max(2.0 * level / sigma**2, -0.9 * gamma), 0.9 * gamma)
        return {"beta": beta, "gamma": gamma, "delta": delta, "mu": mu, "sigma": sigma}
