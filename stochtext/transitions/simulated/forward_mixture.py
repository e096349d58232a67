"""Paths simulated forwards up to their last step, which is kept as the Gaussian that it is.

Law of this file: a mixture of Gaussians per transition; no sample is ever drawn from it.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr, logsumexp, ndtri_exp

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.simulation.noise import INCREMENTS, normals
from stochtext.transitions.gaussian import cholesky_factors, standardise

__all__ = ["forward_mixture", "mixture_scores"]


def forward_mixture(
    process: Process,
    x: FloatArray,
    t: FloatArray,
    dt: FloatArray,
    clock_dt: FloatArray,
    *,
    n_paths: int,
    n_substeps: int,
    antithetic: bool,
    key: np.uint64,
    first_path: int,
) -> tuple[FloatArray, FloatArray]:
    """Return means and covariances of the last Euler step of each path.

    Parameters
    ----------
    process : Process
    x : ndarray of shape (n, d)
    t, dt, clock_dt : ndarray of shape (n,)
    n_paths, n_substeps : int
        Paths per row and steps of each, the last one included.
    antithetic : bool
        Whether paths come in pairs with opposite noise.
    key : uint64
        From ``noise_key``.
    first_path : int
        Address of the first path.

    Returns
    -------
    mean : ndarray of shape (n, n_paths, d)
    covariance : ndarray of shape (n, n_paths, d, d)

    Notes
    -----
    A path that leaves the domain of the process is reflected at its end.
    """
    n, d = x.shape
    h = np.repeat(dt / n_substeps, n_paths)
    pace = np.repeat(clock_dt / n_substeps, n_paths)
    time = np.repeat(t, n_paths)
    state = np.repeat(x, n_paths, axis=0)
    m = process.diffusion(x[:1], t[:1]).shape[2] if n else 1
    noise = _noise(key, first_path, n * n_paths, (n_substeps - 1) * m, antithetic)
    low, high = np.array(process.domain).T
    for k in range(n_substeps - 1):
        z = noise[:, k * m : (k + 1) * m] * np.sqrt(h)[:, None]
        drift, sigma = process.drift(state, time), process.diffusion(state, time)
        state = state + drift * h[:, None] + np.einsum("nij,nj->ni", sigma, z)
        state = np.where(state < low, 2.0 * low - state, state)
        state = np.where(state > high, 2.0 * high - state, state)
        state = np.clip(state, low, high)
        time = time + pace
    mean = state + process.drift(state, time) * h[:, None]
    covariance = process.covariance(state, time) * h[:, None, None]
    return mean.reshape(n, n_paths, d), covariance.reshape(n, n_paths, d, d)


def _noise(
    key: np.uint64, first_path: int, n_paths: int, n_numbers: int, antithetic: bool
) -> FloatArray:
    if n_numbers == 0:
        return np.empty((n_paths, 0))
    if not antithetic:
        return normals(key, INCREMENTS, first_path, n_paths, 0, n_numbers)
    half = normals(key, INCREMENTS, first_path // 2, n_paths // 2, 0, n_numbers)
    return np.stack([half, -half], axis=1).reshape(n_paths, n_numbers)


def mixture_scores(mean: FloatArray, covariance: FloatArray, x_next: FloatArray) -> FloatArray:
    """Return the normal quantile of each coordinate's distribution function given those before.

    Parameters
    ----------
    mean : ndarray of shape (n, k, d)
    covariance : ndarray of shape (n, k, d, d)
    x_next : ndarray of shape (n, d)

    Returns
    -------
    ndarray of shape (n, d)
    """
    n, k, d = mean.shape
    factors = cholesky_factors(covariance.reshape(n * k, d, d))
    z = standardise((x_next[:, None] - mean).reshape(n * k, d), factors).reshape(n, k, d)
    scale = np.diagonal(factors, axis1=1, axis2=2).reshape(n, k, d)
    log_weight = np.zeros((n, k))
    scores = np.empty((n, d))
    for j in range(d):
        total = logsumexp(log_weight, axis=1)
        lower = logsumexp(log_weight + log_ndtr(z[:, :, j]), axis=1) - total
        upper = logsumexp(log_weight + log_ndtr(-z[:, :, j]), axis=1) - total
        smaller = np.minimum(np.minimum(lower, upper), 0.0)
        scores[:, j] = np.where(lower < upper, 1.0, -1.0) * ndtri_exp(smaller)
        log_weight = log_weight - 0.5 * z[:, :, j] ** 2 - np.log(scale[:, :, j])
    return scores
