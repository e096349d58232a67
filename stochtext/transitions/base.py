"""What every transition density offers: log density, moments, residuals, PIT.

Law of the room: a density weighs one step of a process. Every row is one transition; nothing
is summed here, no row is dropped, and minus infinity stays minus infinity.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtr

from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import Process, per_state
from stochtext.processes.linear.process import check_steps
from stochtext.transitions.likelihood import DifferenceLikelihood, TransitionLikelihood

__all__ = ["TransitionDensity", "checked_steps"]


class TransitionDensity(ABC):
    """The density p(x_next | x, dt) of one step of a process.

    Notes
    -----
    All methods take the process first, then arrays with one row per transition:
    ``x`` (n, d) and ``x_next`` (n, d), ``t`` and ``dt`` (n,) or numbers. ``t`` is the
    start of the step on the clock of the process, ``dt`` its length in time, ``clock_dt``
    its length on the clock, which only processes with a relative clock need.
    """

    name: ClassVar[str] = ""

    @abstractmethod
    def log_density(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return log p(x_next | x, dt), shape (n,)."""

    @abstractmethod
    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d) of X(t + dt) given X(t) = x."""

    @abstractmethod
    def residuals(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return L^-1 (x_next - mean) with L the lower Cholesky factor, shape (n, d)."""

    def pit(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the Rosenblatt transform of x_next, uniform if the model holds, shape (n, d).

        Column j is the conditional distribution function of coordinate j given
        the coordinates before it.

        Notes
        -----
        Where the residuals are its standard normal quantiles, as for Gaussian steps, it is the
        normal distribution function of these; other densities have their own.

        References
        ----------
        Rosenblatt (1952), Remarks on a multivariate transformation, Annals of
        Mathematical Statistics 23, 470-472.
        """
        return np.asarray(ndtr(self.residuals(process, x, x_next, t, dt, clock_dt)))

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
        """Return the likelihood of all rows as a function of the parameters of a family.

        Parameters
        ----------
        family : Process
            Its values do not count, only which parameters it has.
        x, x_next : array_like of shape (n, d)
        t, dt, clock_dt : array_like of shape (n,)
            As in `log_density`.
        weight : array_like of shape (n,), optional
            Weight of each row; one by default.

        Returns
        -------
        TransitionLikelihood
            By default its gradient is taken by central differences.
        """
        return DifferenceLikelihood(self, family, x, x_next, t, dt, clock_dt, weight)

    @property
    def options(self) -> dict[str, Any]:
        """What the constructor was given: ``transition_density(name, **options)`` restores it."""
        return {}

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{type(self).__name__}({given})"


def checked_steps(
    process: Process, x: ArrayLike, t: ArrayLike, dt: ArrayLike
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return states, clock readings and step lengths as arrays of n rows."""
    states = as_states("x", x, process.dim)
    n = len(states)
    return states, per_state("t", t, n), check_steps(dt, n)
