"""Hong and Li's statistics of probability integral transforms.

Law of this file: constants are those of the kernel, by quadrature and not by print; two public
codes have a wrong variance of Q and divide M by the sum of fourth powers of its weights where
the square root of twice that sum belongs.
"""

from __future__ import annotations

import math

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.diagnostics.battery.sample import Layout

__all__ = ["MOMENT_PAIRS", "hong_li_moments", "hong_li_surfaces"]

# Of the quartic kernel k(u) = 15/16 (1 - u^2)^2 on [-1, 1].
SQUARE = 5.0 / 7.0
BOUNDARY = 0.9198592727
VARIANCE = 0.533367
NODES, WEIGHTS = np.polynomial.legendre.leggauss(6)
ROWS_AT_ONCE = 20_000
WIDEST = 0.45

MOMENT_PAIRS = ((1, 1), (2, 2), (3, 3), (4, 4), (1, 2), (2, 1))


def hong_li_surfaces(pit: FloatArray, layout: Layout, lags: int) -> FloatArray:
    r"""Return Q(1), ..., Q(lags): neighbours' joint densities against independent uniform ones.

    Parameters
    ----------
    pit : ndarray of shape (n, d)
        The columns are pooled; a pair joins values of one column.
    layout : Layout
    lags : int

    Notes
    -----
    With the boundary-corrected quartic kernel :math:`K_h`, :math:`h = \mathrm{sd}(U) n^{-1/6}`,

    .. math::

        \hat g_j(u, v) = n_j^{-1} \sum_t K_h(u, U_t) K_h(v, U_{t-j}), \qquad
        Q(j) = \frac{n_j h \int\int (\hat g_j - 1)^2 - h A_h}{\sqrt{V_0}}

    over the :math:`n_j` pairs j steps apart, with
    :math:`A_h = [(1/h - 2) \int k^2 + 2 \int_0^1 \int_{-1}^b k_b^2]^2 - 1`, where
    :math:`\int k^2 = 5/7` and the second integral is 0.9198593, and
    :math:`V_0 = 2 [\int (k * k)^2]^2 = 0.533367` over the whole support [-2, 2] of the
    convolution. In the limit standard normal, upper tail; not so in samples, where all Q(j)
    share the error of the marginal density.

    References
    ----------
    Hong, Y. and Li, H. (2005). Nonparametric specification testing for continuous-time models
    with applications to term structure of interest rates. Review of Financial Studies 18,
    37-84.
    """
    h = min(float(np.std(pit, ddof=1)) * pit.size ** (-1 / 6), WIDEST)
    nodes, weights = _quadrature(h)
    joint = np.zeros((lags, len(nodes), len(nodes)))
    pairs = np.zeros(lags)
    for column in pit.T:
        for begin in range(0, len(column), ROWS_AT_ONCE):
            start, end = max(begin - lags, 0), min(begin + ROWS_AT_ONCE, len(column))
            kernel = _kernel(nodes, column[start:end], h)
            for j in range(1, lags + 1):
                later = layout.later(j)
                rows = later[np.searchsorted(later, begin) : np.searchsorted(later, end)] - start
                joint[j - 1] += _columns(kernel, rows) @ _columns(kernel, rows - j).T
                pairs[j - 1] += len(rows)
    density = joint / pairs[:, None, None]
    distance = np.einsum("i,jik,k->j", weights, (density - 1.0) ** 2, weights)
    centre = ((1 / h - 2) * SQUARE + 2 * BOUNDARY) ** 2 - 1
    q: FloatArray = h * (pairs * distance - centre) / math.sqrt(VARIANCE)
    return q


def hong_li_moments(pit: FloatArray, layout: Layout, lags: int) -> FloatArray:
    r"""Return M(m, l) for the pairs of powers in ``MOMENT_PAIRS``.

    Parameters
    ----------
    pit : ndarray of shape (n, d)
        Correlations are within columns; the columns' contributions add up.
    layout : Layout
    lags : int
        Lags 1, ..., p - 1 of a Bartlett weight with p = lags + 1.

    Notes
    -----
    .. math::

        M(m, l) = \Big[\sum_j w_j^2 n_j \hat\rho_{ml}^2(j) - \sum_j w_j^2\Big]
        \Big/ \Big(2 \sum_j w_j^4\Big)^{1/2}, \qquad w_j = 1 - j / p,

    with :math:`\hat\rho_{ml}(j)` the correlation of :math:`U_t^m` and :math:`U_{t-j}^l`: (1, 1)
    dependence in mean, (2, 2) in variance, (1, 2) of the mean on the past size, (2, 1) of
    the size on the past sign. In the limit standard normal, upper tail.

    References
    ----------
    Hong, Y. and Li, H. (2005), as above, section 2.4.
    """
    d = pit.shape[1]
    powers = pit[:, :, None] ** np.arange(1, 5)
    powers = powers - powers.mean(axis=0)
    powers /= np.sqrt(np.mean(powers**2, axis=0))
    weight = 1 - np.arange(1, lags + 1) / (lags + 1)
    total = np.zeros((4, 4))
    for j, w in enumerate(weight, start=1):
        rows = layout.later(j)
        for c in range(d):
            cross = powers[rows, c].T @ powers[rows - j, c]
            total += w**2 * cross**2 / len(rows)
    centred = (total - d * np.sum(weight**2)) / math.sqrt(2 * d * np.sum(weight**4))
    return np.array([centred[m - 1, k - 1] for m, k in MOMENT_PAIRS])


def _columns(kernel: FloatArray, rows: IntArray) -> FloatArray:
    """Return columns, as a view where they stand side by side."""
    if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
        return kernel[:, rows[0] : rows[-1] + 1]
    return kernel[:, rows]


def _quadrature(h: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on [0, 1] in panels no wider than h that end at h and 1 - h."""
    inner = max(1, math.ceil((1 - 2 * h) / h))
    edges = np.concatenate([[0.0], np.linspace(h, 1 - h, inner + 1), [1.0]])
    half, middle = np.diff(edges) / 2, (edges[1:] + edges[:-1]) / 2
    return (
        (middle[:, None] + half[:, None] * NODES).ravel(),
        (half[:, None] * WEIGHTS).ravel(),
    )


def _kernel(nodes: FloatArray, u: FloatArray, h: float) -> FloatArray:
    """Return the boundary-corrected kernel at all nodes and values, shape (q, n)."""
    scaled = (nodes[:, None] - u) / h
    np.square(scaled, out=scaled)
    np.subtract(1.0, scaled, out=scaled)
    np.maximum(scaled, 0.0, out=scaled)
    np.square(scaled, out=scaled)
    mass = np.where(
        nodes < h, 1 - _cumulative(-nodes / h),
        np.where(nodes > 1 - h, _cumulative((1 - nodes) / h), 1.0),
    )  # fmt: skip
    scaled *= (15 / 16 / h / mass)[:, None]
    return scaled


def _cumulative(u: FloatArray) -> FloatArray:
    z = np.clip(u, -1.0, 1.0)
    return 0.5 + 15 / 16 * (z - 2 * z**3 / 3 + z**5 / 5)
