"""Machine code of the named processes. Imported late, because it loads numba."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.compiled.compilation import CompiledCoefficients, coefficient

__all__ = ["double_well", "ornstein_uhlenbeck", "trending_ornstein_uhlenbeck"]


@coefficient
def _constant_diffusion(t: float, x: Any, theta: Any, out: Any) -> None:
    first = theta.size - out.shape[1]
    for i in range(x.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] = theta[first + k]


@coefficient
def _linear_drift(t: float, x: Any, theta: Any, out: Any) -> None:
    d = x.shape[1]
    mean = d * d
    for i in range(x.shape[0]):
        for j in range(d):
            total = 0.0
            for k in range(d):
                total += theta[j * d + k] * (theta[mean + k] - x[i, k])
            out[i, j] = total


@coefficient
def _trending_drift(t: float, x: Any, theta: Any, out: Any) -> None:
    d = x.shape[1]
    rows = (theta.size - 2 * d * d) // d
    level = np.zeros(d)
    for k in range(d):
        for j in range(rows - 1, -1, -1):
            level[k] = level[k] * t + theta[d * d + j * d + k]
    for i in range(x.shape[0]):
        for j in range(d):
            total = 0.0
            for k in range(d):
                total += theta[j * d + k] * (level[k] - x[i, k])
            out[i, j] = total


@coefficient
def _double_well_drift(t: float, x: Any, theta: Any, out: Any) -> None:
    for i in range(x.shape[0]):
        z = x[i, 0]
        out[i, 0] = z * (theta[0] - theta[1] * z * z)


def ornstein_uhlenbeck(
    kappa: FloatArray, mu: FloatArray, sigma: FloatArray
) -> CompiledCoefficients:
    """Return the coefficients of dX = kappa (mu - X) dt + sigma dW."""
    theta = np.concatenate([kappa.ravel(), mu, sigma.ravel()])
    return CompiledCoefficients(_linear_drift, _constant_diffusion, theta, len(mu) == 1)


def trending_ornstein_uhlenbeck(
    kappa: FloatArray, trend: FloatArray, sigma: FloatArray
) -> CompiledCoefficients:
    """Return the coefficients of dX = kappa (m(u) - X) dt + sigma dW."""
    theta = np.concatenate([kappa.ravel(), trend.ravel(), sigma.ravel()])
    return CompiledCoefficients(_trending_drift, _constant_diffusion, theta, len(kappa) == 1)


def double_well(alpha: float, beta: float, sigma: float) -> CompiledCoefficients:
    """Return the coefficients of dX = (alpha X - beta X^3) dt + sigma dW."""
    theta = np.array([alpha, beta, sigma])
    return CompiledCoefficients(_double_well_drift, _constant_diffusion, theta, True)
