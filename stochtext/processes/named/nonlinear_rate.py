"""Aït-Sahalia's models of a rate: a drift that pulls back only far away, and flexible noise.

Law of this file: stationary laws come from quadrature of the speed measure.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.closed_forms import KnownStationaryLaw
from stochtext.processes.named.euler_regression import euler_regression
from stochtext.processes.named.scalar import ScalarFormula

__all__ = ["AitSahalia", "NonlinearSDE"]


class _NonlinearRate(ScalarFormula, KnownStationaryLaw):
    """dX = (alpha_inv / X + alpha0 + alpha1 X + alpha2 X^2) dt + noise, for X > 0."""

    open_domain = True

    def __init__(
        self,
        alpha_inv: float | None = None,
        alpha0: float | None = None,
        alpha1: float | None = None,
        alpha2: float | None = None,
        beta0: float | None = None,
        beta1: float | None = None,
        beta2: float | None = None,
        beta3: float | None = None,
    ) -> None:
        params = {
            "alpha_inv": alpha_inv,
            "alpha0": alpha0,
            "alpha1": alpha1,
            "alpha2": alpha2,
            "beta0": beta0,
            "beta1": beta1,
            "beta2": beta2,
            "beta3": beta3,
        }
        super().__init__(params)

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The state is positive."""
        return ((0.0, np.inf),)

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        polynomial = p["alpha0"] + x[0] * (p["alpha1"] + p["alpha2"] * x[0])
        return [p["alpha_inv"] / x[0] + polynomial]

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares drift of an Euler step; nothing for data at zero."""
        if not np.all(x > 0):
            return {}
        state = x[:, 0]
        design = np.column_stack([1.0 / state, np.ones(len(state)), state, state**2])
        drift, sigma = euler_regression(design, x_next[:, 0] - state, dt)
        names = ("alpha_inv", "alpha0", "alpha1", "alpha2")
        return {**dict(zip(names, drift, strict=True)), **self._noise_start(state, sigma)}

    @abstractmethod
    def _noise_start(self, state: FloatArray, sigma: float) -> dict[str, float]:
        """Return where a search for the parameters of the diffusion may start."""


class AitSahalia(_NonlinearRate):
    """dX = b(X) dt + sqrt(beta0 + beta1 X + beta2 X^beta3) dW with a nonlinear drift, for X > 0.

    Parameters
    ----------
    alpha_inv, alpha0, alpha1, alpha2 : float, optional
        Coefficients of 1 / X, 1, X and X^2 in the drift, per unit of time.
    beta0, beta1, beta2 : float, optional
        Coefficients of 1, X and X^beta3 in the squared diffusion.
    beta3 : float, optional
        Exponent of the last term.

    Notes
    -----
    The drift is b(x) = alpha_inv / x + alpha0 + alpha1 x + alpha2 x^2. The squared diffusion
    must be positive; zero and infinity are not reached for alpha_inv > 0 and alpha2 < 0
    with, for instance, beta0 > 0, 2 alpha_inv >= beta0 and beta3 <= 3 (conditions in the
    source). The stationary density is integrated from the speed measure.

    References
    ----------
    Aït-Sahalia (1996), Testing continuous-time models of the spot interest rate, Review of
    Financial Studies 9, 385-426, equation 1 and assumption A3'.

    Examples
    --------
    >>> from stochtext.processes import AitSahalia
    >>> process = AitSahalia(0.02, 0.1, -0.2, -0.3, 0.01, 0.02, 0.05, 1.5)
    >>> process.drift([[0.2]]).round(6)
    array([[0.148]])
    >>> process.stationary_mean().round(4)
    array([0.4383])
    """

    type_name = "ait_sahalia"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"beta3": (0.0, np.inf)}

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        square = p["beta0"] + p["beta1"] * x[0] + p["beta2"] * x[0] ** p["beta3"]
        return [np.sqrt(square)]

    def _noise_start(self, state: FloatArray, sigma: float) -> dict[str, float]:
        mean = float(state.mean())
        third = sigma**2 / 3.0
        return {"beta0": third, "beta1": third / mean, "beta2": third / mean**1.5, "beta3": 1.5}


class NonlinearSDE(_NonlinearRate):
    """dX = b(X) dt + (beta0 + beta1 X + beta2 X^beta3) dW with a nonlinear drift, for X > 0.

    Parameters
    ----------
    alpha_inv, alpha0, alpha1, alpha2 : float, optional
        Coefficients of 1 / X, 1, X and X^2 in the drift.
    beta0, beta1, beta2 : float, optional
        Coefficients of 1, X and X^beta3 in the diffusion.
    beta3 : float, optional
        Exponent of the last term.

    Notes
    -----
    The drift is b(x) = alpha_inv / x + alpha0 + alpha1 x + alpha2 x^2. For estimation only
    the betas up to a common sign count. The stationary density is integrated from the speed
    measure.

    References
    ----------
    Aït-Sahalia (1999), Transition densities for interest rate and other nonlinear
    diffusions, Journal of Finance 54, 1361-1395, section II (with beta0 = beta1 = 0).

    Examples
    --------
    >>> from stochtext.processes import NonlinearSDE
    >>> process = NonlinearSDE(0.02, 0.1, -0.2, -0.3, 0.0, 0.0, 0.3, 1.5)
    >>> process.diffusion([[0.25]])
    array([[[0.0375]]])
    """

    type_name = "nonlinear_sde"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"beta3": (0.0, np.inf)}

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["beta0"] + p["beta1"] * x[0] + p["beta2"] * x[0] ** p["beta3"]]

    def _noise_start(self, state: FloatArray, sigma: float) -> dict[str, float]:
        mean = float(state.mean())
        third = sigma / 3.0
        return {"beta0": third, "beta1": third / mean, "beta2": third / mean**1.5, "beta3": 1.5}
