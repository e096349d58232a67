"""Geometric Brownian motion: growth by independent factors, correlated between coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, BoolArray, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import per_state
from stochtext.processes.gaussian import (
    gaussian_log_density,
    lower_root,
    row_products,
    standardised,
    state_pairs,
)
from stochtext.processes.linear.process import check_steps
from stochtext.processes.named.rate_and_factor import RateAndFactor
from stochtext.processes.transition_law import TransitionLaw

__all__ = ["GeometricBrownianMotion"]


class GeometricBrownianMotion(TransitionLaw, RateAndFactor):
    """dX_i = mu_i X_i dt + X_i sum_j sigma_ij dW_j.

    Parameters
    ----------
    mu : float or array_like of shape (d,), optional
        Growth rate of the mean, per unit of time.
    sigma : float or array_like of shape (d, m), optional
        Volatility, per root of a unit of time; for estimation only
        a = sigma sigma^T counts.
    dim : int, optional
        Number of coordinates of a family without values.

    Notes
    -----
    The solution is X_i(t + dt) = X_i(t) exp((mu_i - a_ii / 2) dt + sum_j sigma_ij dW_j):
    the transition is lognormal. The normals of an exact step are the Brownian increments
    divided by sqrt(dt), so the exact path is the strong solution on the path of the
    schemes. The noise commutes: Milstein's scheme needs no Lévy areas.

    References
    ----------
    Black and Scholes (1973), The pricing of options and corporate liabilities, Journal of
    Political Economy 81, 637-654. Kloeden and Platen (1992), Numerical Solution of
    Stochastic Differential Equations, section 4.4.

    Examples
    --------
    >>> from stochtext.processes import GeometricBrownianMotion
    >>> process = GeometricBrownianMotion(mu=0.1, sigma=0.2)
    >>> process.drift([[2.0]])
    array([[0.2]])
    >>> process.conditional_mean([[2.0]], dt=1.0).round(6)
    array([[2.210342]])
    """

    type_name = "geometric_brownian_motion"

    @staticmethod
    def _noise_type(dim: int | None) -> str:
        return "diagonal" if dim in (None, 1) else "general"

    @property
    def commutative(self) -> bool:
        """The noise commutes: products of two columns of sigma have no order."""
        return True

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """Every coordinate is positive."""
        return ((0.0, np.inf),) * (self.dim or 0)

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        rates = [p["mu"]] if len(x) == 1 else p["mu"]
        return [rate * state for rate, state in zip(rates, x, strict=True)]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        if len(x) == 1:
            return [p["sigma"] * x[0]]
        return [[s * state for s in row] for row, state in zip(p["sigma"], x, strict=True)]

    @property
    def _log_rate(self) -> FloatArray:
        """Drift of log X: mu minus half the variance rate."""
        return self._mu - 0.5 * np.sum(self._sigma**2, axis=1)

    def conditional_mean(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return E[X(t + dt) | X(t) = x] = x exp(mu dt).

        Parameters
        ----------
        x : array_like of shape (n, d)
            Positive states.
        dt : float or array_like of shape (n,)
            Length of the step.
        t, clock_dt : float or array_like of shape (n,), optional
            Ignored: the coefficients do not depend on time.

        Returns
        -------
        ndarray of shape (n, d)

        Raises
        ------
        InputError
            If a state is not positive.
        """
        self.require_specified()
        states = self._positive(as_states("x", x, self.dim))
        return states * np.exp(self._mu * check_steps(dt, len(states))[:, None])

    def conditional_covariance(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return Cov[X(t + dt) | X(t) = x].

        Parameters and errors are those of ``conditional_mean``.

        Returns
        -------
        ndarray of shape (n, d, d)
            m_i m_j (exp(a_ij dt) - 1) with the conditional mean m.
        """
        mean = self.conditional_mean(x, dt)
        steps = check_steps(dt, len(mean))[:, None, None]
        rate = self._sigma @ self._sigma.T
        return mean[:, :, None] * mean[:, None, :] * np.expm1(rate * steps)

    def transition_log_density(
        self,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the joint lognormal log density of X(t + dt) at x_next given X(t) = x.

        Parameters
        ----------
        x, x_next : array_like of shape (n, d)
            States at the start, all positive, and at the end of the step; one of them may
            be a single row.
        dt : float or array_like of shape (n,)
            Length of the step.
        t, clock_dt : float or array_like of shape (n,), optional
            Ignored: the coefficients do not depend on time.

        Returns
        -------
        ndarray of shape (n,)
            Minus infinity at an x_next that is not positive.

        Raises
        ------
        InputError
            If a start is not positive, or sigma sigma^T is singular: there is no density then.
        """
        residual, landing, inside, missing = self._log_residual(x, x_next, dt)
        root = np.sqrt(check_steps(dt, len(residual)))[:, None]
        standard = gaussian_log_density(residual, self._rate_rows(len(residual)))
        density = standard - np.sum(np.log(landing * root), axis=1)
        return np.where(inside, density, np.where(missing, np.nan, -np.inf))

    def transition_normal_scores(
        self,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the standardised log growth: L^-1 (log(x_next / x) - mean) / sqrt(dt).

        With L the lower Cholesky factor of sigma sigma^T, column j is the standard normal
        quantile of the distribution function of coordinate j given those before it.
        Parameters and errors are those of ``transition_log_density``.

        Returns
        -------
        ndarray of shape (n, d)
            In one dimension infinite outside the domain, in several NaN.
        """
        residual, _, inside, missing = self._log_residual(x, x_next, dt)
        scores = standardised(residual, self._rate_rows(len(residual)))[0]
        if self.dim == 1:
            last = np.broadcast_to(as_states("x_next", x_next, 1), scores.shape)
            outside = np.where(missing[:, None], np.nan, np.where(last > 0, np.inf, -np.inf))
        else:
            outside = np.full(scores.shape, np.nan)
        return np.where(inside[:, None], scores, outside)

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
        ndarray of shape (n, k)
            Columns in the order of ``free_parameters``, NaN where the density is zero.
        """
        residual, _, inside, _ = self._log_residual(x, x_next, dt)
        steps = np.sqrt(check_steps(dt, len(residual)))[:, None]
        standard, root = standardised(residual, self._rate_rows(len(residual)))
        factor = root[0]
        pull = np.linalg.solve(factor.T, standard.T).T
        # log X drifts with mu_i - a_ii / 2, and a_ii is the squared length of a row of L.
        by_factor = pull[:, :, None] * (standard[:, None, :] - steps[:, :, None] * factor)
        by_factor -= np.diag(1.0 / np.diag(factor))
        rows, columns = np.tril_indices(len(factor))
        lower = by_factor[:, rows, columns]
        return np.where(inside[:, None], np.column_stack([pull * steps, lower]), np.nan)

    def _log_residual(
        self, x: ArrayLike, x_next: ArrayLike, dt: ArrayLike
    ) -> tuple[FloatArray, FloatArray, BoolArray, BoolArray]:
        """Return (log growth - mean) / sqrt(dt), positive ends, and which are inside or NaN."""
        self.require_specified()
        here, there = state_pairs(x, x_next, self.dim)
        here, steps = self._positive(here), check_steps(dt, len(here))[:, None]
        inside = np.all((there > 0) & (there < np.inf), axis=1)
        landing = np.where(inside[:, None], there, 1.0)
        residual = (np.log(landing / here) - self._log_rate * steps) / np.sqrt(steps)
        return residual, landing, inside, np.any(np.isnan(there), axis=1)

    def _rate_rows(self, n: int) -> FloatArray:
        rate = self._sigma @ self._sigma.T
        return np.broadcast_to(rate, (n, *rate.shape))

    def _positive(self, states: FloatArray) -> FloatArray:
        """Return states, refusing those outside the domain."""
        bad = np.flatnonzero(~np.all((states > 0) & np.isfinite(states), axis=1))
        if bad.size:
            raise InputError(
                f"`x` of GeometricBrownianMotion must be positive and finite; got "
                f"{states[bad[0]]} in row {bad[0]}."
            )
        return states

    def exact_step(
        self,
        x: FloatArray,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None,
        normals: FloatArray,
    ) -> FloatArray:
        """Return x exp((mu - a / 2) dt + sigma sqrt(dt) z).

        Parameters and result are those of `Process.exact_step`.
        """
        steps = per_state("dt", dt, len(x))[:, None]
        noise = row_products(self._sigma[None], normals) * np.sqrt(steps)
        with np.errstate(over="ignore"):
            return x * np.exp(self._log_rate * steps + noise)

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the maximum likelihood values; none if a state is not positive."""
        if not (np.all(x > 0) and np.all(x_next > 0)):
            return {}
        growth = np.log(x_next / x)
        log_rate = growth.sum(axis=0) / dt.sum()
        error = (growth - log_rate * dt[:, None]) / np.sqrt(dt)[:, None]
        rate = error.T @ error / len(x)
        mu, factor = log_rate + 0.5 * np.diag(rate), lower_root(rate[None])[0]
        if x.shape[1] == 1:
            return {"mu": float(mu[0]), "sigma": float(factor[0, 0])}
        return {"mu": mu, "sigma": factor}
