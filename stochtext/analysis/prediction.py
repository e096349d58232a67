"""Held-out R2 of a linear prediction, from sums of squares and products alone.

Law: a prediction is judged on trajectories (groups, blocks of time) that it was
not fitted to, against the mean of those it was fitted to.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray

__all__ = ["block_moments", "held_out_r2", "running_means"]

# Directions with less than this share of the largest eigenvalue are not fitted.
_RANK = 1e-10


def block_moments(
    predictor: FloatArray, target: FloatArray, block: IntArray, n_blocks: int
) -> FloatArray:
    """Return the products of (1, predictor, target) summed over each block.

    Parameters
    ----------
    predictor, target : ndarrays of shapes (n, p), (n, d)
    block : ndarray of int of shape (n,)
    n_blocks : int

    Returns
    -------
    ndarray of shape (n_blocks, 1 + p + d, 1 + p + d)
    """
    rows = np.column_stack([np.ones(len(target)), predictor, target])
    order = np.argsort(block, kind="stable")
    bounds = np.searchsorted(block[order], np.arange(n_blocks + 1))
    sorted_rows = rows[order]
    return np.stack([
        sorted_rows[a:b].T @ sorted_rows[a:b]
        for a, b in zip(bounds[:-1], bounds[1:], strict=True)
    ])  # fmt: skip


def held_out_r2(
    moments: FloatArray, fold: IntArray, p: int, *, without_each: bool = False
) -> FloatArray:
    r"""Return the cross-validated R2 of least squares of the target on (1, predictor).

    Parameters
    ----------
    moments : ndarray of shape (B, q, q)
        Of each block, from :func:`block_moments`.
    fold : ndarray of int of shape (B,)
        Fold in which each block is held out, 0, ..., F - 1.
    p : int
        Number of predictors.
    without_each : bool, default False
        Leave out each block in turn.

    Returns
    -------
    ndarray of shape (d + 1,), or (B, d + 1)
        All coordinates pooled, then each.

    Notes
    -----
    .. math:: R^2 = 1 - \frac{\sum_f \sum_{i \in f} |y_i - \hat B_{-f} z_i|^2}
                             {\sum_f \sum_{i \in f} |y_i - \bar y_{-f}|^2}
    """
    test = np.zeros((int(fold.max()) + 1, *moments.shape[1:]))
    np.add.at(test, fold, moments)
    if without_each:
        test = np.repeat(test[None], len(fold), axis=0)
        test[np.arange(len(fold)), fold] -= moments
    train = test.sum(axis=-3, keepdims=True) - test
    z, y = slice(0, p + 1), slice(p + 1, None)
    beta = np.linalg.pinv(train[..., z, z], rcond=_RANK, hermitian=True) @ train[..., z, y]
    mean = np.zeros_like(beta)
    mean[..., 0, :] = train[..., 0, y] / train[..., :1, 0]
    error, spread = (_squares(test, b, p).sum(axis=-2) for b in (beta, mean))
    shares = [
        np.concatenate([total.sum(axis=-1, keepdims=True), total], axis=-1)
        for total in (error, spread)
    ]
    return np.asarray(1 - shares[0] / shares[1], dtype=np.float64)


def running_means(values: FloatArray, offsets: IntArray) -> FloatArray:
    """Return for every state but each last one the mean of its trajectory so far."""
    parts = []
    for a, b in zip(offsets[:-1], offsets[1:], strict=True):
        sums = np.cumsum(values[a : b - 1], axis=0)
        parts.append(sums / np.arange(1, b - a)[:, None])
    return np.concatenate(parts)


def _squares(test: FloatArray, beta: FloatArray, p: int) -> FloatArray:
    """Return the sums of squared errors of the prediction ``beta`` from test moments."""
    z, y = slice(0, p + 1), slice(p + 1, None)
    whole = np.diagonal(test[..., y, y], axis1=-2, axis2=-1)
    cross = np.sum(beta * test[..., z, y], axis=-2)
    fitted = np.sum(beta * (test[..., z, z] @ beta), axis=-2)
    return np.asarray(whole - 2 * cross + fitted, dtype=np.float64)
