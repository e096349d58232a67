"""The Brusselator, an oscillating chemical reaction, with a noisy rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.formula import FormulaProcess
from stochtext.processes.named.euler_regression import euler_regression

__all__ = ["Brusselator"]


class Brusselator(FormulaProcess):
    """dX = (R - X) dt + sigma X (1 + X) dW, dY = -R dt - sigma X (1 + X) dW, R as below.

    Parameters
    ----------
    alpha : float, optional
        Supply of the second reactant; without noise the reaction oscillates for alpha > 2.
    sigma : float, optional
        Noise of alpha, per root of a unit of time, not negative.

    Notes
    -----
    X and Y are the concentrations' distances from their rest, so that the origin is a
    fixed point, and R = alpha X (1 + X) + (1 + X)^2 Y. One noise source moves both:
    d(X + Y) = -X dt has no noise, and the covariance rate is singular.

    References
    ----------
    Kloeden and Platen (1992), Numerical Solution of Stochastic Differential Equations, the
    noisy Brusselator.

    Examples
    --------
    >>> from stochtext.processes import Brusselator
    >>> Brusselator(alpha=1.9, sigma=0.1).drift([[1.0, -1.0]])
    array([[-1.2,  0.2]])
    """

    type_name = "brusselator"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"sigma": (0.0, np.inf)}

    def __init__(self, alpha: float | None = None, sigma: float | None = None) -> None:
        params = {"alpha": alpha, "sigma": sigma}
        super().__init__(params, dim=2, noise="general", noise_dim=1)

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """X lies above -1, where the concentration is zero; the noise may take Y anywhere."""
        return ((-1.0, np.inf), (-np.inf, np.inf))

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        first, second = x
        rate = (1.0 + first) * (p["alpha"] * first + (1.0 + first) * second)
        return [rate - first, -rate]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        noise = p["sigma"] * x[0] * (1.0 + x[0])
        return [[noise], [-noise]]

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares fit of the Euler step of Y, over X (1 + X)."""
        first, second = x.T
        size = first * (1.0 + first)
        moving = np.abs(size) > 1e-9 * np.max(np.abs(size), initial=0.0)
        size, steps = size[moving], dt[moving]
        known = (1.0 + first[moving]) ** 2 * second[moving] * steps
        change = -(x_next[moving, 1] - second[moving] + known) / size
        if not len(size):
            return {}
        (alpha,), sigma = euler_regression(np.ones((len(size), 1)), change, steps)
        return {"alpha": alpha, "sigma": sigma}
