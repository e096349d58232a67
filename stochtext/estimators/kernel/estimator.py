"""Kernel regression of drift and covariance rate on the state."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import IntArray
from stochtext._shared.validation import check_choice
from stochtext.estimators.base import Fit, SDEEstimator
from stochtext.estimators.local.bandwidth import BandwidthChoice, choose_bandwidth
from stochtext.estimators.local.continuation import fit_continuation
from stochtext.estimators.local.correction import CORRECTIONS, INSTANT, corrected
from stochtext.estimators.local.fitting import EXTRAPOLATIONS, functional_fit, local_process
from stochtext.estimators.local.folds import canonical_order
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.smoothing.kernels import KERNELS
from stochtext.results.inference.curves.local.kernel_errors import KernelErrors

__all__ = ["KernelSDE"]

COVARIANCE_TYPES = ("robust", "cluster")


class KernelSDE(SDEEstimator):
    """Local polynomial regression of increments on the state.

    Parameters
    ----------
    bandwidth : "cv", "plug-in", float or array_like of shape (d,), default "cv"
        Width of the kernel in units of each coordinate's standard deviation. "cv"
        leaves out one trajectory (blocks of a single path) at a time and chooses
        among multiples of a rule that scales with the observed time, not with the
        number of samples. "plug-in" minimises the drift's asymptotic error with the
        curvature of a pilot polynomial.
    degree : {0, 1, 2}, default 1
        Degree of the local polynomial of the drift: 0 is Nadaraya-Watson, 1 local
        linear, 2 local quadratic.
    kernel : {"gaussian", "epanechnikov", "quartic"}, default "gaussian"
        Product kernel; the bandwidth is the standard deviation of the first and the
        half-width of the others.
    correction : {"second-order", None}, default "second-order"
        Whether to take out, up to second order in dt, what the sampling interval adds
        to drift and covariance rate. Where the drift's slope times dt exceeds .15 on
        average nothing is taken out and the summary says so; None never takes it out.
    shrinkage : float, optional
        The covariance rate of a state counts the pooled one as this many further
        transitions; default 0 for one coordinate and 2 (d + 1) for more.
    extrapolation : {"linear"}, default "linear"
        Where there are no data the process continues as the pooled linear fit.
    cov_type : {None, "robust", "cluster"}, default None
        Standard errors of the curves: transitions uncorrelated given their state,
        or sums over trajectories (``groups``) uncorrelated. None is "cluster" for
        panels of at least ten clusters, else "robust".

    Attributes
    ----------
    bandwidth_ : ndarray of shape (d,)
        In the units of the coordinates.
    bandwidth_choice_ : BandwidthChoice
        How it was found, with the losses of all candidates.

    Notes
    -----
    The drift minimises ``sum_i dt_i K_h(X_i - x) (dX_i / dt_i - beta' z_i)**2``.
    The covariance rate is the regression of e e' / dt, with the residuals
    e = dX - b(X) dt, so that the drift does not inflate it.
    Without correction the target is the mean change over one interval divided by its
    length (the dt-drift).

    References
    ----------
    Fan, J. and Gijbels, I. (1996), Local Polynomial Modelling and Its Applications.
    Bandi, F. M. and Phillips, P. C. B. (2003), Fully nonparametric estimation of
    scalar diffusion models, Econometrica 71, 241-283.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.estimators import KernelSDE
    >>> rng = np.random.default_rng(0)
    >>> x = np.zeros(2001)
    >>> for k in range(2000):
    ...     x[k + 1] = x[k] - x[k] * 0.1 + 0.3 * rng.standard_normal()
    >>> model = KernelSDE(bandwidth=0.5).fit(x[:, None], dt=0.1)
    >>> bool(model.predict_drift([[0.5]])[0, 0] < 0)
    True
    """

    def __init__(
        self,
        bandwidth: Any = "cv",
        degree: int = 1,
        kernel: str = "gaussian",
        *,
        correction: str | None = "second-order",
        shrinkage: float | None = None,
        extrapolation: str = "linear",
        cov_type: str | None = None,
    ) -> None:
        self.bandwidth = bandwidth
        self.degree = degree
        self.kernel = kernel
        self.correction = correction
        self.shrinkage = shrinkage
        self.extrapolation = extrapolation
        self.cov_type = cov_type

    def _fit_sample(self, sample: TransitionSample) -> Fit:
        self._check_options()
        observed = sample
        sample = sample.subset(sample.weight > 0)
        sample = sample.subset(canonical_order(sample))
        increments = sample.x_next - sample.x
        linear = fit_continuation(sample.x, increments, sample.dt, sample.weight)
        choice = choose_bandwidth(
            sample, self.bandwidth, degree=self.degree, kernel=self.kernel, continuation=linear
        )
        outside = linear.process()
        inside = local_process(
            sample, choice.bandwidth, self.degree, self.kernel, self.shrinkage, outside
        )
        self.bandwidth_ = choice.bandwidth
        self.bandwidth_choice_ = choice
        result = corrected(inside, sample, self.correction)
        errors = KernelErrors(result.process, self._clusters(sample), result.bias)
        return functional_fit(
            observed, result.process, outside, errors, model="KernelSDE",
            details=_details(choice, self.degree, self.kernel), notes=(result.note,),
            instantaneous=result.note == INSTANT,
        )  # fmt: skip

    def _check_options(self) -> None:
        check_choice("kernel", self.kernel, KERNELS)
        check_choice("extrapolation", self.extrapolation, EXTRAPOLATIONS)
        if self.correction is not None:
            check_choice("correction", self.correction, CORRECTIONS)
        if self.degree not in (0, 1, 2):
            raise InputError(f"`degree` must be 0, 1 or 2; got {self.degree!r}.")
        if self.cov_type is not None:
            check_choice("cov_type", self.cov_type, COVARIANCE_TYPES)

    def _clusters(self, sample: TransitionSample) -> IntArray | None:
        codes = sample.cluster[sample.trajectory]
        many = len(np.unique(codes)) >= 10
        if self.cov_type == "cluster" or (self.cov_type is None and many):
            return codes
        return None


def _details(choice: BandwidthChoice, degree: int, kernel: str) -> tuple[tuple[str, Any], ...]:
    shown = ", ".join(f"{h:.4g}" for h in choice.bandwidth)
    return (("Bandwidth", f"{shown} ({choice.method})"), ("Degree, kernel", f"{degree}, {kernel}"))
