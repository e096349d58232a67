"""Exact Gaussian likelihood of a linear SDE, with gradient and scores.

Over a step h that starts at clock position u and moves the clock by rho h, the
process dX = kappa (m(u) - X) dt + sigma dW with m(u) = m0 + m1 u has

    E[X(t + h) | X(t) = x] = Phi x + (I - Phi)(m0 + m1 u) + (h I - J) m1 rho,
    Var[X(t + h) | X(t)]   = Q

with the moments of :mod:`stochtext.processes.linear.moments`: linear in the
regressors z = (x, 1, u, rho). Steps of equal length therefore enter only
through their cross-products of (z, x'). Inside, states are counted from their
mean: cross-products of states far from zero would lose the digits of the noise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.linear.moments import LinearMoments, linear_moments

__all__ = ["LinearLikelihood", "LinearParameters"]

CHUNK = 4096


@dataclass(frozen=True)
class LinearParameters:
    """kappa (d, d), trend coefficients (p + 1, d) and the lower factor of a (d, d)."""

    kappa: FloatArray
    trend: FloatArray
    factor: FloatArray

    @property
    def rate(self) -> FloatArray:
        """The covariance rate a."""
        return self.factor @ self.factor.T

    def with_positive_diagonal(self) -> LinearParameters:
        """Return the same law with the signs of the factor's columns made unique."""
        signs = np.where(np.diag(self.factor) < 0, -1.0, 1.0)
        return replace(self, factor=self.factor * signs)

    def moved(self, shift: FloatArray) -> LinearParameters:
        """Return the parameters of X + shift."""
        return replace(self, trend=np.vstack([self.trend[:1] + shift, self.trend[1:]]))

    def to_vector(self) -> FloatArray:
        """Return kappa and trend row by row, then the lower triangle of the factor."""
        lower = self.factor[np.tril_indices(len(self.kappa))]
        return np.concatenate([self.kappa.ravel(), self.trend.ravel(), lower])

    @classmethod
    def from_vector(cls, theta: FloatArray, dim: int) -> LinearParameters:
        """Return the parameters laid out by :meth:`to_vector`."""
        n_lower = dim * (dim + 1) // 2
        factor = np.zeros((dim, dim))
        factor[np.tril_indices(dim)] = theta[-n_lower:]
        kappa, trend = theta[: dim * dim], theta[dim * dim : -n_lower]
        return cls(kappa.reshape(dim, dim), trend.reshape(-1, dim), factor)


