"""The search for the maximum: Newton steps where they lead there, L-BFGS-B or a trust region else.

Newton steps from the start, with a modified Hessian where the likelihood is not concave, are the
whole search for most fits. Where they do not lead to a maximum L-BFGS-B searches within the bounds
or, with ``method="trust"``, a trust region in coordinates without bounds (logarithms of positive
parameters, logits of those between two bounds), which also takes over where L-BFGS-B stops early.
Every search ends with Newton steps on the gradient of the likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from stochtext._shared.typing import FloatArray
from stochtext.estimators.newton import Objective, Optimum, descend, polish
from stochtext.estimators.parametric.coordinates import Coordinates
from stochtext.estimators.parametric.problem import Problem

__all__ = ["METHODS", "Attempt", "maximise", "scale_of"]

METHODS = ("l-bfgs-b", "trust")
NEWTON_STEPS = 20
# A positive parameter may fall to this part of its size, where it counts as on its bound.
NEAR_ZERO = 1e-8


@dataclass(frozen=True)
class Attempt:
    """Where one search began and ended, in the units of the parameters."""

    start: FloatArray
    optimum: Optimum
    iterations: int
    message: str


def scale_of(start: FloatArray, everything: FloatArray) -> FloatArray:
    """Return the size of each parameter, for scaling."""
    scale = np.maximum(np.abs(start), 1e-2 * np.abs(everything).max())
    scale[scale == 0.0] = 1.0
    return scale


def maximise(
    problem: Problem,
    limits: FloatArray,
    starts: list[FloatArray],
    *,
    method: str,
    max_iter: int,
) -> list[Attempt]:
    """Return one attempt per start, the best first.

    Parameters
    ----------
    problem : Problem
    limits : ndarray of shape (k, 2)
        Bounds of the free parameters.
    starts : list of ndarray of shape (k,)
    method : {"l-bfgs-b", "trust"}
    max_iter : int
    """
    scale = scale_of(starts[0], problem.vector)
    n = problem.sample.n_effective
    box = limits / scale[:, None]
    box[:, 0] = np.where(limits[:, 0] == 0.0, NEAR_ZERO, box[:, 0])

    def objective(unit: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = problem.value_and_gradient(unit * scale)
        return value / n, gradient * scale / n

    attempts = []
    for start in starts:
        unit = np.clip(start / scale, *box.T)
        found = _search(objective, unit, box, problem.width, method, max_iter)
        optimum = found[0].rescaled(scale, n)
        attempts.append(Attempt(start, optimum, *found[1:]))
    return sorted(attempts, key=_rank)


def _rank(attempt: Attempt) -> tuple[bool, float]:
    """Sort what did not converge behind, unless nothing did."""
    value = attempt.optimum.value
    return (not attempt.optimum.converged, value if np.isfinite(value) else np.inf)


def _search(
    objective: Objective,
    start: FloatArray,
    box: FloatArray,
    width: float,
    method: str,
    max_iter: int,
) -> tuple[Optimum, int, str]:
    found = descend(objective, start, width, box, min(NEWTON_STEPS, max_iter))
    if found is not None:
        return found, 0, "Newton steps from the start"
    order = (_bounded, _trusted) if method == "l-bfgs-b" else (_trusted, _bounded)
    best: tuple[Optimum, int, str] | None = None
    for minimiser in order:
        theta, iterations, message = minimiser(objective, start, box, max_iter)
        optimum = polish(objective, theta, width, box)
        if best is None or _better(optimum, best[0]):
            best = optimum, iterations, message
        if optimum.converged or iterations >= max_iter:
            break
        start = theta
    assert best is not None
    return best


def _better(one: Optimum, other: Optimum) -> bool:
    if one.converged != other.converged:
        return one.converged
    return bool(one.value < other.value)


class _Finite:
    """The objective with a wall where it is not defined: high, finite and level."""

    def __init__(self, objective: Objective, start: FloatArray) -> None:
        self.objective = objective
        value = objective(start)[0]
        self.wall = (value + 1e3 * (1.0 + abs(value))) if np.isfinite(value) else 1e10

    def __call__(self, theta: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = self.objective(theta)
        if np.isfinite(value) and np.isfinite(gradient).all():
            return value, gradient
        return self.wall, np.zeros_like(theta)


def _bounded(
    objective: Objective, start: FloatArray, box: FloatArray, max_iter: int
) -> tuple[FloatArray, int, str]:
    search = optimize.minimize(
        _Finite(objective, start), start, jac=True, method="L-BFGS-B",
        bounds=optimize.Bounds(*box.T),
        options={"maxiter": max_iter, "maxfun": 20 * max_iter, "ftol": 1e-13, "gtol": 1e-8},
    )  # fmt: skip
    return np.clip(search.x, *box.T), int(search.nit), f"L-BFGS-B: {search.message}"


def _trusted(
    objective: Objective, start: FloatArray, box: FloatArray, max_iter: int
) -> tuple[FloatArray, int, str]:
    coordinates = Coordinates(box, start)
    walled = _Finite(objective, start)

    def function(z: FloatArray) -> tuple[float, FloatArray]:
        theta, slope = coordinates.to_parameters(z)
        value, gradient = walled(theta)
        return value, gradient * slope

    def hessian(z: FloatArray) -> FloatArray:
        columns = []
        for j in range(len(z)):
            shift = np.zeros_like(z)
            shift[j] = 1e-4 * max(1.0, abs(z[j]))
            rise = function(z + shift)[1] - function(z - shift)[1]
            columns.append(rise / (2 * shift[j]))
        matrix = np.stack(columns)
        return (matrix + matrix.T) / 2

    search = optimize.minimize(
        function, coordinates.from_parameters(start), jac=True, hess=hessian,
        method="trust-exact", options={"maxiter": max_iter, "gtol": 1e-9},
    )  # fmt: skip
    theta, _ = coordinates.to_parameters(search.x)
    return coordinates.snapped(theta), int(search.nit), f"trust region: {search.message}"
