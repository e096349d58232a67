"""Densities that are Gaussian over one step: all follows from mean and covariance."""

from __future__ import annotations

import math

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import Process
from stochtext.transitions.base import TransitionDensity

__all__ = ["GaussianDensity", "cholesky_factors", "gaussian_log_density", "standardise"]


def cholesky_factors(covariance: FloatArray) -> FloatArray:
    """Return the lower Cholesky factor of each covariance.

    Parameters
    ----------
    covariance : ndarray of shape (n, d, d)

    Returns
    -------
    ndarray of shape (n, d, d)

    Raises
    ------
    DegenerateDataError
        If one is not positive definite; the message names its row.
    """
    once = len(covariance) > 1 and covariance.strides[0] == 0
    distinct = covariance[:1] if once else covariance
    if distinct.shape[-1] == 1:
        with np.errstate(invalid="ignore"):
            factors = np.sqrt(distinct)
        if not np.all((distinct > 0) & np.isfinite(distinct)):
            raise _degenerate(distinct)
    else:
        try:
            factors = np.linalg.cholesky(distinct)
        except np.linalg.LinAlgError:
            raise _degenerate(distinct) from None
        if not np.all(np.isfinite(factors)):
            raise _degenerate(distinct)
    return np.broadcast_to(factors, covariance.shape)


def _degenerate(covariance: FloatArray) -> DegenerateDataError:
    for row, matrix in enumerate(covariance):
        if not np.all(np.isfinite(matrix)):
            said = "is not finite"
        else:
            try:
                np.linalg.cholesky(matrix)
                continue
            except np.linalg.LinAlgError:
                said = f"has the smallest eigenvalue {np.linalg.eigvalsh(matrix)[0]:.3g}"
        return DegenerateDataError(
            f"The covariance of the transition in row {row} {said}; a density needs a positive "
            "definite one. Check that the diffusion is not zero there, or leave out a "
            "coordinate that is a combination of others."
        )
    return DegenerateDataError("The covariance of some transition is not positive definite.")


def standardise(residual: FloatArray, factors: FloatArray) -> FloatArray:
    """Return L^-1 r for each row.

    Parameters
    ----------
    residual : ndarray of shape (n, d)
    factors : ndarray of shape (n, d, d)
        Lower triangular.
    """
    result = np.empty(residual.shape)
    for j in range(residual.shape[1]):
        known = np.einsum("nk,nk->n", factors[:, j, :j], result[:, :j])
        result[:, j] = (residual[:, j] - known) / factors[:, j, j]
    return result


def gaussian_log_density(residual: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return the log density of N(0, covariance) at each residual.

    Parameters
    ----------
    residual : ndarray of shape (n, d)
    covariance : ndarray of shape (n, d, d)

    Returns
    -------
    ndarray of shape (n,)
        Minus infinity where the residual is too far away to have a representable
        density; NaN where the residual is NaN.

    Raises
    ------
    DegenerateDataError
        If a covariance is not positive definite; the message names its row.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.transitions.gaussian import gaussian_log_density
    >>> gaussian_log_density(np.zeros((1, 1)), np.full((1, 1, 1), 4.0)).round(6)
    array([-1.612086])
    """
    factors = cholesky_factors(covariance)
    with np.errstate(over="ignore"):
        squared = np.sum(standardise(residual, factors) ** 2, axis=1)
    log_scale = np.sum(np.log(np.diagonal(factors, axis1=1, axis2=2)), axis=1)
    return -0.5 * squared - log_scale - 0.5 * residual.shape[1] * math.log(2.0 * math.pi)


class GaussianDensity(TransitionDensity):
    """A transition density that is Gaussian; subclasses say with which moments."""

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
        residual, covariance = self._residual(process, x, x_next, t, dt, clock_dt)
        return gaussian_log_density(residual, covariance)

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
        residual, covariance = self._residual(process, x, x_next, t, dt, clock_dt)
        return standardise(residual, cholesky_factors(covariance))

    def _residual(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None,
    ) -> tuple[FloatArray, FloatArray]:
        mean, covariance = self.moments(process, x, t, dt, clock_dt)
        following = as_states("x_next", x_next, process.dim)
        if following.shape != mean.shape:
            raise InputError(
                f"`x` and `x_next` must have the same shape; got {mean.shape} and "
                f"{following.shape}."
            )
        return following - mean, covariance
