"""The radial Ornstein-Uhlenbeck process, the length of a vector of such processes.

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

__all__ = ["RadialOrnsteinUhlenbeck"]


class RadialOrnsteinUhlenbeck(SquareRootPower):
    """dX = (theta / X - kappa X) dt + sigma dW, for X > 0.

    Parameters
    ----------
    theta : float, optional
        Push away from zero, in squared units of X per unit of time.
    kappa : float, optional
        Rate of return, per unit of time; zero gives a Bessel process.
    sigma : float, optional
        Diffusion, in units of X per root of a unit of time, not negative.

    Notes
    -----
    For theta = (n - 1) sigma^2 / 2 this is the length of n independent Ornstein-Uhlenbeck
    processes around zero. X^2 is a square-root process with drift
    2 theta + sigma^2 - 2 kappa X^2 and diffusion 2 sigma sqrt(X^2). Zero is never reached
    for 2 theta >= sigma^2; otherwise it reflects. Closed forms need 2 theta > -sigma^2. For
    kappa > 0 the stationary law of X^2 is a gamma law with shape theta / sigma^2 + 1/2 and
    rate kappa / sigma^2.

    References
    ----------
    Borodin and Salminen (2002), Handbook of Brownian Motion, appendix 1, section 25. Iacus
    (2008), Simulation and Inference for Stochastic Differential Equations, section 1.13
    (with kappa = sigma = 1).

    Examples
    --------
    >>> from stochtext.processes import RadialOrnsteinUhlenbeck
    >>> process = RadialOrnsteinUhlenbeck(theta=1.0, kappa=1.0, sigma=1.0)
    >>> process.drift([[0.5], [1.0]])
    array([[1.5],
           [0. ]])
    >>> process.stationary_mean().round(6)
    array([1.128379])
    """

    type_name = "radial_ornstein_uhlenbeck"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"sigma": (0.0, np.inf)}

    def __init__(
        self,
        theta: float | None = None,
        kappa: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"theta": theta, "kappa": kappa, "sigma": sigma}, noise="additive")

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["theta"] / x[0] - p["kappa"] * x[0]]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"]]

    def _root(self) -> tuple[SquareRootLaw, float]:
        theta, kappa, sigma = self._numbers("theta", "kappa", "sigma")
        self._need(
            sigma > 0 and 2.0 * theta > -(sigma**2),
            "closed forms",
            "sigma > 0 and 2 theta > -sigma^2",
        )
        return SquareRootLaw(2.0 * theta + sigma**2, -2.0 * kappa, 2.0 * sigma), 0.5

    def _root_slopes(self) -> FloatArray:
        (sigma,) = self._numbers("sigma")
        return np.array([[2.0, 0.0, 0.0, 0.0], [0.0, -2.0, 0.0, 0.0], [2.0 * sigma, 0.0, 2.0, 0.0]])

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares drift of an Euler step; nothing for data at zero."""
        if not np.all(x > 0):
            return {}
        state = x[:, 0]
        design = np.column_stack([1.0 / state, -state])
        (theta, kappa), sigma = euler_regression(design, x_next[:, 0] - state, dt)
        return {"theta": max(theta, -0.4 * sigma**2), "kappa": kappa, "sigma": sigma}
