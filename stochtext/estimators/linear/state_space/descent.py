"""Descent of a smooth function that is infinite in places, by BFGS with backtracking.

A quasi-Newton step may leave the region where the model has a stationary law. A line
search that interpolates values gives up there; one that halves the step comes back.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["descend"]

# The first step, in units in which parameters are of order one.
FIRST = 0.1
LONGEST = 2.0
SUFFICIENT = 1e-4
HALVINGS = 30

Objective = Callable[[FloatArray], tuple[float, FloatArray]]


def descend(
    objective: Objective, start: FloatArray, max_iter: int, tolerance: float = 1e-7
) -> tuple[FloatArray, float]:
    """Return a point where the gradient all but vanishes, and the value there.

    Parameters
    ----------
    objective : callable
        Returns value and gradient; an infinite value where undefined.
    start : ndarray of shape (k,)
        Where the value is finite.
    max_iter : int
    tolerance : float
        Largest entry of the gradient at the end.

    References
    ----------
    Nocedal and Wright (2006), Numerical Optimization, sections 3.1 and 6.1.
    """
    x, (value, gradient) = start, objective(start)
    if not np.isfinite(value):
        return x, value
    inverse: FloatArray | None = None
    for _ in range(max_iter):
        size = float(np.abs(gradient).max())
        if size < tolerance:
            break
        step = -gradient * (FIRST / size) if inverse is None else -inverse @ gradient
        slope = float(step @ gradient)
        if slope >= 0:
            inverse = None
            continue
        step *= min(1.0, LONGEST / float(np.abs(step).max()))
        moved = _backtrack(objective, x, value, step, min(slope, float(step @ gradient)))
        if moved is None:
            if inverse is None:
                break
            inverse = None
            continue
        length, new_value, new_gradient = moved
        change, bend = length * step, new_gradient - gradient
        inverse = _updated(inverse, change, bend)
        x, value, gradient = x + change, new_value, new_gradient
    return x, value


def _backtrack(
    objective: Objective, x: FloatArray, value: float, step: FloatArray, slope: float
) -> tuple[float, float, FloatArray] | None:
    length = 1.0
    for _ in range(HALVINGS):
        found, gradient = objective(x + length * step)
        rounding = 1e-15 * abs(value)
        if np.isfinite(found) and found <= value + SUFFICIENT * length * slope + rounding:
            return length, found, gradient
        length *= 0.5 if np.isfinite(found) else 0.25
    return None


def _updated(inverse: FloatArray | None, change: FloatArray, bend: FloatArray) -> FloatArray:
    """Return the inverse Hessian after one more pair of changes of point and gradient."""
    curvature = float(change @ bend)
    if inverse is None:
        scale = max(curvature, 1e-12) / max(float(bend @ bend), 1e-300)
        inverse = np.clip(scale, 1e-6, 1e6) * np.eye(len(change))
    if curvature <= 1e-10 * float(np.linalg.norm(change) * np.linalg.norm(bend)):
        return inverse
    along = inverse @ bend
    first = (1.0 + float(bend @ along) / curvature) / curvature
    return np.asarray(
        inverse + first * np.outer(change, change)
        - (np.outer(along, change) + np.outer(change, along)) / curvature
    )  # fmt: skip
