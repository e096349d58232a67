"""The FitzHugh-Nagumo neuron with noise in its recovery variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.formula import FormulaProcess
from stochtext.processes.named.euler_regression import euler_regression

__all__ = ["FitzHughNagumo"]


class FitzHughNagumo(FormulaProcess):
    """dV = (V - V^3 - U + s) / epsilon dt, dU = (gamma V - U + beta) dt + sigma dW.

    Parameters
    ----------
    epsilon : float, optional
        Time scale of the membrane potential V against that of the recovery U, positive.
    gamma : float, optional
        Response of the recovery to the potential.
    beta : float, optional
        Level of the recovery at rest.
    s : float, optional
        Input current.
    sigma : float, optional
        Diffusion of the recovery, in its unit per root of a unit of time, not negative.

    Notes
    -----
    Time is measured in the recovery's time constant. For small epsilon the potential
    fires: it jumps between the two outer branches of U = V - V^3 + s. Only the recovery
    is driven by noise, so the covariance rate is singular; noise reaches the potential
    through the drift.

    References
    ----------
    FitzHugh (1961), Impulses and physiological states in theoretical models of nerve
    membrane, Biophysical Journal 1, 445-466. León and Samson (2018), Hypoelliptic
    stochastic FitzHugh-Nagumo neuronal model, Annals of Applied Probability 28, 2243-2274.

    Examples
    --------
    >>> from stochtext.processes import FitzHughNagumo
    >>> process = FitzHughNagumo(epsilon=0.1, gamma=1.5, beta=0.8, s=0.0, sigma=0.3)
    >>> process.drift([[1.0, 0.5]])
    array([[-5. ,  1.8]])
    """

    type_name = "fitzhugh_nagumo"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "epsilon": (0.0, np.inf),
        "sigma": (0.0, np.inf),
    }

    def __init__(
        self,
        epsilon: float | None = None,
        gamma: float | None = None,
        beta: float | None = None,
        s: float | None = None,
        sigma: float | None = None,
    ) -> None:
        params = {"epsilon": epsilon, "gamma": gamma, "beta": beta, "s": s, "sigma": sigma}
        super().__init__(params, dim=2, noise="additive", noise_dim=1, diagonal=False)
        if self._params["epsilon"] == 0.0:
            raise InputError("`epsilon` of FitzHughNagumo must be a number > 0; got 0.0.")

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        v, u = x
        fast = (v - v * v * v - u + p["s"]) / p["epsilon"]
        return [fast, p["gamma"] * v - u + p["beta"]]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [[0.0], [p["sigma"]]]

    def fixed_points(self) -> FloatArray:
        """Return the states of rest without noise, ordered by potential, shape (k, 2).

        Returns
        -------
        ndarray of shape (k, 2)
            One to three real solutions of V^3 + (gamma - 1) V + beta - s = 0.
        """
        self.require_specified()
        gamma, beta, s = (float(self._params[name]) for name in ("gamma", "beta", "s"))
        roots = np.roots([1.0, 0.0, gamma - 1.0, beta - s])
        real = np.sort(roots[np.abs(roots.imag) < 1e-9 * (1.0 + np.abs(roots))].real)
        return np.column_stack([real, gamma * real + beta])

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares fit of both Euler steps."""
        (v, u), one = x.T, np.ones(len(x))
        fast = np.column_stack([v - v**3 - u, one])
        (rate, current), _ = euler_regression(fast, x_next[:, 0] - v, dt)
        rate = max(rate, 1e-3 / float(np.mean(dt)))
        slow = np.column_stack([v, one])
        (gamma, beta), sigma = euler_regression(slow, x_next[:, 1] - u + u * dt, dt)
        epsilon = 1.0 / rate
        return {
            "epsilon": epsilon,
            "gamma": gamma,
            "beta": beta,
            "s": current * epsilon,
            "sigma": sigma,
        }
