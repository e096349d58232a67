"""Directed tests: products of residuals with what they should not depend on.

Law of this file: moments that the parameters have already set to zero are projected out, so
that a test looks only where the fit did not.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.diagnostics.battery.sample import Layout, OneStepSample

__all__ = ["DIRECTIONS", "moment_statistics", "nugget_statistic"]

DIRECTIONS = ("drift", "diffusion", "Gaussianity", "Markov")
# Directions that keep less than this part of their size after the projection are spanned by
# the scores.
SPANNED = 1e-6


def moment_statistics(
    sample: OneStepSample, layout: Layout, scores: FloatArray | None
) -> list[tuple[float, int]]:
    r"""Return statistic and degrees of freedom of each of ``DIRECTIONS``.

    Parameters
    ----------
    sample : OneStepSample
    layout : Layout
    scores : ndarray of shape (n, k) or None
        Derivatives of the log density of each row by the estimated parameters.

    Notes
    -----
    With generalised residuals Z, standardised states x and :math:`H_2, H_3` Hermite
    polynomials, of each coordinate:

    ===========  =============================================================
    drift        :math:`Z_t H_2(x_t),\; Z_t H_3(x_t)`
    diffusion    :math:`(Z_t^2 - 1) x_t,\; (Z_t^2 - 1) H_2(x_t)`
    Gaussianity  :math:`H_3(Z_t),\; H_4(Z_t)`; the second is the fourth
                 Kramers-Moyal coefficient against that of a diffusion (Pawula)
    Markov       :math:`Z_t Z_{t-1},\; (Z_t^2 - 1)(Z_{t-1}^2 - 1)`
    ===========  =============================================================

    The rows m of these moments are replaced by the residuals r of their regression on the
    scores, and the statistic is :math:`(\sum r)^T (\sum r r^T)^{-1} (\sum r)`: n R^2 of
    one on moments and scores (the outer-product form). In the limit chi-squared, from far:
    with estimated parameters it rejects up to 20 % at a level of 5 %, and p-values come from
    a bootstrap.

    References
    ----------
    Newey, W. K. (1985). Maximum likelihood specification testing and conditional moment
    tests. Econometrica 53, 1047-1070.

    White, H. (1987). Specification testing in dynamic models. In Bewley, T. F. (ed.),
    Advances in Econometrics: Fifth World Congress 1, Cambridge University Press.
    """
    z, x = sample.normal, _standard(sample.x)
    d = z.shape[1]
    square = z**2 - 1
    before, before_square = _lagged(z, layout), _lagged(square, layout)
    moments = np.hstack(
        [
            z * (x**2 - 1), z * (x**3 - 3 * x),
            square * x, square * (x**2 - 1),
            z**3 - 3 * z, z**4 - 6 * z**2 + 3,
            z * before, square * before_square,
        ]
    )  # fmt: skip
    left = _unexplained(moments, scores)
    size = np.einsum("ij,ij->j", moments, moments)
    groups = [slice(2 * d * k, 2 * d * (k + 1)) for k in range(len(DIRECTIONS))]
    return [_quadratic_form(left[:, g], size[g]) for g in groups]


def nugget_statistic(sample: OneStepSample, layout: Layout, scores: FloatArray | None) -> float:
    r"""Return the one-sided statistic of noise in the observations.

    Parameters
    ----------
    sample, layout, scores
        As in :func:`moment_statistics`.

    Notes
    -----
    Noise of the observations makes neighbouring residuals negatively correlated. The moment
    is :math:`-\sum_c Z_{tc} Z_{t-1,c}` less its projection on the scores, r, and the statistic
    :math:`\sum r / (\sum r^2)^{1/2}`. The null lies on the boundary of "variance of the noise
    >= 0", so that only large values speak against it: for a likelihood ratio that would be
    the mixture of 0 and chi-squared(1) in equal parts.
    """
    moment = -np.sum(sample.normal * _lagged(sample.normal, layout), axis=1, keepdims=True)
    left = _unexplained(moment, scores)[:, 0]
    return float(left.sum() / np.sqrt(left @ left))


def _standard(x: FloatArray) -> FloatArray:
    centred = x - x.mean(axis=0)
    spread = np.sqrt(np.mean(centred**2, axis=0))
    return np.asarray(centred / np.where(spread > 0, spread, 1.0))


def _lagged(values: FloatArray, layout: Layout) -> FloatArray:
    before = np.zeros_like(values)
    rows = layout.later(1)
    before[rows] = values[rows - 1]
    return before


def _unexplained(moments: FloatArray, scores: FloatArray | None) -> FloatArray:
    if scores is None or not scores.shape[1]:
        return moments
    scale = np.sqrt(np.einsum("ij,ij->j", scores, scores))
    basis, sizes, _ = np.linalg.svd(scores / np.where(scale > 0, scale, 1.0), full_matrices=False)
    basis = basis[:, sizes > 1e-9 * sizes[0]]
    left: FloatArray = moments - basis @ (basis.T @ moments)
    return left


def _quadratic_form(left: FloatArray, size: FloatArray) -> tuple[float, int]:
    scaled = left / np.sqrt(np.where(size > 0, size, 1.0))
    values, vectors = np.linalg.eigh(scaled.T @ scaled)
    kept = values > SPANNED
    if not kept.any():
        return float("nan"), 0
    sums = vectors[:, kept].T @ scaled.sum(axis=0)
    return float(np.sum(sums**2 / values[kept])), int(kept.sum())
