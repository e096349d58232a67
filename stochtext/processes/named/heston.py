"""Heston's model: a log-price whose variance follows a square-root process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from scipy.linalg import expm

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.formula import FormulaProcess
from stochtext.processes.linear.process import check_steps

if TYPE_CHECKING:
    from stochtext.processes.named.cox_ingersoll_ross import CoxIngersollRoss

__all__ = ["Heston"]


class Heston(FormulaProcess):
    """dX = (mu - V / 2) dt + sqrt(V) dW1, dV = kappa (theta - V) dt + xi sqrt(V) dB.

    Parameters
    ----------
    mu : float, optional
        Growth rate of the price exp(X), per unit of time.
    kappa : float, optional
        Rate of return of the variance, per unit of time, not negative.
    theta : float, optional
        Mean of the variance V, per unit of time, not negative.
    xi : float, optional
        Volatility of the variance, per unit of time, not negative.
    rho : float, optional
        Correlation of the two noises, in [-1, 1]: B = rho W1 + sqrt(1 - rho^2) W2.

    Notes
    -----
    Coordinates are the log-price X and its variance V, which stays positive if
    2 kappa theta >= xi^2 (Feller's condition) and otherwise touches zero and returns.
    The noise does not commute. The joint transition density has no closed form; its
    mean and covariance have, and V alone is a `CoxIngersollRoss` process.

    References
    ----------
    Heston (1993), A closed-form solution for options with stochastic volatility, Review of
    Financial Studies 6, 327-343, equations 1, 4 and 7.

    Examples
    --------
    >>> from stochtext.processes import Heston
    >>> process = Heston(mu=0.05, kappa=2.0, theta=0.04, xi=0.3, rho=-0.7)
    >>> process.drift([[0.0, 0.09]])
    array([[ 0.005, -0.1  ]])
    >>> process.conditional_mean([[0.0, 0.09]], dt=0.5).round(6)
    array([[0.007098, 0.058394]])
    """

    type_name = "heston"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "kappa": (0.0, np.inf),
        "theta": (0.0, np.inf),
        "xi": (0.0, np.inf),
        "rho": (-1.0, 1.0),
    }

    def __init__(
        self,
        mu: float | None = None,
        kappa: float | None = None,
        theta: float | None = None,
        xi: float | None = None,
        rho: float | None = None,
    ) -> None:
        params = {"mu": mu, "kappa": kappa, "theta": theta, "xi": xi, "rho": rho}
        super().__init__(params, dim=2, noise="general")

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """Any log-price, and a variance that is not negative."""
        return ((-np.inf, np.inf), (0.0, np.inf))

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        variance = x[1]
        return [p["mu"] - 0.5 * variance, p["kappa"] * (p["theta"] - variance)]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        volatility, rho = np.sqrt(x[1]), p["rho"]
        second = p["xi"] * volatility
        return [[volatility, 0.0], [rho * second, np.sqrt(1.0 - rho * rho) * second]]

    @property
    def feller(self) -> bool:
        """Whether 2 kappa theta >= xi^2, so that the variance never reaches zero."""
        self.require_specified()
        kappa, theta, xi = (float(self._params[name]) for name in ("kappa", "theta", "xi"))
        return 2.0 * kappa * theta >= xi**2

    def variance_process(self) -> CoxIngersollRoss:
        """Return the process of V alone, with its closed forms."""
        from stochtext.processes.named.cox_ingersoll_ross import CoxIngersollRoss

        p = self._params
        return CoxIngersollRoss(kappa=p["kappa"], mu=p["theta"], sigma=p["xi"])

    def conditional_mean(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return E[(X, V)(t + dt) | (X, V)(t) = x].

        Parameters
        ----------
        x : array_like of shape (n, 2)
            States (log-price, variance).
        dt : float or array_like of shape (n,)
            Length of the step.
        t, clock_dt : float or array_like of shape (n,), optional
            Ignored: the coefficients do not depend on time.

        Returns
        -------
        ndarray of shape (n, 2)
        """
        states, steps = self._starts(x, dt)
        mu, kappa, theta = (float(self._params[name]) for name in ("mu", "kappa", "theta"))
        away = states[:, 1] - theta
        decay = np.exp(-kappa * steps)
        mixing = -np.expm1(-kappa * steps) / kappa if kappa > 0 else steps
        price = states[:, 0] + (mu - 0.5 * theta) * steps - 0.5 * away * mixing
        return np.column_stack([price, theta + away * decay])

    def conditional_covariance(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return Cov[(X, V)(t + dt) | (X, V)(t) = x].

        Parameters
        ----------
        x : array_like of shape (n, 2)
            States (log-price, variance).
        dt : float or array_like of shape (n,)
            Length of the step.
        t, clock_dt : float or array_like of shape (n,), optional
            Ignored: the coefficients do not depend on time.

        Returns
        -------
        ndarray of shape (n, 2, 2)

        Notes
        -----
        With m = E[V] the covariances solve the linear equations
        c_vv' = -2 kappa c_vv + xi^2 m, c_xv' = -kappa c_xv - c_vv / 2 + rho xi m and
        c_xx' = -c_xv + m, whose solution is one matrix exponential for each dt.
        """
        states, steps = self._starts(x, dt)
        lengths, which = np.unique(steps, return_inverse=True)
        theta = float(self._params["theta"])
        response = self._moment_responses(lengths)[which]
        away = (states[:, 1] - theta)[:, None]
        vv, xv, xx = (theta * response[:, :, 0] + away * response[:, :, 1]).T
        return np.stack([np.stack([xx, xv], axis=1), np.stack([xv, vv], axis=1)], axis=1)

    def _moment_responses(self, dt: FloatArray) -> FloatArray:
        """Return (c_vv, c_xv, c_xx) driven by m = 1 and by m = exp(-kappa t), shape (k, 3, 2)."""
        kappa, xi, rho = (float(self._params[name]) for name in ("kappa", "xi", "rho"))
        equations = np.array(
            [
                [0.0, 0.0, 0.0, 0.0, 0.0],
                [0.0, -kappa, 0.0, 0.0, 0.0],
                [xi**2, xi**2, -2.0 * kappa, 0.0, 0.0],
                [rho * xi, rho * xi, -0.5, -kappa, 0.0],
                [1.0, 1.0, 0.0, -1.0, 0.0],
            ]
        )
        return np.asarray(expm(equations * dt[:, None, None]))[:, 2:, :2]

    def _starts(self, x: ArrayLike, dt: ArrayLike) -> tuple[FloatArray, FloatArray]:
        self.require_specified()
        states = as_states("x", x, 2)
        bad = np.flatnonzero(~(np.isfinite(states[:, 0]) & (states[:, 1] >= 0)))
        if bad.size:
            raise InputError(
                "`x` must hold a finite log-price and a variance >= 0; got "
                f"{states[bad[0]]} in row {bad[0]}."
            )
        return states, check_steps(dt, len(states))

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the moments of the Euler steps, standardised by the root of the variance."""
        variance = x[:, 1]
        if not np.all(variance > 0):
            return {}
        # Dividing by sqrt(V dt) leaves noise of unit variance (X) and of variance xi^2 (V).
        weight = np.sqrt(variance * dt)
        step = (x_next - x) / weight[:, None]
        slow = np.column_stack([dt, -variance * dt]) / weight[:, None]
        (level, kappa), *_ = np.linalg.lstsq(slow, step[:, 1], rcond=None)
        kappa = max(float(kappa), 1e-3 / float(dt.sum()))
        rate = slow[:, 0]
        price = step[:, 0] + 0.5 * variance * rate
        mu = float(rate @ price / (rate @ rate))
        first, second = price - mu * rate, step[:, 1] - slow @ [level, kappa]
        xi = float(np.sqrt(np.mean(second**2)))
        rho = float(np.corrcoef(first, second)[0, 1]) if xi > 0 else 0.0
        return {
            "mu": mu,
            "kappa": kappa,
            "theta": max(float(level) / kappa, 1e-3 * float(variance.mean())),
            "xi": xi,
            "rho": float(np.clip(rho, -0.99, 0.99)),
        }
