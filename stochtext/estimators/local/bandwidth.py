"""Choice of the bandwidth: a rule that scales with observed time, and cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext._shared.validation import as_float_array
from stochtext.estimators.local.binned_loss import binned_losses
from stochtext.estimators.local.continuation import LinearContinuation
from stochtext.estimators.local.folds import fold_codes
from stochtext.estimators.local.plug_in import plug_in_bandwidth
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.smoothing.kernels import kernel_sd
from stochtext.processes.fitted.smoothing.local_polynomial import LocalPolynomial, basis_size

__all__ = ["BandwidthChoice", "choose_bandwidth", "rule_bandwidth"]

FACTORS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0, 8.0)
_RULE_CONSTANT = 2.34  # for the Epanechnikov kernel
_BINNED_FROM = 2000
_PAIRS = 10_000_000
_MOST_FOLDS = 20
# A bandwidth that leaves more states than this without a local estimate is no candidate.
_KNOWN_SHARE = 0.9


@dataclass(frozen=True)
class BandwidthChoice:
    """A bandwidth and how it was found.

    Attributes
    ----------
    bandwidth : ndarray of shape (d,)
        In the units of the coordinates.
    method : {"given", "cv", "plug-in"}
    factors, losses : tuple of float
        Multiples of the rule that were tried and their leave-out losses, as shares
        of the loss of the linear drift; empty unless they chose it.
    """

    bandwidth: FloatArray
    method: str
    factors: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()


def state_scale(sample: TransitionSample) -> FloatArray:
    """Return the weighted standard deviation of each coordinate of the states."""
    centre = np.average(sample.x, axis=0, weights=sample.weight)
    return np.sqrt(np.average((sample.x - centre) ** 2, axis=0, weights=sample.weight))


def rule_bandwidth(sample: TransitionSample, kernel: str) -> FloatArray:
    """Return C sd T**(-1 / (4 + d)), shape (d,).

    T is the observed time in units of the time that the noise takes to cross one
    standard deviation, so that the rule does not depend on the unit of time; its
    precision is that of the drift, which does not improve with finer sampling.
    """
    scale = state_scale(sample)
    increments = sample.x_next - sample.x
    variation = (sample.weight[:, None] * increments**2).sum(axis=0)
    span = max(float(np.mean(variation / scale**2)), 1.0)
    constant = _RULE_CONSTANT * kernel_sd("epanechnikov") / kernel_sd(kernel)
    return constant * scale * span ** (-1.0 / (4 + sample.dim))


def choose_bandwidth(
    sample: TransitionSample,
    given: Any,
    *,
    degree: int,
    kernel: str,
    continuation: LinearContinuation,
) -> BandwidthChoice:
    """Return the given bandwidth in the units of the data, or the best by leaving out folds.

    Parameters
    ----------
    sample : TransitionSample
    given : "cv", "plug-in", float or array_like of shape (d,)
        Numbers are multiples of each coordinate's standard deviation.
    degree, kernel
        Of the regression.
    continuation : LinearContinuation
        What the process does where a state has no neighbours; it sets the unit of the losses.
    """
    if not isinstance(given, str):
        return BandwidthChoice(_given(given, sample.dim) * state_scale(sample), "given")
    rule = rule_bandwidth(sample, kernel)
    if given == "plug-in":
        scale = state_scale(sample)
        return BandwidthChoice(plug_in_bandwidth(sample, scale, rule, degree, kernel), given)
    if given != "cv":
        raise InputError(
            f"`bandwidth` must be 'cv', 'plug-in', a number or an array; got {given!r}."
        )
    minimum = max(10, 2 * basis_size(sample.dim, degree))
    losses, known = _losses(sample, rule, degree, kernel, minimum, continuation)
    eligible = known >= min(_KNOWN_SHARE, known.max())
    best = int(np.argmin(np.where(eligible, losses, np.inf)))
    return BandwidthChoice(
        FACTORS[best] * rule, "cv", FACTORS, tuple(float(loss) for loss in losses)
    )


def _losses(
    sample: TransitionSample,
    rule: FloatArray,
    degree: int,
    kernel: str,
    minimum: float,
    continuation: LinearContinuation,
) -> tuple[FloatArray, FloatArray]:
    """Return for each factor the loss and the share of states that have a local estimate."""
    if sample.dim == 1 and sample.n > _BINNED_FROM:
        folds = fold_codes(sample, most=_MOST_FOLDS)
        return binned_losses(
            sample, folds, rule[0] * np.array(FACTORS), degree=degree, kernel=kernel,
            minimum=minimum,
        )  # fmt: skip
    loss = _direct_loss(sample, degree, kernel, minimum, continuation)
    results = np.array([loss(factor * rule) for factor in FACTORS])
    return results[:, 0], results[:, 1]


def _direct_loss(
    sample: TransitionSample,
    degree: int,
    kernel: str,
    minimum: float,
    continuation: LinearContinuation,
) -> Callable[[FloatArray], tuple[float, float]]:
    """Return the leave-out loss, and the share of known states, as a function of the bandwidth."""
    folds = fold_codes(sample)
    rates = (sample.x_next - sample.x) / sample.dt[:, None]
    weight = sample.weight * sample.dt
    stride = max(1, -(-sample.n * sample.n // _PAIRS))
    rows = np.arange(0, sample.n, stride)
    linear = _linear_without_fold(sample.x, rates, weight, folds, rows)
    unit = np.diag(continuation.covariance)
    worst = _weighted_loss(rates[rows], linear, weight[rows], unit)

    def loss(bandwidth: FloatArray) -> tuple[float, float]:
        regression = LocalPolynomial(sample.x, weight, sample.weight, bandwidth, degree, kernel)
        fit = regression.fit(sample.x[rows], rates, group=folds[rows], point_group=folds)
        known = fit.count[:, None] >= minimum
        predicted = np.where(known, fit.value, linear)
        share = float(np.average(known[:, 0], weights=sample.weight[rows]))
        return _weighted_loss(rates[rows], predicted, weight[rows], unit) / worst, share

    return loss


def _weighted_loss(
    rates: FloatArray, predicted: FloatArray, weight: FloatArray, unit: FloatArray
) -> float:
    return float(np.sum(weight[:, None] * (rates - predicted) ** 2 / unit))


def _linear_without_fold(
    x: FloatArray, rates: FloatArray, weight: FloatArray, folds: IntArray, rows: IntArray
) -> FloatArray:
    """Return the linear drift at ``rows``, each fitted without the row's fold."""
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    design = np.column_stack([np.ones(len(x)), (x - x.mean(axis=0)) / scale])
    weighted = design * weight[:, None]
    gram, right = weighted.T @ design, weighted.T @ rates
    predicted = np.empty((len(rows), rates.shape[1]))
    for fold in np.unique(folds[rows]):
        own = folds == fold
        left_gram = gram - weighted[own].T @ design[own]
        left_right = right - weighted[own].T @ rates[own]
        solution = np.linalg.lstsq(left_gram, left_right, rcond=1e-10)[0]
        here = own[rows]
        predicted[here] = design[rows][here] @ solution
    return predicted


def _given(value: Any, dim: int) -> FloatArray:
    array = as_float_array("bandwidth", value)
    if array.shape not in ((), (1,), (dim,)):
        raise InputError(
            f"`bandwidth` must be one number or one for each of the {dim} coordinates; "
            f"got shape {array.shape}."
        )
    if not np.all(np.isfinite(array)) or not np.all(array > 0):
        raise InputError(f"`bandwidth` must be positive and finite; got {value!r}.")
    return np.broadcast_to(array, (dim,)).astype(np.float64)
