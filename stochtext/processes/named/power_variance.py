"""Rough parameter values where the diffusion is sigma X^gamma."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.named.euler_regression import euler_regression

__all__ = ["power_variance"]

#: Minus the mean of the logarithm of a chi-squared number with one degree of freedom.
_LOG_CHI_SQUARED = np.euler_gamma + np.log(2.0)


def power_variance(
    x: FloatArray, x_next: FloatArray, dt: FloatArray, regressors: list[tuple[str, FloatArray]]
) -> dict[str, float]:
    """Return drift coefficients by name, ``sigma`` and ``gamma``; nothing for data at zero.

    Parameters
    ----------
    x, x_next : ndarray of shape (n, 1)
    dt : ndarray of shape (n,)
    regressors : list of (name, values)
        What the drift is linear in.

    Notes
    -----
    The logarithm of a squared error is 2 log sigma + 2 gamma log X + log chi-squared(1).
    """
    if not np.all(x > 0):
        return {}
    design = np.column_stack([values for _, values in regressors])
    step, log_x = x_next[:, 0] - x[:, 0], np.log(x[:, 0])
    coefficients, _ = euler_regression(design, step, dt)
    squares = (step - dt * (design @ coefficients)) ** 2 / dt
    used = squares > 0
    log_square = np.log(squares[used]) + _LOG_CHI_SQUARED
    away = log_x[used] - log_x[used].mean()
    spread = float(away @ away)
    gamma = float(away @ log_square) / (2.0 * spread) if spread > 0 else 0.5
    gamma = min(max(gamma, 0.05), 3.0)
    size = x[:, 0] ** gamma
    coefficients, sigma = euler_regression(design / size[:, None], step / size, dt)
    named = {name: c for (name, _), c in zip(regressors, coefficients, strict=True)}
    return {**named, "sigma": sigma, "gamma": gamma}
