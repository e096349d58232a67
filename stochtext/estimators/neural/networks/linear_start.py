"""The linear drift with a constant covariance over steps of equal length, in closed form."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, logm, solve_discrete_lyapunov

from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks.preparation import LinearModel, ScaledTransitions, Scaling

__all__ = ["exact_linear_model"]


def exact_linear_model(
    data: ScaledTransitions, scaling: Scaling, weight: FloatArray
) -> LinearModel | None:
    """Return the maximum likelihood fit, or None where there is no closed form.

    Parameters
    ----------
    data : ScaledTransitions
    scaling : Scaling
    weight : ndarray of shape (n,)

    Notes
    -----
    Over equal steps z' = c + B z + noise of covariance Q is a regression; then K = log(B) / dt,
    and the covariance rate A solves A - B A B' = -(K Q + Q K'). There is none for unequal steps,
    further inputs, or a B without a real logarithm.
    """
    used, d = weight > 0, data.following.shape[1]
    dt = data.dt[used]
    if data.inputs.shape[1] != d or np.ptp(dt) > 1e-9 * dt[0] or used.sum() <= 3 * (d + 1):
        return None
    root = np.sqrt(weight[used])[:, None]
    design = np.column_stack([np.ones(used.sum()), data.inputs[used]])
    solution = np.linalg.lstsq(root * design, root * data.following[used], rcond=None)[0]
    residual = root * (data.following[used] - design @ solution)
    noise, step = residual.T @ residual / weight.sum(), solution[1:].T
    values = np.linalg.eigvals(step)
    if np.any((np.abs(values.imag) < 1e-12) & (values.real <= 1e-6)):
        return None
    rate = np.real(logm(step)) / dt[0]
    try:
        force = rate @ np.linalg.solve(step - np.eye(d), solution[0])
        spread = solve_discrete_lyapunov(step, -(rate @ noise + noise @ rate.T))
    except (LinAlgError, np.linalg.LinAlgError):
        return None
    return _in_units(rate, force, 0.5 * (spread + spread.T), scaling)


def _in_units(
    rate: FloatArray, force: FloatArray, spread: FloatArray, scaling: Scaling
) -> LinearModel | None:
    drift, noise = np.split(scaling.coordinate_units(), 2)
    covariance = spread / np.outer(noise, noise)
    if not np.all(np.isfinite(covariance)) or np.linalg.eigvalsh(covariance)[0] <= 1e-9:
        return None
    return LinearModel(force / drift, rate.T / drift, covariance)
