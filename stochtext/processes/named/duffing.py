"""The Duffing oscillator with noise: a particle with friction in a quartic potential."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.formula import FormulaProcess
from stochtext.processes.named.double_well import DoubleWell
from stochtext.processes.named.euler_regression import euler_regression

__all__ = ["Duffing", "ForcedDuffing"]


class Duffing(FormulaProcess):
    """dX = V dt, dV = -(delta V + alpha X + beta X^3) dt + sigma dW.

    Parameters
    ----------
    alpha : float, optional
        Linear stiffness, per squared unit of time; negative for two wells at
        plus and minus sqrt(-alpha / beta).
    beta : float, optional
        Cubic stiffness, per squared unit of time and squared unit of X.
    delta : float, optional
        Friction, per unit of time, not negative.
    sigma : float, optional
        Diffusion of the velocity, in its unit per root of a unit of time, not negative.

    Notes
    -----
    Coordinates are the position X and the velocity V. Only the velocity is driven by
    noise, so the covariance rate is singular: the law has a smooth density, but the
    Gaussian density of one Euler step does not exist.

    With the energy H = v^2 / 2 + alpha x^2 / 2 + beta x^4 / 4 the stationary density is
    the Boltzmann-Gibbs law, proportional to exp(-2 delta H / sigma^2), for positive beta,
    delta and sigma.

    References
    ----------
    Duffing (1918), Erzwungene Schwingungen bei veränderlicher Eigenfrequenz. Pavliotis
    (2014), Stochastic Processes and Applications, section 6.1.

    Examples
    --------
    >>> from stochtext.processes import Duffing
    >>> process = Duffing(alpha=-1.0, beta=1.0, delta=0.5, sigma=1.0)
    >>> process.drift([[2.0, 1.0]])
    array([[ 1. , -6.5]])
    >>> process.stationary_covariance().round(4)
    array([[1.0418, 0.    ],
           [0.    , 1.    ]])
    """

    type_name = "duffing"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "delta": (0.0, np.inf),
        "sigma": (0.0, np.inf),
    }

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        delta: float | None = None,
        sigma: float | None = None,
    ) -> None:
        params = {"alpha": alpha, "beta": beta, "delta": delta, "sigma": sigma}
        super().__init__(params, dim=2, noise="additive", noise_dim=1, diagonal=False)

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        position, velocity = x
        spring = position * (p["alpha"] + p["beta"] * position * position)
        return [velocity, -(p["delta"] * velocity) - spring]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [[0.0], [p["sigma"]]]

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares fit of the velocity's Euler step."""
        position, velocity = x.T
        regressors = -np.column_stack([position, position**3, velocity])
        step = x_next[:, 1] - velocity
        (alpha, beta, delta), sigma = euler_regression(regressors, step, dt)
        return {"alpha": alpha, "beta": beta, "delta": max(delta, 0.0), "sigma": sigma}

    def stationary_density(self, x: ArrayLike) -> FloatArray:
        """Return the Boltzmann-Gibbs density at states x.

        Parameters
        ----------
        x : array_like of shape (n, 2)
            States (position, velocity).

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        InputError
            If beta, delta or sigma is not positive: there is no such law then.
        """
        well, variance = self._stationary_parts()
        position, velocity = as_states("x", x, 2).T
        normal = np.exp(-0.5 * velocity**2 / variance) / np.sqrt(2.0 * np.pi * variance)
        return well.stationary_density(position) * normal

    def stationary_mean(self) -> FloatArray:
        """Return the stationary mean, zero by symmetry, shape (2,)."""
        self._stationary_parts()
        return np.zeros(2)

    def stationary_covariance(self) -> FloatArray:
        """Return the stationary covariance, shape (2, 2): position and velocity are independent."""
        well, variance = self._stationary_parts()
        return np.diag([float(well.stationary_covariance()[0, 0]), variance])

    def _stationary_parts(self) -> tuple[DoubleWell, float]:
        """Return a process with the position's stationary law, and the velocity's variance."""
        self.require_specified()
        alpha, beta, delta, sigma = (float(self._params[n]) for n in self._params)
        if min(beta, delta, sigma) <= 0:
            raise InputError(
                "A Duffing oscillator has a Boltzmann-Gibbs law only for positive beta, delta and "
                f"sigma; got beta={beta}, delta={delta} and sigma={sigma}."
            )
        return DoubleWell(-alpha, beta, sigma / np.sqrt(delta)), sigma**2 / (2.0 * delta)


class ForcedDuffing(FormulaProcess):
    """dX = V dt, dV = (gamma cos(omega t) - delta V - alpha X - beta X^3) dt + sigma dW.

    Parameters
    ----------
    alpha, beta, delta, sigma : float, optional
        As in `Duffing`.
    gamma : float, optional
        Amplitude of the force.
    omega : float, optional
        Its angular frequency, in radians per unit of time.

    Notes
    -----
    The drift depends on time, so trajectories must say when they start.

    References
    ----------
    Guckenheimer and Holmes (1983), Nonlinear Oscillations, Dynamical Systems, and
    Bifurcations of Vector Fields, section 2.2.

    Examples
    --------
    >>> from stochtext.processes import ForcedDuffing
    >>> process = ForcedDuffing(-1.0, 1.0, 0.3, gamma=0.5, omega=1.2, sigma=0.1)
    >>> process.drift([[1.0, 0.0]], t=0.0)
    array([[0. , 0.5]])
    """

    type_name = "forced_duffing"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = Duffing._bounds

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        delta: float | None = None,
        gamma: float | None = None,
        omega: float | None = None,
        sigma: float | None = None,
    ) -> None:
        params = {
            "alpha": alpha,
            "beta": beta,
            "delta": delta,
            "gamma": gamma,
            "omega": omega,
            "sigma": sigma,
        }
        super().__init__(params, dim=2, noise="additive", noise_dim=1, diagonal=False)

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        velocity, rate = Duffing._drift_formula(t, x, p)
        return [velocity, rate + p["gamma"] * np.cos(p["omega"] * t)]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [[0.0], [p["sigma"]]]
