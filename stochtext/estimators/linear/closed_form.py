r"""The maximum of the likelihood where it is a regression taken to continuous time.

With steps of one length h, and a mean that is constant or moves evenly, the law of a step is
x' = Phi x + c_0 + c_1 u + e with nothing held back: least squares is the maximum-likelihood
estimate of (Phi, c, Q), and (kappa, m, a) are functions of it,

    kappa = -log(Phi) / h,   (I - Phi) m_1 = c_1,   (I - Phi) m_0 = c_0 - rho L_1(h) m_1,
    Q = int_0^h exp(-kappa s) a exp(-kappa' s) ds,

where Phi has a real logarithm and a comes out positive definite. Covariances follow with the
Jacobian J of (Phi, c, Q) in the parameters (Frechet derivatives of the exponential): at the
maximum the information is J' B J exactly, B being that of the regression.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.linear.logarithm import real_logarithm
from stochtext.estimators.linear.regression import OneStepRegression
from stochtext.estimators.linear_likelihood import LinearLikelihood, LinearParameters
from stochtext.processes.linear.mean_basis import Polynomials
from stochtext.processes.linear.moments import linear_moments
from stochtext.results.inference.parameters.covariance import COV_TYPES, newey_west_lags

__all__ = ["ClosedForm", "ClosedFormCovariances", "closed_form"]

REFINEMENTS = 6


@dataclass(frozen=True)
class ClosedForm:
    """The estimate, and the regression that it is.

    ``pace`` is the common speed of the clock, for a mean that moves.
    """

    parameters: LinearParameters
    regression: OneStepRegression
    pace: float


def closed_form(
    likelihood: LinearLikelihood, regression: OneStepRegression, fastest: float
) -> ClosedForm | None:
    """Return the maximum-likelihood estimate, or None where it is no regression.

    Parameters
    ----------
    likelihood : LinearLikelihood
    regression : OneStepRegression
        On the states and the functions that the mean is a sum of.
    fastest : float
        Largest rate per step; beyond it a direction is white, not an estimate.
    """
    s, basis = likelihood.sample, likelihood.basis
    pace = s.clock_dt / s.dt
    even = np.ptp(pace) <= 1e-9 * np.max(np.abs(pace))
    if len(likelihood.steps) != 1 or not isinstance(basis, Polynomials) or basis.degree > 1:
        return None
    if basis.degree == 1 and not even:
        return None
    step = float(likelihood.steps[0])
    logarithm = real_logarithm(regression.phi, np.exp(-fastest))
    if logarithm is None or regression.rank < likelihood.dim + basis.size:
        return None
    kappa = -logarithm / step
    rate = _rate(kappa, regression.covariance, step)
    try:
        trend = _trend(kappa, regression, step, float(pace[0]))
        factor = np.linalg.cholesky(rate).astype(np.float64)
    except np.linalg.LinAlgError:
        return None
    centred = LinearParameters(kappa, trend, factor)
    p = centred.moved(likelihood.centre, likelihood.level)
    return ClosedForm(p, regression, float(pace[0]))


def _rate(kappa: FloatArray, covariance: FloatArray, step: float) -> FloatArray:
    """Return a with Q(a) = ``covariance``: in the eigenvectors of kappa, then refined."""
    values, vectors = np.linalg.eig(kappa)
    sums = values[:, None] + values[None].conj()
    length = np.where(np.abs(sums) * step < 1e-8, step, -np.expm1(-sums * step) / sums)
    inverse = np.linalg.inv(vectors)

    def solved(q: FloatArray) -> FloatArray:
        inner = inverse @ q @ inverse.conj().T / length
        found = np.real(vectors @ inner @ vectors.conj().T)
        return np.asarray((found + found.T) / 2, dtype=np.float64)

    rate = solved(covariance)
    for _ in range(REFINEMENTS):
        missing = covariance - linear_moments(kappa, rate, np.array([step])).covariance[0]
        if np.abs(missing).max() <= 4e-16 * np.abs(covariance).max():
            break
        rate = rate + solved(missing)
    return rate


def _trend(
    kappa: FloatArray, regression: OneStepRegression, step: float, pace: float
) -> FloatArray:
    eye = np.eye(len(kappa))
    moments = linear_moments(kappa, eye, np.array([step]))
    ahead = eye - regression.phi
    coefficients = regression.levels.T
    if len(coefficients) == 1:
        return np.linalg.solve(ahead, coefficients[0])[None].astype(np.float64)
    slope = np.linalg.solve(ahead, coefficients[1])
    lag = step * eye - moments.integral[0]
    level = np.linalg.solve(ahead, coefficients[0] - pace * lag @ slope)
    return np.stack([level, slope]).astype(np.float64)


class ClosedFormCovariances(Mapping[str, FloatArray]):
    """Covariances by type, computed when first asked for.

    The sandwich is made in the regression's parameters (Phi, c, Q), where scores are outer
    products, and taken to (kappa, mean, factor) by the inverse Jacobian.
    """

    def __init__(self, likelihood: LinearLikelihood, fit: ClosedForm, cluster: IntArray) -> None:
        self._likelihood = likelihood
        self._fit = fit
        self._cluster = cluster
        self._known: dict[str, FloatArray] = {}
        self._inverse: FloatArray | None = None
        self._kinds = COV_TYPES if cluster.max() > 0 else COV_TYPES[:-1]

    def __getitem__(self, cov_type: str) -> FloatArray:
        if cov_type not in self._kinds:
            raise KeyError(cov_type)
        if cov_type not in self._known:
            root = self._root(cov_type)
            moved = self._jacobian_inverse() @ root
            self._known[cov_type] = moved @ moved.T
        return self._known[cov_type]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def __reduce__(self) -> tuple[type, tuple[dict[str, FloatArray]]]:
        return dict, (dict(self),)

    def _jacobian_inverse(self) -> FloatArray:
        if self._inverse is None:
            d = self._likelihood.dim
            jacobian = _jacobian(self._likelihood, self._fit)
            self._inverse = _block_inverse(jacobian, len(jacobian) - d * (d + 1) // 2)
        return self._inverse

    def _root(self, cov_type: str) -> FloatArray:
        """Return a matrix R with R R' the covariance of (Phi, c, Q)."""
        r, d = self._fit.regression, self._likelihood.dim
        bread = np.linalg.inv(r.products).astype(np.float64)
        rows, cols = np.tril_indices(d)
        if cov_type == "nonrobust":
            q = r.covariance
            of_q = q[np.ix_(rows, rows)] * q[np.ix_(cols, cols)]
            of_q = of_q + q[np.ix_(rows, cols)] * q[np.ix_(cols, rows)]
            first = np.kron(np.linalg.cholesky(q), np.linalg.cholesky(bread))
            second = np.linalg.cholesky(of_q / self._likelihood.sample.n_effective)
            return _diagonal(first, second.astype(np.float64))
        if cov_type == "cluster":
            m = int(self._cluster.max()) + 1
            return np.asarray(np.sqrt(m / (m - 1)) * self._totals(bread, m).T, dtype=np.float64)
        influences = self._influences(bread)
        if cov_type == "robust":
            return influences.T
        return _newey_west_root(influences, self._likelihood.sample.trajectory)

    def _totals(self, bread: FloatArray, m: int) -> FloatArray:
        """Return the sum of the influences over each cluster, shape (m, k)."""
        z, error, weighted = self._errors()
        s, q = self._likelihood.sample, self._fit.regression.covariance
        code = self._cluster[s.trajectory]
        order = np.argsort(code, kind="stable")
        starts = np.searchsorted(code[order], np.arange(m))
        rows, cols = np.tril_indices(len(q))
        totals = []
        for k in np.split(order, starts[1:]):
            of_q = weighted[k].T @ error[k] - s.weight[k].sum() * q
            of_mean = weighted[k].T @ z[k] @ bread
            totals.append(np.concatenate([of_mean.ravel(), of_q[rows, cols] / s.n_effective]))
        return np.stack(totals)

    def _errors(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return regressors, errors and weighted errors."""
        r, s = self._fit.regression, self._likelihood.centred
        z = np.hstack([s.x, self._likelihood.design.columns[:, : r.levels.shape[1]]])
        error = s.x_next - z @ np.vstack([r.phi.T, r.levels.T])
        return z, error, error * s.weight[:, None]

    def _influences(self, bread: FloatArray) -> FloatArray:
        """Return what each transition adds to the errors of (Phi, c, Q), shape (n, k)."""
        z, error, weighted = self._errors()
        s, q = self._likelihood.sample, self._fit.regression.covariance
        of_mean = weighted[:, :, None] * (z @ bread)[:, None, :]
        rows, cols = np.tril_indices(len(q))
        of_q = weighted[:, rows] * error[:, cols] - s.weight[:, None] * q[rows, cols]
        return np.hstack([of_mean.reshape(len(z), -1), of_q / s.n_effective])


def _jacobian(likelihood: LinearLikelihood, fit: ClosedForm) -> FloatArray:
    """Return the derivative of ((Phi, c) row by row, Q) in (kappa, mean, factor)."""
    full = likelihood.step_jacobian(fit.parameters.to_vector())
    d, q = likelihood.dim, likelihood.n_coefficients
    width = likelihood.regressors.shape[1]
    means = full[: d * width].reshape(d, width, -1)
    if width > d + q:
        # The clock has one pace, so its column is a multiple of that of the level.
        means[:, d] += fit.pace * means[:, d + q]
    return np.vstack([means[:, : d + q].reshape(d * (d + q), -1), full[d * width :]])


def _block_inverse(matrix: FloatArray, first: int) -> FloatArray:
    """Return the inverse of a matrix whose upper right block is zero."""
    upper, lower = np.linalg.inv(matrix[:first, :first]), np.linalg.inv(matrix[first:, first:])
    whole = np.zeros_like(matrix)
    whole[:first, :first], whole[first:, first:] = upper, lower
    whole[first:, :first] = -lower @ (matrix[first:, :first] @ upper)
    return whole


def _diagonal(one: FloatArray, other: FloatArray) -> FloatArray:
    whole = np.zeros((len(one) + len(other),) * 2)
    whole[: len(one), : len(one)] = one
    whole[len(one) :, len(one) :] = other
    return whole


def _newey_west_root(rows: FloatArray, trajectory: IntArray) -> FloatArray:
    """Return a root of the Bartlett-weighted products: moving sums of lags + 1 rows."""
    lags = newey_west_lags(trajectory)
    width = lags + 1
    starts = np.flatnonzero(np.diff(trajectory, prepend=-1))
    pieces = []
    for piece in np.split(rows, starts[1:]):
        padded = np.vstack([np.zeros((1, rows.shape[1])), np.cumsum(piece, axis=0)])
        ends = np.minimum(np.arange(1, len(piece) + width), len(piece))
        begins = np.maximum(np.arange(1, len(piece) + width) - width, 0)
        pieces.append(padded[ends] - padded[begins])
    return np.asarray(np.vstack(pieces).T / np.sqrt(width), dtype=np.float64)
