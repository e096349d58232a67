"""Kramers-Moyal coefficients of drift and diffusion, by bins or by kernel averages."""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_choice, check_integer, check_positive
from stochtext.estimators.base import Fit, SDEEstimator
from stochtext.estimators.kramers_moyal.binning import Binning, make_binning
from stochtext.estimators.kramers_moyal.coefficients import (
    BinCoefficients,
    coefficient_frame,
    estimate_bins,
)
from stochtext.estimators.kramers_moyal.honest_errors import bin_errors, honest_errors
from stochtext.estimators.local.bandwidth import choose_bandwidth
from stochtext.estimators.local.continuation import LinearContinuation, fit_continuation
from stochtext.estimators.local.fitting import EXTRAPOLATIONS, functional_fit, local_process
from stochtext.estimators.local.folds import canonical_order
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.binned import BinnedProcess
from stochtext.processes.fitted.smoothed import KernelProcess
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.results.inference.bin_errors import BinErrors
from stochtext.results.inference.discretization import DiscretizationBias
from stochtext.results.inference.kernel_errors import KernelErrors
from stochtext.results.kramers_moyal import KramersMoyalResults

__all__ = ["KramersMoyalResults", "KramersMoyalSDE"]

METHODS = ("auto", "bins", "kernel")
CORRECTIONS = ("second-order",)
_HIGHEST_ORDER = 6
_MOST_BINNED_COORDINATES = 2
_SHOWN_STATES = 200


class KramersMoyalSDE(SDEEstimator):
    """Drift and diffusion from conditional moments of the increments.

    Parameters
    ----------
    bins : "auto", int, sequence of d ints, or sequence of d arrays of edges
        "auto" takes equal widths that shrink with the observed time.
    order : int from 2 to 6, default 4
        Highest coefficient in the table.
    min_count : int, default 20
        A bin with fewer transitions has no coefficients.
    correction : {"second-order", None}
        Second order takes the moments of dX - D1 dt and, for bins in one coordinate,
        subtracts the leading term in dt (with derivatives of pilot polynomials).
    extrapolation : {"linear"}, default "linear"
        Where there are no data the process continues as the pooled linear fit.
    method : {"auto", "bins", "kernel"}, default "auto"
        Bins for one and two coordinates, kernel averages (Nadaraya-Watson) for more,
        because product bins are empty there.
    bandwidth : "cv", float or array_like of shape (d,)
        Of the kernel averages, as in :class:`KernelSDE`.

    Notes
    -----
    Convention: D1 = b is the drift, D2 = a / 2 half the covariance rate;
    ``D_n(x) = lim E[(X(t + dt) - x)**n | X(t) = x] / (n! dt)``. A bin without data
    is NaN, never zero.

    By the Itô-Taylor expansion the mean change of one step is
    ``D1 dt + (D1 D1' + D2 D1'') dt**2 / 2`` and its variance
    ``2 D2 dt + (2 D2 D1' + D1 D2' + D2 D2'') dt**2``.

    References
    ----------
    Risken, H. (1989), The Fokker-Planck Equation, section 4.1.
    Honisch, C. and Friedrich, R. (2011), Estimation of Kramers-Moyal coefficients at
    low sampling rates, Physical Review E 83, 066701.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.estimators import KramersMoyalSDE
    >>> rng = np.random.default_rng(0)
    >>> x = np.zeros(4001)
    >>> for k in range(4000):
    ...     x[k + 1] = x[k] - x[k] * 0.1 + 0.3 * rng.standard_normal()
    >>> results = KramersMoyalSDE(bins=8).fit(x[:, None], dt=0.1).results_
    >>> len(results.coefficients)
    8
    """

    def __init__(
        self,
        bins: Any = "auto",
        order: int = 4,
        min_count: int = 20,
        correction: str | None = "second-order",
        extrapolation: str = "linear",
        *,
        method: str = "auto",
        bandwidth: Any = "cv",
    ) -> None:
        self.bins = bins
        self.order = order
        self.min_count = min_count
        self.correction = correction
        self.extrapolation = extrapolation
        self.method = method
        self.bandwidth = bandwidth

    def _fit_sample(self, sample: TransitionSample) -> Fit:
        method = self._checked_method(sample.dim)
        kept = sample.subset(sample.weight > 0)
        kept = kept.subset(canonical_order(kept))
        linear = fit_continuation(kept.x, kept.x_next - kept.x, kept.dt, kept.weight)
        fit = self._fit_bins if method == "bins" else self._fit_kernel
        return fit(sample, kept, linear)

    def _checked_method(self, dim: int) -> str:
        order = check_integer("order", self.order, minimum=2)
        if order > _HIGHEST_ORDER:
            raise InputError(f"`order` must be at most {_HIGHEST_ORDER}; got {order}.")
        check_positive("min_count", self.min_count)
        check_choice("extrapolation", self.extrapolation, EXTRAPOLATIONS)
        if self.correction is not None:
            check_choice("correction", self.correction, CORRECTIONS)
        method = check_choice("method", self.method, METHODS)
        if method == "auto":
            return "bins" if dim <= _MOST_BINNED_COORDINATES else "kernel"
        return method

    def _fit_bins(
        self, observed: TransitionSample, sample: TransitionSample, linear: LinearContinuation
    ) -> Fit:
        minimum = max(float(self.min_count), sample.dim + 2.0)
        binning = make_binning(sample, self.bins, minimum)
        pilot = _pilot(sample) if sample.dim == 1 else None
        corrected = self.correction is not None
        bins = estimate_bins(
            sample, binning, order=self.order, minimum=minimum,
            bias=pilot if corrected else None, centred=corrected,
        )  # fmt: skip
        outside = linear.process()
        inside = _binned_process(binning, bins, outside)
        frame = coefficient_frame(honest_errors(bins, pilot, corrected))
        shape = " x ".join(map(str, binning.shape))
        populated = f"{shape} ({int(bins.known.sum())} with data)"
        return self._finish(
            observed, inside, outside, bin_errors(inside, bins, pilot, corrected), frame,
            (("Bins", populated), ("Correction", self.correction or "none")),
        )  # fmt: skip

    def _fit_kernel(
        self, observed: TransitionSample, sample: TransitionSample, linear: LinearContinuation
    ) -> Fit:
        choice = choose_bandwidth(
            sample, self.bandwidth, degree=0, kernel="gaussian", continuation=linear
        )
        outside = linear.process()
        inside = local_process(sample, choice.bandwidth, 0, "gaussian", None, outside)
        frame = coefficient_frame(_kernel_coefficients(inside, self.order))
        shown = ", ".join(f"{h:.4g}" for h in choice.bandwidth)
        return self._finish(
            observed, inside, outside, KernelErrors(inside), frame,
            (("Bandwidth", f"{shown} ({choice.method})"), ("Kernel averages", "gaussian")),
        )  # fmt: skip

    def _finish(
        self,
        observed: TransitionSample,
        inside: BinnedProcess | KernelProcess,
        outside: OrnsteinUhlenbeck,
        errors: BinErrors | KernelErrors,
        frame: pd.DataFrame,
        details: tuple[tuple[str, Any], ...],
    ) -> Fit:
        tables = {"Kramers-Moyal coefficients": frame} if observed.dim == 1 else {}
        return functional_fit(
            observed, inside, outside, errors, model="KramersMoyalSDE", details=details,
            results_type=KramersMoyalResults, tables=tables, coefficients=frame,
        )  # fmt: skip