class LinearLikelihood:
    """Negative log likelihood of the transitions of a sample.

    Parameters
    ----------
    sample : TransitionSample
    degree : {0, 1}
        Degree of the mean as a polynomial of the clock.

    Attributes
    ----------
    centre : ndarray of shape (d,)
        Mean state. ``centred`` is the sample counted from it.
    """

    def __init__(self, sample: TransitionSample, degree: int) -> None:
        self.sample = sample
        self.degree = degree
        self.dim = sample.dim
        self.centre = sample.x.mean(axis=0)
        self.centred = replace(sample, x=sample.x - self.centre, x_next=sample.x_next - self.centre)
        self.regressors = _regressors(self.centred, degree)
        self.steps, group = _distinct_steps(sample.dt)
        self.counts = np.bincount(group, weights=sample.weight, minlength=len(self.steps))
        both = np.hstack([self.regressors, self.centred.x_next])
        self.products = _cross_products(both, sample.weight, group, len(self.steps))

    def value_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log likelihood and its gradient; infinity where undefined."""
        p = LinearParameters.from_vector(theta, self.dim).moved(-self.centre)
        with np.errstate(all="ignore"):
            moments = linear_moments(p.kappa, p.rate, self.steps)
            coefficients = _coefficients(p, moments, self.steps)
            sign, logdet = np.linalg.slogdet(moments.covariance)
            if not (np.all(sign > 0) and np.isfinite(logdet).all()):
                return np.inf, np.full_like(theta, np.nan)
            precision = np.linalg.inv(moments.covariance)
        width = coefficients.shape[2]
        zz, zy = self.products[:, :width, :width], self.products[:, :width, width:]
        yy = self.products[:, width:, width:]
        misfit = np.swapaxes(zy, 1, 2) - coefficients @ zz
        spread = yy - coefficients @ zy - misfit @ np.swapaxes(coefficients, 1, 2)
        trace = np.einsum("gij,gji->g", precision, spread)
        constant = self.counts * self.dim * np.log(2 * np.pi)
        value = 0.5 * float(np.sum(self.counts * logdet + trace + constant))
        weight = self.counts[:, None, None]
        gradient = _pull_back(
            p, moments, self.steps, -precision @ misfit,
            0.5 * (weight * precision - precision @ spread @ precision),
        )  # fmt: skip
        return value, gradient.sum(axis=0)

    def scores(self, theta: FloatArray) -> FloatArray:
        """Return the weighted score of every transition, shape (n, k)."""
        p = LinearParameters.from_vector(theta, self.dim).moved(-self.centre)
        s, pieces = self.centred, []
        for start in range(0, s.n, CHUNK):
            rows = slice(start, start + CHUNK)
            steps = self.steps if len(self.steps) == 1 else s.dt[rows]
            moments = linear_moments(p.kappa, p.rate, steps)
            z = self.regressors[rows]
            coefficients = _coefficients(p, moments, steps)
            error = (s.x_next[rows] - np.einsum("nij,nj->ni", coefficients, z))[:, :, None]
            precision = np.linalg.inv(moments.covariance)
            scaled = precision @ error
            weight = s.weight[rows][:, None, None]
            gradient = _pull_back(
                p, moments, steps, -weight * scaled * z[:, None, :],
                0.5 * weight * (precision - scaled @ np.swapaxes(scaled, 1, 2)),
            )  # fmt: skip
            pieces.append(-gradient)
        return np.concatenate(pieces)


def _regressors(sample: TransitionSample, degree: int) -> FloatArray:
    columns = [sample.x, np.ones((sample.n, 1))]
    if degree == 1:
        columns += [sample.t[:, None], (sample.clock_dt / sample.dt)[:, None]]
    return np.hstack(columns)


def _distinct_steps(dt: FloatArray) -> tuple[FloatArray, IntArray]:
    # Steps that differ by rounding only, as in np.diff of a grid, are one step.
    exponent = np.floor(np.log10(dt.min()))
    _, first, group = np.unique(
        np.round(dt / 10.0**exponent, 10), return_index=True, return_inverse=True
    )
    return dt[first], group


def _cross_products(
    rows: FloatArray, weight: FloatArray, group: IntArray, n_groups: int
) -> FloatArray:
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(n_groups))
    pieces = np.split(order, starts[1:])
    return np.stack([(rows[k] * weight[k, None]).T @ rows[k] for k in pieces])


def _coefficients(p: LinearParameters, moments: LinearMoments, steps: FloatArray) -> FloatArray:
    eye = np.eye(len(p.kappa))
    blocks = [moments.phi, ((eye - moments.phi) @ p.trend.T)]
    if len(p.trend) == 2:
        lag = steps[:, None, None] * eye - moments.integral
        blocks.append(lag @ p.trend[1][:, None])
    return np.concatenate(blocks, axis=2)


def _pull_back(
    p: LinearParameters,
    moments: LinearMoments,
    steps: FloatArray,
    coefficients_bar: FloatArray,
    covariance_bar: FloatArray,
) -> FloatArray:
    """Return the gradient in the parameter vector, one row per row of the arguments."""
    d, q = len(p.kappa), len(p.trend)
    eye = np.eye(d)
    level_bar = coefficients_bar[:, :, d : d + q]
    phi_bar = coefficients_bar[:, :, :d] - level_bar @ p.trend
    integral_bar = np.zeros_like(phi_bar)
    trend_bar = np.swapaxes(np.swapaxes(eye - moments.phi, 1, 2) @ level_bar, 1, 2)
    if q == 2:
        slope_bar = coefficients_bar[:, :, d + q :]
        integral_bar = integral_bar - slope_bar * p.trend[1]
        lag = steps[:, None, None] * eye - moments.integral
        trend_bar[:, 1] += (np.swapaxes(lag, 1, 2) @ slope_bar)[:, :, 0]
    kappa_bar, rate_bar = moments.pull_back(phi_bar, integral_bar, covariance_bar)
    factor_bar = (rate_bar + np.swapaxes(rate_bar, 1, 2)) @ p.factor
    rows, cols = np.tril_indices(d)
    n = len(phi_bar)
    return np.hstack(
        [kappa_bar.reshape(n, -1), trend_bar.reshape(n, -1), factor_bar[:, rows, cols]]
    )
