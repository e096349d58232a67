"""Predator and prey with noise in their growth rates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.formula import FormulaProcess
from stochtext.processes.named.euler_regression import euler_regression

__all__ = ["LotkaVolterra"]


class LotkaVolterra(FormulaProcess):
    """dX = X (alpha - beta Y) dt + sigma_x X dW1, dY = Y (delta X - gamma) dt + sigma_y Y dW2.

    Parameters
    ----------
    alpha : float, optional
        Growth rate of the prey X, per unit of time, not negative.
    beta : float, optional
        Rate at which a unit of predators Y takes prey, per unit of time, not negative.
    gamma : float, optional
        Death rate of the predators, not negative.
    delta : float, optional
        Growth rate of the predators by a unit of prey, per unit of time, not negative.
    sigma_x, sigma_y : float, optional
        Noise of the two growth rates, per root of a unit of time, not negative.

    Notes
    -----
    Both numbers stay positive. Without noise
    H = delta x - gamma log x + beta y - alpha log y is conserved; with noise
    E[H(t)] = H(0) + (gamma sigma_x^2 + alpha sigma_y^2) t / 2, so there is no
    stationary law.

    References
    ----------
    Lotka (1925), Elements of Physical Biology. Arató (2003), A famous nonlinear stochastic
    equation (Lotka-Volterra model with diffusion), Mathematical and Computer Modelling 38,
    709-726.

    Examples
    --------
    >>> from stochtext.processes import LotkaVolterra
    >>> process = LotkaVolterra(1.0, 0.5, 0.8, 0.2, sigma_x=0.1, sigma_y=0.1)
    >>> process.drift([[2.0, 1.0]])
    array([[ 1. , -0.4]])
    >>> process.fixed_point()
    array([4., 2.])
    """

    type_name = "lotka_volterra"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = dict.fromkeys(
        ("alpha", "beta", "gamma", "delta", "sigma_x", "sigma_y"), (0.0, np.inf)
    )

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        gamma: float | None = None,
        delta: float | None = None,
        sigma_x: float | None = None,
        sigma_y: float | None = None,
    ) -> None:
        params = {
            "alpha": alpha,
            "beta": beta,
            "gamma": gamma,
            "delta": delta,
            "sigma_x": sigma_x,
            "sigma_y": sigma_y,
        }
        super().__init__(params, dim=2, noise="diagonal")

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """Both numbers are positive."""
        return ((0.0, np.inf), (0.0, np.inf))

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        prey, predator = x
        return [
            prey * (p["alpha"] - p["beta"] * predator),
            predator * (p["delta"] * prey - p["gamma"]),
        ]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma_x"] * x[0], p["sigma_y"] * x[1]]

    def conserved_quantity(self, x: ArrayLike) -> FloatArray:
        """Return H = delta x - gamma log x + beta y - alpha log y, constant without noise.

        Parameters
        ----------
        x : array_like of shape (n, 2)
            Positive states.

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        InputError
            If a state is not positive.
        """
        self.require_specified()
        states = as_states("x", x, 2)
        bad = np.flatnonzero(~np.all(states > 0, axis=1))
        if bad.size:
            raise InputError(f"`x` must be positive; got {states[bad[0]]} in row {bad[0]}.")
        (prey, predator), p = states.T, self._params
        return (
            p["delta"] * prey
            - p["gamma"] * np.log(prey)
            + p["beta"] * predator
            - p["alpha"] * np.log(predator)
        )

    def fixed_point(self) -> FloatArray:
        """Return the state of coexistence without noise, (gamma / delta, alpha / beta).

        Returns
        -------
        ndarray of shape (2,)

        Raises
        ------
        InputError
            If beta or delta is zero.
        """
        self.require_specified()
        p = {name: float(value) for name, value in self._params.items()}
        if p["delta"] == 0 or p["beta"] == 0:
            raise InputError(
                "There is no state of coexistence: `beta` and `delta` must be positive; got "
                f"beta={p['beta']} and delta={p['delta']}."
            )
        return np.array([p["gamma"] / p["delta"], p["alpha"] / p["beta"]])

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares fit of the Euler steps of the growth rates."""
        if not np.all(x > 0):
            return {}
        (prey, predator), growth = x.T, (x_next - x) / x
        one = np.ones(len(x))
        first = euler_regression(np.column_stack([one, -predator]), growth[:, 0], dt)
        second = euler_regression(np.column_stack([-one, prey]), growth[:, 1], dt)
        (alpha, beta), sigma_x = first
        (gamma, delta), sigma_y = second
        rates = {"alpha": alpha, "beta": beta, "gamma": gamma, "delta": delta}
        return {
            **{name: max(value, 0.0) for name, value in rates.items()},
            "sigma_x": sigma_x,
            "sigma_y": sigma_y,
        }
