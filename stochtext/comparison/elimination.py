"""Sequential elimination of models whose mean score is worse than that of another one.

Law of this file: a mean difference is judged against differences of resampled clusters, each
over its own standard error, so that few clusters cost power and not size.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray

__all__ = ["eliminated"]

#: Differences whose standard error is smaller than this part of the scores are rounding.
_ROUNDING = 1e-10


class _Sums(NamedTuple):
    """Sums over clusters of sizes and scores, and of their squares and products."""

    size: FloatArray
    score: FloatArray
    size_square: FloatArray
    size_score: FloatArray
    products: FloatArray


def eliminated(
    scores: FloatArray, cluster: IntArray, n_boot: int, rng: np.random.Generator
) -> tuple[list[int], FloatArray]:
    r"""Return the models from the first to leave to the last, and the p-value of each.

    Parameters
    ----------
    scores : ndarray of shape (n, k)
        Larger is better.
    cluster : ndarray of int of shape (n,)
        Codes 0, ..., M - 1.
    n_boot : int
    rng : Generator

    Returns
    -------
    order : list of int
    pvalues : ndarray of shape (k,)
        In that order, never falling; the last is one.

    Notes
    -----
    With S the sums of the differences of two models over clusters and n their sizes, the
    statistic is the largest of :math:`|\bar d_{ij}| / se_{ij}` over the models that are left,
    :math:`se^2 = \frac{M}{M-1} \sum_c (S_c - \bar d n_c)^2 / n^2`. It is ranked among
    :math:`|\bar d^*_{ij} - \bar d_{ij}| / se^*_{ij}` of clusters drawn with replacement. The model
    that leaves is the one that another beats by the largest statistic.
    """
    m, k = int(cluster.max()) + 1, scores.shape[1]
    mean, scale = scores.mean(axis=0), float(np.abs(scores).max())
    # Of centred scores: the differences of the data are zero, those of a draw are its errors.
    sums = np.zeros((m, k))
    np.add.at(sums, cluster, scores - mean)
    size = np.bincount(cluster, minlength=m).astype(np.float64)
    drawn = rng.multinomial(m, np.full(m, 1 / m), n_boot).astype(np.float64)
    _, own_error = _gaps(_totals(np.ones((1, m)), size, sums), m)
    gap, error = _gaps(_totals(drawn, size, sums), m)
    varies = own_error[0] > _ROUNDING * scale
    known = error > _ROUNDING * scale
    own = np.zeros((k, k))
    own[varies] = (mean[:, None] - mean[None, :])[varies] / own_error[0][varies]
    # A draw without variation says nothing against the null.
    spread = np.where(known, np.abs(gap) / np.where(known, error, 1.0), np.inf)
    return _elimination(own, np.where(varies, spread, 0.0))


def _elimination(own: FloatArray, drawn: FloatArray) -> tuple[list[int], FloatArray]:
    left: list[int] = list(range(len(own)))
    order, pvalues, largest = [], [], 0.0
    while len(left) > 1:
        inside = np.ix_(left, left)
        statistic = float(own[inside].max())
        ranks = drawn[:, left][:, :, left].max(axis=(1, 2)) >= statistic
        largest = max(largest, float((1 + ranks.sum()) / (1 + len(ranks))))
        worst = left[int(np.argmin(own[inside].min(axis=1)))]
        order.append(worst)
        pvalues.append(largest)
        left.remove(worst)
    return [*order, left[0]], np.array([*pvalues, 1.0])


def _totals(weight: FloatArray, size: FloatArray, score: FloatArray) -> _Sums:
    """Return weighted sums over clusters, one row for each of B rows of weights."""
    products = np.einsum("ci,cj->cij", score, score).reshape(len(size), -1)
    k = score.shape[1]
    return _Sums(
        weight @ size, weight @ score, weight @ size**2, weight @ (size[:, None] * score),
        (weight @ products).reshape(len(weight), k, k),
    )  # fmt: skip


def _gaps(s: _Sums, m: int) -> tuple[FloatArray, FloatArray]:
    """Return differences of means (B, k, k) and their standard errors."""
    mean = s.score / s.size[:, None]
    gap = mean[:, :, None] - mean[:, None, :]
    own = np.einsum("bii->bi", s.products)
    squares = own[:, :, None] + own[:, None, :] - 2 * s.products
    cross = s.size_score[:, :, None] - s.size_score[:, None, :]
    squares += gap**2 * s.size_square[:, None, None] - 2 * gap * cross
    error = np.sqrt(m / (m - 1) * np.maximum(squares, 0.0)) / s.size[:, None, None]
    return gap, error
