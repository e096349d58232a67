"""Arithmetic of Gaussian laws, row by row: a row's bits do not depend on the other rows."""

from __future__ import annotations

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states

__all__ = ["gaussian_log_density", "lower_root", "row_products", "standardised", "state_pairs"]

#: Entries of a matrix up to which its products are formed component by component.
_FEW = 16


def state_pairs(x: ArrayLike, x_next: ArrayLike, dim: int | None) -> tuple[FloatArray, FloatArray]:
    """Return states and next states row by row; a single row stands beside every other."""
    here, there = as_states("x", x, dim), as_states("x_next", x_next, dim)
    if len(here) != len(there) and 1 not in (len(here), len(there)):
        raise InputError(
            f"`x` and `x_next` must have as many rows, or one of them a single row; got "
            f"{len(here)} and {len(there)}."
        )
    shape = (max(len(here), len(there)), here.shape[1])
    if 0 in (len(here), len(there)):
        shape = (0, here.shape[1])
    return np.broadcast_to(here, shape), np.broadcast_to(there, shape)


def row_products(matrices: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return the product of each row's matrix and vector.

    Parameters
    ----------
    matrices : ndarray of shape (n, d, e) or (1, d, e)
    vectors : ndarray of shape (n, e)

    Returns
    -------
    ndarray of shape (n, d)

    Notes
    -----
    Summed one column after the other: BLAS and ``einsum`` choose an order of summation
    by the number of rows, and then a path alone differs from the same path in a batch.
    """
    n, e = vectors.shape
    d = matrices.shape[1]
    if d * e > _FEW:
        product = matrices[:, :, 0] * vectors[:, :1]
        for k in range(1, e):
            product = product + matrices[:, :, k] * vectors[:, k : k + 1]
        return product
    # The same sums component by component: NumPy is slow along axes of a few entries.
    product = np.empty((n, d))
    for j in range(d):
        total = matrices[:, j, 0] * vectors[:, 0]
        for k in range(1, e):
            total = total + matrices[:, j, k] * vectors[:, k]
        product[:, j] = total
    return product


def lower_root(covariance: FloatArray) -> FloatArray:
    """Return the lower factor L with L L^T = covariance, for singular matrices too.

    Parameters
    ----------
    covariance : ndarray of shape (k, d, d)
        Positive semidefinite matrices.

    Returns
    -------
    ndarray of shape (k, d, d)
        A direction without variance has a zero column.
    """
    d = covariance.shape[1]
    root = np.zeros_like(covariance)
    nothing = d * np.finfo(np.float64).eps
    for j in range(d):
        done = root[:, j:, :j] @ root[:, j, :j, None]
        column = covariance[:, j:, j] - done[:, :, 0]
        pivot = np.where(column[:, 0] > nothing * covariance[:, j, j], column[:, 0], 0.0)
        length = np.sqrt(pivot)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            root[:, j:, j] = np.where(length > 0, column / length, 0.0)
    return root


def gaussian_log_density(residual: FloatArray, covariance: FloatArray) -> FloatArray:
    """Return the log density of N(0, covariance) at each residual.

    Parameters
    ----------
    residual : ndarray of shape (n, d)
    covariance : ndarray of shape (n, d, d)
        A view with the first stride zero is factorised once.

    Returns
    -------
    ndarray of shape (n,)

    Raises
    ------
    InputError
        If a covariance is singular: the law has no density then.
    """
    standard, root = standardised(residual, covariance)
    log_scale = np.sum(np.log(np.diagonal(root, axis1=1, axis2=2)), axis=1)
    constant = 0.5 * residual.shape[1] * np.log(2.0 * np.pi)
    return -0.5 * np.sum(standard**2, axis=1) - log_scale - constant


def standardised(residual: FloatArray, covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return L^-1 r of each row and L, the lower factor of its covariance.

    Parameters
    ----------
    residual : ndarray of shape (n, d)
    covariance : ndarray of shape (n, d, d)
        A view with the first stride zero is factorised once; L then has one row.

    Returns
    -------
    standard : ndarray of shape (n, d)
    root : ndarray of shape (n, d, d) or (1, d, d)

    Raises
    ------
    InputError
        If a covariance is singular: the law has no density then.
    """
    root = lower_root(covariance[:1] if covariance.strides[0] == 0 else covariance)
    scale = np.diagonal(root, axis1=1, axis2=2)
    bad = np.flatnonzero(~np.all(scale > 0, axis=1))
    if bad.size and len(residual):
        raise InputError(
            f"The transition has no density: its covariance is singular in row {bad[0]}."
        )
    standard = np.empty_like(residual)
    for j in range(residual.shape[1]):
        known = row_products(root[:, j : j + 1, :j], standard[:, :j])[:, 0] if j else 0.0
        standard[:, j] = (residual[:, j] - known) / root[:, j, j]
    return standard, root
