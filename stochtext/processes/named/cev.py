"""Constant elasticity of variance: growth whose volatility is a power of the level.

Law of this file: closed forms come from ``SquareRootLaw``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.named.power_variance import power_variance
from stochtext.processes.named.square_root_law import SquareRootLaw
from stochtext.processes.named.square_root_power import SquareRootPower

__all__ = ["CEV"]


class CEV(SquareRootPower):
    """dX = mu X dt + sigma X^gamma dW, for X >= 0.

    Parameters
    ----------
    mu : float, optional
        Growth rate, per unit of time.
    sigma : float, optional
        Diffusion at X = 1, per root of a unit of time, not negative.
    gamma : float, optional
        Elasticity of the diffusion, not negative; 1 is geometric Brownian motion.

    Notes
    -----
    X^(2 - 2 gamma) is a square-root process. For gamma < 1 zero is reached and kept:
    ``transition_density`` is the density above zero, ``transition_cdf`` includes what has
    been absorbed, and the conditional mean is x exp(mu dt). For gamma > 1 zero is not
    reached, and for mu > 0 there is a stationary law; the conditional mean lies below
    x exp(mu dt), because the discounted process is a strict local martingale (Emanuel and
    MacBeth). For gamma = 1 use `GeometricBrownianMotion`, which has other closed forms.
    The exact step for gamma < 1 inverts the distribution function by root finding, a
    fraction of a millisecond a number.

    References
    ----------
    Cox (1975), Notes on option pricing I: constant elasticity of variance diffusions.
    Emanuel and MacBeth (1982), Further results on the constant elasticity of variance call
    option pricing model, Journal of Financial and Quantitative Analysis 17, 533-554.
    Schroder (1989), Computing the constant elasticity of variance option pricing formula,
    Journal of Finance 44, 211-219.

    Examples
    --------
    >>> from stochtext.processes import CEV
    >>> process = CEV(mu=0.05, sigma=0.3, gamma=0.5)
    >>> process.diffusion([[4.0]])
    array([[[0.6]]])
    >>> process.conditional_mean([[1.0]], dt=2.0).round(6)
    array([[1.105171]])
    >>> process.transition_cdf([[0.1]], [[0.0]], dt=2.0).round(4)
    array([0.3111])
    """

    type_name = "cev"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "sigma": (0.0, np.inf),
        "gamma": (0.0, np.inf),
    }

    def __init__(
        self,
        mu: float | None = None,
        sigma: float | None = None,
        gamma: float | None = None,
    ) -> None:
        super().__init__({"mu": mu, "sigma": sigma, "gamma": gamma})

    @property
    def open_domain(self) -> bool:  # type: ignore[override]
        """Whether zero is no state: it is reached for gamma < 1 only."""
        return bool(self.is_specified and self._params["gamma"] >= 1)

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["mu"] * x[0]]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * x[0] ** p["gamma"]]

    def _root(self) -> tuple[SquareRootLaw, float]:
        mu, sigma, gamma = self._numbers("mu", "sigma", "gamma")
        self._need(
            sigma > 0 and gamma != 1,
            "closed forms",
            "sigma > 0 and gamma other than 1 (use GeometricBrownianMotion for that)",
        )
        away = 1.0 - gamma
        alpha = away * (1.0 - 2.0 * gamma) * sigma**2
        law = SquareRootLaw(alpha, 2.0 * away * mu, 2.0 * abs(away) * sigma, absorbed=gamma < 1)
        return law, 0.5 / away

    def _root_slopes(self) -> FloatArray:
        mu, sigma, gamma = self._numbers("mu", "sigma", "gamma")
        away = 1.0 - gamma
        return np.array(
            [
                [0.0, 2.0 * away, 0.0, 0.0],
                [2.0 * away * (1.0 - 2.0 * gamma) * sigma, 0.0, 2.0 * abs(away), 0.0],
                [
                    (4.0 * gamma - 3.0) * sigma**2,
                    -2.0 * mu,
                    -2.0 * np.sign(away) * sigma,
                    0.5 / away**2,
                ],
            ]
        )

    def _conditional_mean(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        mu, gamma = self._numbers("mu", "gamma")
        return x * np.exp(mu * dt) if gamma < 1 else super()._conditional_mean(x, dt)

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return an Euler step's drift and the regression of its squared errors on the level."""
        return power_variance(x, x_next, dt, [("mu", x[:, 0])])
