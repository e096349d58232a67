"""What Ornstein-Uhlenbeck processes have in common whose mean moves on the clock."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array, as_states
from stochtext.processes.base import per_state
from stochtext.processes.gaussian import row_products
from stochtext.processes.linear.process import LinearProcess, check_steps

__all__ = ["MovingMean"]


class MovingMean(LinearProcess):
    """dX = kappa (m(u) - X) dt + sigma dW with a mean m that moves on the clock u."""

    def mean_level(self, t: ArrayLike) -> FloatArray:
        """Return m(u), the level that the process returns to, at each clock reading.

        Parameters
        ----------
        t : float or array_like of shape (n,)
            Clock readings.

        Returns
        -------
        ndarray of shape (n, d)
        """
        self.require_specified()
        return self._mean(np.atleast_1d(as_float_array("t", t)))

    def transition_moments(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d) of the exact Gaussian transition.

        Parameters
        ----------
        x : array_like of shape (n, d)
            States at the start of the step.
        dt : float or array_like of shape (n,)
            Length of the step in units of time.
        t : float or array_like of shape (n,), default 0.0
            Start of the step on the clock of the process.
        clock_dt : float or array_like of shape (n,), optional
            Length of the step on the clock; required for ``clock="relative"``
            unless the mean does not move.

        Raises
        ------
        InputError
            If the clock is relative and ``clock_dt`` is missing.
        """
        self.require_specified()
        states = as_states("x", x, self.dim)
        n = len(states)
        steps, start = check_steps(dt, n), per_state("t", t, n)
        rate = per_state("clock_dt", self._clock_step(steps, clock_dt), n) / steps
        phi, covariance = self._step(steps)
        mean = row_products(phi, states - self._mean(start))
        return mean + self._moved(start, rate, steps), covariance

    def _clock_step(self, dt: FloatArray, clock_dt: ArrayLike | None) -> ArrayLike:
        if clock_dt is not None:
            return clock_dt
        if self.clock == "relative" and self._moves:
            raise InputError(
                "On a relative clock the transition needs `clock_dt`, the part of the whole "
                "trajectory that each step covers: dt / (t_last - t_first)."
            )
        return dt

    @property
    def _moves(self) -> bool:
        """Whether the mean is not constant."""
        return True

    @abstractmethod
    def _mean(self, t: FloatArray) -> FloatArray:
        """M at clock readings, shape (n, d)."""

    @abstractmethod
    def _moved(self, start: FloatArray, rate: FloatArray, steps: FloatArray) -> FloatArray:
        """Mean of the end of a step that starts at m, shape (n, d)."""
