"""The square-root process of Feller, Cox, Ingersoll and Ross: a rate that stays non-negative.

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

__all__ = ["CoxIngersollRoss", "FellerDiffusion"]


def _regression(x: FloatArray, x_next: FloatArray, dt: FloatArray) -> tuple[float, float, float]:
    """Return alpha, beta and sigma of an Euler step, weighted by the variance; all NaN at zero."""
    if not np.all(x > 0):
        return np.nan, np.nan, np.nan
    root = np.sqrt(x)
    design = np.column_stack([1.0 / root, root])
    (alpha, beta), sigma = euler_regression(design, (x_next - x) / root, dt)
    return alpha, beta, sigma


class CoxIngersollRoss(SquareRootPower):
    """dX = kappa (mu - X) dt + sigma sqrt(X) dW, for X >= 0.

    Parameters
    ----------
    kappa : float, optional
        Rate of return to the mean, per unit of time, not negative.
    mu : float, optional
        Mean level, in units of X, not negative.
    sigma : float, optional
        Diffusion, in units of sqrt(X) per root of a unit of time, not negative.

    Notes
    -----
    Zero is never reached if 2 kappa mu >= sigma^2 (Feller's condition); otherwise it is
    reached and reflects, and is absorbing for kappa mu = 0: ``transition_density`` is then
    the density above zero, and ``transition_cdf`` includes what is at zero.

    The transition is a scaled non-central chi-squared law, the stationary law is a gamma
    law with shape 2 kappa mu / sigma^2 and rate 2 kappa / sigma^2.

    References
    ----------
    Feller (1951), Two singular diffusion problems, Annals of Mathematics 54, 173-182.
    Cox, Ingersoll and Ross (1985), A theory of the term structure of interest rates,
    Econometrica 53, 385-407, equations 17-20.

    Examples
    --------
    >>> from stochtext.processes import CoxIngersollRoss
    >>> process = CoxIngersollRoss(kappa=0.8, mu=1.0, sigma=0.4)
    >>> process.drift([[0.5], [2.0]])
    array([[ 0.4],
           [-0.8]])
    >>> process.transition_density([[1.0]], [[1.05]], dt=0.1).round(6)
    array([2.905902])
    >>> process.stationary_covariance().round(12)
    array([[0.1]])
    """

    type_name = "cox_ingersoll_ross"
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
        return [p["kappa"] * (p["mu"] - x[0])]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * np.sqrt(x[0])]

    def _root(self) -> tuple[SquareRootLaw, float]:
        kappa, mu, sigma = self._numbers("kappa", "mu", "sigma")
        self._need(sigma > 0, "a transition density", "sigma > 0")
        return SquareRootLaw(kappa * mu, -kappa, sigma, absorbed=kappa * mu == 0), 1.0

    def _root_slopes(self) -> FloatArray:
        kappa, mu = self._numbers("kappa", "mu")
        return np.array([[mu, -1.0, 0.0, 0.0], [kappa, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the weighted least-squares drift of an Euler step; nothing for data at zero."""
        alpha, beta, sigma = _regression(x[:, 0], x_next[:, 0], dt)
        if np.isnan(sigma):
            return {}
        mean = float(np.mean(x))
        kappa = min(max(-beta, 0.01 / float(np.mean(dt))), 1.0 / float(np.mean(dt)))
        return {"kappa": kappa, "mu": alpha / kappa if alpha > 0 > beta else mean, "sigma": sigma}


class FellerDiffusion(SquareRootPower):
    """dX = (alpha + beta X) dt + sigma sqrt(X) dW, for X >= 0: branching with immigration.

    Parameters
    ----------
    alpha : float, optional
        Immigration, in units of X per unit of time, not negative.
    beta : float, optional
        Growth rate of the mean, per unit of time, of any sign.
    sigma : float, optional
        Diffusion, in units of sqrt(X) per root of a unit of time, not negative.

    Notes
    -----
    For beta < 0 this is the Cox-Ingersoll-Ross process with kappa = -beta and
    mu = -alpha / beta; here the growth may also be zero (a squared Bessel process) or
    positive. For alpha = 0 zero is absorbing: ``transition_density`` is the density above
    zero, and ``transition_cdf`` includes the probability exp(-u) of extinction,
    u = 2 x beta exp(beta dt) / (sigma^2 (exp(beta dt) - 1)), or 2 x / (sigma^2 dt) for beta = 0.

    References
    ----------
    Feller (1951), Two singular diffusion problems, Annals of Mathematics 54, 173-182.

    Examples
    --------
    >>> from stochtext.processes import FellerDiffusion
    >>> process = FellerDiffusion(alpha=0.0, beta=0.0, sigma=1.0)
    >>> process.transition_cdf([[2.0]], [[0.0]], dt=4.0).round(6)
    array([0.367879])
    """

    type_name = "feller_diffusion"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "alpha": (0.0, np.inf),
        "sigma": (0.0, np.inf),
    }

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta, "sigma": sigma})

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["alpha"] + p["beta"] * x[0]]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * np.sqrt(x[0])]

    def _root(self) -> tuple[SquareRootLaw, float]:
        alpha, beta, sigma = self._numbers("alpha", "beta", "sigma")
        self._need(sigma > 0, "a transition density", "sigma > 0")
        return SquareRootLaw(alpha, beta, sigma, absorbed=alpha == 0), 1.0

    def _root_slopes(self) -> FloatArray:
        return np.eye(3, 4)

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the weighted least-squares drift of an Euler step; nothing for data at zero."""
        alpha, beta, sigma = _regression(x[:, 0], x_next[:, 0], dt)
        if np.isnan(sigma):
            return {}
        return {"alpha": max(alpha, 1e-3 * float(np.mean(x))), "beta": beta, "sigma": sigma}
