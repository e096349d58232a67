"""The double-well process: two attracting states and noise that carries between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.integrate import quad

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.named.euler_regression import euler_regression
from stochtext.processes.named.scalar import ScalarFormula

__all__ = ["DoubleWell"]


class DoubleWell(ScalarFormula):
    """dX = (alpha X - beta X^3) dt + sigma dW, in one dimension.

    Parameters
    ----------
    alpha : float, optional
        Linear growth rate, per unit of time; positive for two wells at
        plus and minus sqrt(alpha / beta).
    beta : float, optional
        Strength of the cubic restoring force, per unit of time and squared unit of X.
    sigma : float, optional
        Diffusion, in units of X per root of a unit of time.

    Notes
    -----
    For beta > 0 and sigma > 0 the stationary density is proportional to
    exp((alpha x^2 - beta x^4 / 2) / sigma^2).

    References
    ----------
    Gardiner (2009), Stochastic Methods, section 5.2.

    Examples
    --------
    >>> from stochtext.processes import DoubleWell
    >>> DoubleWell(alpha=1.0, beta=1.0, sigma=0.7).drift([[-1.0], [0.5], [1.0]])
    array([[-0.   ],
           [ 0.375],
           [ 0.   ]])
    """

    type_name = "double_well"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"sigma": (0.0, np.inf)}

    def __init__(
        self,
        alpha: float | None = None,
        beta: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"alpha": alpha, "beta": beta, "sigma": sigma}, noise="additive")

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [x[0] * (p["alpha"] - p["beta"] * x[0] * x[0])]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"]]

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares drift of an Euler step and its residual diffusion."""
        state, step = x[:, 0], x_next[:, 0] - x[:, 0]
        design = np.column_stack([state, -(state**3)])
        (alpha, beta), sigma = euler_regression(design, step, dt)
        return {"alpha": alpha, "beta": beta, "sigma": sigma}

    def stationary_density(self, x: ArrayLike) -> FloatArray:
        """Return the stationary density at states x.

        Parameters
        ----------
        x : array_like of shape (n, 1)
            States.

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        InputError
            If beta or sigma is not positive: there is no stationary law then.
        """
        points = as_states("x", x, 1)[:, 0]
        total = self._integral(0)
        return np.exp(self._log_weight(points)) / total

    def stationary_mean(self) -> FloatArray:
        """Return the stationary mean, zero by symmetry, shape (1,)."""
        self._integral(0)
        return np.zeros(1)

    def stationary_covariance(self) -> FloatArray:
        """Return the stationary variance, shape (1, 1)."""
        return np.array([[self._integral(2) / self._integral(0)]])

    def _log_weight(self, x: Any) -> Any:
        """Return the log density up to a constant, zero at its maximum."""
        alpha, beta, sigma = (float(self._params[name]) for name in ("alpha", "beta", "sigma"))
        well = max(alpha, 0.0) / beta
        return -beta * (x * x - well) ** 2 / (2 * sigma**2) + min(alpha, 0.0) * (x / sigma) ** 2

    def _integral(self, power: int) -> float:
        self.require_specified()
        alpha, beta, sigma = (float(self._params[name]) for name in ("alpha", "beta", "sigma"))
        if beta <= 0 or sigma <= 0:
            raise InputError(
                f"A double well has a stationary law only for beta > 0 and sigma > 0; got "
                f"beta={beta} and sigma={sigma}."
            )
        well = np.sqrt(max(alpha, 0.0) / beta)
        # Beyond this point the weight is below exp(-40) of its maximum.
        far = np.sqrt(well**2 + np.sqrt(80.0 / beta) * sigma)
        middle = [well] if 0 < well < far else None
        half, _ = quad(
            lambda z: z**power * np.exp(self._log_weight(z)),
            0.0,
            far,
            points=middle,
            epsabs=0.0,
            epsrel=1e-12,
            limit=200,
        )
        return 2.0 * float(half)
