"""Euler's likelihood of polynomial diffusions in several coordinates, by matrix products.

Law of this file: the gradient is exact; nothing is compiled, whatever the dimension.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import solve_triangular

from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import per_state
from stochtext.processes.named.polynomial import PolynomialDiffusion, monomial_columns
from stochtext.transitions.likelihood import TransitionLikelihood, row_weights

__all__ = ["PolynomialEulerLikelihood"]

_LOG_TWO_PI = float(np.log(2.0 * np.pi))
# What a row says of itself, and the slopes of its log density in drift and noise.
_Rows = tuple[FloatArray, FloatArray, FloatArray]


class PolynomialEulerLikelihood(TransitionLikelihood):
    """The likelihood of ``N(x + b dt, a dt)`` for a polynomial b and a constant or polynomial a.

    Parameters
    ----------
    family : PolynomialDiffusion
    x, x_next : array_like of shape (n, d)
    dt : array_like of shape (n,)
    weight : array_like of shape (n,), optional
        Rows of weight zero take no part in the sum.

    Notes
    -----
    With e = x_next - x - b dt and the monomials m_k, the slope in drift[j, k] is
    ``(a^{-1} e)_j m_k``; with a = L L' and u = L^{-1} e / sqrt(dt), the slope in L is the lower
    triangle of ``L^{-T} u u' - diag(1 / L_jj)``; that in the coefficients of a rate a_jj is
    ``(e_j^2 / (a_jj dt) - 1) m_k / (2 a_jj)``.
    """

    def __init__(
        self,
        family: PolynomialDiffusion,
        x: ArrayLike,
        x_next: ArrayLike,
        dt: ArrayLike,
        weight: ArrayLike | None = None,
    ) -> None:
        states, self._d = as_states("x", x, family.dim), family.dim or 1
        self._change = as_states("x_next", x_next, family.dim) - states
        self._dt = per_state("dt", dt, len(states))[:, None]
        self._weight = row_weights(weight, len(states))
        names = family.free_parameters
        n_drift = sum(name.startswith("drift") for name in names) // self._d
        self._powers = monomial_columns(states, n_drift)
        self._rates: FloatArray | None = None
        if "rate" in family.params:
            n_rates = (len(names) - self._powers.shape[1] * self._d) // self._d
            self._rates = monomial_columns(states, n_rates)

    def log_density(self, vector: FloatArray) -> FloatArray:
        """Return the log density of each row, NaN at parameters that are not allowed."""
        return self._slopes(np.asarray(vector, dtype=np.float64))[0]

    def value_and_gradient(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative weighted log likelihood and its exact gradient."""
        log_density, drift, noise = self._slopes(np.asarray(vector, dtype=np.float64))
        kept = slice(None) if self._weight is None else self._weight > 0.0
        weight = np.ones(len(drift)) if self._weight is None else self._weight
        value = -float(weight[kept] @ log_density[kept])
        if not np.isfinite(value):
            return np.inf, np.full(len(vector), np.nan)
        weight = weight[kept, None]
        of_drift = (weight * drift[kept]).T @ self._powers[kept]
        if self._rates is None:
            of_noise = (weight * noise[kept]).sum(axis=0)
        else:
            of_noise = ((weight * noise[kept]).T @ self._rates[kept]).ravel()
        return value, -np.concatenate([of_drift.ravel(), of_noise])

    def scores(self, vector: FloatArray) -> FloatArray:
        """Return the weighted gradient of each row's log density, shape (n, k)."""
        _, drift, noise = self._slopes(np.asarray(vector, dtype=np.float64))
        n = len(drift)
        of_drift = (drift[:, :, None] * self._powers[:, None, :]).reshape(n, -1)
        if self._rates is not None:
            noise = (noise[:, :, None] * self._rates[:, None, :]).reshape(n, -1)
        scores = np.hstack([of_drift, noise])
        if self._weight is None:
            return scores
        return np.where(self._weight[:, None] > 0.0, self._weight[:, None] * scores, 0.0)

    def _slopes(self, vector: FloatArray) -> _Rows:
        n_drift = self._d * self._powers.shape[1]
        drift = vector[:n_drift].reshape(self._d, -1)
        error = self._change - self._powers @ drift.T * self._dt
        with np.errstate(all="ignore"):
            if self._rates is None:
                return self._constant(vector[n_drift:], error)
            return self._varying(vector[n_drift:], error, self._rates)

    def _constant(self, entries: FloatArray, error: FloatArray) -> _Rows:
        d = self._d
        lower = np.tril_indices(d)
        factor = np.zeros((d, d))
        factor[lower] = entries
        own = np.diag(factor)
        if not (np.isfinite(entries).all() and (own > 0.0).all()):
            nothing = np.full(error.shape, np.nan)
            return nothing[:, 0], nothing, np.full((len(error), len(entries)), np.nan)
        white = solve_triangular(factor, (error / np.sqrt(self._dt)).T, lower=True).T
        back = solve_triangular(factor, white.T, lower=True, trans="T").T
        log_density = -0.5 * (d * (_LOG_TWO_PI + np.log(self._dt[:, 0])) + np.sum(white**2, axis=1))
        log_density -= np.log(own).sum()
        slopes = back[:, lower[0]] * white[:, lower[1]] - np.diag(1.0 / own)[lower]
        return log_density, back * np.sqrt(self._dt), slopes

    def _varying(self, entries: FloatArray, error: FloatArray, powers: FloatArray) -> _Rows:
        rate = powers @ entries.reshape(self._d, -1).T
        rate = np.where(rate > 0.0, rate, np.nan)
        square = error**2 / (rate * self._dt)
        log_density = -0.5 * np.sum(_LOG_TWO_PI + np.log(rate * self._dt) + square, axis=1)
        return log_density, error / rate, (square - 1.0) / (2.0 * rate)
