"""What a search hands over: the best optimum, the others, and how to get its scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from stochtext._shared.typing import FloatArray, RandomState
from stochtext.estimators.newton import Optimum
from stochtext.estimators.parametric.problem import Problem
from stochtext.estimators.parametric.search import Attempt, maximise, scale_of
from stochtext.estimators.parametric.start import spread_starts
from stochtext.processes.base import Process

__all__ = ["Settings", "Solution", "close_optima", "solve"]

# Optima within this of the best log likelihood are plausible, and apart by more than this share
# of a standard error (or of a parameter) they are different.
CLOSE = 2.0
APART = 0.1


@dataclass(frozen=True)
class Settings:
    """How to search."""

    n_starts: int
    method: str
    max_iter: int
    random_state: RandomState


@dataclass(frozen=True)
class Solution:
    """The maximum that was found, and the road to it."""

    optimum: Optimum
    scores: Callable[[], FloatArray]
    process: Process
    attempts: list[Attempt]
    message: str


def solve(problem: Problem, limits: FloatArray, settings: Settings) -> Solution:
    """Return the best of all attempts.

    Parameters
    ----------
    problem : Problem
    limits : ndarray of shape (k, 2)
    settings : Settings
    """
    problem.check_start()
    centre = np.clip(problem.start, *limits.T)
    scale = scale_of(centre, problem.vector)
    starts = spread_starts(centre, scale, limits, settings.n_starts, settings.random_state)
    attempts = maximise(problem, limits, starts, method=settings.method, max_iter=settings.max_iter)
    optimum = _on_bounds(problem, attempts[0].optimum, limits)
    return Solution(
        optimum, partial(problem.scores, optimum.theta), problem.process(optimum.theta),
        attempts, attempts[0].message,
    )  # fmt: skip


def close_optima(attempts: list[Attempt]) -> list[Attempt]:
    """Return the distinct optima whose likelihood is close to the best, the best first."""
    found = [attempts[0]]
    best = attempts[0].optimum
    with np.errstate(invalid="ignore", divide="ignore"):
        error = 1.0 / np.sqrt(np.abs(np.diag(best.hessian)))
    size = np.where(np.isfinite(error), error, np.maximum(np.abs(best.theta), 1e-8))
    for attempt in attempts[1:]:
        other = attempt.optimum
        if not other.converged or other.value > best.value + CLOSE:
            continue
        gaps = [float((np.abs(other.theta - f.optimum.theta) / size).max()) for f in found]
        if min(gaps) > APART:
            found.append(attempt)
    return found


def _on_bounds(problem: Problem, optimum: Optimum, limits: FloatArray) -> Optimum:
    """Put what fell to almost zero on its bound, where the likelihood exists there."""
    if optimum.held is None or not optimum.held.any():
        return optimum
    low, high = limits.T
    nearest = np.where(np.abs(optimum.theta - low) < np.abs(optimum.theta - high), low, high)
    theta = np.where(optimum.held, nearest, optimum.theta)
    value, _ = problem.value_and_gradient(theta)
    better = np.isfinite(value) and value <= optimum.value
    return replace(optimum, theta=theta, value=value) if better else optimum
