"""Exact Gaussian likelihood of a linear SDE, with gradient and scores.

Over a step h that starts at clock position u and moves the clock by rho h, the
process dX = kappa (m(u) - X) dt + sigma dW whose mean m = sum_k B_k c_k is a cubic
polynomial or spline of the clock has

    E[X(t + h) | X(t) = x] = Phi x + (I - Phi) m(u) + sum_j L_j(h) rho^j m^(j)(u)
                             + sum_k L_3(tau_k) rho^3 Delta_k,
    Var[X(t + h) | X(t)]   = Q,      L_j(h) = h^j / j! I - J_j(h),

with the moments of :mod:`stochtext.processes.linear.moments`, Delta_k the jump of m'''
at a knot inside the step and tau_k the time left behind it: linear in the regressors
(x, B(u), rho B'(u), ...). Steps of equal length (and tau) therefore enter only
through their cross-products. Inside, states are counted from their mean:
cross-products of states far from zero would lose the digits of the noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.linear_design import MeanDesign, Tail
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.linear.mean_basis import MeanBasis, Polynomials
from stochtext.processes.linear.moments import LinearMoments, linear_moments

__all__ = ["LinearLikelihood", "LinearParameters"]

CHUNK = 4096


@dataclass(frozen=True)
class LinearParameters:
    """kappa (d, d), coefficients of the mean (q, d) and the lower factor of a (d, d)."""

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

    def moved(self, shift: FloatArray, level: FloatArray | None = None) -> LinearParameters:
        """Return the parameters of X + shift, ``level`` being the coefficients of a mean of 1.

        By default 1, 0, 0, ...: those of a polynomial.
        """
        if level is None:
            level = np.eye(len(self.trend))[0]
        return replace(self, trend=self.trend + np.outer(level, shift))

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


@dataclass(frozen=True)
class _Groups:
    """Rows of equal step and equal time behind each knot.

    ``order`` sorts the rows, ``starts`` says where each group begins in it, ``step`` and
    ``behind`` are its step and its places among the times behind knots.
    """

    order: IntArray
    starts: IntArray
    step: IntArray
    behind: IntArray

    def rows(self, first: int, last: int) -> tuple[IntArray, IntArray]:
        """Return the rows of the groups from first to last, and where each group begins."""
        end = self.starts[last] if last < len(self.starts) else len(self.order)
        begin = int(self.starts[first])
        return self.order[begin:end], self.starts[first:last] - begin


class LinearLikelihood:
    """Negative log likelihood of the transitions of a sample.

    Parameters
    ----------
    sample : TransitionSample
    mean : int or MeanBasis
        Functions of the clock that the mean is a sum of; a number is the degree of a
        polynomial.

    Attributes
    ----------
    centre : ndarray of shape (d,)
        Mean state. ``centred`` is the sample counted from it.
    level : ndarray of shape (q,)
        Coefficients of the constant mean 1.
    regressors : ndarray of shape (n, p)
        x and the functions of the clock.
    """

    def __init__(self, sample: TransitionSample, mean: int | MeanBasis) -> None:
        self.sample = sample
        self.basis = Polynomials(mean) if isinstance(mean, int) else mean
        self.dim = sample.dim
        self.centre = sample.x.mean(axis=0)
        self.centred = replace(sample, x=sample.x - self.centre, x_next=sample.x_next - self.centre)
        self.design = MeanDesign.of(sample, self.basis)
        self.level = self.basis.level
        self.regressors = np.hstack([self.centred.x, self.design.columns])
        self.steps, self._step_of_row = _distinct_steps(sample.dt)

    @property
    def n_coefficients(self) -> int:
        """Number q of coefficients of the mean in each coordinate."""
        return self.basis.size

    @cached_property
    def counts(self) -> FloatArray:
        """Weight of each step length, shape (s,)."""
        counts = np.bincount(self._step_of_row, self.sample.weight, len(self.steps))
        return counts.astype(np.float64)

    @cached_property
    def _groups(self) -> _Groups:
        """The rows sorted by step and by the time behind each knot."""
        n = self.sample.n
        if len(self.steps) == 1 and not self.design.behind.shape[1]:
            zero = np.zeros(1, dtype=np.int64)
            return _Groups(np.arange(n), zero, zero, np.empty((1, 0), dtype=np.int64))
        key = np.column_stack([self._step_of_row, self.design.behind])
        kinds, group = np.unique(key, axis=0, return_inverse=True)
        order = np.argsort(group.ravel(), kind="stable")
        starts = np.searchsorted(group.ravel()[order], np.arange(len(kinds)))
        return _Groups(order, starts, kinds[:, 0], kinds[:, 1:])

    @cached_property
    def _kept(self) -> FloatArray | None:
        """Cross-products of all groups; None where there are nearly as many groups as rows."""
        groups = len(self._groups.step)
        return self._sums(0, groups) if groups <= self.sample.n // 2 else None

    def _cross_products(self, first: int, last: int) -> FloatArray:
        """Return the sums of (z, x')(z, x')' over the groups from first to last."""
        return self._sums(first, last) if self._kept is None else self._kept[first:last]

    def _sums(self, first: int, last: int) -> FloatArray:
        rows, starts = self._groups.rows(first, last)
        both = np.hstack([self.regressors, self.centred.x_next])
        both = both[rows] if len(self._groups.step) > 1 else both
        weighted = both * self.sample.weight[rows, None]
        if len(starts) == 1:
            return np.asarray((weighted.T @ both)[None])
        if len(starts) <= len(rows) // 2:
            pieces = zip(np.split(weighted, starts[1:]), np.split(both, starts[1:]), strict=True)
            return np.stack([w.T @ b for w, b in pieces])
        return np.add.reduceat(weighted[:, :, None] * both[:, None, :], starts, axis=0)

    def value_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log likelihood and its gradient; infinity where undefined."""
        p = LinearParameters.from_vector(theta, self.dim).moved(-self.centre, self.level)
        value, gradient = 0.0, np.zeros_like(theta)
        with np.errstate(all="ignore"):
            for first in range(0, len(self._groups.step), CHUNK):
                piece = self._piece(p, first, min(first + CHUNK, len(self._groups.step)))
                if piece is None:
                    return np.inf, np.full_like(theta, np.nan)
                value, gradient = value + piece[0], gradient + piece[1]
        constant = self.sample.n_effective * self.dim * np.log(2 * np.pi)
        return value + 0.5 * float(constant), gradient

    def _piece(self, p: LinearParameters, first: int, last: int) -> tuple[float, FloatArray] | None:
        """Return value and gradient of some groups, without the constant."""
        used, step = np.unique(self._groups.step[first:last], return_inverse=True)
        moments = linear_moments(p.kappa, p.rate, self.steps[used], self.design.order)
        tail = self.design.tail(p.kappa, self._groups.behind[first:last])
        coefficients = self.design.coefficients(p.trend, moments, self.steps[used], step, tail)
        sign, logdet = np.linalg.slogdet(moments.covariance)
        if not (np.all(sign > 0) and np.isfinite(logdet).all()):
            return None
        precision = np.linalg.inv(moments.covariance)[step]
        products = self._cross_products(first, last)
        width = coefficients.shape[2]
        zz, zy = products[:, :width, :width], products[:, :width, width:]
        misfit = np.swapaxes(zy, 1, 2) - coefficients @ zz
        spread = products[:, width:, width:] - coefficients @ zy
        spread = spread - misfit @ np.swapaxes(coefficients, 1, 2)
        rows, starts = self._groups.rows(first, last)
        weight = np.add.reduceat(self.sample.weight[rows], starts)
        value = 0.5 * float(weight @ logdet[step] + np.einsum("gij,gji->", precision, spread))
        covariance_bar = 0.5 * (weight[:, None, None] * precision - precision @ spread @ precision)
        gradient = self._pull_back(
            p, moments, self.steps[used], step, tail, -precision @ misfit, covariance_bar
        )
        return value, gradient

    def _pull_back(
        self,
        p: LinearParameters,
        moments: LinearMoments,
        steps: FloatArray,
        step: IntArray,
        tail: Tail,
        coefficients_bar: FloatArray,
        covariance_bar: FloatArray,
    ) -> FloatArray:
        """Return the gradient in the parameter vector, summed over all rows."""
        bars = self.design.pull_back(p.trend, moments, steps, step, tail, coefficients_bar)
        sums = [_summed(bar, step, len(steps)) for bar in (*bars.integrals, covariance_bar)]
        phi_bar = _summed(bars.phi, step, len(steps))
        kappa_bar, rate_bar = moments.pull_back(phi_bar, sums[:-1], sums[-1])
        kappa_bar = kappa_bar.sum(axis=0) + tail.pull_back(bars.tail).sum(axis=0)
        return _packed(
            p, kappa_bar[None], bars.trend.sum(axis=0)[None], rate_bar.sum(axis=0)[None]
        )[0]

    def step_jacobian(self, theta: FloatArray) -> FloatArray:
        """Return the derivative of the law of a step in the parameters, for one step length.

        Rows are the matrix of the regressors (x, columns) row by row, then the lower
        triangle of Q; knots within steps are left out.
        """
        p = LinearParameters.from_vector(theta, self.dim).moved(-self.centre, self.level)
        d, width = self.dim, self.regressors.shape[1]
        rows, cols = np.tril_indices(d)
        moments = linear_moments(p.kappa, p.rate, self.steps[:1], self.design.order)
        units = np.eye(d * width).reshape(-1, d, width)
        alone = np.zeros(d * width, dtype=np.int64)
        tail = Tail(np.full((d * width, 0), -1), np.zeros((0, d, d)), None)
        bars = self.design.pull_back(p.trend, moments, self.steps[:1], alone, tail, units)
        still = self.design.order == 1 and len(self.design.blocks) == 1
        kappa_bar, rate_bar = moments.pull_back(bars.phi, None if still else bars.integrals, None)
        above = _packed(p, kappa_bar, bars.trend, rate_bar)
        covariance_bar = np.zeros((len(rows), d, d))
        covariance_bar[np.arange(len(rows)), rows, cols] += 0.5
        covariance_bar[np.arange(len(rows)), cols, rows] += 0.5
        kappa_bar, rate_bar = moments.pull_back(np.zeros_like(covariance_bar), None, covariance_bar)
        nothing = np.zeros((len(rows), *p.trend.shape))
        return np.vstack([above, _packed(p, kappa_bar, nothing, rate_bar)])

    def scores(self, theta: FloatArray) -> FloatArray:
        """Return the weighted score of every transition, shape (n, k)."""
        return np.concatenate(list(self.score_pieces(theta)))

    def score_pieces(self, theta: FloatArray) -> Iterator[FloatArray]:
        """Yield the weighted scores in panel order, some thousand rows at a time."""
        p = LinearParameters.from_vector(theta, self.dim).moved(-self.centre, self.level)
        for start in range(0, self.sample.n, CHUNK):
            yield self._scores(p, slice(start, min(start + CHUNK, self.sample.n)))

    def _scores(self, p: LinearParameters, rows: slice) -> FloatArray:
        s, single = self.centred, len(self.steps) == 1
        n = rows.stop - rows.start
        steps = self.steps if single else s.dt[rows]
        step = np.zeros(n, dtype=np.int64) if single else np.arange(n)
        moments = linear_moments(p.kappa, p.rate, steps, self.design.order)
        tail = self.design.tail(p.kappa, self.design.behind[rows], alone=True)
        z = self.regressors[rows]
        coefficients = self.design.coefficients(p.trend, moments, steps, step, tail)
        error = (s.x_next[rows] - np.einsum("nij,nj->ni", coefficients, z))[:, :, None]
        precision = np.linalg.inv(moments.covariance)[step]
        scaled = precision @ error
        weight = s.weight[rows][:, None, None]
        bars = self.design.pull_back(
            p.trend, moments, steps, step, tail, -weight * scaled * z[:, None, :]
        )
        covariance_bar = 0.5 * weight * (precision - scaled @ np.swapaxes(scaled, 1, 2))
        kappa_bar, rate_bar = moments.pull_back(bars.phi, bars.integrals, covariance_bar)
        return -_packed(p, kappa_bar + tail.pull_back(bars.tail), bars.trend, rate_bar)


def _distinct_steps(dt: FloatArray) -> tuple[FloatArray, IntArray]:
    # Steps that differ by rounding only, as in np.diff of a grid, are one step.
    exponent = np.floor(np.log10(dt.min()))
    _, first, group = np.unique(
        np.round(dt / 10.0**exponent, 10), return_index=True, return_inverse=True
    )
    return dt[first], group


def _summed(rows: FloatArray, place: IntArray, size: int) -> FloatArray:
    """Return the sums of the rows with the same place."""
    if size == 1:
        return rows.sum(axis=0)[None]
    total = np.zeros((size, *rows.shape[1:]))
    np.add.at(total, place, rows)
    return total


def _packed(
    p: LinearParameters, kappa_bar: FloatArray, trend_bar: FloatArray, rate_bar: FloatArray
) -> FloatArray:
    """Return gradients in (kappa, trend, factor), one row each."""
    factor_bar = (rate_bar + np.swapaxes(rate_bar, 1, 2)) @ p.factor
    rows, cols = np.tril_indices(len(p.kappa))
    n = len(kappa_bar)
    return np.hstack(
        [kappa_bar.reshape(n, -1), trend_bar.reshape(n, -1), factor_bar[:, rows, cols]]
    )
