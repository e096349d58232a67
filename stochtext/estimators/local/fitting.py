"""From a local process to a complete fit: residuals, continuation, likelihood, record."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.base import Fit
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.continuation import Continued
from stochtext.processes.fitted.extrapolated import ExtrapolatedProcess
from stochtext.processes.fitted.local_polynomial import basis_size
from stochtext.processes.fitted.smoothed import KernelProcess
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.processes.support import Support
from stochtext.results.functional import FunctionalResults
from stochtext.results.inference.curve_errors import CurveErrors
from stochtext.results.record import FitRecord
from stochtext.results.residuals import residuals_of
from stochtext.transitions.registry import transition_density

__all__ = ["EXTRAPOLATIONS", "functional_fit", "local_process"]

EXTRAPOLATIONS = ("linear",)
# A transition that alone decides its own fit has no residual to speak of.
_SMALLEST_FREEDOM = 0.05


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
    results_type: type[FunctionalResults] = FunctionalResults,
    **options: Any,
) -> Fit:
    """Continue a local process outside the support and weigh the data with Euler's density."""
    support = Support.from_states(sample.panel.values)
    process = ExtrapolatedProcess(inside, outside, support)
    density = transition_density("euler")
    arguments = (process, sample.x, sample.x_next, sample.t, sample.dt)
    log_density = density.log_density(*arguments, clock_dt=sample.clock_dt)
    residuals = residuals_of(sample.panel, process, density, "time")
    record = FitRecord.of_panel(
        sample.panel, model=model, density="euler", llf=float(sample.weight @ log_density),
        details=details, notes=notes, converged=converged, nobs=round(sample.n_effective),
    )  # fmt: skip
    results = results_type(record, process, density, support, residuals, errors, **options)
    return Fit(process, density, results)
