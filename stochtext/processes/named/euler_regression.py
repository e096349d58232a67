"""Rough parameter values: the regression of the increments of an Euler step."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["euler_regression"]


def euler_regression(
    regressors: FloatArray, step: FloatArray, dt: FloatArray
) -> tuple[list[float], float]:
    """Return c and s of step = dt (regressors c) + s sqrt(dt) noise by least squares.

    Parameters
    ----------
    regressors : ndarray of shape (n, k)
    step : ndarray of shape (n,)
    dt : ndarray of shape (n,)

    Returns
    -------
    coefficients : list of k floats
        The shortest solution where the regressors leave a choice.
    scale : float
        Root mean square of the standardised residuals.
    """
    root = np.sqrt(dt)
    design, target = regressors * root[:, None], step / root
    coefficients, *_ = np.linalg.lstsq(design, target, rcond=None)
    scale = np.sqrt(np.mean((target - design @ coefficients) ** 2))
    return [float(c) for c in coefficients], float(scale)
