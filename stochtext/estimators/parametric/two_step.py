"""Two-step estimation: the diffusion from the quadratic variation, then the drift given it."""

from __future__ import annotations

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, BoolArray, FloatArray, IntArray
from stochtext.estimators.newton import Optimum
from stochtext.estimators.parametric.problem import Problem
from stochtext.estimators.parametric.solution import Settings, Solution, solve
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.transitions.base import TransitionDensity, checked_steps
from stochtext.transitions.gaussian import GaussianDensity
from stochtext.transitions.likelihood import DifferenceLikelihood

__all__ = ["solve_in_two_steps"]

ROWS = 64


class _QuadraticVariation(GaussianDensity):
    """N(x, a(t, x) dt): an Euler step whose drift is left out."""

    name = "quadratic variation"

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        states, start, steps = checked_steps(process, x, t, dt)
        return states, process.covariance(states, start) * steps[:, None, None]


def solve_in_two_steps(
    sample: TransitionSample,
    family: Process,
    transition: TransitionDensity,
    free: IntArray,
    limits: FloatArray,
    settings: Settings,
) -> Solution:
    """Return estimates of the diffusion, and then of the drift with the diffusion held.

    Parameters
    ----------
    sample, family, transition, free
        As in `Problem`.
    limits : ndarray of shape (k, 2)
        Bounds of the free entries.
    settings : Settings

    Notes
    -----
    The first step maximises the likelihood of N(x, a dt), which knows no drift; the second
    the likelihood named, over the drift. The covariance takes the two as uncorrelated, as
    they are in the limit of short steps (Kessler, 1997, Scandinavian Journal of Statistics
    24, theorem 1).
    """
    noisy = _in_diffusion(family, sample, free)
    if noisy.all() or not noisy.any():
        what = "drift" if noisy.all() else "diffusion"
        raise InputError(
            f"`two_step` needs free parameters in both steps, and none is left for the {what}. "
            "Use two_step=False."
        )
    s = sample
    variation = _QuadraticVariation()
    rows = (s.x, s.x_next, s.t, s.dt, s.clock_dt, s.weight)
    likelihood = DifferenceLikelihood(variation, family, *rows)
    first = solve(Problem(s, family, variation, free[noisy], likelihood), limits[noisy], settings)
    known = family.to_vector()
    known[free[noisy]] = first.optimum.theta
    second = solve(
        Problem(s, family.from_vector(known), transition, free[~noisy]), limits[~noisy], settings
    )
    return _joined(first, second, noisy)


def _in_diffusion(family: Process, sample: TransitionSample, free: IntArray) -> BoolArray:
    """Return which free entries move the covariance rate; one that moves both is refused."""
    pick = np.linspace(0, sample.n - 1, min(sample.n, ROWS)).astype(np.int64)
    x, t, vector = sample.x[pick], sample.t[pick], family.to_vector()
    noisy = np.zeros(len(free), dtype=bool)
    for j, k in enumerate(free):
        moved = vector.copy()
        moved[k] += 1e-3 * max(abs(vector[k]), 1e-3)
        other = family.from_vector(moved)
        noisy[j] = not np.array_equal(other.covariance(x, t), family.covariance(x, t))
        if noisy[j] and not np.array_equal(other.drift(x, t), family.drift(x, t)):
            raise InputError(
                f"`two_step` needs parameters of the drift apart from those of the diffusion; "
                f"{family.free_parameters[k]} is in both. Use two_step=False."
            )
    return noisy


def _joined(first: Solution, second: Solution, noisy: BoolArray) -> Solution:
    """Return both solutions as one, in the order of the free entries."""
    one, two = first.optimum, second.optimum
    k = len(noisy)
    theta, hessian, held = np.empty(k), np.zeros((k, k)), np.zeros(k, dtype=bool)
    for part, optimum in ((noisy, one), (~noisy, two)):
        theta[part] = optimum.theta
        hessian[np.ix_(part, part)] = optimum.hessian
        held[part] = False if optimum.held is None else optimum.held
    norm = max(one.gradient_norm, two.gradient_norm)
    optimum = Optimum(theta, two.value, hessian, norm, held=held)

    def scores() -> FloatArray:
        rows = np.empty((len(second.scores()), k))
        rows[:, noisy], rows[:, ~noisy] = first.scores(), second.scores()
        return rows

    return Solution(optimum, scores, second.process, second.attempts, second.message)
