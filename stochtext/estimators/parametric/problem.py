"""The likelihood as a function of the free entries of the parameter vector.

Law of this file: no transition is left out. Where one has no density at the start, it is named.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from stochtext._shared.exceptions import ConvergenceError, DegenerateDataError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.linear_likelihood import LinearLikelihood
from stochtext.estimators.parametric.scalar_ornstein_uhlenbeck import (
    ScalarOrnsteinUhlenbeckLikelihood,
)
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.processes.linear.trending_ornstein_uhlenbeck import TrendingOrnsteinUhlenbeck
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.likelihood import DifferenceLikelihood, TransitionLikelihood

__all__ = ["Problem"]


class Problem:
    """What is to be minimised: the negative log likelihood in the free entries.

    Parameters
    ----------
    sample : TransitionSample
    family : Process
        With a value for every parameter: where the search starts.
    transition : TransitionDensity
    free : ndarray of int of shape (k,)
        Positions of the free entries in the parameter vector.
    likelihood : TransitionLikelihood or LinearLikelihood, optional
        Default: that of ``transition``.
    """

    def __init__(
        self,
        sample: TransitionSample,
        family: Process,
        transition: TransitionDensity,
        free: IntArray,
        likelihood: TransitionLikelihood | LinearLikelihood | None = None,
    ) -> None:
        self.sample = sample
        self.family = family
        self.transition = transition
        self.free = free
        self.vector = family.to_vector()
        self.likelihood = likelihood or _likelihood(sample, family, transition)

    @property
    def start(self) -> FloatArray:
        """Starting values of the free entries."""
        return self.vector[self.free]

    @property
    def width(self) -> float:
        """Step of the differences that turn gradients into second derivatives."""
        return 1e-4 if isinstance(self.likelihood, DifferenceLikelihood) else 1e-5

    @cached_property
    def is_possible(self) -> bool:
        """Whether every transition has a density at the start."""
        value, gradient = self.value_and_gradient(self.start)
        return bool(np.isfinite(value) and np.isfinite(gradient).all())

    def started_at(self, family: Process) -> Problem:
        """Return the same problem with other starting values."""
        return Problem(self.sample, family, self.transition, self.free, self.likelihood)

    def process(self, theta: FloatArray) -> Process:
        """Return the process with the free entries set."""
        return self.family.from_vector(self._vector(theta))

    def value_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log likelihood and its gradient; (inf, NaN) where undefined."""
        value, gradient = self.likelihood.value_and_gradient(self._vector(theta))
        return float(value), gradient[self.free]

    def scores(self, theta: FloatArray) -> FloatArray:
        """Return the weighted score of every transition, shape (n, k)."""
        return self.likelihood.scores(self._vector(theta))[:, self.free]

    def check_start(self) -> None:
        """Refuse starting values at which a transition has no density, naming it.

        Raises
        ------
        ConvergenceError
        """
        if self.is_possible:
            return
        self._ask_density()
        s, names = self.sample, self.family.free_parameters
        values = ", ".join(f"{n} = {v:.6g}" for n, v in zip(names, self.vector, strict=True))
        where = ""
        with np.errstate(all="ignore"):
            density = self._rows()
        bad = np.flatnonzero(~np.isfinite(density) & (s.weight > 0))
        if bad.size:
            k = int(bad[0])
            trajectory = int(s.trajectory[k])
            row = k - int(np.searchsorted(s.trajectory, trajectory))
            where = (
                f"; the first of {bad.size} such transitions is that from row {row} of trajectory "
                f"{trajectory}, {s.x[k].tolist()} to {s.x_next[k].tolist()} in {s.dt[k]:.6g}, "
                f"with log density {density[k]}"
            )
        raise ConvergenceError(
            f"The log likelihood is not finite at the starting values {values}{where}. Give "
            "other starting values with `start=`, or another `density`."
        )

    def _vector(self, theta: FloatArray) -> FloatArray:
        vector = self.vector.copy()
        vector[self.free] = theta
        return vector

    def _ask_density(self) -> None:
        """Let the density say what it has against the process or the first transition."""
        s = self.sample
        try:
            with np.errstate(all="ignore"):
                self.transition.log_density(
                    self.family, s.x[:1], s.x_next[:1], s.t[:1], s.dt[:1], clock_dt=s.clock_dt[:1]
                )
        except DegenerateDataError:
            return  # of the starting values, which the caller names

    def _rows(self) -> FloatArray:
        if isinstance(self.likelihood, TransitionLikelihood):
            return self.likelihood.log_density(self.vector)
        s = self.sample
        rows = (s.x, s.x_next, s.t, s.dt, s.clock_dt)
        return DifferenceLikelihood(self.transition, self.family, *rows).log_density(self.vector)


def _likelihood(
    sample: TransitionSample, family: Process, transition: TransitionDensity
) -> LinearLikelihood | TransitionLikelihood:
    if transition.name == "exact":
        if isinstance(family, OrnsteinUhlenbeck) and sample.dim == 1:
            return ScalarOrnsteinUhlenbeckLikelihood(sample)
        if isinstance(family, OrnsteinUhlenbeck):
            return LinearLikelihood(sample, 0)
        if isinstance(family, TrendingOrnsteinUhlenbeck) and family.degree <= 1:
            return LinearLikelihood(sample, family.degree)
    weight = None if np.all(sample.weight == 1.0) else sample.weight
    return transition.likelihood(
        family, sample.x, sample.x_next, sample.t, sample.dt, sample.clock_dt, weight
    )
