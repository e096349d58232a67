"""Names and checks of the closed forms of one-dimensional autonomous processes.

Law of this file: shapes, rows and domains are checked here; the formulas stand with their process.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, BoolArray, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import Process, per_state
from stochtext.processes.gaussian import state_pairs
from stochtext.processes.linear.process import check_steps
from stochtext.processes.stationary import stationary_law
from stochtext.processes.transition_law import TransitionLaw

__all__ = ["KnownMoments", "KnownStationaryLaw", "KnownTransition"]


def _inside(process: _ClosedForms, name: str, states: FloatArray) -> FloatArray:
    """Return one-dimensional states as a vector, refusing those outside the domain."""
    values = states[:, 0]
    bad = np.flatnonzero(~_possible(process, values))
    if bad.size:
        low, high = process.domain[0]
        ends = "without" if process.open_domain else "with"
        raise InputError(
            f"`{name}` of {type(process).__name__} must be a finite number between {low:.6g} and "
            f"{high:.6g}, {ends} the ends; got {values[bad[0]]} in row {bad[0]}."
        )
    return values


def _possible(process: _ClosedForms, values: FloatArray) -> BoolArray:
    low, high = process.domain[0]
    inside = (values > low) & (values < high)
    if not process.open_domain:
        inside |= (values == low) | (values == high)
    return np.asarray(inside & np.isfinite(values))


class _ClosedForms(Process):
    """What the three kinds of closed forms below share."""

    #: Whether the ends of the domain are no states: the process never gets there.
    open_domain: ClassVar[bool] = False


class KnownTransition(TransitionLaw, _ClosedForms):
    """A one-dimensional process of which the law of X(t + dt) given X(t) is known.

    Subclasses give ``_log_transition`` for checked vectors x, x_next and dt; those whose
    distribution function is known too give ``_transition_cdf`` and ``_transition_quantile``.
    """

    @abstractmethod
    def _log_transition(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        """Return the log density at states x_next inside the domain, shape (n,)."""

    def _transition_cdf(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        raise InputError(
            f"The transition distribution function of {type(self).__name__} is not known in "
            "closed form; integrate `transition_density`."
        )

    def _transition_sf(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        """Return P(X(t + dt) > x_next); to be overridden where it keeps digits when small."""
        return 1.0 - self._transition_cdf(x, x_next, dt)

    def _normal_scores(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        from scipy.special import ndtri  # a third of a second that simulation does not need

        lower = self._transition_cdf(x, x_next, dt)
        upper = self._transition_sf(x, x_next, dt)
        return np.where(lower < upper, ndtri(lower), -ndtri(upper))

    def _transition_score(
        self, x: FloatArray, x_next: FloatArray, dt: FloatArray
    ) -> FloatArray | None:
        """Return d log density / d ``to_vector()``, shape (n, k); None if not known."""
        return None

    def _transition_quantile(self, x: FloatArray, u: FloatArray, dt: FloatArray) -> FloatArray:
        raise InputError(f"{type(self).__name__} has no exact step from uniform numbers.")

    @property
    def has_exact_step_uniform(self) -> bool:
        """Whether ``exact_step_uniform`` is known."""
        return type(self)._transition_quantile is not KnownTransition._transition_quantile

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
        x, x_next : array_like of shape (n, 1)
            States at the start and at the end of the step; one of them may be a single row.
        dt : float or array_like of shape (n,)
            Length of the step in units of time.
        t, clock_dt : float or array_like of shape (n,), optional
            Ignored: the coefficients do not depend on time.

        Returns
        -------
        ndarray of shape (n,)
            Minus infinity where the density is zero, outside the domain for instance.

        Raises
        ------
        InputError
            If a start lies outside the domain, or the process is deterministic.
        """
        here, there, steps = self._pairs(x, x_next, dt)
        possible = _possible(self, there)
        out = np.full(len(there), -np.inf)
        out[np.isnan(there)] = np.nan
        out[possible] = self._log_transition(here[possible], there[possible], steps[possible])
        return out

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
            Also if no closed form is known.
        """
        here, there, steps = self._pairs(x, x_next, dt)
        low, high = self.domain[0]
        out = np.where(there < low, 0.0, 1.0)
        out[np.isnan(there)] = np.nan
        inside = _possible(self, there) & (there < high)
        out[inside] = self._transition_cdf(here[inside], there[inside], steps[inside])
        out[there == low] = 0.0 if self.open_domain else out[there == low]
        return out

    def transition_normal_scores(
        self,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the standard normal quantile of ``transition_cdf``, shape (n, 1).

        It is taken from the smaller of the two tails, so that neither loses digits. Standard
        normal if the process is right and nothing of its law sits on a point.

        Parameters and errors are those of ``transition_cdf``.
        """
        here, there, steps = self._pairs(x, x_next, dt)
        low, high = self.domain[0]
        out = np.where(there <= low, -np.inf, np.inf)
        out[np.isnan(there)] = np.nan
        inside = _possible(self, there) & (there < high)
        with np.errstate(divide="ignore"):
            out[inside] = self._normal_scores(here[inside], there[inside], steps[inside])
        return out[:, None]

    def transition_score(
        self,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray | None:
        """Return the derivative of ``transition_log_density`` by the free parameters.

        Parameters are those of ``transition_log_density``.

        Returns
        -------
        ndarray of shape (n, k) or None
            Columns in the order of ``free_parameters``, NaN where the density is zero. None
            if no closed form is known.
        """
        here, there, steps = self._pairs(x, x_next, dt)
        possible = _possible(self, there)
        score = self._transition_score(here[possible], there[possible], steps[possible])
        if score is None:
            return None
        out = np.full((len(there), len(self.free_parameters)), np.nan)
        out[possible] = score
        return out

    def exact_step_uniform(self, x: ArrayLike, dt: ArrayLike, uniforms: ArrayLike) -> FloatArray:
        """Return X(t + dt) given X(t) = x, the quantile of its exact law at a uniform number.

        Parameters
        ----------
        x : array_like of shape (n, 1)
            States at the start of the step.
        dt : float or array_like of shape (n,)
            Length of the step in units of time.
        uniforms : float or array_like of shape (n,)
            Numbers in [0, 1]; the result increases with them.

        Returns
        -------
        ndarray of shape (n, 1)

        Raises
        ------
        InputError
            If the process has no such step, or a number is not in [0, 1].
        """
        self.require_specified()
        here = _inside(self, "x", as_states("x", x, 1))
        steps = check_steps(dt, len(here))
        u = per_state("uniforms", uniforms, len(here))
        bad = np.flatnonzero(~((u >= 0) & (u <= 1)))
        if bad.size:
            raise InputError(f"`uniforms` must lie in [0, 1]; got {u[bad[0]]} in row {bad[0]}.")
        return self._transition_quantile(here, u, steps)[:, None]

    def _pairs(
        self, x: ArrayLike, x_next: ArrayLike, dt: ArrayLike
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        self.require_specified()
        here, there = state_pairs(x, x_next, 1)
        return _inside(self, "x", here), there[:, 0], check_steps(dt, len(here))


class KnownMoments(_ClosedForms):
    """A one-dimensional process whose conditional mean and variance are known.

    Subclasses give ``_conditional_mean`` and ``_conditional_variance`` for checked vectors.
    """

    @abstractmethod
    def _conditional_mean(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        """Return E[X(t + dt) | X(t) = x], shape (n,)."""

    @abstractmethod
    def _conditional_variance(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        """Return Var[X(t + dt) | X(t) = x], shape (n,)."""

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
        x : array_like of shape (n, 1)
            States.
        dt : float or array_like of shape (n,)
            Length of the step in units of time.
        t, clock_dt : float or array_like of shape (n,), optional
            Ignored: the coefficients do not depend on time.

        Returns
        -------
        ndarray of shape (n, 1)
        """
        return self._conditional_mean(*self._starts(x, dt))[:, None]

    def conditional_covariance(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return Var[X(t + dt) | X(t) = x] as an array of shape (n, 1, 1).

        Parameters are those of ``conditional_mean``.
        """
        return self._conditional_variance(*self._starts(x, dt))[:, None, None]

    def _starts(self, x: ArrayLike, dt: ArrayLike) -> tuple[FloatArray, FloatArray]:
        self.require_specified()
        here = _inside(self, "x", as_states("x", x, 1))
        return here, check_steps(dt, len(here))


class KnownStationaryLaw(_ClosedForms):
    """A one-dimensional process with a stationary law, in closed form or by quadrature.

    What subclasses do not override comes from quadrature of the speed measure
    (``stationary_law``).
    """

    def stationary_density(self, x: ArrayLike) -> FloatArray:
        """Return the stationary density at states x, zero outside the domain.

        At an end of the domain it may be infinite.

        Parameters
        ----------
        x : array_like of shape (n, 1)
            States.

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        InputError
            If there is no stationary law.
        """
        self.require_specified()
        points = as_states("x", x, 1)[:, 0]
        inside = _possible(self, points)
        out = np.where(np.isnan(points), np.nan, 0.0)
        out[inside] = np.exp(self._log_stationary(points[inside]))
        return out

    def stationary_mean(self) -> FloatArray:
        """Return the stationary mean, shape (1,)."""
        self.require_specified()
        return np.array([self._stationary_moments()[0]])

    def stationary_covariance(self) -> FloatArray:
        """Return the stationary variance, shape (1, 1)."""
        self.require_specified()
        variance = self._stationary_moments()[1]
        if not np.isfinite(variance):
            raise InputError(
                f"The stationary variance of {self!r} is infinite: its tails are too heavy."
            )
        return np.array([[variance]])

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        """Return the log density at states inside the domain, shape (n,)."""
        return stationary_law(self).log_density(x)

    def _stationary_moments(self) -> tuple[float, float]:
        """Return mean and variance; an infinite variance is inf."""
        law = stationary_law(self)
        return law.mean, law.variance
