"""Conditional moments of increments in bins, and what they estimate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.estimators.kramers_moyal.bin_sums import BinSums
from stochtext.estimators.kramers_moyal.binning import Binning
from stochtext.estimators.kramers_moyal.cumulants import coefficients_of_moments
from stochtext.estimators.kramers_moyal.increments import ErrorClusters, Increments
from stochtext.estimators.kramers_moyal.pilots import Pilot
from stochtext.estimators.sample import TransitionSample

__all__ = ["BinCoefficients", "estimate_bins"]


@dataclass(frozen=True)
class BinCoefficients:
    """Kramers-Moyal coefficients of C bins in d coordinates; NaN where a bin has no data.

    Attributes
    ----------
    center, mean_state : ndarrays of shape (C, d)
        Middle of the bin and mean of the states in it.
    count : ndarray of shape (C,)
        Transitions that start in the bin (sum of their weights).
    d1, d1_se : ndarrays of shape (C, d)
        D1 = b and its standard error.
    d2, d2_se : ndarrays of shape (C, d, d)
        D2 = a / 2 and its standard error.
    higher, higher_se : dict of int to ndarray of shape (C, d)
        Diagonal coefficients of order 3 and more.
    pawula, pawula_se : ndarray of shape (C, d)
        D4 / D2**2, in units of time.
    totals : ndarray of shape (3,) or None
        In one coordinate and to order 6: rates of the second, fourth and sixth cumulant,
        averaged over the transitions.
    totals_cov : ndarray of shape (3, 3) or None
    """

    center: FloatArray
    mean_state: FloatArray
    count: FloatArray
    d1: FloatArray
    d1_se: FloatArray
    d2: FloatArray
    d2_se: FloatArray
    higher: dict[int, FloatArray]
    higher_se: dict[int, FloatArray]
    pawula: FloatArray
    pawula_se: FloatArray
    totals: FloatArray | None = None
    totals_cov: FloatArray | None = None

    @property
    def known(self) -> BoolArray:
        """Which bins have coefficients."""
        return np.asarray(np.isfinite(self.d1).all(axis=1))


@dataclass
class _Estimate:
    """Coefficients at one lag and what each row adds to their errors.

    ``values`` and ``influence`` hold, by order, arrays of shapes (C, ...) and (n, ...).
    """

    values: dict[int, FloatArray]
    influence: dict[int, FloatArray]


def estimate_bins(
    sample: TransitionSample,
    place: IntArray,
    binning: Binning,
    increments: Sequence[Increments],
    clusters: ErrorClusters | None,
    *,
    order: int,
    minimum: float,
    pilot: Pilot | None,
    corrected: bool,
) -> BinCoefficients:
    """Estimate the coefficients of every bin.

    Parameters
    ----------
    sample : TransitionSample
        Rows inside the edges.
    place : ndarray of int of shape (n,)
        Bin of each row.
    binning : Binning
    increments : sequence of Increments
        One for each lag, their rows those of the sample.
    clusters : ErrorClusters or None
    order : int
        Highest order.
    minimum : float
        Bins with fewer transitions are NaN.
    pilot : Pilot or None
        Whose leading terms in dt are subtracted, averaged over the states of each bin.
    corrected : bool
        Whether moments of order two and more are cumulants: those of dX - D1 dt, less the
        products of lower ones.

    Notes
    -----
    Several lags are extrapolated to lag zero by a weighted straight line in the lag, with
    weights that are the inverse variances for independent increments (D1: proportional to
    the lag; higher orders: equal). The error of an estimate is the sum of what each
    transition adds to it; sums over clusters (trajectories, or blocks of time longer than
    the lags) take the overlap of increments into account.
    """
    sums = BinSums(place, binning.size, sample.weight, minimum)
    lags = np.array([inc.lag for inc in increments], dtype=np.float64)
    total: _Estimate | None = None
    for k, step in enumerate(increments):
        one = _estimate_lag(sample, place, sums, step, order, minimum, pilot, corrected)
        shares = {n: _intercept_weights(lags, lags if n == 1 else None)[k] for n in one.values}
        total = _added(total, one, shares)
    assert total is not None
    values = total.values
    errors = {n: np.sqrt(sums.variance(v, clusters)) for n, v in total.influence.items()}
    mean_state = np.where(sums.enough[:, None], sums.mean(sample.x), binning.centers)
    if pilot is not None and corrected:
        reach = abs(lags @ _intercept_weights(lags, None))
        errors[2] = np.hypot(errors[2], reach * pilot.correction_error(mean_state))
    pawula, pawula_se = _pawula_of(total, place, sums, clusters)
    totals, totals_cov = _totals_of(total, place, sums, sample.weight, clusters)
    orders = range(3, order + 1)
    return BinCoefficients(
        binning.centers, mean_state, sums.count, values[1], errors[1], values[2], errors[2],
        {n: values[n] for n in orders}, {n: errors[n] for n in orders}, pawula, pawula_se,
        totals, totals_cov,
    )  # fmt: skip


def _intercept_weights(lags: FloatArray, weight: FloatArray | None) -> FloatArray:
    """Return the weights with which values at the lags give the straight line's intercept."""
    if len(lags) == 1:
        return np.ones(1)
    w = np.ones(len(lags)) if weight is None else weight
    design = np.column_stack([np.ones(len(lags)), lags])
    gram = design.T @ (w[:, None] * design)
    return np.linalg.solve(gram, (w[:, None] * design).T)[0]


def _added(total: _Estimate | None, one: _Estimate, shares: dict[int, float]) -> _Estimate:
    if total is None and all(share == 1.0 for share in shares.values()):
        return one
    values = {n: shares[n] * v for n, v in one.values.items()}
    influence = {n: shares[n] * v for n, v in one.influence.items()}
    if total is None:
        return _Estimate(values, influence)
    return _Estimate(
        {n: total.values[n] + v for n, v in values.items()},
        {n: total.influence[n] + v for n, v in influence.items()},
    )


