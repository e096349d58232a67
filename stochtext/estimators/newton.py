"""The last digits of an optimum, and its Hessian, by Newton steps on an exact gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["Optimum", "polish"]

STEPS = 4
TOLERANCE = 1e-5
# With a gradient beyond this the search failed: no Newton step will mend it.
FAR = 1e-3

Objective = Callable[[FloatArray], tuple[float, FloatArray]]


@dataclass(frozen=True)
class Optimum:
    """A minimum with its Hessian.

    ``flat`` says why the minimum is only approached, not attained, if it is.
    """

    theta: FloatArray
    value: float
    hessian: FloatArray
    gradient_norm: float
    flat: str | None = None

    @property
    def converged(self) -> bool:
        """Whether the scaled gradient vanishes, or nothing is left to gain."""
        return bool(self.gradient_norm <= TOLERANCE or self.flat is not None)

    def rescaled(self, scale: FloatArray, n: float) -> Optimum:
        """Return the optimum of n f(theta / scale) when this is that of f."""
        return replace(
            self,
            theta=self.theta * scale,
            value=self.value * n,
            hessian=self.hessian * n / np.outer(scale, scale),
        )


def polish(objective: Objective, theta: FloatArray, width: float = 1e-5) -> Optimum:
    """Take Newton steps from ``theta`` while they reduce the gradient.

    Parameters
    ----------
    objective : callable
        Returns value and gradient; the problem is scaled so that parameters are
        of order one.
    theta : ndarray of shape (k,)
    width : float
        Step of the differences that turn gradients into the Hessian.
    """
    value, gradient = objective(theta)
    if np.abs(gradient).max() > FAR:
        missing = np.full((len(theta), len(theta)), np.nan)
        return Optimum(theta, value, missing, float(np.abs(gradient).max()))
    hessian = _hessian(objective, theta, width)
    for _ in range(STEPS):
        step = _newton_step(hessian, gradient)
        if step is None or np.abs(step).max() < 1e-10:
            break
        new_value, new_gradient = objective(theta - step)
        if not np.abs(new_gradient).max() < np.abs(gradient).max():
            break
        moved = np.abs(step).max()
        theta, value, gradient = theta - step, new_value, new_gradient
        if moved > 1e-6:
            hessian = _hessian(objective, theta, width)
    return Optimum(theta, value, hessian, float(np.abs(gradient).max()))


def _newton_step(hessian: FloatArray, gradient: FloatArray) -> FloatArray | None:
    try:
        np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        return None
    return np.asarray(np.linalg.solve(hessian, gradient), dtype=np.float64)


def _hessian(objective: Objective, theta: FloatArray, relative: float) -> FloatArray:
    columns = []
    for k in range(len(theta)):
        width = relative * max(abs(theta[k]), 1.0)
        offset = np.zeros_like(theta)
        offset[k] = width
        ends = [objective(theta + sign * offset)[1] for sign in (1, -1)]
        columns.append((ends[0] - ends[1]) / (2 * width))
    matrix = np.stack(columns)
    return (matrix + matrix.T) / 2
