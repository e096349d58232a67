"""Where the search starts: least squares for one step, taken to continuous time."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from stochtext._shared.exceptions import DegenerateDataError
from stochtext._shared.typing import FloatArray
from stochtext.estimators.linear_likelihood import LinearLikelihood, LinearParameters
from stochtext.estimators.sample import TransitionSample

__all__ = ["check_full_rank", "least_squares_start", "rate_factor"]

# A step matrix without a real logarithm is replaced by the nearest with these eigenvalues.
SMALLEST_EIGENVALUE = 0.02


def least_squares_start(likelihood: LinearLikelihood) -> LinearParameters:
    """Return the parameters whose one-step regression is the least-squares one.

    For equal steps and an invertible map to continuous time this is the
    maximum-likelihood estimate itself.
    """
    s, z, d = likelihood.centred, likelihood.regressors, likelihood.dim
    width = d + likelihood.n_coefficients
    root = np.sqrt(s.weight)[:, None]
    coefficients, *_ = np.linalg.lstsq(z[:, :width] * root, s.x_next * root, rcond=None)
    step = float(np.average(s.dt, weights=s.weight))
    logarithm = _logarithm(coefficients[:d].T.astype(np.float64))
    phi = linalg.expm(logarithm)
    level = s.x_next - s.x @ phi.T
    trend, *_ = np.linalg.lstsq(z[:, d:width] * root, level * root, rcond=None)
    error = level - z[:, d:width] @ trend
    covariance = (error * s.weight[:, None]).T @ error / s.weight.sum()
    check_full_rank(covariance, s)
    kappa = -logarithm / step
    mean = np.linalg.lstsq(np.eye(d) - phi, trend.T, rcond=1e-10)[0].T
    start = LinearParameters(kappa, mean, rate_factor(kappa, covariance, step))
    return start.moved(likelihood.centre, likelihood.level)


def _logarithm(phi: FloatArray) -> FloatArray:
    """Return a real logarithm of ``phi``, or of a near matrix that has one."""
    values, vectors = np.linalg.eig(phi)
    if np.linalg.cond(vectors) > 1e8:
        return phi - np.eye(len(phi))
    real = np.abs(values.imag) < 1e-12
    values = np.where(real & (values.real < SMALLEST_EIGENVALUE), SMALLEST_EIGENVALUE, values)
    return np.real((vectors * np.log(values.astype(complex))) @ np.linalg.inv(vectors))


def rate_factor(kappa: FloatArray, covariance: FloatArray, step: float) -> FloatArray:
    """Return the lower factor of the covariance rate with this covariance of a step, or near it."""
    d = len(kappa)
    drift = np.kron(kappa, np.eye(d)) + np.kron(np.eye(d), kappa)
    with np.errstate(all="ignore"):
        integral = linalg.expm(np.block([[-drift, np.eye(d * d)], [np.zeros((d * d, 2 * d * d))]])
                               * step)[: d * d, d * d :]  # fmt: skip
        rate = np.linalg.lstsq(integral, covariance.ravel(), rcond=None)[0].reshape(d, d)
    values, vectors = np.linalg.eigh((rate + rate.T) / 2)
    floor = 1e-3 * np.linalg.eigvalsh(covariance)[0] / step
    if np.isfinite(values).all() and values[0] > 0:
        floor = 0.0
    rate = (vectors * np.maximum(values, floor)) @ vectors.T
    return np.linalg.cholesky((rate + rate.T) / 2)


def check_full_rank(covariance: FloatArray, sample: TransitionSample) -> None:
    """Refuse a sample whose one-step errors are singular, naming the column."""
    scale = np.sqrt(np.diag(covariance))
    spread = sample.x.std(axis=0)
    flat = np.flatnonzero(scale <= 1e-9 * np.maximum(spread, np.finfo(float).tiny))
    unit = covariance / np.outer(scale, scale) if not flat.size else covariance
    if flat.size or np.linalg.eigvalsh(unit)[0] < 1e-10:
        where = f"column {sample.panel.columns[flat[0]]!r}" if flat.size else "some combination"
        raise DegenerateDataError(
            f"The one-step errors of {where} have no variance, so the diffusion is singular and "
            "the likelihood has no maximum. Remove redundant columns (TrajectoryPCA does), or "
            "observe longer trajectories."
        )
