"""Kramers-Moyal coefficients of drift and diffusion, by bins or by kernel averages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import IntArray
from stochtext._shared.validation import check_choice, check_integer, check_positive
from stochtext.estimators.base import Fit, SDEEstimator
from stochtext.estimators.kramers_moyal.bin_sums import BinSums
from stochtext.estimators.kramers_moyal.binning import Binning, make_binning
from stochtext.estimators.kramers_moyal.coefficients import BinCoefficients, estimate_bins
from stochtext.estimators.kramers_moyal.frame import coefficient_frame
from stochtext.estimators.kramers_moyal.honest_errors import (
    COARSE_REASON,
    bin_errors,
    honest_errors,
)
from stochtext.estimators.kramers_moyal.increments import (
    ErrorClusters,
    Increments,
    error_clusters,
    lagged_increments,
)
from stochtext.estimators.kramers_moyal.kernel_nodes import NodeGrid, estimate_nodes, node_grid
from stochtext.estimators.kramers_moyal.kernel_states import kernel_coefficients
from stochtext.estimators.kramers_moyal.moment_tests import pawula_by_coordinate
from stochtext.estimators.kramers_moyal.pilots import LinePilot, SpacePilot, fit_pilot
from stochtext.estimators.local.bandwidth import choose_bandwidth
from stochtext.estimators.local.continuation import LinearContinuation, fit_continuation
from stochtext.estimators.local.fitting import EXTRAPOLATIONS, functional_fit, local_process
from stochtext.estimators.local.folds import canonical_order
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.bins.binned import BinnedProcess
from stochtext.processes.fitted.smoothing.smoothed import KernelProcess
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.results.inference.curves.local.bin_errors import BinErrors
from stochtext.results.inference.curves.local.kernel_errors import KernelErrors
from stochtext.results.kramers_moyal import KramersMoyalResults, MomentTotals

__all__ = ["KramersMoyalResults", "KramersMoyalSDE"]

METHODS = ("auto", "bins", "kernel")
CORRECTIONS = ("second-order",)
_HIGHEST_ORDER = 6
_MOST_BINNED_COORDINATES = 2
_FEWEST_PILOT_ROWS = 10
MANY_COORDINATES = (
    "Kernel averages in three and more coordinates: no standard errors are offered in the table "
    "of coefficients, where their coverage has not been measured."
)


class KramersMoyalSDE(SDEEstimator):
    """Drift and diffusion from conditional moments of the increments.

    Parameters
    ----------
    bins : "auto", int, sequence of d ints, or sequence of d arrays of edges
        "auto" takes equal widths that shrink with the observed time. For kernel averages in
        one and two coordinates: where the nodes are (middles of the bins); "auto" takes 200,
        or 50 along each of two.
    order : int from 2 to 6, default 4
        Highest coefficient in the table. Mixed coefficients are those of second order.
    min_count : int, default 20
        A bin with fewer transitions (a node with a smaller effective number) has no
        coefficients.
    correction : {"second-order", None}
        Takes the rates of the cumulants of dX in place of those of its moments, and subtracts
        from D1 and D2 the leading terms in dt that come from the derivatives of drift and
        diffusion (of pilot polynomials).
    extrapolation : {"linear"}, default "linear"
        Where there are no data the process continues as the pooled linear fit.
    method : {"auto", "bins", "kernel"}, default "auto"
        Bins for one and two coordinates, kernel averages (Nadaraya-Watson) for more,
        because product bins are empty there.
    bandwidth : "cv", float or array_like of shape (d,)
        Of the kernel averages, as in :class:`KernelSDE`.
    lags : int or sequence of int, default (1,)
        Increments over so many steps; with several lags (bins only) each coefficient is
        extrapolated to lag zero by a weighted straight line. Increments overlap, but
        never reach from one trajectory into the next.

    Notes
    -----
    Convention: D1 = b is the drift, D2 = a / 2 half the covariance rate;
    ``D_n(x) = lim E[(X(t + dt) - x)**n | X(t) = x] / (n! dt)``. A bin without data
    is NaN, never zero. What is estimated is the coefficient averaged over the states in a
    bin, or with the weights of the kernel.

    By the Itô-Taylor expansion the mean change of one step is
    ``D1 dt + (D1 D1' + D2 D1'') dt**2 / 2`` and its variance
    ``2 D2 dt + (2 D2 D1' + D1 D2' + D2 D2'') dt**2``.

    Standard errors: increments over one step are uncorrelated given their states. With ten
    or more trajectories they are clustered by trajectory (or ``groups``), with
    t(M - 1) intervals; increments over several steps of fewer trajectories are clustered by
    blocks of time eight times as long as the longest lag. Kernel averages take transitions
    as uncorrelated. In one coordinate the error of D2 has a part that comes from the pilot
    drift behind the correction: a fifth of it where the drift is steep against dt.

    References
    ----------
    Risken, H. (1989), The Fokker-Planck Equation, section 4.1.
    Honisch, C. and Friedrich, R. (2011), Estimation of Kramers-Moyal coefficients at
    low sampling rates, Physical Review E 83, 066701.
    Rydin Gorjão, L., Witthaut, D., Lehnertz, K. and Lind, P. G. (2021), Arbitrary-order
    finite-time corrections for the Kramers-Moyal operator, Entropy 23, 517.

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
        lags: Any = (1,),
    ) -> None:
        self.bins = bins
        self.order = order
        self.min_count = min_count
        self.correction = correction
        self.extrapolation = extrapolation
        self.method = method
        self.bandwidth = bandwidth
        self.lags = lags

    def _fit_sample(self, sample: TransitionSample) -> Fit:
        method = self._checked_method(sample.dim)
        lags = self._checked_lags(method)
        kept = sample.subset(sample.weight > 0)
        one = kept.panel.n_trajectories == 1
        order = np.arange(kept.n) if one else canonical_order(kept)
        increments = [lagged_increments(kept, lag).ordered(order) for lag in lags]
        clusters = error_clusters(kept, max(lags))
        kept = kept.subset(order)
        linear = fit_continuation(kept.x, kept.x_next - kept.x, kept.dt, kept.weight)
        if method == "bins":
            own = None if clusters is None else clusters.ordered(order)
            return self._fit_bins(sample, kept, increments, own, linear)
        if kept.dim <= _MOST_BINNED_COORDINATES:
            return self._fit_nodes(sample, kept, linear)
        return self._fit_kernel(sample, kept, linear)

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

    def _checked_lags(self, method: str) -> tuple[int, ...]:
        given = [self.lags] if np.ndim(self.lags) == 0 else list(self.lags)
        lags = tuple(check_integer("lags", lag, minimum=1) for lag in given)
        if not lags or len(set(lags)) < len(lags):
            raise InputError(f"`lags` must be different integers >= 1; got {self.lags!r}.")
        if method == "kernel" and lags != (1,):
            raise InputError("Kernel averages take increments over one step: `lags` must be (1,).")
        return tuple(sorted(lags))

    def _fit_bins(
        self,
        observed: TransitionSample,
        sample: TransitionSample,
        increments: Sequence[Increments],
        clusters: ErrorClusters | None,
        linear: LinearContinuation,
    ) -> Fit:
        minimum = max(float(self.min_count), sample.dim + 2.0)
        binning = make_binning(sample, self.bins, minimum)
        place = binning.assign(sample.x)
        rows = np.flatnonzero(place >= 0)
        if len(rows) < sample.n:
            increments = [step.ordered(rows) for step in increments]
            clusters = None if clusters is None else clusters.ordered(rows)
        own, place = sample.subset(rows), place[rows]
        corrected = self.correction is not None
        pilot = _pilot(sample, own, place, binning.size)
        longest = max(step.lag for step in increments)
        bins = estimate_bins(
            own, place, binning, increments, clusters, order=self.order, minimum=minimum,
            pilot=pilot, corrected=corrected,
        )  # fmt: skip
        tests = pawula_by_coordinate(own, place, binning.size, pilot)
        shape = " x ".join(map(str, binning.shape))
        details: list[tuple[str, Any]] = [
            ("Bins", f"{shape} ({int(bins.known.sum())} with data)"),
            ("Correction", self.correction or "none"),
        ]
        if longest > 1:
            details.append(("Lags", ", ".join(str(step.lag) for step in increments)))
        return self._finish_grid(
            observed, binning, bins, pilot, linear.process(), tuple(details), tests,
            longest=longest, clusters=clusters,
        )  # fmt: skip

    def _fit_nodes(
        self, observed: TransitionSample, sample: TransitionSample, linear: LinearContinuation
    ) -> Fit:
        choice = choose_bandwidth(
            sample, self.bandwidth, degree=0, kernel="gaussian", continuation=linear
        )
        axes = None
        if not isinstance(self.bins, str):
            axes = make_binning(sample, self.bins, 1.0).axes
        grid = node_grid(sample, choice.bandwidth, axes)
        cells = make_binning(sample, "auto", max(float(self.min_count), 2.0))
        place = cells.assign(sample.x)
        pilot = _pilot(sample, sample, place, cells.size)
        bins = estimate_nodes(
            sample, grid, order=self.order, minimum=max(float(self.min_count), 2.0), pilot=pilot,
            corrected=self.correction is not None,
        )  # fmt: skip
        shown = ", ".join(f"{h:.4g}" for h in choice.bandwidth)
        details = (
            ("Nodes", " x ".join(map(str, grid.shape))),
            ("Bandwidth", f"{shown} ({choice.method})"),
            ("Correction", self.correction or "none"),
        )
        tests = pawula_by_coordinate(sample, place, cells.size, pilot)
        return self._finish_grid(
            observed, grid, bins, pilot, linear.process(), details, tests, longest=1, clusters=None
        )

    def _finish_grid(
        self,
        observed: TransitionSample,
        grid: Binning | NodeGrid,
        bins: BinCoefficients,
        pilot: LinePilot | SpacePilot,
        outside: OrnsteinUhlenbeck,
        details: tuple[tuple[str, Any], ...],
        tests: pd.DataFrame,
        *,
        longest: int,
        clusters: ErrorClusters | None,
    ) -> Fit:
        """Return the fit of coefficients on a grid of bins or nodes."""
        corrected, smooth = self.correction is not None, isinstance(grid, NodeGrid)
        inside = _binned_process(grid, bins, outside)
        by_trajectory = clusters is not None and clusters.by_trajectory
        df = float(clusters.multiplicity.sum() - 1) if clusters and by_trajectory else None
        errors = bin_errors(
            inside, bins, pilot, corrected=corrected, longest=longest, df=df, smooth=smooth
        )
        mean_dt = float(np.average(observed.dt))
        honest = honest_errors(bins, pilot, mean_dt, corrected=corrected, longest=longest)
        said = "trajectory" if by_trajectory else "transition" if longest == 1 else "block of time"
        details = (*details, ("Errors by", said))
        coarse = np.isnan(honest.d1_se).sum() > np.isnan(bins.d1_se).sum()
        totals = None
        if bins.totals is not None and bins.totals_cov is not None:
            totals = MomentTotals(
                bins.totals, bins.totals_cov, corrected, float(observed.weight @ observed.dt)
            )
        return self._finish(
            observed, inside, outside, errors, coefficient_frame(honest), details, tests, totals,
            notes=(COARSE_REASON,) if coarse else (), instantaneous=corrected,
        )  # fmt: skip

    def _fit_kernel(
        self, observed: TransitionSample, sample: TransitionSample, linear: LinearContinuation
    ) -> Fit:
        choice = choose_bandwidth(
            sample, self.bandwidth, degree=0, kernel="gaussian", continuation=linear
        )
        outside = linear.process()
        inside = local_process(sample, choice.bandwidth, 0, "gaussian", None, outside)
        frame = coefficient_frame(kernel_coefficients(inside, self.order))
        shown = ", ".join(f"{h:.4g}" for h in choice.bandwidth)
        return self._finish(
            observed, inside, outside, KernelErrors(inside), frame,
            (("Bandwidth", f"{shown} ({choice.method})"), ("Kernel averages", "gaussian")),
            None, None, notes=(MANY_COORDINATES,),
        )  # fmt: skip

    def _finish(
        self,
        observed: TransitionSample,
        inside: BinnedProcess | KernelProcess,
        outside: OrnsteinUhlenbeck,
        errors: BinErrors | KernelErrors,
        frame: pd.DataFrame,
        details: tuple[tuple[str, Any], ...],
        tests: pd.DataFrame | None,
        totals: MomentTotals | None,
        notes: tuple[str, ...],
        *,
        instantaneous: bool = False,
    ) -> Fit:
        tables = {"Kramers-Moyal coefficients": frame} if observed.dim == 1 else {}
        return functional_fit(
            observed, inside, outside, errors, model="KramersMoyalSDE", details=details,
            notes=notes, results_type=KramersMoyalResults, tables=tables, coefficients=frame,
            tests=tests, totals=totals, instantaneous=instantaneous,
        )  # fmt: skip


