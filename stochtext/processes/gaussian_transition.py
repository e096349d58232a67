"""What processes have in common whose transition is Gaussian with moments in closed form."""

from __future__ import annotations

from abc import abstractmethod

from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.gaussian import (
    gaussian_log_density,
    lower_root,
    row_products,
    standardised,
    state_pairs,
)
from stochtext.processes.transition_law import TransitionLaw

__all__ = ["GaussianTransition"]


class GaussianTransition(TransitionLaw):
    """A process of which X(t + dt) given X(t) = x is normal, with moments in closed form.

    Subclasses give ``transition_moments``; all else here follows from it.
    """

    @abstractmethod
    def transition_moments(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d) of the exact Gaussian transition."""

    def conditional_mean(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return E[X(t + dt) | X(t) = x].

        Parameters
        ----------
        x : array_like of shape (n, d)
            States.
        dt : float or array_like of shape (n,)
            Length of the step in units of time.
        t, clock_dt : float or array_like of shape (n,), optional
            Start and length of the step on the clock, see ``transition_moments``.

        Returns
        -------
        ndarray of shape (n, d)
        """
        return self.transition_moments(x, dt, t, clock_dt)[0]

    def conditional_covariance(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return Cov[X(t + dt) | X(t) = x].

        Parameters
        ----------
        x, dt, t, clock_dt
            As in ``conditional_mean``.

        Returns
        -------
        ndarray of shape (n, d, d)
        """
        return self.transition_moments(x, dt, t, clock_dt)[1]

    def transition_log_density(
        self,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the log density of X(t + dt) at x_next given X(t) = x.

        Parameters
        ----------
        x, x_next : array_like of shape (n, d)
            States at the start and at the end of the step; one of them may be a single row.
        dt, t, clock_dt : float or array_like of shape (n,), optional
            As in ``conditional_mean``.

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        InputError
            If the transition has a singular covariance, and so no density.
        """
        here, there = state_pairs(x, x_next, self.dim)
        mean, covariance = self.transition_moments(here, dt, t, clock_dt)
        return gaussian_log_density(there - mean, covariance)

    def transition_normal_scores(
        self,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return L^-1 (x_next - mean), L the lower Cholesky factor of the covariance.

        Column j is the standard normal quantile of the distribution function of coordinate j
        given the coordinates before it. Parameters and errors are those of
        ``transition_log_density``.

        Returns
        -------
        ndarray of shape (n, d)
        """
        here, there = state_pairs(x, x_next, self.dim)
        mean, covariance = self.transition_moments(here, dt, t, clock_dt)
        return standardised(there - mean, covariance)[0]

    @property
    def exact_normals(self) -> int | None:
        """One standard normal a coordinate; None while d is unknown."""
        return self.dim

    def exact_step(
        self,
        x: FloatArray,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None,
        normals: FloatArray,
    ) -> FloatArray:
        """Return mean + L z, where L is the lower Cholesky factor of the covariance.

        Parameters and result are those of `Process.exact_step`.
        """
        mean, covariance = self.transition_moments(x, dt, t, clock_dt)
        same = covariance.strides[0] == 0
        return mean + row_products(lower_root(covariance[:1] if same else covariance), normals)
