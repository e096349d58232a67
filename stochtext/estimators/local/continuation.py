"""The linear diffusion that continues a local estimate where there are no data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError, InputError, SampleSizeWarning
from stochtext._shared.typing import FloatArray
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck

__all__ = ["LinearContinuation", "fit_continuation"]

# A mean reversion this slow, in units of one over the observed time, is a constant drift.
_SLOWEST = 1e-6
_SMALLEST_VARIANCE_SHARE = 1e-10


@dataclass(frozen=True)
class LinearContinuation:
    """dX = (slope X + intercept) dt + noise of constant covariance rate.

    Attributes
    ----------
    slope : ndarray of shape (d, d)
    intercept : ndarray of shape (d,)
    covariance : ndarray of shape (d, d)
    span : float
        Total observed time.
    """

    slope: FloatArray
    intercept: FloatArray
    covariance: FloatArray
    span: float

    def drift(self, x: FloatArray) -> FloatArray:
        """Return the drift at states, shape (n, d)."""
        return x @ self.slope.T + self.intercept

    def process(self) -> OrnsteinUhlenbeck:
        """Return the same diffusion as an Ornstein-Uhlenbeck process."""
        kappa = -self.slope
        tiny = _SLOWEST / self.span
        # A drift without any mean reversion has no mean; a reversion too slow to see gives it one.
        if np.abs(np.linalg.eigvals(kappa)).min() < tiny:
            kappa = kappa + tiny * np.eye(len(kappa))
        mu = np.linalg.solve(kappa, self.intercept)
        sigma = np.linalg.cholesky(self.covariance)
        if len(kappa) == 1:
            return OrnsteinUhlenbeck(float(kappa[0, 0]), float(mu[0]), float(sigma[0, 0]))
        return OrnsteinUhlenbeck(kappa, mu, sigma)


def fit_continuation(
    x: FloatArray, increments: FloatArray, dt: FloatArray, weight: FloatArray
) -> LinearContinuation:
    """Fit by pooled least squares of dX / dt on X, with weights dt (Euler's likelihood).

    Parameters
    ----------
    x, increments : ndarrays of shape (n, d)
    dt, weight : ndarrays of shape (n,)

    Raises
    ------
    InputError
        If there are fewer than three transitions.
    DegenerateDataError
        If a linear drift explains the increments without noise, or all start alike.

    Warns
    -----
    SampleSizeWarning
        If there are too few transitions for a linear drift: the drift is then a
        constant and the covariance rate diagonal.
    """
    n, d = x.shape
    if n < 3:
        raise InputError(
            f"A kernel or binned estimate needs at least 3 transitions, got {n} "
            f"(n_samples={n + 1} for one trajectory). Give longer trajectories or more of them."
        )
    still = np.flatnonzero(np.ptp(x, axis=0) == 0)
    if still.size:
        raise DegenerateDataError(
            f"All steps start from the same state of coordinate {still[0]}, so the data do not say "
            "how the drift depends on it. Observe trajectories of more than two states, or from "
            "other starts, or fit BrownianMotion with ParametricSDE."
        )
    enough = n >= 2 * (d + 1)
    if not enough:
        warnings.warn(
            f"{n} transitions are too few for a linear drift in {d} coordinates "
            f"({d + 1} regressors an equation): the drift is taken as constant.",
            SampleSizeWarning,
            stacklevel=2,
        )
    centre = np.average(x, axis=0, weights=weight)
    root = np.sqrt(weight * dt)
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    design = np.column_stack([np.ones(n), (x - centre) / scale])[:, : (d + 1 if enough else 1)]
    response = increments / dt[:, None]
    solution = np.linalg.lstsq(design * root[:, None], response * root[:, None], rcond=1e-10)[0]
    slope = np.zeros((d, d))
    if enough:
        slope = (solution[1:] / scale[:, None]).T
    residuals = (response - design @ solution) * np.sqrt(dt)[:, None]
    freedom = weight.sum() * (1 - design.shape[1] / n)
    covariance = (residuals * weight[:, None]).T @ residuals / freedom
    _check_noise(covariance, response * np.sqrt(dt)[:, None])
    if not enough:
        covariance = np.diag(np.diag(covariance))
    return LinearContinuation(
        slope, solution[0] - slope @ centre, covariance, float((weight * dt).sum())
    )


def _check_noise(covariance: FloatArray, scaled_increments: FloatArray) -> None:
    """Refuse increments that a linear drift explains exactly in some direction."""
    size = np.sqrt(np.mean(scaled_increments**2, axis=0))
    size[size == 0] = 1.0
    share = covariance / np.outer(size, size)
    if np.linalg.eigvalsh(share)[0] > _SMALLEST_VARIANCE_SHARE or len(share) >= len(
        scaled_increments
    ):
        return
    raise DegenerateDataError(
        "The increments have no noise in some direction (a coordinate is a function of the "
        "others, or moves along a straight line), so no transition density exists. Remove the "
        "redundant coordinate, or reduce the dimension with TrajectoryPCA."
    )