def _pilot(
    sample: TransitionSample, own: TransitionSample, place: IntArray, size: int
) -> LinePilot | SpacePilot:
    """Return pilots for the rows inside the edges, or for all if those are too few."""
    if own.n < _FEWEST_PILOT_ROWS:
        own, place, size = sample, np.zeros(sample.n, dtype=np.int64), 1
    sums = BinSums(place, size, own.weight, 0.0)
    change = own.x_next - own.x
    mean = sums.total(change) / np.maximum(sums.total(own.dt), 1e-300)[:, None]
    return fit_pilot(own, change - mean[place] * own.dt[:, None])


def _binned_process(
    grid: Binning | NodeGrid, bins: BinCoefficients, continuation: OrnsteinUhlenbeck
) -> BinnedProcess:
    """Return the process that interpolates the bins; bins without a positive D2 count as empty."""
    d = bins.center.shape[1]
    covariance = 2 * bins.d2
    known = bins.known & np.isfinite(covariance).all(axis=(1, 2))
    known[known] = np.linalg.eigvalsh(covariance[known])[:, 0] > 0
    drift = np.where(known[:, None], bins.d1, np.nan)
    covariance = np.where(known[:, None, None], covariance, np.nan)
    at_means = d == 1 and isinstance(grid, Binning)
    centers = [bins.mean_state[:, 0]] if at_means else list(grid.axes)
    reach = grid.widths if isinstance(grid, Binning) else grid.bandwidth
    return BinnedProcess(
        centers, drift.reshape(*grid.shape, d), covariance.reshape(*grid.shape, d, d),
        reach=reach, continuation=continuation,
    )  # fmt: skip
