"""Conditional moments of increments in bins, and what they estimate."""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
import pandas as pd

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.estimators.kramers_moyal.binning import Binning
from stochtext.estimators.sample import TransitionSample
from stochtext.results.inference.discretization import DiscretizationBias

__all__ = ["BinCoefficients", "coefficient_frame", "estimate_bins"]


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
    higher : dict of int to ndarray of shape (C, d)
        Diagonal coefficients of order 3 and more.
    pawula : ndarray of shape (C, d)
        D4 as a multiple of what a diffusion shows at this sampling interval
        (D2**2 dt / 2): about one for a diffusion, more with jumps.
    """

    center: FloatArray
    mean_state: FloatArray
    count: FloatArray
    d1: FloatArray
    d1_se: FloatArray
    d2: FloatArray
    d2_se: FloatArray
    higher: dict[int, FloatArray]
    pawula: FloatArray

    @property
    def known(self) -> BoolArray:
        """Which bins have coefficients."""
        return np.asarray(np.isfinite(self.d1).all(axis=1))


class _Sums:
    """Weighted means over the transitions of each bin."""

    def __init__(self, place: IntArray, size: int, weight: FloatArray, minimum: float) -> None:
        self._place, self._size, self._weight = place, size, weight
        self.count = np.bincount(place, weight, size).astype(np.float64)
        self.enough = self.count >= minimum

    def total(self, values: FloatArray) -> FloatArray:
        """Return the weighted sum of (n, ...) values in each bin; NaN in bins without data."""
        flat = values.reshape(len(values), -1)
        sums = [np.bincount(self._place, self._weight * column, self._size) for column in flat.T]
        stacked = np.stack(sums, axis=1).astype(np.float64)
        stacked = stacked.reshape(self._size, *values.shape[1:])
        stacked[~self.enough] = np.nan
        return stacked

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the weighted mean in each bin."""
        shape = (-1, *([1] * (values.ndim - 1)))
        return self.total(values) / np.where(self.enough, self.count, 1.0).reshape(shape)


def estimate_bins(
    sample: TransitionSample,
    binning: Binning,
    *,
    order: int,
    minimum: float,
    bias: DiscretizationBias | None,
    centred: bool,
) -> BinCoefficients:
    """Estimate the coefficients of every bin.

    Parameters
    ----------
    sample : TransitionSample
    binning : Binning
    order : int
        Highest order.
    minimum : float
        Bins with fewer transitions are NaN.
    bias : DiscretizationBias or None
        Subtracted, averaged over the states of each bin.
    centred : bool
        Whether moments of order two and more are those of dX - D1 dt.

    Notes
    -----
    With e = dX - D1 dt and n transitions in the bin, ``Var(D1) = sum e**2 / (sum dt)**2``
    and ``Var(D2) = Var(e**2 / dt) / (4 n)``, which for equal dt is
    ``(6 D4 / dt - D2**2) / n`` in terms of the uncorrected coefficients.
    """
    place = binning.assign(sample.x)
    sample, place = sample.subset(place >= 0), place[place >= 0]
    sums = _Sums(place, binning.size, sample.weight, minimum)
    dt, increments = sample.dt, sample.x_next - sample.x
    span = sums.total(dt)[:, None]
    d1 = sums.total(increments) / span
    freedom = sums.count / np.maximum(sums.count - 1, 1e-300)
    noise = increments - d1[place] * dt[:, None]
    d1_se = np.sqrt(sums.total(noise**2) * freedom[:, None]) / span
    kept = noise if centred else increments
    products = kept[:, :, None] * kept[:, None, :] / dt[:, None, None]
    d2 = sums.mean(products) / 2
    if centred:
        d2 *= freedom[:, None, None]
    spread = sums.mean((products - 2 * d2[place]) ** 2) * freedom[:, None, None]
    d2_se = np.sqrt(spread / np.where(sums.enough, sums.count, 1.0)[:, None, None]) / 2
    higher = {k: sums.mean(kept**k / dt[:, None]) / factorial(k) for k in range(3, order + 1)}
    variance = np.einsum("cjj->cj", d2)
    pawula = np.full_like(variance, np.nan)
    if 4 in higher:
        pawula = 2 * higher[4] / (variance**2 * sums.mean(dt)[:, None])
    if bias is not None:
        x = sample.x[:, 0]
        d1 = d1 - (sums.total(bias.drift(x) * dt) / span[:, 0])[:, None]
        corrected = d2 - 0.5 * sums.mean(bias.covariance(x))[:, None, None]
        d2 = np.where(corrected > 0, corrected, d2)
    mean_state = np.where(sums.enough[:, None], sums.mean(sample.x), binning.centers)
    return BinCoefficients(
        binning.centers, mean_state, sums.count, d1, d1_se, d2, d2_se, higher, pawula
    )


def coefficient_frame(bins: BinCoefficients) -> pd.DataFrame:
    """Return one row a bin: where, how many, and every coefficient with its standard error.

    One coordinate gives columns ``center, mean_state, count, D1, D1_se, D2, D2_se, ...``;
    more give ``center_0, ..., D1_0, ..., D2_00, D2_01, ...``.
    """
    d = bins.center.shape[1]

    def name(base: str, *places: int, ending: str = "") -> str:
        number = "" if d == 1 else "_" + "".join(map(str, places))
        return f"{base}{number}{ending}"

    columns: dict[str, FloatArray] = {}
    for base, values in (("center", bins.center), ("mean_state", bins.mean_state)):
        columns.update({name(base, j): values[:, j] for j in range(d)})
    columns["count"] = bins.count
    for j in range(d):
        columns[name("D1", j)] = bins.d1[:, j]
        columns[name("D1", j, ending="_se")] = bins.d1_se[:, j]
    for j in range(d):
        for k in range(j, d):
            columns[name("D2", j, k)] = bins.d2[:, j, k]
            columns[name("D2", j, k, ending="_se")] = bins.d2_se[:, j, k]
    for order, values in bins.higher.items():
        columns.update({name(f"D{order}", j): values[:, j] for j in range(d)})
    columns.update({name("pawula", j): bins.pawula[:, j] for j in range(d)})
    return pd.DataFrame(columns)
