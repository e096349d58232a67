"""From a local process to a complete fit: residuals, continuation, likelihood, record."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError
from stochtext._shared.typing import FloatArray
from stochtext.estimators.base import Fit
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.fitted.continuation import Continued
from stochtext.processes.fitted.extrapolated import ExtrapolatedProcess
from stochtext.processes.fitted.smoothing.local_polynomial import basis_size
from stochtext.processes.fitted.smoothing.smoothed import KernelProcess
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.processes.support import Support
from stochtext.results.functional import FunctionalResults
from stochtext.results.inference.curves.curve_errors import CurveErrors
from stochtext.results.record import FitRecord
from stochtext.results.residuals import residuals_of
from stochtext.transitions.base import TransitionDensity
from stochtext.transitions.registry import transition_density

__all__ = ["EXTRAPOLATIONS", "functional_fit", "local_process"]

EXTRAPOLATIONS = ("linear",)
# A transition that alone decides its own fit has no residual to speak of.
_SMALLEST_FREEDOM = 0.05
# Rows at which the moments after a step are looked at.
_CHECKED = 512


def local_process(
    sample: TransitionSample,
    bandwidth: FloatArray,
    degree: int,
    kernel: str,
    shrinkage: float | None,
    continuation: OrnsteinUhlenbeck,
) -> KernelProcess:
    """Return the kernel process of a sample, its residuals included.

    Its curves are those of one sampling interval: mean change and variance over dt, by dt.
    """
    increments = sample.x_next - sample.x

    def process(residuals: FloatArray) -> KernelProcess:
        return KernelProcess(
            sample.x, increments, sample.dt, residuals, bandwidth=bandwidth, degree=degree,
            kernel=kernel, multiplicity=sample.weight, shrinkage=shrinkage,
            continuation=continuation,
        )  # fmt: skip

    drift, freedom = _fitted_drift(process(increments))
    return process((increments - drift * sample.dt[:, None]) / np.sqrt(freedom)[:, None])


def _fitted_drift(process: KernelProcess) -> tuple[FloatArray, FloatArray]:
    """Return the drift at the data and the share of each residual's variance that is left.

    With l_ij the influence of transition j on the fit at transition i, the share is
    1 - 2 l_ii + dt_i sum_j l_ij**2 / dt_j, as the variance of dX_j / dt_j is a / dt_j.
    """
    x, n = process.points, len(process.points)
    if process.is_tabulated:
        return process.drift(x), np.ones(n)
    regression = process.drift_regression()
    fit = regression.fit(x, process.increments / process.dt[:, None], noise=True)
    known = fit.count >= process.minimum_count
    linear_share = 1 - basis_size(process.dim, 1) / max(n, basis_size(process.dim, 1) + 1)
    freedom = 1 - 2 * process.dt * fit.leverage + process.dt * fit.noise
    freedom = np.where(known, np.maximum(freedom, _SMALLEST_FREEDOM), linear_share)
    return np.where(known[:, None], fit.value, process.drift(x)), freedom


def functional_fit(
    sample: TransitionSample,
    inside: Continued,
    outside: OrnsteinUhlenbeck,
    errors: CurveErrors,
    *,
    model: str,
    details: tuple[tuple[str, Any], ...],
    notes: tuple[str, ...] = (),
    converged: bool = True,
    instantaneous: bool = False,
    results_type: type[FunctionalResults] = FunctionalResults,
    **options: Any,
) -> Fit:
    """Continue a local process outside the support, and weigh the data.

    Curves of one sampling interval are weighed with Euler's density, which takes them so;
    instantaneous ones with the Gaussian whose moments are those of their diffusion, unless
    these do not stay finite over a step.
    """
    support = Support.from_states(sample.panel.values)
    process = ExtrapolatedProcess(inside, outside, support)
    density = transition_density("euler")
    if instantaneous and _has_moments(process, sample):
        density = transition_density("cubature")
    residuals = residuals_of(sample.panel, process, density, "time")
    record = FitRecord.of_panel(
        sample.panel, model=model, density=density.name,
        llf=partial(_log_likelihood, density, process, sample),
        details=details, notes=notes, converged=converged, nobs=round(sample.n_effective),
    )  # fmt: skip
    results = results_type(record, process, density, support, residuals, errors, **options)
    return Fit(process, density, results)


def _has_moments(process: Process, sample: TransitionSample) -> bool:
    """Whether mean and covariance after a step exist at some rows and at the outermost ones."""
    spaced = np.linspace(0, sample.n - 1, min(sample.n, _CHECKED)).astype(np.int64)
    rows = np.unique([*spaced, *sample.x.argmin(axis=0), *sample.x.argmax(axis=0)])
    s = sample.subset(rows)
    mean, covariance = transition_density("cubature").moments(process, s.x, s.t, s.dt)
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        return False
    return bool(np.linalg.eigvalsh(covariance)[:, 0].min() > 0)


def _log_likelihood(
    density: TransitionDensity, process: Process, sample: TransitionSample
) -> float:
    """Return the log likelihood; NaN where some transition has no density."""
    rows = (process, sample.x, sample.x_next, sample.t, sample.dt)
    try:
        return float(sample.weight @ density.log_density(*rows, clock_dt=sample.clock_dt))
    except DegenerateDataError:
        return float("nan")