def _estimate_lag(
    sample: TransitionSample,
    place: IntArray,
    sums: BinSums,
    step: Increments,
    order: int,
    minimum: float,
    pilot: Pilot | None,
    corrected: bool,
) -> _Estimate:
    """Return the coefficients at one lag and the influence of each row on them."""
    weight = sample.weight
    if not step.known.all():
        weight = np.where(step.known, weight, 0.0)
        sums = BinSums(place, len(sums.count), weight, minimum)
    span = sums.total(step.dt)[:, None]
    d1 = sums.total(step.change) / span
    noise = step.change - d1[place] * step.dt[:, None]
    if pilot is not None and corrected:
        # The drift's change within a bin is no noise.
        shape = pilot.drift(sample.x) * step.dt[:, None]
        noise -= shape - (sums.total(shape) / span)[place] * step.dt[:, None]
    present = step.known[:, None]
    first = np.where(present, noise / span[place], 0.0)
    kept = noise if corrected else step.change
    products = kept[:, :, None] * kept[:, None, :] / step.dt[:, None, None]
    d2 = sums.mean(products) / 2
    count = np.where(sums.enough, sums.count, np.nan)
    if corrected:
        d2 *= (count / np.maximum(count - 1, 1e-300))[:, None, None]
    second = (products / 2 - d2[place]) / count[place][:, None, None]
    second = np.where(present[:, :, None], second, 0.0)
    values, influence = {1: d1, 2: d2}, {1: first, 2: second}
    for j in range(sample.dim if order > 2 else 0):
        _add_higher(values, influence, j, kept[:, j], place, sums, step, order, corrected)
    if pilot is not None and corrected:
        values[1], values[2] = pilot.take_off(sample.x, step.dt, sums, d1, d2)
    return _Estimate(values, influence)


def _add_higher(
    values: dict[int, FloatArray],
    influence: dict[int, FloatArray],
    j: int,
    kept: FloatArray,
    place: IntArray,
    sums: BinSums,
    step: Increments,
    order: int,
    corrected: bool,
) -> None:
    """Write the coefficients of order 3 and more of one coordinate."""
    powers = {1: kept / step.dt}
    for n in range(2, order + 1):
        powers[n] = powers[n - 1] * kept
    h, g = sums.mean(step.dt), sums.mean(step.dt**2)
    means = np.stack([np.zeros_like(h), *(sums.mean(powers[n]) for n in powers)], axis=1)
    d, slopes = coefficients_of_moments(means, h, g, corrected=corrected)
    count = np.where(sums.enough, sums.count, np.nan)
    # What the estimated mean of the increments adds to a central moment of order n.
    through_mean = np.zeros_like(means)
    if corrected:
        through_mean[:, 2:] = -np.arange(2, order + 1) * means[:, 1:-1] * h[:, None]
    for n in range(3, order + 1):
        if n not in values:
            values[n] = np.empty((len(h), values[1].shape[1]))
            influence[n] = np.empty((len(kept), values[1].shape[1]))
        values[n][:, j] = d[:, n]
        by_mean = np.einsum("ck,ck->c", slopes[:, n], through_mean)
        share = by_mean[place] * influence[1][:, j]
        for k in range(2, n + 1):
            slope = slopes[:, n, k] / count
            if np.any(slope[sums.enough] != 0):
                share += slope[place] * (powers[k] - means[place, k])
        influence[n][:, j] = np.where(step.known, share, 0.0)


def _pawula_of(
    estimate: _Estimate, place: IntArray, sums: BinSums, clusters: ErrorClusters | None
) -> tuple[FloatArray, FloatArray]:
    d2 = np.einsum("cjj->cj", estimate.values[2])
    if 4 not in estimate.values:
        return np.full_like(d2, np.nan), np.full_like(d2, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        d4 = estimate.values[4]
        ratio = np.where(d2 > 0, d4 / d2**2, np.nan)
        by2, by4 = -2 * ratio / d2, 1 / d2**2
        own = by2[place] * np.einsum("njj->nj", estimate.influence[2])
        own += by4[place] * estimate.influence[4]
        error = np.sqrt(sums.variance(np.where(np.isfinite(own), own, 0.0), clusters))
    return ratio, np.where(np.isnan(ratio), np.nan, error)


def _totals_of(
    estimate: _Estimate,
    place: IntArray,
    sums: BinSums,
    weight: FloatArray,
    clusters: ErrorClusters | None,
) -> tuple[FloatArray | None, FloatArray | None]:
    """Return the mean rates of the cumulants of order 2, 4 and 6 and their covariance."""
    if 6 not in estimate.values or estimate.values[1].shape[1] > 1 or not sums.enough.any():
        return None, None
    share = np.where(sums.enough, sums.count, 0.0)
    share /= share.sum()
    scale = {2: 2.0, 4: 24.0, 6: 720.0}
    flat = {n: estimate.values[n].reshape(len(share)) for n in scale}
    totals = np.array([f * np.nansum(share * flat[n]) for n, f in scale.items()])
    columns = [
        f * share[place] * estimate.influence[n].reshape(len(place)) for n, f in scale.items()
    ]
    rows = np.nan_to_num(np.stack(columns, axis=1))
    if clusters is None:
        return totals, (rows * weight[:, None]).T @ rows
    sums_of = np.stack(
        [np.bincount(clusters.code, weight * c).astype(np.float64) for c in rows.T], axis=1
    )
    sums_of /= np.sqrt(clusters.multiplicity[: len(sums_of)])[:, None]
    covariance: FloatArray = sums_of.T @ sums_of
    return totals, covariance