def _pilot(sample: TransitionSample) -> DiscretizationBias:
    x, increments = sample.x[:, 0], (sample.x_next - sample.x)[:, 0]
    mean = np.sum(sample.weight * increments) / np.sum(sample.weight * sample.dt)
    squares = (increments - mean * sample.dt) ** 2 / sample.dt
    return DiscretizationBias.fit(x, increments / sample.dt, squares, sample.dt, sample.weight)


def _binned_process(
    binning: Binning, bins: BinCoefficients, continuation: OrnsteinUhlenbeck
) -> BinnedProcess:
    """Return the process that interpolates the bins; bins without a positive D2 count as empty."""
    d = bins.center.shape[1]
    covariance = 2 * bins.d2
    known = bins.known & np.isfinite(covariance).all(axis=(1, 2))
    known[known] = np.linalg.eigvalsh(covariance[known])[:, 0] > 0
    drift = np.where(known[:, None], bins.d1, np.nan)
    covariance = np.where(known[:, None, None], covariance, np.nan)
    centers = [bins.mean_state[:, 0]] if d == 1 else list(binning.axes)
    return BinnedProcess(
        centers, drift.reshape(*binning.shape, d), covariance.reshape(*binning.shape, d, d),
        reach=binning.widths, continuation=continuation,
    )  # fmt: skip


def _kernel_coefficients(process: KernelProcess, order: int) -> BinCoefficients:
    """Return kernel averages at up to two hundred of the observed states."""
    n, d = process.points.shape
    rows = np.unique(np.linspace(0, n - 1, min(n, _SHOWN_STATES)).astype(np.int64))
    states = process.points[rows]
    regression = process.covariance_regression(0)

    def average(values: FloatArray) -> FloatArray:
        fit = regression.fit(states, values)
        return np.where(fit.count[:, None] >= process.minimum_count, fit.value, np.nan)

    noise, dt = process.residuals, process.dt[:, None]
    higher = {k: average(noise**k / dt) / factorial(k) for k in range(3, order + 1)}
    d2 = process.local_covariance(states) / 2
    pawula = np.full((len(rows), d), np.nan)
    if 4 in higher:
        pawula = 2 * higher[4] / (np.einsum("cjj->cj", d2) ** 2 * average(dt))
    return BinCoefficients(
        states, states, regression.fit(states, dt).count, process.local_drift(states),
        np.full((len(rows), d), np.nan), d2, np.full((len(rows), d, d), np.nan), higher, pawula,
    )  # fmt: skip
