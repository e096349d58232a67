r"""Errors of what follows from kappa and a: eigenvalues and the stationary covariance.

Law of this file: arrays in, arrays out; the delta method with exact derivatives,

    d lambda_i = w_i' d kappa v_i,      kappa dS + dS kappa' = da - d kappa S - S d kappa',

w_i and v_i being left and right eigenvectors with w_i' v_i = 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray

__all__ = ["Eigenvalues", "eigenvalues_with_errors", "stationary_gradient"]

# Share of the first-order error beyond which the second-order one may not be left out.
SHARE = 0.5


@dataclass(frozen=True)
class Eigenvalues:
    """Eigenvalues of kappa, the slowest first, with standard errors.

    Attributes
    ----------
    values : ndarray of complex of shape (d,)
    real_se, imag_se : ndarray of shape (d,)
        NaN where ``close`` holds or the covariance is NaN.
    close : ndarray of bool of shape (d,)
        Another eigenvalue is so near that the errors of the two cannot be told apart.
    """

    values: np.ndarray
    real_se: FloatArray
    imag_se: FloatArray
    close: BoolArray


def eigenvalues_with_errors(kappa: FloatArray, covariance: FloatArray) -> Eigenvalues:
    """Return the eigenvalues of kappa with delta-method errors.

    Parameters
    ----------
    kappa : ndarray of shape (d, d)
    covariance : ndarray of shape (d * d, d * d)
        Of kappa row by row.

    Notes
    -----
    The second-order shift of lambda_i by its neighbour j is
    (w_i' E v_j)(w_j' E v_i) / (lambda_i - lambda_j), E being the error of kappa; where its
    size exceeds half the first-order error, the eigenvalue is no smooth function of kappa
    within its errors, and there is no standard error.
    """
    values, vectors = np.linalg.eig(kappa)
    order = np.lexsort((values.imag, values.real))
    values, vectors = values[order], vectors[:, order]
    inverse = np.linalg.inv(vectors)
    d = len(kappa)
    # Row (i, j) is the gradient of w_i' kappa v_j in kappa row by row.
    gradients = np.kron(inverse, vectors.T).reshape(d, d, d * d)
    own = gradients[np.arange(d), np.arange(d)]
    real_se, imag_se = (
        np.sqrt(np.maximum(np.sum((part @ covariance) * part, axis=1), 0))
        for part in (own.real, own.imag)
    )
    flat = gradients.reshape(d * d, d * d)
    size = np.sum((flat @ covariance) * flat.conj(), axis=1).real
    couple = np.sqrt(np.maximum(size, 0)).reshape(d, d)
    gap = np.abs(values[:, None] - values[None])
    np.fill_diagonal(gap, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = (couple * couple.T / gap).max(axis=1) if d > 1 else np.zeros(d)
    close = ~(shift <= SHARE * np.hypot(real_se, imag_se)) & np.isfinite(real_se)
    return Eigenvalues(
        values, np.where(close, np.nan, real_se), np.where(close, np.nan, imag_se), close
    )


def stationary_gradient(
    kappa: FloatArray, factor: FloatArray, stationary: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the gradients of the lower triangle of S in kappa and in the factor of a.

    Parameters
    ----------
    kappa : ndarray of shape (d, d)
    factor : ndarray of shape (d, d)
        Lower factor of a.
    stationary : ndarray of shape (d, d)
        S, solving kappa S + S kappa' = a.

    Returns
    -------
    by_kappa : ndarray of shape (d (d + 1) / 2, d, d)
    by_factor : ndarray of shape (d (d + 1) / 2, d, d)
    """
    from scipy.linalg import solve_continuous_lyapunov

    d = len(kappa)
    by_kappa, by_factor = [], []
    for i, j in zip(*np.tril_indices(d), strict=True):
        unit = np.zeros((d, d))
        unit[i, j] += 0.5
        unit[j, i] += 0.5
        adjoint = solve_continuous_lyapunov(kappa.T, unit)
        by_kappa.append(-2.0 * adjoint @ stationary)
        by_factor.append(2.0 * adjoint @ factor)
    return np.stack(by_kappa), np.stack(by_factor)
