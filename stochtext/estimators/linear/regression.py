"""The regression of the next state on the present one, without any law in continuous time.

Law of this file: least squares in closed form; nothing here knows kappa.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.linear_likelihood import LinearLikelihood

__all__ = ["OneStepRegression", "one_step_regression"]


@dataclass(frozen=True)
class OneStepRegression:
    """X(t + dt) = Phi X(t) + C z(t) + e by weighted least squares, states counted from a centre.

    Attributes
    ----------
    phi : ndarray of shape (d, d)
        Step matrix, whatever its eigenvalues.
    levels : ndarray of shape (d, p)
        Coefficients of the functions of the clock.
    covariance : ndarray of shape (d, d)
        Mean square of the errors.
    products : ndarray of shape (d + p, d + p)
        Weighted cross-products of the regressors.
    llf : float
        Gaussian log likelihood.
    rank : int
        Number of independent regressors.
    """

    phi: FloatArray
    levels: FloatArray
    covariance: FloatArray
    products: FloatArray
    llf: float
    rank: int


def one_step_regression(likelihood: LinearLikelihood, columns: FloatArray) -> OneStepRegression:
    """Return the regression on the centred states and some functions of the clock.

    Parameters
    ----------
    likelihood : LinearLikelihood
    columns : ndarray of shape (n, p)
    """
    s, d = likelihood.centred, likelihood.dim
    z = np.hstack([s.x, columns])
    weighted = z * s.weight[:, None]
    products = z.T @ weighted
    # Solved in units in which every regressor has length one.
    size = np.sqrt(np.maximum(np.diag(products), np.finfo(np.float64).tiny))
    unit = products / np.outer(size, size)
    solution, _, rank, _ = np.linalg.lstsq(unit, weighted.T @ s.x_next / size[:, None], rcond=1e-12)
    coefficients = solution / size[:, None]
    error = s.x_next - z @ coefficients
    n = s.n_effective
    covariance = (error * s.weight[:, None]).T @ error / n
    sign, logdet = np.linalg.slogdet(covariance)
    llf = -0.5 * n * (d * np.log(2 * np.pi) + logdet + d) if sign > 0 else np.nan
    return OneStepRegression(
        coefficients[:d].T, coefficients[d:].T, covariance, products, float(llf), int(rank)
    )
