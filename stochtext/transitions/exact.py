"""The exact transition density of processes whose transition is Gaussian."""

from __future__ import annotations

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import Process
from stochtext.transitions.base import checked_steps
from stochtext.transitions.gaussian import GaussianDensity

__all__ = ["ExactDensity"]


class ExactDensity(GaussianDensity):
    """The exact Gaussian transition, for processes that know theirs.

    Examples
    --------
    >>> from stochtext.processes import OrnsteinUhlenbeck
    >>> from stochtext.transitions import ExactDensity
    >>> process = OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    >>> ExactDensity().log_density(process, [[1.0]], [[0.9]], 0.0, 0.1).round(6)
    array([0.75024])
    """

    name = "exact"

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
            If the process has no exact Gaussian transition.
        """
        states, start, steps = checked_steps(process, x, t, dt)
        moments = process.transition_moments(states, steps, start, clock_dt)
        if moments is None:
            raise InputError(
                f"{type(process).__name__} has no exact transition density; use density='euler'."
            )
        return moments
