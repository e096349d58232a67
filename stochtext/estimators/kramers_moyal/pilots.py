"""Smooth pilot curves, from which the leading effect of a finite sampling interval follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb
from typing import Protocol

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.kramers_moyal.increments import error_clusters
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.named.polynomial import exponents_of, monomial_columns
from stochtext.results.inference.curves.local.discretization import DiscretizationBias

__all__ = ["LinePilot", "LocalSums", "Pilot", "SpacePilot", "fit_pilot"]

_DRIFT_DEGREE = 3
_COVARIANCE_DEGREE = 2
# Beyond so many rows curves in one coordinate are interpolated between nodes.
_TABLE_FROM = 20_000
_NODES = 4096
# A pilot polynomial has at most one term for so many transitions.
_ROWS_PER_TERM = 25


class LocalSums(Protocol):
    """Sums and means of values of all rows, at bins or nodes."""

    def total(self, values: FloatArray) -> FloatArray:
        """Return the weighted sums of (n, ...) values."""

    def mean(self, values: FloatArray) -> FloatArray:
        """Return the weighted means."""


class Pilot(Protocol):
    """What knows the leading terms in dt of conditional moments."""

    def drift(self, x: FloatArray) -> FloatArray:
        """Return the pilot drift at states, shape (n, d)."""

    def take_off(
        self, x: FloatArray, dt: FloatArray, sums: LocalSums, d1: FloatArray, d2: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return D1 and D2 of bins less the leading terms in dt, averaged over the states."""

    def correction_error(self, x: FloatArray) -> FloatArray:
        """Return the standard error that the noise of the pilot gives D2 at states.

        Its shape (n, 1, 1) is that of all entries of D2.
        """

    def slope(self, x: FloatArray) -> FloatArray:
        """Return the size of the drift's Jacobian at states, shape (n,)."""

    def kurtosis(self, x: FloatArray) -> FloatArray:
        """Return the leading excess kurtosis by unit of dt of increments, shape (n, d)."""

    def scale(self, x: FloatArray) -> FloatArray:
        """Return variance rates at states, shape (n, d); NaN where they are not positive."""


