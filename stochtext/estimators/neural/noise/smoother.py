"""States behind noisy observations, given a process: their means, covariances and pairs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.trajectories.panel import Trajectories

if TYPE_CHECKING:
    from stochtext.processes.compiled.coefficients import CompiledCoefficients

__all__ = ["SmoothedStates", "smooth_states"]

_SOURCE = "stochtext.estimators.neural.noise.smoother_kernels"
_LONGEST = 0.3
_MOST_SUBSTEPS = 32


@dataclass(frozen=True)
class SmoothedStates:
    """Gaussian laws of the states given all observations of their trajectory.

    Attributes
    ----------
    mean : ndarray of shape (N, d)
    covariance : ndarray of shape (N, d, d)
    cross : ndarray of shape (N, d, d)
        Covariance of each state (rows) with the next one of its trajectory; the last of a
        trajectory is unused.
    innovations : ndarray of shape (N, d)
        Standardised prediction errors of the observations.
    log_likelihood : float
        Of the observations given the first of each trajectory; NaN where the filter broke down.
    """

    mean: FloatArray
    covariance: FloatArray
    cross: FloatArray
    innovations: FloatArray
    log_likelihood: float


def smooth_states(
    process: Process, panel: Trajectories, noise: FloatArray, n_substeps: IntArray | None = None
) -> SmoothedStates:
    """Run the cubature Kalman filter and the Rauch-Tung-Striebel smoother.

    Parameters
    ----------
    process : Process
    panel : Trajectories
        Observations, state plus noise.
    noise : ndarray of shape (d, d)
        Covariance of the noise.
    n_substeps : ndarray of int of shape (N,), optional
        Runge-Kutta steps behind each observation. If not given, they are chosen from the slope
        of the drift at the observations, and doubled while the filter breaks down.

    Notes
    -----
    The first state of each trajectory has the mean and the covariance of all observations.

    References
    ----------
    Sarkka and Sarmavuori (2013), Gaussian filtering and smoothing for continuous-discrete
    dynamic systems, Signal Processing 93, 500-510.
    """
    from stochtext.processes.compiled.coefficients import compile_coefficients

    steps = _steps(panel, process.clock)
    coefficients = compile_coefficients(process, process.noise_dim or panel.n_features)
    if n_substeps is not None:
        return _smoothed(coefficients, panel, noise, steps, n_substeps)
    counts = substeps_of(process, panel, steps)
    found = _smoothed(coefficients, panel, noise, steps, counts)
    while not np.isfinite(found.log_likelihood) and counts.min() < _MOST_SUBSTEPS:
        counts = np.minimum(2 * counts, _MOST_SUBSTEPS)
        found = _smoothed(coefficients, panel, noise, steps, counts)
    return found


def _smoothed(
    coefficients: CompiledCoefficients, panel: Trajectories, noise: FloatArray, steps: FloatArray,
    counts: IntArray,
) -> SmoothedStates:  # fmt: skip
    d, y = panel.n_features, np.array(panel.values, order="C")
    n = len(y)
    mean, covariance = np.zeros((n, d)), np.zeros((n, d, d))
    cross, innovations = np.zeros((n, d, d)), np.zeros((n, d))
    densities = np.full(panel.n_trajectories, np.nan)
    spread = np.atleast_2d(np.cov(y, rowvar=False))
    sizes = np.array([d, int(coefficients.diagonal), coefficients.noise_dim], dtype=np.int64)
    _kernel()(
        coefficients.drift, coefficients.diffusion, coefficients.theta, sizes, y,
        np.array(panel.offsets, dtype=np.int64), steps, counts,
        np.array(noise, dtype=np.float64), y.mean(axis=0), spread, mean, covariance,
        cross, innovations, densities,
    )  # fmt: skip
    coefficients.raise_error()
    return SmoothedStates(mean, covariance, cross, innovations, float(densities.sum()))


def _steps(panel: Trajectories, clock: str) -> FloatArray:
    position = panel.times if clock == "time" else panel.relative_times
    return np.stack(
        [position, np.diff(panel.times, append=0.0), np.diff(position, append=0.0)]
    ).astype(np.float64)


def substeps_of(process: Process, panel: Trajectories, steps: FloatArray) -> IntArray:
    """Return how many Runge-Kutta steps each interval needs, by the slope of the drift."""
    x, clock = panel.values, steps[0]
    scale = x.std(axis=0)
    slope = np.zeros(len(x))
    for k in range(x.shape[1]):
        arm = np.zeros(x.shape[1])
        arm[k] = 0.05 * scale[k]
        ahead, behind = process.drift(x + arm, clock), process.drift(x - arm, clock)
        slope += (((ahead - behind) / (0.1 * scale[k])) ** 2).sum(axis=1)
    needed = np.ceil(np.sqrt(slope) * np.maximum(steps[1], 0.0) / _LONGEST)
    return np.clip(needed, 1, _MOST_SUBSTEPS).astype(np.int64)


@cache
def _kernel() -> Any:
    from numba import types

    from stochtext._shared.compilation.generated import compiled_module, machine_function
    from stochtext.processes.compiled.coefficients import coefficient_type

    number, coefficient = types.float64, coefficient_type("float64")
    signature = types.void(
        coefficient, coefficient, number[::1], types.int64[::1], number[:, ::1],
        types.int64[::1], number[:, ::1], types.int64[::1], number[:, ::1], number[::1],
        number[:, ::1], number[:, ::1], number[:, :, ::1], number[:, :, ::1], number[:, ::1],
        number[::1],
    )  # fmt: skip
    module = compiled_module("cubature_smoother", [_SOURCE])
    return machine_function(module, "run_smoother", signature)
