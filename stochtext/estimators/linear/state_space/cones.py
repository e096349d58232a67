"""The law of a likelihood ratio whose null hypothesis lies at the tip of a cone.

A variance has no negative values: under the null hypothesis the estimate is the projection
of a Gaussian vector Z, with the efficient information as its precision, onto the cone of
covariances, and the statistic is the squared length of that projection.

References
----------
Self and Liang (1987), Journal of the American Statistical Association 82, 605-610.
Stram and Lee (1994), Biometrics 50, 1171-1177. Beck and Teboulle (2009), SIAM Journal on
Imaging Sciences 2, 183-202, for the projection.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray

__all__ = ["squared_projections"]

ROUNDS = 400
# Change of a unit Gaussian vector that is none.
SETTLED = 1e-4


def squared_projections(
    information: FloatArray, dim: int, *, full: bool, n: int, rng: np.random.Generator
) -> FloatArray:
    """Draw the statistic under the null hypothesis.

    Parameters
    ----------
    information : ndarray of shape (k, k)
        Efficient information of the lower triangle of the covariance, row by row
        (``full``), or of its diagonal.
    dim : int
        Number of coordinates d.
    full : bool
        Whether the cone is that of all covariances; otherwise of diagonal ones.
    n : int
        Number of draws.
    rng : Generator

    Returns
    -------
    ndarray of shape (n,)
    """
    rows, cols = np.tril_indices(dim) if full else (np.arange(dim),) * 2
    # In these coordinates the length of a vector is the Frobenius norm of its matrix.
    weight = np.where(rows == cols, 1.0, 1.0 / np.sqrt(2.0))
    # A change of units leaves the cone as it is.
    own = np.diag(information)[rows == cols] ** -0.25
    unit = own[rows] * own[cols] * weight
    metric = information * np.outer(unit, unit)
    root = np.linalg.cholesky(metric)
    z = np.linalg.solve(root.T, rng.standard_normal((len(metric), n))).T
    step = 1.0 / np.linalg.eigvalsh(metric)[-1]
    point = ahead = np.zeros_like(z)
    pace = 1.0
    for _ in range(ROUNDS):
        moved = _project(ahead - step * (ahead - z) @ metric, rows, cols, dim)
        faster = 0.5 * (1.0 + np.sqrt(1.0 + 4.0 * pace**2))
        ahead = moved + (pace - 1.0) / faster * (moved - point)
        settled = np.abs(moved - point).max() < SETTLED
        point, pace = moved, faster
        if settled:
            break
    return np.maximum(np.einsum("ni,ij,nj->n", point, metric, 2.0 * z - point), 0.0)


def _project(vectors: FloatArray, rows: IntArray, cols: IntArray, dim: int) -> FloatArray:
    if len(rows) == dim:
        return np.maximum(vectors, 0.0)
    scale = np.where(rows == cols, 1.0, np.sqrt(0.5))
    matrices = np.zeros((len(vectors), dim, dim))
    matrices[:, rows, cols] = vectors * scale
    matrices[:, cols, rows] = vectors * scale
    values, axes = np.linalg.eigh(matrices)
    nearest = (axes * np.maximum(values, 0.0)[:, None, :]) @ np.swapaxes(axes, 1, 2)
    return np.asarray(nearest[:, rows, cols] / scale)
