"""Mean and variance of a known transition density by quadrature.

Law of this file: moments are given only where the density integrates to one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["quadrature_moments"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(160)
#: Standard deviations beyond the start and the end of an Euler step.
_REACH = 12.0
_TOLERANCE = 1e-6
_CHUNK = 1024


def quadrature_moments(
    process: Any, x: FloatArray, dt: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return mean and covariance of a one-dimensional process that knows its density only.

    Parameters
    ----------
    process : Process
        With ``transition_log_density``.
    x : ndarray of shape (n, 1)
    dt : ndarray of shape (n,)

    Returns
    -------
    mean : ndarray of shape (n, 1)
    covariance : ndarray of shape (n, 1, 1)
        NaN where the density does not integrate to one within a millionth.
    """
    parts = [
        _moments(process, x[first : first + _CHUNK, 0], dt[first : first + _CHUNK])
        for first in range(0, max(len(x), 1), _CHUNK)
    ]
    mean, variance = np.concatenate(parts, axis=1)
    return mean[:, None], variance[:, None, None]


def _moments(process: Any, x: FloatArray, dt: FloatArray) -> FloatArray:
    low, high = process.domain[0]
    end = np.clip(x + process.drift(x)[:, 0] * dt, low, high)
    spread = _REACH * np.sqrt(process.covariance(x)[:, 0, 0] * dt)
    first = np.maximum(np.minimum(x, end) - spread, low)
    last = np.minimum(np.maximum(x, end) + spread, high)
    half = 0.5 * (last - first)
    y = (first + half)[:, None] + half[:, None] * _NODES
    log_density = process.transition_log_density(
        np.repeat(x, len(_NODES)), y.ravel(), np.repeat(dt, len(_NODES))
    )
    # A density that its series does not resolve, far in a tail, is NaN and negligible.
    mass = np.exp(np.nan_to_num(log_density, nan=-np.inf)).reshape(y.shape) * half[:, None]
    mass = mass * _WEIGHTS
    away = y - x[:, None]
    shift = (mass * away).sum(axis=1)
    variance = (mass * (away - shift[:, None]) ** 2).sum(axis=1)
    good = np.abs(mass.sum(axis=1) - 1.0) < _TOLERANCE
    return np.where(good, np.stack([x + shift, variance]), np.nan)
