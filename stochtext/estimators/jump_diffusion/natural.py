"""Natural parameters of a jump diffusion, and the process they stand for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.jumps.jump_diffusion import JumpDiffusion
from stochtext.processes.named.polynomial import PolynomialDiffusion

__all__ = ["NaturalEstimate", "positive", "process_of", "propagated"]

_SMALLEST_SHARE = 1e-3


@dataclass(frozen=True)
class NaturalEstimate:
    """Estimates and what each transition adds to their errors.

    Attributes
    ----------
    drift : ndarray of shape (K, d)
        Coefficients of the monomials, one column a coordinate.
    covariance : ndarray of shape (d, d)
        Covariance rate of the continuous part.
    rate : float
        Jumps per unit of time.
    mean : ndarray of shape (d,)
    jump_covariance : ndarray of shape (d, d)
    influence : ndarray of shape (n, k)
        Unweighted; columns are drift (by coordinate), lower triangle of the covariance rate,
        rate, mean, lower triangle of the jump covariance. NaN columns have no honest error.
    n_jumps : float
    notes : tuple of str
    """

    drift: FloatArray
    covariance: FloatArray
    rate: float
    mean: FloatArray
    jump_covariance: FloatArray
    influence: FloatArray
    n_jumps: float
    notes: tuple[str, ...]

    @property
    def vector(self) -> FloatArray:
        """All natural parameters in the order of the influence's columns."""
        lower = np.tril_indices(len(self.mean))
        return np.concatenate(
            [self.drift.T.ravel(), self.covariance[lower], [self.rate], self.mean,
             self.jump_covariance[lower]]
        )  # fmt: skip


def process_of(vector: FloatArray, dim: int) -> JumpDiffusion:
    """Return the process with these natural parameters."""
    triangle = dim * (dim + 1) // 2
    terms = (len(vector) - 2 * triangle - 1 - dim) // dim
    drift, a, rate, mean, c = np.split(vector, np.cumsum([terms * dim, triangle, 1, dim]))
    diffusion = PolynomialDiffusion(
        drift.reshape(dim, terms), factor=np.linalg.cholesky(_unfolded(a, dim))
    )
    return JumpDiffusion(
        diffusion, max(float(rate[0]), 0.0), mean, np.linalg.cholesky(_unfolded(c, dim))
    )


def propagated(estimate: NaturalEstimate, process: JumpDiffusion) -> FloatArray:
    """Return the influence of each transition on the free parameters of the process."""
    vector, dim = estimate.vector, len(estimate.mean)
    base = process.to_vector()
    # Differences against the size of a parameter's own block: an entry may be zero.
    sizes = np.maximum(np.abs(vector), 1e-3 * np.abs(vector).max())
    rows = np.zeros((len(estimate.influence), len(base)))
    for k, size in enumerate(_steps(estimate, sizes)):
        moved = vector.copy()
        moved[k] += size
        slope = (process_of(moved, dim).to_vector() - base) / size
        touched = slope != 0
        rows[:, touched] += estimate.influence[:, k, None] * slope[touched]
    return rows


def _steps(estimate: NaturalEstimate, sizes: FloatArray) -> FloatArray:
    """Return difference steps that keep covariances positive definite."""
    dim, steps = len(estimate.mean), 1e-6 * sizes
    triangle = dim * (dim + 1) // 2
    terms = estimate.drift.size
    least = np.linalg.eigvalsh(estimate.covariance)[0]
    steps[terms : terms + triangle] = 1e-5 * least
    steps[-triangle:] = 1e-5 * np.linalg.eigvalsh(estimate.jump_covariance)[0]
    return steps


def _unfolded(lower: FloatArray, dim: int) -> FloatArray:
    matrix = np.zeros((dim, dim))
    matrix[np.tril_indices(dim)] = lower
    return matrix + np.tril(matrix, -1).T


def positive(matrix: FloatArray, unit: FloatArray) -> FloatArray:
    """Return ``matrix`` with its eigenvalues in the metric of ``unit`` kept above a small share."""
    root = np.linalg.cholesky(unit)
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(inverse @ matrix @ inverse.T)
    values = np.maximum(values, _SMALLEST_SHARE)
    half = root @ vectors
    return (half * values) @ half.T
