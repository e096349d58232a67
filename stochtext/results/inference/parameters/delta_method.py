"""Standard errors of a curve that depends on estimated parameters."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process

__all__ = ["delta_errors", "delta_joint"]


def delta_errors(
    process: Process,
    free: list[str],
    covariance: FloatArray,
    x: FloatArray,
    t: FloatArray,
    which: str,
) -> FloatArray:
    """Return sqrt(g' V g), g the gradient of the curve in the parameters by differences.

    Parameters
    ----------
    process : Process
        The fitted one.
    free : list of str
        Estimated parameters.
    covariance : ndarray of shape (k, k)
        Theirs.
    x : ndarray of shape (n, d)
    t : ndarray of shape (n,)
    which : {"drift", "covariance"}

    Returns
    -------
    ndarray of the shape of the curve
    """
    gradient = _gradient(process, free, x, t, which)
    variance = np.einsum("...k,kl,...l->...", gradient, covariance, gradient)
    return np.sqrt(np.maximum(variance, 0.0))


def delta_joint(
    process: Process,
    free: list[str],
    covariance: FloatArray,
    x: FloatArray,
    t: FloatArray,
    which: str,
) -> FloatArray:
    """Return the covariance of the errors of a curve at all states together.

    Parameters
    ----------
    process, free, covariance, x, t, which
        As in :func:`delta_errors`.

    Returns
    -------
    ndarray of shape (c, n, n)
        For the c components of the curve, by rows.
    """
    gradient = _gradient(process, free, x, t, which)
    flat = gradient.reshape(len(x), -1, len(free))
    return np.einsum("ick,kl,jcl->cij", flat, covariance, flat)


def _gradient(
    process: Process, free: list[str], x: FloatArray, t: FloatArray, which: str
) -> FloatArray:
    """Return the derivatives of a curve in the parameters, on a last axis."""
    names, theta = list(process.free_parameters), process.to_vector()
    low, high = np.array(process.bounds()).reshape(-1, 2).T
    columns = []
    for name in free:
        k = names.index(name)
        step = 1e-5 * max(abs(theta[k]), float(np.abs(theta).max()) * 1e-3, 1e-8)
        ends = np.clip(theta[k] + np.array([step, -step]), low[k], high[k])
        curves = []
        for end in ends:
            moved = theta.copy()
            moved[k] = end
            curves.append(getattr(process.from_vector(moved), which)(x, t))
        columns.append((curves[0] - curves[1]) / (ends[0] - ends[1]))
    return np.stack(columns, axis=-1)
