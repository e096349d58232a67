"""Gaussian-process regression with known noise, by the evidence of a sparse posterior.

One component of the drift at a time: y_i = dX_i / dt_i has the noise variance
rate / dt_i, so that the precisions are dt_i / rate.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize
from scipy.linalg import cho_factor, cho_solve

from stochtext._shared.typing import FloatArray
from stochtext.processes.fitted.gaussian_process import InducedFeatures

__all__ = ["LENGTHS", "Posterior", "best_lengths", "posterior"]

#: Range of the length scales, in standard deviations of the states.
LENGTHS = (0.05, 20.0)

# Prior standard deviation of the line, as a multiple of the root mean square of the response.
_VAGUE = 1e3
_BLOCK = 8192
# Of the search for the length scales, in their logarithms.
_FIRST_STEP = 0.7
# Amplitudes that are tried, as multiples of the root mean square slope of the increments.
_AMPLITUDES = np.exp(np.linspace(np.log(1e-3), np.log(1e2), 24))


@dataclass(frozen=True)
class Posterior:
    """Normal posterior of the coefficients of one component."""

    mean: FloatArray
    covariance: FloatArray
    amplitude: float


@dataclass(frozen=True)
class _Sums:
    """What the evidence needs of the rows: sums of products with the features."""

    gram: FloatArray
    right: FloatArray
    square: float
    missing: float
    unit: float


def _sums(
    features: InducedFeatures, x: FloatArray, y: FloatArray, precision: FloatArray
) -> list[_Sums]:
    """Return the sums for every column of ``y`` and ``precision``, shapes (n, d)."""
    p, d = features.n_linear + len(features.inducing), y.shape[1]
    gram, right, missing = np.zeros((d, p, p)), np.zeros((d, p)), np.zeros(d)
    for start in range(0, len(x), _BLOCK):
        rows = slice(start, start + _BLOCK)
        block = features(x[rows])
        left = np.maximum(1.0 - np.sum(block[:, features.n_linear :] ** 2, axis=1), 0.0)
        for j in range(d):
            weighted = block * precision[rows, j, None]
            gram[j] += weighted.T @ block
            right[j] += weighted.T @ y[rows, j]
            missing[j] += precision[rows, j] @ left
    square = np.sum(precision * y**2, axis=0)
    unit = np.sqrt(square / precision.sum(axis=0))
    return [
        _Sums(gram[j], right[j], float(square[j]), float(missing[j]), float(unit[j]))
        for j in range(d)
    ]


def _prior(sums: _Sums, amplitude: float, n_linear: int) -> FloatArray:
    """Return the prior precisions: vague for the line, 1 / amplitude^2 for the rest."""
    prior = np.full(len(sums.right), 1.0 / amplitude**2)
    prior[:n_linear] = 1.0 / (_VAGUE * sums.unit) ** 2
    return prior


def _best_amplitude(sums: _Sums, n_linear: int) -> tuple[float, float]:
    """Return the amplitude of the best evidence, and the evidence less what no parameter changes.

    Notes
    -----
    The evidence is the variational bound log N(y; 0, D + Q) - tr(D^{-1}(K - Q)) / 2 of
    Titsias (2009), Variational learning of inducing variables in sparse Gaussian
    processes, AISTATS, eq. 9, with a vague prior for the line. With the line projected
    out, one eigendecomposition serves all amplitudes.
    """
    line, rest = slice(None, n_linear), slice(n_linear, None)
    own = sums.gram[line, line] + np.diag(_prior(sums, 1.0, n_linear)[line])
    scale = 1.0 / np.sqrt(np.diag(own))
    factor = cho_factor(own * np.outer(scale, scale), lower=True)
    crossed = scale[:, None] * cho_solve(factor, scale[:, None] * sums.gram[line, rest])
    explained = sums.right[line] @ (scale * cho_solve(factor, scale * sums.right[line]))
    values, vectors = np.linalg.eigh(sums.gram[rest, rest] - sums.gram[rest, line] @ crossed)
    loads = vectors.T @ (sums.right[rest] - crossed.T @ sums.right[line])
    logdet = 2 * np.sum(np.log(np.diag(factor[0]))) - 2 * np.sum(np.log(scale))
    logdet += 2 * n_linear * np.log(_VAGUE * sums.unit)
    amplitudes = _AMPLITUDES * sums.unit
    precisions = np.maximum(values, 0.0) + 1.0 / amplitudes[:, None] ** 2
    fit = explained + np.sum(loads**2 / precisions, axis=1)
    spread = np.sum(np.log(precisions), axis=1) + 2 * len(values) * np.log(amplitudes)
    evidence = -0.5 * (sums.square - fit + logdet + spread + amplitudes**2 * sums.missing)
    best = int(np.argmax(evidence))
    return float(amplitudes[best]), float(evidence[best])


def _solve(sums: _Sums, amplitude: float, n_linear: int) -> Posterior:
    """Return the posterior of the coefficients at an amplitude."""
    matrix = sums.gram + np.diag(_prior(sums, amplitude, n_linear))
    scale = 1.0 / np.sqrt(np.diag(matrix))
    factor = cho_factor(matrix * np.outer(scale, scale), lower=True)
    mean = scale * cho_solve(factor, scale * sums.right)
    covariance = cho_solve(factor, np.diag(scale)) * scale[:, None]
    return Posterior(mean, covariance, amplitude)


def posterior(
    features: InducedFeatures, x: FloatArray, y: FloatArray, precision: FloatArray
) -> list[Posterior]:
    """Return the posterior of every component, each with the amplitude of the best evidence.

    Parameters
    ----------
    features : InducedFeatures
    x : ndarray of shape (n, d)
    y, precision : ndarrays of shape (n, d)
        Responses and the inverse of their noise variances.
    """
    return [
        _solve(sums, _best_amplitude(sums, features.n_linear)[0], features.n_linear)
        for sums in _sums(features, x, y, precision)
    ]


def best_lengths(
    features: InducedFeatures,
    x: FloatArray,
    y: FloatArray,
    precision: FloatArray,
    max_iter: int,
) -> tuple[FloatArray, bool]:
    """Return length scales of the best evidence, starting from those given, and whether found."""
    spread = features.scale

    def loss(log_length: FloatArray) -> float:
        length = np.exp(np.clip(log_length, *np.log(LENGTHS))) * spread
        moved = InducedFeatures(features.inducing, length, features.centre, features.scale)
        components = _sums(moved, x, y, precision)
        return -sum(_best_amplitude(sums, features.n_linear)[1] for sums in components)

    start = np.log(features.length / spread)
    # scipy's own first simplex about zero is smaller than the tolerances.
    simplex = np.vstack([start, start + _FIRST_STEP * np.eye(len(start))])
    search = optimize.minimize(
        loss, start, method="Nelder-Mead",
        options={"maxiter": max_iter, "xatol": 0.02, "fatol": 0.05, "initial_simplex": simplex},
    )  # fmt: skip
    found = np.clip(search.x, *np.log(LENGTHS))
    return np.exp(found) * spread, bool(search.success)
