"""The 3/2 process, the reciprocal of a square-root process, in two parametrisations.

Law of this file: closed forms come from ``SquareRootLaw``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.named.euler_regression import euler_regression
from stochtext.processes.named.square_root_law import SquareRootLaw
from stochtext.processes.named.square_root_power import SquareRootPower

__all__ = ["InverseFeller", "ThreeHalves"]


class ThreeHalves(SquareRootPower):
    """dX = kappa X (mu - X) dt + sigma X^(3/2) dW, for X > 0.

    Parameters
    ----------
    kappa : float, optional
        Rate of return, per unit of time and of X.
    mu : float, optional
        Level at which the drift is zero, in units of X.
    sigma : float, optional
        Diffusion, per root of X and of a unit of time, not negative.

    Notes
    -----
    1 / X is a square-root process with drift kappa + sigma^2 - kappa mu / X, so that X stays
    finite and positive for 2 kappa >= -sigma^2; only then are there closed forms. For
    kappa mu > 0 the stationary law is that of 1 / Y with Y gamma distributed with shape
    2 kappa / sigma^2 + 2 and rate 2 kappa mu / sigma^2. The conditional variance is infinite
    for kappa <= 0.

    References
    ----------
    Ahn and Gao (1999), A parametric nonlinear model of term structure dynamics, Review of
    Financial Studies 12, 721-762, equations 1-8. Heston (1997), A simple new formula for
    options with stochastic volatility.

    Examples
    --------
    >>> from stochtext.processes import ThreeHalves
    >>> process = ThreeHalves(kappa=2.0, mu=0.5, sigma=0.8)
    >>> process.drift([[0.25], [1.0]])
    array([[ 0.125],
           [-1.   ]])
    >>> process.stationary_mean().round(6)
    array([0.431034])
    """

    type_name = "three_halves"
    open_domain = True
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"sigma": (0.0, np.inf)}

    def __init__(
        self,
        kappa: float | None = None,
        mu: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"kappa": kappa, "mu": mu, "sigma": sigma})

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["kappa"] * x[0] * (p["mu"] - x[0])]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * (x[0] * np.sqrt(x[0]))]

    def _root(self) -> tuple[SquareRootLaw, float]:
        kappa, mu, sigma = self._numbers("kappa", "mu", "sigma")
        self._need(
            sigma > 0 and 2.0 * kappa >= -(sigma**2),
            "closed forms",
            "sigma > 0 and 2 kappa >= -sigma^2; it explodes otherwise",
        )
        return SquareRootLaw(kappa + sigma**2, -kappa * mu, sigma), -1.0

    def _root_slopes(self) -> FloatArray:
        kappa, mu, sigma = self._numbers("kappa", "mu", "sigma")
        return np.array(
            [[1.0, -mu, 0.0, 0.0], [0.0, -kappa, 0.0, 0.0], [2.0 * sigma, 0.0, 1.0, 0.0]]
        )

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the weighted least-squares drift of an Euler step; nothing for data at zero."""
        linear, quadratic, sigma = _regression(x[:, 0], x_next[:, 0], dt)
        if np.isnan(sigma):
            return {}
        kappa = max(-quadratic, 0.01 / float(np.mean(dt) * np.mean(x)))
        return {"kappa": kappa, "mu": max(linear / kappa, 0.1 * float(np.mean(x))), "sigma": sigma}


class InverseFeller(SquareRootPower):
    """dX = X (kappa - (kappa mu - sigma^2) X) dt + sigma X^(3/2) dW, for X > 0.

    Parameters
    ----------
    kappa : float, optional
        Rate at which 1 / X returns to its mean, per unit of time, not negative.
    mu : float, optional
        Mean level of 1 / X, in its units, not negative.
    sigma : float, optional
        Diffusion of 1 / X, not negative.

    Notes
    -----
    1 / X is the Cox-Ingersoll-Ross process with the same parameters. This is `ThreeHalves`
    with rate kappa mu - sigma^2 and level kappa / (kappa mu - sigma^2). Closed forms need
    Feller's condition 2 kappa mu >= sigma^2: X explodes otherwise.

    References
    ----------
    Aït-Sahalia (1999), Transition densities for interest rate and other nonlinear
    diffusions, Journal of Finance 54, 1361-1395, example 3.

    Examples
    --------
    >>> from stochtext.processes import CoxIngersollRoss, InverseFeller
    >>> process = InverseFeller(kappa=0.8, mu=1.0, sigma=0.4)
    >>> root = CoxIngersollRoss(kappa=0.8, mu=1.0, sigma=0.4)
    >>> process.transition_cdf(2.0, 1.6, dt=0.5) + root.transition_cdf(0.5, 0.625, dt=0.5)
    array([1.])
    """

    type_name = "inverse_feller"
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

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        pull = p["kappa"] * p["mu"] - p["sigma"] * p["sigma"]
        return [x[0] * (p["kappa"] - pull * x[0])]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * (x[0] * np.sqrt(x[0]))]

    def _root(self) -> tuple[SquareRootLaw, float]:
        kappa, mu, sigma = self._numbers("kappa", "mu", "sigma")
        self._need(
            sigma > 0 and 2.0 * kappa * mu >= sigma**2,
            "closed forms",
            "sigma > 0 and 2 kappa mu >= sigma^2; it explodes otherwise",
        )
        return SquareRootLaw(kappa * mu, -kappa, sigma), -1.0

    def _root_slopes(self) -> FloatArray:
        kappa, mu = self._numbers("kappa", "mu")
        return np.array([[mu, -1.0, 0.0, 0.0], [kappa, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the weighted least-squares drift of an Euler step; nothing for data at zero."""
        linear, quadratic, sigma = _regression(x[:, 0], x_next[:, 0], dt)
        if np.isnan(sigma):
            return {}
        kappa = max(linear, 0.01 / float(np.mean(dt)))
        mu = max(sigma**2 - quadratic, 0.51 * sigma**2) / kappa
        return {"kappa": kappa, "mu": mu, "sigma": sigma}


def _regression(x: FloatArray, x_next: FloatArray, dt: FloatArray) -> tuple[float, float, float]:
    """Return the linear and the quadratic drift and the diffusion of an Euler step."""
    if not np.all(x > 0):
        return np.nan, np.nan, np.nan
    size = x**1.5
    design = np.column_stack([x / size, x * x / size])
    (linear, quadratic), sigma = euler_regression(design, (x_next - x) / size, dt)
    return linear, quadratic, sigma
