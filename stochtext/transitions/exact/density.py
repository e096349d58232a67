"""The exact transition density of processes that know the law of their transition."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import Process
from stochtext.transitions.base import checked_steps
from stochtext.transitions.exact.likelihood import ScoreLikelihood
from stochtext.transitions.exact.moments import quadrature_moments
from stochtext.transitions.gaussian import GaussianDensity
from stochtext.transitions.likelihood import TransitionLikelihood

__all__ = ["ExactDensity"]


class ExactDensity(GaussianDensity):
    """The exact transition density, for processes that know theirs.

    Notes
    -----
    A process knows the law of X(t + dt) given X(t) either by its moments, where it is normal
    (``transition_moments``), or by its density (``transition_log_density``), as the
    square-root process of Cox, Ingersoll and Ross, geometric Brownian motion and others do.
    `ExactDensity.knows` tells.

    Residuals are the standard normal quantiles of ``pit``. They are computed from the smaller
    tail probability, so that neither tail loses digits; for a normal transition they are
    L^-1 (x_next - mean) with L the lower Cholesky factor of the covariance. Where the law
    has a point mass (a process that is absorbed at zero), ``pit`` is not uniform there.

    References
    ----------
    Rosenblatt (1952), Remarks on a multivariate transformation, Annals of Mathematical
    Statistics 23, 470-472. Cox, Ingersoll and Ross (1985), A theory of the term structure of
    interest rates, Econometrica 53, 385-407, equation 18.

    Examples
    --------
    >>> from stochtext.processes import CoxIngersollRoss, OrnsteinUhlenbeck
    >>> from stochtext.transitions import ExactDensity
    >>> process = OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    >>> ExactDensity().log_density(process, [[1.0]], [[0.9]], 0.0, 0.1).round(6)
    array([0.75024])
    >>> process = CoxIngersollRoss(0.8, 1.0, 0.4)
    >>> ExactDensity().pit(process, [[1.0]], [[0.9]], 0.0, 0.1).round(6)
    array([[0.208221]])
    """

    name = "exact"

    @staticmethod
    def knows(process: Process) -> bool:
        """Return whether the process, or its family without values, knows its transition.

        Examples
        --------
        >>> from stochtext.processes import CoxIngersollRoss, DoubleWell
        >>> from stochtext.transitions import ExactDensity
        >>> ExactDensity.knows(CoxIngersollRoss()), ExactDensity.knows(DoubleWell())
        (True, False)
        """
        return _is_gaussian(process) or hasattr(process, "transition_log_density")

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d) of the exact transition.

        Raises
        ------
        InputError
            If the process does not know its transition, or in several dimensions not the
            moments of it.

        Notes
        -----
        Where a process of one dimension knows the density only, moments are integrated; they
        are NaN where the density does not integrate to one.
        """
        states, start, steps = checked_steps(process, x, t, dt)
        if _is_gaussian(process):
            moments = process.transition_moments(states, steps, start, clock_dt)
            if moments is not None:
                return moments
        known: Any = _known(process)
        if not hasattr(known, "conditional_mean"):
            if process.dim != 1:
                raise InputError(
                    f"{type(process).__name__} knows the density of its transition, but not its "
                    "mean and covariance."
                )
            return quadrature_moments(known, states, steps)
        mean = known.conditional_mean(states, steps, start, clock_dt)
        return mean, known.conditional_covariance(states, steps, start, clock_dt)

    def log_density(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return log p(x_next | x, dt), shape (n,), minus infinity where the density is zero."""
        if _is_gaussian(process):
            return super().log_density(process, x, x_next, t, dt, clock_dt)
        known: Any = _known(process)
        states, following, start, steps = _pairs(process, x, x_next, t, dt)
        return np.asarray(known.transition_log_density(states, following, steps, start, clock_dt))

    def residuals(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the standard normal quantiles of ``pit``, shape (n, d).

        They are taken from the smaller tail, without the detour over ``pit``. An x_next that
        the process cannot reach has an infinite one, NaN in several dimensions.
        """
        if _is_gaussian(process):
            return super().residuals(process, x, x_next, t, dt, clock_dt)
        known: Any = _known(process)
        states, following, start, steps = _pairs(process, x, x_next, t, dt)
        return np.asarray(known.transition_normal_scores(states, following, steps, start, clock_dt))

    def likelihood(
        self,
        family: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> TransitionLikelihood:
        """Return the likelihood of all rows as a function of the parameters.

        The gradient is exact where the process knows its score, as the square-root process
        and its powers, geometric Brownian motion and the Gompertz diffusion do.
        """
        if hasattr(family, "transition_score"):
            return ScoreLikelihood(self, family, x, x_next, t, dt, clock_dt, weight)
        return super().likelihood(family, x, x_next, t, dt, clock_dt, weight)


def _is_gaussian(process: Process) -> bool:
    return type(process).transition_moments is not Process.transition_moments


def _known(process: Process) -> Process:
    if not hasattr(process, "transition_log_density"):
        raise InputError(
            f"{type(process).__name__} has no exact transition density; use density='euler'."
        )
    return process


def _pairs(
    process: Process, x: ArrayLike, x_next: ArrayLike, t: ArrayLike, dt: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    states, start, steps = checked_steps(process, x, t, dt)
    following = as_states("x_next", x_next, process.dim)
    if following.shape != states.shape:
        raise InputError(
            f"`x` and `x_next` must have the same shape; got {states.shape} and {following.shape}."
        )
    return states, following, start, steps
