"""The search for the maximum, in the coordinates in which it is easy.

The drift is kappa (m(u) - x) = c(u) - kappa x. The likelihood is nearly quadratic
in (kappa, c), also where kappa is close to singular (a random walk) and the mean m
= kappa^{-1} c hardly identified. The search therefore moves (kappa, c), with
states counted from their mean, and its end is taken back to (kappa, m).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import optimize

from stochtext._shared.typing import FloatArray
from stochtext.estimators.linear_likelihood import LinearLikelihood, LinearParameters
from stochtext.estimators.newton import Optimum, polish

__all__ = ["coordinate_scale", "maximise"]


def maximise(likelihood: LinearLikelihood, start: LinearParameters, max_iter: int) -> Optimum:
    """Return the maximum-likelihood estimate and its Hessian, in kappa, mean and factor.

    Parameters
    ----------
    likelihood : LinearLikelihood
    start : LinearParameters
    max_iter : int
        Iterations of L-BFGS, which Newton steps follow.
    """
    d, n = likelihood.dim, likelihood.sample.n_effective
    scale = coordinate_scale(likelihood)

    def objective(unit: FloatArray) -> tuple[float, FloatArray]:
        try:
            p = _with_means(LinearParameters.from_vector(unit * scale, d))
        except np.linalg.LinAlgError:
            return np.inf, np.full_like(unit, np.nan)
        value, gradient = likelihood.value_and_gradient(
            p.moved(likelihood.centre, likelihood.level).to_vector()
        )
        return value / n, _pull_back(p, gradient) * scale / n

    first = _with_intercepts(start.moved(-likelihood.centre, likelihood.level)).to_vector()
    search = optimize.minimize(
        objective, first / scale, jac=True, method="L-BFGS-B",
        options={"maxiter": max_iter, "maxfun": 4 * max_iter, "ftol": 1e-10, "gtol": 1e-8},
    )  # fmt: skip
    found = LinearParameters.from_vector(search.x, d).with_positive_diagonal()
    optimum = polish(objective, found.to_vector()).rescaled(scale, n)
    p = _with_means(LinearParameters.from_vector(optimum.theta, d))
    jacobian = _jacobian(p)
    return replace(
        optimum,
        theta=p.moved(likelihood.centre, likelihood.level).to_vector(),
        hessian=jacobian.T @ optimum.hessian @ jacobian,
    )


def coordinate_scale(likelihood: LinearLikelihood) -> FloatArray:
    """Return the size of (kappa, c, factor), so that the search sees numbers of order one."""
    s = likelihood.sample
    spread, step = s.x.std(axis=0), float(np.median(s.dt))
    return LinearParameters(
        np.outer(spread, 1 / spread) / step,
        np.tile(spread / step, (likelihood.n_coefficients, 1)),
        np.tile((spread / np.sqrt(step))[:, None], (1, len(spread))),
    ).to_vector()


def _with_intercepts(p: LinearParameters) -> LinearParameters:
    return replace(p, trend=p.trend @ p.kappa.T)


def _with_means(p: LinearParameters) -> LinearParameters:
    trend: FloatArray = np.linalg.solve(p.kappa, p.trend.T).T.astype(np.float64)
    return replace(p, trend=trend)


def _pull_back(p: LinearParameters, gradient: FloatArray) -> FloatArray:
    """Return the gradient in (kappa, c, factor) from that in (kappa, m, factor)."""
    g = LinearParameters.from_vector(gradient, len(p.kappa))
    intercept_bar = np.linalg.solve(p.kappa.T, g.trend.T).T.astype(np.float64)
    kappa_bar = g.kappa - intercept_bar.T @ p.trend
    return LinearParameters(kappa_bar, intercept_bar, g.factor).to_vector()


def _jacobian(p: LinearParameters) -> FloatArray:
    """Return the derivative of (kappa, c, factor) in (kappa, m, factor)."""
    d, q = len(p.kappa), len(p.trend)
    jacobian = np.eye(d * d + q * d + d * (d + 1) // 2)
    for j in range(q):
        rows = slice(d * d + j * d, d * d + (j + 1) * d)
        jacobian[rows, : d * d] = np.kron(np.eye(d), p.trend[j])
        jacobian[rows, rows] = p.kappa
    return jacobian
