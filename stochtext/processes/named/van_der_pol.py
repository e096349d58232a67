"""The Van der Pol oscillator with noise: friction that feeds small swings and damps large ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.formula import FormulaProcess
from stochtext.processes.named.euler_regression import euler_regression

__all__ = ["VanDerPol"]


class VanDerPol(FormulaProcess):
    """dX = V dt, dV = (mu (1 - X^2) V - omega^2 X) dt + sigma dW.

    Parameters
    ----------
    mu : float, optional
        Strength of the nonlinear friction, per unit of time.
    omega : float, optional
        Angular frequency of the swing without friction, in radians per unit of time,
        not negative.
    sigma : float, optional
        Diffusion of the velocity, in its unit per root of a unit of time, not negative.

    Notes
    -----
    Coordinates are X and its velocity V; X is scaled so that the friction changes sign
    at plus and minus one. Without noise and for mu > 0 every path but the one at rest
    tends to one limit cycle, which for small mu is near the circle of radius two. Only
    the velocity is driven by noise, so the covariance rate is singular.

    References
    ----------
    Van der Pol (1926), On relaxation-oscillations, Philosophical Magazine 2, 978-992.

    Examples
    --------
    >>> from stochtext.processes import VanDerPol
    >>> VanDerPol(mu=0.5, omega=2.0, sigma=0.1).drift([[2.0, 1.0]])
    array([[ 1. , -9.5]])
    """

    type_name = "van_der_pol"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "omega": (0.0, np.inf),
        "sigma": (0.0, np.inf),
    }

    def __init__(
        self,
        mu: float | None = None,
        omega: float | None = None,
        sigma: float | None = None,
    ) -> None:
        params = {"mu": mu, "omega": omega, "sigma": sigma}
        super().__init__(params, dim=2, noise="additive", noise_dim=1, diagonal=False)

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        position, velocity = x
        friction = p["mu"] * (1.0 - position * position)
        return [velocity, friction * velocity - p["omega"] * p["omega"] * position]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [[0.0], [p["sigma"]]]

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares fit of the velocity's Euler step."""
        position, velocity = x.T
        regressors = np.column_stack([(1.0 - position**2) * velocity, -position])
        step = x_next[:, 1] - velocity
        (mu, stiffness), sigma = euler_regression(regressors, step, dt)
        return {"mu": mu, "omega": float(np.sqrt(max(stiffness, 0.0))), "sigma": sigma}
