"""The last digits of an optimum, and its Hessian, by Newton steps on an exact gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import lapack

from stochtext._shared.typing import BoolArray, FloatArray

__all__ = ["FAR", "Objective", "Optimum", "descend", "polish"]

STEPS = 4
TOLERANCE = 1e-5
# With a gradient beyond this the search failed: no Newton step will mend it.
FAR = 1e-3
# Steps this short no longer change the Hessian that counts.
SHORT = 1e-6
SHORTEST = 1e-10
HALVINGS = 6
# A step that leaves less than this of the gradient makes the same Hessian good for the next one.
FAST = 0.1
# Steps this short are in the neighbourhood of the minimum.
NEAR = 1e-3
# A step moves no parameter by more than this, in its scale or in its own size.
LONGEST = 2.0
# Nor, outside a convex neighbourhood, over zero: at zero the likelihood of a scale parameter is
# infinitely low, and beyond it lies its mirror image.
TO_ZERO = 0.9
# Directions flatter than this part of the steepest are taken as that steep.
LEAST_CURVATURE = 1e-6

Objective = Callable[[FloatArray], tuple[float, FloatArray]]


@dataclass(frozen=True)
class Optimum:
    """A minimum with its Hessian.

    Attributes
    ----------
    theta : ndarray of shape (k,)
    value : float
    hessian : ndarray of shape (k, k)
        NaN in the rows and columns of parameters that a bound holds.
    gradient_norm : float
        Largest entry of the gradient in the parameters that no bound holds.
    flat : str or None
        Why the minimum is only approached, not attained, if it is.
    held : ndarray of bool of shape (k,), optional
        Parameters that lie on a bound with the gradient pushing outward.
    """

    theta: FloatArray
    value: float
    hessian: FloatArray
    gradient_norm: float
    flat: str | None = None
    held: BoolArray | None = None

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


@dataclass
class _Point:
    """Where a descent stands."""

    theta: FloatArray
    value: float
    gradient: FloatArray
    held: BoolArray

    @property
    def norm(self) -> float:
        inside = np.abs(self.gradient[~self.held])
        return float(inside.max()) if inside.size else 0.0


class _Box:
    """The objective within bounds."""

    def __init__(self, objective: Objective, limits: FloatArray | None, k: int) -> None:
        self.objective = objective
        self.low = np.full(k, -np.inf) if limits is None else limits[:, 0]
        self.high = np.full(k, np.inf) if limits is None else limits[:, 1]

    def at(self, theta: FloatArray) -> _Point:
        value, gradient = self.objective(theta)
        outward = ((theta <= self.low) & (gradient > 0)) | ((theta >= self.high) & (gradient < 0))
        return _Point(theta, value, gradient, outward)

    def hessian(self, point: _Point, relative: float, *, central: bool) -> FloatArray:
        """Return differences of the gradient; they stay inside the bounds."""
        k = len(point.theta)
        matrix = np.full((k, k), np.nan)
        for j in np.flatnonzero(~point.held).tolist():
            width = relative * max(abs(point.theta[j]), 1.0)
            up = min(width, self.high[j] - point.theta[j])
            down = min(width, point.theta[j] - self.low[j])
            if not central and up >= down:
                down = 0.0
            elif not central or min(up, down) < 1e-3 * width:
                up, down = (up, 0.0) if up >= down else (0.0, down)
            ends = [self._gradient(point, j, shift) for shift in (up, -down)]
            matrix[j] = (ends[0] - ends[1]) / (up + down)
        matrix[:, point.held] = np.nan
        return (matrix + matrix.T) / 2

    def _gradient(self, point: _Point, j: int, shift: float) -> FloatArray:
        if shift == 0.0:
            return point.gradient
        theta = point.theta.copy()
        theta[j] += shift
        return self.objective(theta)[1]

    def lower(self, point: _Point, step: FloatArray) -> _Point | None:
        """Return the first halving of the step, cut to a sensible length, that goes down."""
        length = float((np.abs(step) / np.maximum(np.abs(point.theta), 1.0)).max())
        step = step * min(1.0, LONGEST / length) if length > 0 else step
        for _ in range(HALVINGS):
            tried = self.at(np.clip(point.theta - step, self.low, self.high))
            if tried.value < point.value and np.isfinite(tried.norm):
                return tried
            step = step / 2
        return None

    def moved(self, point: _Point, step: FloatArray) -> _Point | None:
        """Return the first halving of the step that improves value or gradient."""
        for _ in range(HALVINGS):
            tried = self.at(np.clip(point.theta - step, self.low, self.high))
            if tried.value < point.value or tried.norm < point.norm:
                return tried
            step = step / 2
        return None


def polish(
    objective: Objective, theta: FloatArray, width: float = 1e-5, limits: FloatArray | None = None
) -> Optimum:
    """Take Newton steps from the end of a search while they improve it.

    Parameters
    ----------
    objective : callable
        Returns value and gradient; the problem is scaled so that parameters are
        of order one.
    theta : ndarray of shape (k,)
    width : float
        Step of the differences that turn gradients into the Hessian.
    limits : ndarray of shape (k, 2), optional
        Bounds. A parameter on one with the gradient pushing outward is held there.
    """
    return _newton(_Box(objective, limits, len(theta)), theta, width, FAR, STEPS)


def descend(
    objective: Objective, theta: FloatArray, width: float, limits: FloatArray, steps: int
) -> Optimum | None:
    """Take Newton steps from a start; None where they do not lead to a minimum.

    Where the function is not convex the step goes down along every eigenvector of the
    Hessian, as far as its curvature says. Every step must lower the value.

    References
    ----------
    Nocedal and Wright (2006), Numerical Optimization, section 3.4 (modified Hessians).
    """
    box = _Box(objective, limits, len(theta))
    point = box.at(theta)
    if not (np.isfinite(point.value) and np.isfinite(point.norm)):
        return None
    rough: FloatArray | None = None
    for _ in range(steps):
        if rough is None:
            rough = box.hessian(point, width, central=False)
        step = _newton_step(rough, point)
        if step is not None and np.abs(step).max() < NEAR:
            break
        if step is None:
            step = _downward_step(rough, point)
            if step is not None and (crossing := step * point.theta > point.theta**2).any():
                step *= TO_ZERO / float((step[crossing] / point.theta[crossing]).max())
        following = None if step is None else box.lower(point, step)
        if following is None:
            return None
        fast = following.norm < FAST * point.norm and (following.held == point.held).all()
        point, rough = following, rough if fast else None
    optimum = _newton(box, point.theta, width, np.inf, STEPS)
    return optimum if optimum.converged and _is_convex(optimum) else None


def _is_convex(optimum: Optimum) -> bool:
    inside = np.ones(len(optimum.theta), dtype=bool) if optimum.held is None else ~optimum.held
    try:
        np.linalg.cholesky(optimum.hessian[np.ix_(inside, inside)])
    except np.linalg.LinAlgError:
        return False
    return True


def _newton(box: _Box, theta: FloatArray, width: float, far: float, steps: int) -> Optimum:
    point = box.at(theta)
    if not point.norm <= far:
        missing = np.full((len(theta), len(theta)), np.nan)
        return Optimum(theta, point.value, missing, point.norm, held=point.held)
    rough: FloatArray | None = None
    for _ in range(steps):
        if rough is None:
            rough = box.hessian(point, width, central=False)
        step = _newton_step(rough, point)
        if step is None or np.abs(step).max() < SHORTEST:
            break
        following = box.moved(point, step)
        if following is None:
            break
        distance = np.abs(following.theta - point.theta).max()
        fast = following.norm < FAST * point.norm and (following.held == point.held).all()
        point, rough = following, rough if fast else None
        if distance < SHORT:
            break
    hessian = box.hessian(point, width, central=True)
    step = _newton_step(hessian, point)
    if step is not None and SHORTEST < np.abs(step).max() < SHORT:
        point = box.moved(point, step) or point
    return Optimum(point.theta, point.value, hessian, point.norm, held=point.held)


def _downward_step(hessian: FloatArray, point: _Point) -> FloatArray | None:
    """Return the step of the Hessian with its eigenvalues made positive, not too long."""
    inside = ~point.held
    step = np.zeros_like(point.theta)
    own = hessian[np.ix_(inside, inside)]
    if not (inside.any() and np.isfinite(own).all()):
        return None
    values, vectors = np.linalg.eigh(own)
    size = np.maximum(np.abs(values), LEAST_CURVATURE * np.abs(values).max())
    if not size.all():
        return None
    step[inside] = vectors @ ((vectors.T @ point.gradient[inside]) / size)
    return step


def _newton_step(hessian: FloatArray, point: _Point) -> FloatArray | None:
    """Return the step in the parameters that move; None unless they see a convex function."""
    if not point.held.any():
        own, gradient = hessian, point.gradient
    else:
        inside = ~point.held
        own, gradient = hessian[np.ix_(inside, inside)], point.gradient[inside]
    if not own.size:
        return np.zeros_like(point.theta)
    # The routine itself: at these sizes what surrounds it elsewhere takes most of the time.
    _, found, info = lapack.dposv(own, gradient, lower=1)
    if info != 0 or not np.isfinite(found).all():
        return None
    if not point.held.any():
        return np.asarray(found, dtype=np.float64)
    step = np.zeros_like(point.theta)
    step[inside] = found
    return step
