"""The search for the maximum, in units in which every parameter is of order one.

As for the noise-free model the search moves (kappa, c) with c = kappa m: the mean itself is
hardly known where kappa is close to singular. Standard deviations may pass through zero,
where the likelihood is even in them: a variance at the end of its range is then an
ordinary stationary point.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError
from stochtext._shared.typing import FloatArray
from stochtext.estimators.linear.state_space.descent import descend
from stochtext.estimators.newton import Optimum, polish
from stochtext.transitions.state_space.likelihood import StateSpaceLikelihood
from stochtext.transitions.state_space.parameters import Parameters, Shape

__all__ = ["maximise"]

# Share of the data's spread from which the search is tried again.
SMALL = 0.1


def maximise(likelihood: StateSpaceLikelihood, starts: list[Parameters], max_iter: int) -> Optimum:
    """Return the maximum-likelihood estimate and its Hessian, in kappa, mean and factors.

    Parameters
    ----------
    likelihood : StateSpaceLikelihood
        Of rows that are counted from about their mean.
    starts : list of Parameters
    max_iter : int
        Iterations of BFGS from each start; Newton steps follow the best.
    """
    shape = likelihood.model.shape
    n = _size(likelihood)
    scale = _scale(likelihood)

    def objective(unit: FloatArray) -> tuple[float, FloatArray]:
        undefined = np.inf, np.full_like(unit, np.nan)
        try:
            p = _with_means(shape.unpack(unit * scale))
        except np.linalg.LinAlgError:
            return undefined
        value, gradient = likelihood.value_and_gradient(shape.pack(p))
        if not np.isfinite(value):
            return undefined
        return value / n, _pull_back(shape, p, gradient) * scale / n

    best, least = None, np.inf
    for start in starts:
        found, value = descend(objective, shape.pack(_with_intercepts(start)) / scale, max_iter)
        if value < least:
            best, least = found, value
    if best is None:
        raise DegenerateDataError(
            "The likelihood is not finite where the search would start. Check the data for "
            "redundant columns (TrajectoryPCA removes them)."
        )
    again = _away_from_zero(shape, best)
    if again is not None:
        found, value = descend(objective, again, max_iter)
        best = found if value < least else best
    found_there = shape.unpack(best * scale).with_positive_diagonals()
    optimum = polish(objective, shape.pack(found_there) / scale).rescaled(scale, n)
    p = _with_means(shape.unpack(optimum.theta))
    jacobian = _jacobian(shape, p)
    return replace(optimum, theta=shape.pack(p), hessian=jacobian.T @ optimum.hessian @ jacobian)


def _away_from_zero(shape: Shape, unit: FloatArray) -> FloatArray | None:
    """Return the point with vanishing standard deviations made small, or None without any.

    At zero the gradient vanishes even where the likelihood rises with the variance.
    """
    p = shape.unpack(unit)
    values = {}
    for name in ("noise", "effect", "spread"):
        matrix = getattr(p, name)
        if matrix is not None and np.abs(np.diag(matrix)).min() < SMALL:
            raised = matrix.copy()
            np.fill_diagonal(raised, np.maximum(np.abs(np.diag(matrix)), SMALL))
            values[name] = raised
    return shape.pack(replace(p, **values)) if values else None


def _size(likelihood: StateSpaceLikelihood) -> float:
    """Return the weighted number of states seen."""
    seen = np.isfinite(likelihood.rows.y).sum(axis=1)
    each = np.add.reduceat(seen, likelihood.rows.first)
    return float(likelihood.weight @ each) / likelihood.model.shape.dim


def _scale(likelihood: StateSpaceLikelihood) -> FloatArray:
    rows, shape = likelihood.rows, likelihood.model.shape
    spread = np.nanstd(rows.y, axis=0)
    step = float(np.median(rows.steps[rows.group[rows.group >= 0]]))
    columns = np.tile(spread[:, None], (1, len(spread)))
    return shape.pack(
        Parameters(
            np.outer(spread, 1 / spread) / step,
            np.tile(spread / step, (shape.n_terms, 1)),
            columns / np.sqrt(step),
            columns,
            columns,
            spread,
            columns,
        )  # fmt: skip
    )


def _with_intercepts(p: Parameters) -> Parameters:
    return replace(p, trend=p.trend @ p.kappa.T)


def _with_means(p: Parameters) -> Parameters:
    trend: FloatArray = np.linalg.solve(p.kappa, p.trend.T).T.astype(np.float64)
    return replace(p, trend=trend)


def _pull_back(shape: Shape, p: Parameters, gradient: FloatArray) -> FloatArray:
    """Return the gradient in (kappa, c, ...) from that in (kappa, m, ...)."""
    g = shape.unpack(gradient)
    intercept_bar = np.linalg.solve(p.kappa.T, g.trend.T).T.astype(np.float64)
    return shape.pack(replace(g, kappa=g.kappa - intercept_bar.T @ p.trend, trend=intercept_bar))


def _jacobian(shape: Shape, p: Parameters) -> FloatArray:
    """Return the derivative of (kappa, c, ...) in (kappa, m, ...)."""
    d = shape.dim
    jacobian = np.eye(shape.size)
    for j in range(shape.n_terms):
        rows = slice(d * d + j * d, d * d + (j + 1) * d)
        jacobian[rows, : d * d] = np.kron(np.eye(d), p.trend[j])
        jacobian[rows, rows] = p.kappa
    return jacobian
