"""The terms of a polynomial diffusion, and where the likelihood search starts."""

from __future__ import annotations

from math import comb

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.estimators.sample import TransitionSample
from stochtext.estimators.sparse.selection import eliminate
from stochtext.processes.named.polynomial import PolynomialDiffusion, monomial_columns

__all__ = ["select_terms"]

_ROUNDS = 5
# Smallest eigenvalue of a correlation of errors that counts as noise.
_NO_NOISE = 1e-10


def select_terms(
    sample: TransitionSample, degree: int, diffusion_degree: int, criterion: str | None
) -> tuple[PolynomialDiffusion, BoolArray, BoolArray]:
    """Return a rough polynomial fit, which entries are free, and which are not identified.

    The drift is the regression of dX / dt on the monomials with weights dt over the
    covariance rate, each equation with its own terms. The covariance rate is that of the
    residuals e: constant, or the regression of e^2 / dt with weights 1 / rate^2. The two
    take turns until the terms stay.
    """
    d = sample.dim
    _check_range(sample, max(degree, diffusion_degree))
    drift_design = monomial_columns(sample.x, comb(d + degree, degree))
    rate_design = monomial_columns(sample.x, comb(d + diffusion_degree, diffusion_degree))
    rates = np.ones((sample.n, d))
    # With all terms: leaving out different ones would hide that a coordinate repeats others.
    whole, _, _ = _drift(sample, drift_design, rates, None)
    _factor(sample, _noise(sample, drift_design, whole))
    coefficients = np.zeros((d, drift_design.shape[1]))
    rate = np.zeros((d, rate_design.shape[1]))
    kept: BoolArray = np.zeros(0, dtype=bool)
    for _ in range(_ROUNDS):
        before = kept
        coefficients, drift_kept, unknown = _drift(sample, drift_design, rates, criterion)
        noise = _noise(sample, drift_design, coefficients)
        factor = _factor(sample, noise)
        if diffusion_degree == 0:
            break
        rate, rate_kept, rates, rate_unknown = _rates(sample, rate_design, noise, criterion)
        kept = np.concatenate([drift_kept.ravel(), rate_kept.ravel()])
        if np.array_equal(kept, before):
            break
    if diffusion_degree == 0:
        known = np.ones(d * (d + 1) // 2, dtype=bool)
        free = np.concatenate([drift_kept.ravel(), known])
        redundant = np.concatenate([unknown.ravel(), ~known])
        return PolynomialDiffusion(coefficients, factor=factor), free, redundant
    redundant = np.concatenate([unknown.ravel(), rate_unknown.ravel()])
    return PolynomialDiffusion(coefficients, rate=rate), kept, redundant


def _drift(
    sample: TransitionSample, design: FloatArray, rates: FloatArray, criterion: str | None
) -> tuple[FloatArray, BoolArray, BoolArray]:
    """Return coefficients, which are free, and which are not identified."""
    slopes = (sample.x_next - sample.x) / sample.dt[:, None]
    found = [
        eliminate(
            design, slopes[:, j], sample.weight * sample.dt / rates[:, j], sample.n_effective,
            criterion,
        )
        for j in range(sample.dim)
    ]  # fmt: skip
    return (
        np.stack([one.coefficients for one in found]),
        np.stack([one.kept for one in found]),
        np.stack([one.redundant for one in found]),
    )


def _noise(sample: TransitionSample, design: FloatArray, coefficients: FloatArray) -> FloatArray:
    return sample.x_next - sample.x - design @ coefficients.T * sample.dt[:, None]


def _rates(
    sample: TransitionSample, design: FloatArray, noise: FloatArray, criterion: str | None
) -> tuple[FloatArray, BoolArray, FloatArray, BoolArray]:
    """Return coefficients, terms and values (> 0) of the rates, and terms not identified."""
    squares = noise**2 / sample.dt[:, None]
    pooled = np.average(squares, axis=0, weights=sample.weight)
    d, k = sample.dim, design.shape[1]
    coefficients, kept = np.zeros((d, k)), np.zeros((d, k), dtype=bool)
    redundant = kept.copy()
    values = np.tile(pooled, (sample.n, 1))
    for j in range(d):
        for _ in range(_ROUNDS):
            weight = sample.weight / values[:, j] ** 2
            one = eliminate(design, squares[:, j], weight, sample.n_effective, criterion)
            fitted = design @ one.coefficients
            if fitted.min() <= 0.01 * pooled[j]:
                # A polynomial that is no variance somewhere in the data is no candidate.
                one.coefficients[:] = 0.0
                one.kept[:] = False
                one.coefficients[0], one.kept[0] = pooled[j], True
                fitted = np.full(sample.n, pooled[j])
            values[:, j] = fitted
        coefficients[j], kept[j], redundant[j] = one.coefficients, one.kept, one.redundant
    return coefficients, kept, values, redundant


def _factor(sample: TransitionSample, noise: FloatArray) -> FloatArray:
    scaled = noise / np.sqrt(sample.dt)[:, None]
    covariance = (scaled * sample.weight[:, None]).T @ scaled / sample.n_effective
    _check(np.diag(covariance), sample)
    size = np.sqrt(np.diag(covariance))
    if np.linalg.eigvalsh(covariance / np.outer(size, size))[0] < _NO_NOISE:
        raise DegenerateDataError(
            "The one-step errors have no noise in some direction (a coordinate is a function of "
            "the others). Remove the redundant coordinate, or use TrajectoryPCA."
        )
    return np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)


def _check(rates: FloatArray, sample: TransitionSample) -> None:
    moved = np.mean((sample.x_next - sample.x) ** 2 / sample.dt[:, None], axis=0)
    still = np.flatnonzero(rates <= 1e-14 * moved)
    if still.size:
        raise DegenerateDataError(
            f"The one-step errors of column {sample.panel.columns[still[0]]!r} have no variance: "
            "a polynomial explains it without noise. Remove the column, or observe data with noise."
        )


def _check_range(sample: TransitionSample, degree: int) -> None:
    """Refuse data of which powers that the fit needs are no longer numbers."""
    with np.errstate(over="ignore", under="ignore"):
        states = np.abs(sample.x).max(axis=0) ** max(degree, 1)
        changes = np.mean((sample.x_next - sample.x) ** 2 / sample.dt[:, None], axis=0)
        products = [(states / sample.dt.min()) ** 2, changes**2]
    finite = np.all(np.isfinite(products), axis=0) & (changes**2 > 0)
    bad = np.flatnonzero(~finite)
    if bad.size:
        raise InputError(
            f"The powers of column {sample.panel.columns[bad[0]]!r} that SparseSDE needs are too "
            "large or too small for floating point. Rescale the data, for instance with "
            "TrajectoryScaler."
        )
