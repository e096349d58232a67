"""The short-rate model of Chan, Karolyi, Longstaff and Sanders.

Law of this file: what has no closed form is refused with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.closed_forms import KnownStationaryLaw
from stochtext.processes.named.linear_drift import LinearDriftMoments
from stochtext.processes.named.power_variance import power_variance
from stochtext.processes.named.scalar import ScalarFormula

__all__ = ["CKLS"]


class CKLS(ScalarFormula, LinearDriftMoments, KnownStationaryLaw):
    """dX = (alpha + beta X) dt + sigma X^gamma dW, for X > 0.

    Parameters
    ----------
    alpha : float, optional
        Drift at zero, in units of X per unit of time.
    beta : float, optional
        Slope of the drift, per unit of time; negative for return to -alpha / beta.
    sigma : float, optional
        Diffusion at X = 1, not negative.
    gamma : float, optional
        Elasticity of the diffusion, not negative.

    Notes
    -----
    gamma = 1/2 is `FellerDiffusion`, with its transition density; gamma = 1 is
    `InhomogeneousGeometricBrownianMotion`; alpha = 0 is `CEV`. Zero is not reached for
    alpha > 0 and gamma > 1/2, or gamma = 1/2 and 2 alpha >= sigma^2. The conditional mean
    is that of the linear drift for 1/2 <= gamma <= 1; the conditional variance is known for
    gamma = 1/2 and gamma = 1 only. The stationary density is integrated from the speed
    measure.

    References
    ----------
    Chan, Karolyi, Longstaff and Sanders (1992), An empirical comparison of alternative
    models of the short-term interest rate, Journal of Finance 47, 1209-1227, equation 1.

    Examples
    --------
    >>> from stochtext.processes import CKLS
    >>> process = CKLS(alpha=0.1, beta=-0.5, sigma=0.2, gamma=1.5)
    >>> process.drift([[0.1], [0.4]])
    array([[ 0.05],
           [-0.1 ]])
    >>> process.diffusion([[0.25]])
    array([[[0.025]]])
    """

    type_name = "ckls"
    open_domain = True
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "sigma": (0.0, np.inf),
        "gamma": (0.0, np.inf),
    }

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        sigma: float | None = None,
        gamma: float | None = None,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta, "sigma": sigma, "gamma": gamma})

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The state is positive."""
        return ((0.0, np.inf),)

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["alpha"] + p["beta"] * x[0]]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * x[0] ** p["gamma"]]

    def _coefficients(self) -> tuple[float, float, float, float, float]:
        alpha, beta, sigma, gamma = self._numbers("alpha", "beta", "sigma", "gamma")
        at_half, at_one = gamma == 0.5, gamma == 1.0
        return alpha, beta, 0.0, sigma**2 * at_half, sigma**2 * at_one

    def _conditional_mean(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        alpha, gamma = self._numbers("alpha", "gamma")
        self._need(
            alpha >= 0 and 0.5 <= gamma <= 1,
            "a conditional mean in closed form",
            "alpha >= 0 and 1/2 <= gamma <= 1",
        )
        return super()._conditional_mean(x, dt)

    def _conditional_variance(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        alpha, gamma = self._numbers("alpha", "gamma")
        self._need(
            alpha >= 0 and gamma in (0.5, 1.0),
            "a conditional variance in closed form",
            "alpha >= 0 and gamma = 1/2 or 1",
        )
        return super()._conditional_variance(x, dt)

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return an Euler step's drift and the regression of its squared errors on the level."""
        return power_variance(x, x_next, dt, [("alpha", np.ones(len(x))), ("beta", x[:, 0])])
