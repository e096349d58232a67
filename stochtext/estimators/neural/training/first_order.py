"""Training of many parameters: preconditioned L-BFGS, and Adam on parts of the transitions.

Law of this file: what comes back has a finite objective that is no worse than the start's.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.training.engine import Engine

__all__ = ["adam", "lbfgs"]

_MEMORY = 20
_LARGE = 1e30
_RATE = 0.02
_BATCH = 1024
_DECAY = (0.9, 0.999)


def lbfgs(
    engine: Engine, start: FloatArray, weight: FloatArray, precision: FloatArray,
    fisher: FloatArray, max_iter: int,
) -> FloatArray:  # fmt: skip
    """Minimise the penalised loss by L-BFGS in coordinates scaled by the information.

    Parameters
    ----------
    engine : Engine
    start : ndarray of shape (P,)
    weight : ndarray of shape (n,)
    precision : ndarray of shape (P,)
        Ridge of each parameter.
    fisher : ndarray of shape (P, P)
        Information at the start.
    max_iter : int

    Returns
    -------
    ndarray of shape (P,)
    """
    diagonal = np.diag(fisher) + precision
    factor = np.linalg.cholesky(
        fisher + np.diag(precision + 1e-3 * diagonal + 1e-6 * diagonal.max())
    )
    inverse = np.linalg.inv(factor).T

    def objective(phi: FloatArray) -> tuple[float, FloatArray]:
        theta = start + inverse @ phi
        value, gradient = engine.value_and_gradient(theta[None], weight[None])
        total = float(value[0] + 0.5 * precision @ theta**2)
        if not np.isfinite(total) or not np.isfinite(gradient).all():
            return _LARGE, np.zeros_like(phi)
        return total, inverse.T @ (gradient[0] + precision * theta)

    options = {"maxiter": max_iter, "maxcor": _MEMORY}
    found = minimize(objective, np.zeros(len(start)), jac=True, method="L-BFGS-B", options=options)
    return np.asarray(start + inverse @ found.x)


def adam(
    engine: Engine, start: FloatArray, weight: FloatArray, precision: FloatArray,
    rng: np.random.Generator, max_iter: int,
) -> FloatArray:  # fmt: skip
    """Minimise the penalised loss by Adam with random parts of the transitions.

    Parameters
    ----------
    engine, start, weight, precision
        As in `lbfgs`.
    rng : Generator
    max_iter : int
        Passes through the transitions; the step falls to zero over them.
    """
    used, theta = np.flatnonzero(weight > 0.0), np.array(start)
    first, second = np.zeros_like(theta), np.zeros_like(theta)
    parts = max(1, len(used) // _BATCH)
    total, count = max_iter * parts, 0
    for _ in range(max_iter):
        for part in np.array_split(rng.permutation(used), parts):
            own = np.zeros_like(weight)
            own[part] = weight[part] * len(used) / len(part)
            value, gradient = engine.value_and_gradient(theta[None], own[None])
            count += 1
            if not np.isfinite(value[0]) or not np.isfinite(gradient).all():
                continue
            slope = gradient[0] + precision * theta
            first = _DECAY[0] * first + (1.0 - _DECAY[0]) * slope
            second = _DECAY[1] * second + (1.0 - _DECAY[1]) * slope**2
            unbiased = np.sqrt(second / (1.0 - _DECAY[1] ** count)) + 1e-12
            rate = _RATE * 0.5 * (1.0 + np.cos(np.pi * count / total))
            theta = theta - rate * first / (1.0 - _DECAY[0] ** count) / unbiased
    return theta