@dataclass(frozen=True)
class LinePilot:
    """Pilots in one coordinate.

    Attributes
    ----------
    bias : DiscretizationBias
    sample : TransitionSample
        What they were fitted to.
    """

    bias: DiscretizationBias
    sample: TransitionSample

    def drift(self, x: FloatArray) -> FloatArray:
        """Return the pilot drift at states, shape (n, 1)."""
        inner = np.clip(x[:, 0], self.bias.low, self.bias.high)
        return _tabulated(self.bias.b, inner)[:, None]

    def take_off(
        self, x: FloatArray, dt: FloatArray, sums: LocalSums, d1: FloatArray, d2: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return D1 and D2 of bins less the leading terms in dt, averaged over the states."""
        states = x[:, 0]
        common = dt if np.ptp(dt) > 1e-9 * dt[0] else None
        if common is None:
            drift = sums.mean(
                _tabulated(lambda z: self.bias.drift(z, np.full(len(z), dt[0])), states)
            )
            rate = _tabulated(lambda z: self.bias.covariance(z, np.full(len(z), dt[0])), states)
        else:
            drift = sums.total(self.bias.drift(states, dt) * dt) / sums.total(dt)
            rate = self.bias.covariance(states, dt)
        corrected = d2 - 0.5 * sums.mean(rate)[:, None, None]
        return d1 - drift[:, None], np.where(corrected > 0, corrected, d2)

    def correction_error(self, x: FloatArray) -> FloatArray:
        """Return the standard error that the noise of the drift's pilot gives D2, (n, 1, 1).

        The noise of increments is uncorrelated with that of their squares, so that it comes
        on top of the error of D2 itself. That of the covariance rate's pilot is left out: it
        enters times the slope of the drift times dt, as a part of a much smaller error.
        """
        s, states = self.sample, self.sample.x[:, 0]
        fitted = self.drift(s.x)[:, 0] + self.bias.drift(states, s.dt)
        noise = (s.x_next[:, 0] - states) / s.dt - fitted
        covariance = _least_squares_covariance(s, self.bias.drift_design(states), noise)
        moves = self.bias.covariance_sensitivity(x[:, 0])[0]
        variance = ((moves @ covariance) * moves).sum(axis=1)
        return np.asarray(0.5 * np.sqrt(variance))[:, None, None]

    def slope(self, x: FloatArray) -> FloatArray:
        """Return the size of the drift's derivative at states, shape (n,)."""
        return self.bias.stiffness(x[:, 0]) / self.bias.dt

    def kurtosis(self, x: FloatArray) -> FloatArray:
        """Return ``3 a'**2 / a + 2 a''``, the leading excess kurtosis by unit of dt, (n, 1)."""
        a = self.bias.a

        def excess(states: FloatArray) -> FloatArray:
            inner = np.clip(states, self.bias.low, self.bias.high)
            value = np.maximum(a(inner), 1e-300)
            return np.asarray(3 * a.deriv(1)(inner) ** 2 / value + 2 * a.deriv(2)(inner))

        return _tabulated(excess, x[:, 0])[:, None]

    def scale(self, x: FloatArray) -> FloatArray:
        """Return the pilot variance rate at states, shape (n, 1); NaN where it is not positive."""
        value = _tabulated(self.bias.a, x[:, 0])
        return np.where(value > 0, value, np.nan)[:, None]


class SpacePilot:
    """Polynomials of drift (degree up to 3) and covariance rate (2) in d coordinates.

    Parameters
    ----------
    sample : TransitionSample

    Notes
    -----
    By the Itô-Taylor expansion, with J the Jacobian of b and a the covariance rate,
    ``E[dX] / dt = b + dt (J b + a : grad grad b / 2) / 2 + O(dt**2)`` and
    ``Cov[dX] / dt = a + dt (J a + a J' + b grad a + a : grad grad a / 2) / 2 + O(dt**2)``.
    """

    def __init__(self, sample: TransitionSample) -> None:
        d, x = sample.dim, sample.x
        self._centre = np.average(x, axis=0, weights=sample.weight)
        self._scale = np.maximum(x.std(axis=0), np.finfo(float).tiny)
        rates = (sample.x_next - sample.x) / sample.dt[:, None]
        self._b = self._fitted(x, rates, sample.weight * sample.dt, _DRIFT_DEGREE)
        noise = (rates - self.drift(x)) * np.sqrt(sample.dt)[:, None]
        squares = (noise[:, :, None] * noise[:, None, :]).reshape(len(x), d * d)
        self._a = self._fitted(x, squares, sample.weight, _COVARIANCE_DEGREE)

    def drift(self, x: FloatArray) -> FloatArray:
        """Return the pilot drift at states, shape (n, d)."""
        return self._value(self._b, self._terms(x, self._b[0]), ())

    def biases(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what a unit of dt adds to drift (n, d) and covariance rate (n, d, d)."""
        n, d = x.shape
        of_b, of_a = (self._terms(x, degree) for degree in (self._b[0], self._a[0]))
        b = self._value(self._b, of_b, ())
        a = self._value(self._a, of_a, ()).reshape(n, d, d)
        jacobian = np.stack([self._value(self._b, of_b, (k,)) for k in range(d)], axis=2)
        first = np.einsum("njk,nk->nj", jacobian, b)
        twist = np.einsum("nij,nkj->nik", jacobian, a)
        second = twist + np.swapaxes(twist, 1, 2)
        for j in range(d):
            second += b[:, j, None, None] * self._value(self._a, of_a, (j,)).reshape(n, d, d)
            for k in range(d):
                half = 0.5 * a[:, j, k]
                first += half[:, None] * self._value(self._b, of_b, (j, k))
                second += half[:, None, None] * self._value(self._a, of_a, (j, k)).reshape(n, d, d)
        return 0.5 * first, 0.5 * second

    def jacobian(self, x: FloatArray) -> FloatArray:
        """Return the derivatives of the drift, shape (n, d, d), that by coordinate k last."""
        terms = self._terms(x, self._b[0])
        return np.stack([self._value(self._b, terms, (k,)) for k in range(x.shape[1])], axis=2)

    def take_off(
        self, x: FloatArray, dt: FloatArray, sums: LocalSums, d1: FloatArray, d2: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return D1 and D2 of bins less the leading terms in dt, averaged over the states."""
        first, second = self.biases(x)
        drift = sums.total(first * (dt**2)[:, None]) / sums.total(dt)[:, None]
        corrected = d2 - 0.5 * sums.mean(second * dt[:, None, None])
        known = np.isfinite(corrected).all(axis=(1, 2))
        positive = np.zeros(len(d2), dtype=bool)
        positive[known] = np.linalg.eigvalsh(corrected[known])[:, 0] > 0
        return d1 - drift, np.where(positive[:, None, None], corrected, d2)

    def correction_error(self, x: FloatArray) -> FloatArray:
        """Return zeros, (n, 1, 1): errors of bins in a plane grow by 2 % at most."""
        return np.zeros((len(x), 1, 1))

    def slope(self, x: FloatArray) -> FloatArray:
        """Return the largest singular value of the drift's Jacobian at states, shape (n,)."""
        return np.linalg.norm(self.jacobian(x), ord=2, axis=(1, 2))

    def kurtosis(self, x: FloatArray) -> FloatArray:
        """Return zeros: the pilot is used for its scale alone."""
        return np.zeros_like(x)

    def scale(self, x: FloatArray) -> FloatArray:
        """Return variance rates at states, shape (n, d); NaN where they are not positive."""
        d = x.shape[1]
        value = self._value(self._a, self._terms(x, self._a[0]), ())[:, :: d + 1]
        return np.where(value > 0, value, np.nan)

    def _fitted(
        self, x: FloatArray, y: FloatArray, weight: FloatArray, degree: int
    ) -> tuple[int, FloatArray]:
        d = x.shape[1]
        while degree > 0 and comb(d + degree, d) * _ROWS_PER_TERM > len(x):
            degree -= 1
        root = np.sqrt(weight)[:, None]
        design = self._terms(x, degree)
        solution = np.linalg.lstsq(design * root, y * root, rcond=1e-10)[0]
        return degree, solution.astype(np.float64)

    def _value(
        self, fit: tuple[int, FloatArray], terms: FloatArray, by: tuple[int, ...]
    ) -> FloatArray:
        """Return the polynomial with these terms, differentiated by coordinates."""
        degree, coefficients = fit
        exponents = exponents_of(len(self._scale), degree)
        place = {powers: k for k, powers in enumerate(exponents)}
        for j in by:
            lowered = np.zeros_like(coefficients)
            for k, powers in enumerate(exponents):
                if powers[j]:
                    lower = tuple(power - (i == j) for i, power in enumerate(powers))
                    lowered[place[lower]] += powers[j] / self._scale[j] * coefficients[k]
            coefficients = lowered
        return terms @ coefficients

    def _terms(self, x: FloatArray, degree: int) -> FloatArray:
        """Return all monomials of the standardised states, shape (n, K)."""
        u = (x - self._centre) / self._scale
        return monomial_columns(u, comb(x.shape[1] + degree, degree))


def fit_pilot(sample: TransitionSample, noise: FloatArray) -> LinePilot | SpacePilot:
    """Return pilots for the transitions of a sample.

    Parameters
    ----------
    sample : TransitionSample
    noise : ndarray of shape (n, d)
        Increments less their mean in bins.
    """
    if sample.dim > 1:
        return SpacePilot(sample)
    change, squares = (sample.x_next - sample.x)[:, 0], noise[:, 0] ** 2 / sample.dt
    rows = [sample.x[:, 0], change / sample.dt, squares, sample.dt]
    weight = sample.weight
    whole = weight.astype(np.int64)
    if np.array_equal(whole, weight) and np.any(whole != 1):
        # The pilot's range is a quantile of the rows: repeat them as often as they count.
        rows, weight = [np.repeat(row, whole) for row in rows], np.ones(int(whole.sum()))
    x, rates, squares, dt = rows
    return LinePilot(DiscretizationBias.fit(x, rates, squares, dt, weight), sample)


def _least_squares_covariance(
    sample: TransitionSample, design: FloatArray, noise: FloatArray
) -> FloatArray:
    """Return the covariance of the coefficients of rates on a design, weighted by time.

    Parameters
    ----------
    sample : TransitionSample
    design : ndarray of shape (n, p)
    noise : ndarray of shape (n,)
        What the fit leaves of the rates.

    Returns
    -------
    ndarray of shape (p, p)
        Clustered by trajectory where the coefficients of bins are.
    """
    weighted = design * (sample.weight * sample.dt)[:, None]
    gram = np.linalg.pinv(weighted.T @ design, rcond=1e-12, hermitian=True)
    scores, clusters = weighted * noise[:, None], error_clusters(sample, 1)
    if clusters is None:
        scores /= np.sqrt(sample.weight)[:, None]
    else:
        sums = [np.bincount(clusters.code, column) for column in scores.T]
        scores = np.stack(sums, axis=1) / np.sqrt(clusters.multiplicity)[:, None]
    return np.asarray(gram @ (scores.T @ scores) @ gram)


def _tabulated(curve: Callable[[FloatArray], FloatArray], x: FloatArray) -> FloatArray:
    """Return a smooth curve at states, for many of them from a table of 4096 nodes."""
    if len(x) <= _TABLE_FROM:
        return curve(x)
    low, step = x.min(), max(float(np.ptp(x)), 1e-300) / (_NODES - 1)
    values = curve(low + step * np.arange(_NODES))
    place = (x - low) / step
    cell = np.minimum(place.astype(np.int64), _NODES - 2)
    share = place - cell
    return np.asarray(values[cell] * (1 - share) + values[cell + 1] * share)
