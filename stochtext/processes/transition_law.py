"""What follows from the log density and the normal scores of a transition, whatever they are."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import Process

__all__ = ["TransitionLaw"]


class TransitionLaw(Process):
    """A process of which the law of X(t + dt) given X(t) = x is known."""

    @abstractmethod
    def transition_log_density(
        self,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the log density of X(t + dt) at x_next given X(t) = x, shape (n,)."""

    @abstractmethod
    def transition_normal_scores(
        self,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the normal score of each coordinate given those before it, shape (n, d)."""

    def transition_density(
        self,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the density of X(t + dt) at x_next given X(t) = x, shape (n,).

        Parameters and errors are those of ``transition_log_density``.
        """
        return np.exp(self.transition_log_density(x, x_next, dt, t, clock_dt))

    def transition_cdf(
        self,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the probability of X(t + dt) <= x_next given X(t) = x, shape (n,).

        Parameters are those of ``transition_log_density``.

        Raises
        ------
        InputError
            Also in several dimensions, where there is no closed form.
        """
        if self.dim != 1:
            raise InputError(
                f"The joint distribution function of {self.dim} coordinates has no closed form; "
                "`transition_normal_scores` gives that of each coordinate given those before it."
            )
        from scipy.special import ndtr  # a third of a second that simulation does not need

        return np.asarray(ndtr(self.transition_normal_scores(x, x_next, dt, t, clock_dt)[:, 0]))
