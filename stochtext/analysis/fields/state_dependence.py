"""Whether the size of the noise depends on the state: squared errors against the state.

Law of this file: errors are those of the fit's mean, standardised by one matrix, so that a
diffusion that the fit already lets vary is seen all the same.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.clusters import cluster_sums, jackknife
from stochtext.analysis.quantities import Quantity

__all__ = ["PART", "state_dependence"]

PART = "State dependence of the diffusion"
NAME = "R2 of squared errors on the state"


def state_dependence(
    x: FloatArray, error: FloatArray, trajectory: IntArray, cluster: IntArray, copies: int,
    alpha: float, rng: np.random.Generator,
) -> Quantity:  # fmt: skip
    r"""Return R2 of the squared standardised errors on state and squared state.

    Parameters
    ----------
    x, error : ndarray of shape (n, d)
        States and the errors of the steps from them.
    trajectory, cluster : ndarray of int of shape (n,)
    copies : int
        Permutations.
    alpha : float
    rng : Generator

    Notes
    -----
    :math:`e^\top S^{-1} e / d`, S being the covariance of all errors, is regressed on the
    coordinates and their squares. The p-value is the rank of R2 among permutations of the
    squares within each document: a document whose noise is larger throughout is no evidence.
    The control is the mean over the permutations: what R2 is without any dependence.
    """
    known = np.isfinite(error).all(axis=1)
    x, error, trajectory, cluster = x[known], error[known], trajectory[known], cluster[known]
    n, d = x.shape
    if n < 10 * (2 * d + 1):
        return Quantity(PART, NAME, "", np.nan, note=f"{n} steps are too few for {2 * d} slopes")
    size = _sizes(error)
    z = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1.0)
    design = np.column_stack([np.ones(n), z, z**2])
    rows = np.column_stack([design, size])
    moments = np.einsum("ni,nj->nij", rows, rows)
    found = jackknife(cluster_sums(moments, cluster), partial(_r2, q=rows.shape[1]), alpha)
    basis = np.linalg.qr(design)[0]
    total = float(np.sum((size - size.mean()) ** 2))
    drawn = np.empty(copies)
    for k in range(copies):
        shuffled = size[np.lexsort(np.stack([rng.random(n), trajectory.astype(np.float64)]))]
        drawn[k] = (np.sum((basis.T @ shuffled) ** 2) - n * size.mean() ** 2) / total
    pvalue = float((1 + np.sum(drawn >= found.value[0])) / (1 + copies))
    return Quantity(
        PART, NAME, "", found.value[0], found.lower[0], found.upper[0], float(drawn.mean()), pvalue
    )


def _sizes(error: FloatArray) -> FloatArray:
    centred = error - error.mean(axis=0)
    precision = np.linalg.pinv(np.atleast_2d(np.cov(centred.T)))
    return np.asarray(np.einsum("ni,ij,nj->n", centred, precision, centred) / error.shape[1])


def _r2(totals: FloatArray, q: int) -> FloatArray:
    m = totals.reshape(*totals.shape[:-1], q, q)
    inner, cross, whole = m[..., :-1, :-1], m[..., :-1, -1], m[..., -1, -1]
    beta = np.linalg.pinv(inner, hermitian=True) @ cross[..., None]
    n, mean = m[..., 0, 0], m[..., 0, -1] / m[..., 0, 0]
    spread = whole - n * mean**2
    explained = np.sum(beta[..., 0] * cross, axis=-1) - n * mean**2
    return np.asarray((explained / spread)[..., None])
