"""Local polynomial regression: moments of kernel weights, block by block.

Knows numbers only: neither trajectories nor time. Memory does not grow with
the number of points times the number of evaluation points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.processes.fitted.smoothing.compact_moments import compact_moments
from stochtext.processes.fitted.smoothing.kernels import (
    KERNELS,
    pair_kernel,
    peak,
    product_kernel,
    reach,
)

__all__ = [
    "KERNELS",
    "LocalFit",
    "LocalPolynomial",
    "basis_size",
    "polynomial_basis",
    "product_kernel",
]

_EVALUATION_BLOCK = 128
_DATA_BLOCK = 8192
_INFLUENCES = 1_000_000
# Directions of the local design below this share of the largest are not identified.
_RANK_TOLERANCE = 1e-12


Moments: TypeAlias = tuple[FloatArray, FloatArray, FloatArray, FloatArray]
Influences: TypeAlias = Iterator[tuple[slice, FloatArray]]


@dataclass(frozen=True)
class LocalFit:
    """Local polynomial fits at n states for r responses.

    Attributes
    ----------
    value : ndarray of shape (n, r)
        Fitted responses; NaN where no kernel weight falls.
    gradient : ndarray of shape (n, d, r)
        Fitted first derivatives; zero for degree 0.
    count : ndarray of shape (n,)
        Effective number of points (Kish): squared sum of the weights over the sum
        of their squares.
    leverage : ndarray of shape (n,)
        Influence on the fit of a point of unit weight that lies at the state itself.
    noise : ndarray of shape (n,)
        Variance of the fit for responses of variance multiplicity / weight; NaN
        unless asked for.
    """

    value: FloatArray
    gradient: FloatArray
    count: FloatArray
    leverage: FloatArray
    noise: FloatArray


@dataclass(frozen=True)
class LocalPolynomial:
    """Weighted local polynomial regression in d coordinates.

    Parameters
    ----------
    points : ndarray of shape (N, d)
    weight : ndarray of shape (N,)
        Multiplicity times precision of the response at each point.
    multiplicity : ndarray of shape (N,)
        How many times each point counts (positive).
    bandwidth : ndarray of shape (d,)
        Standard deviation (gaussian) or half-width (others) of the kernel, in the
        units of the coordinates.
    degree : {0, 1, 2}
    kernel : {"gaussian", "epanechnikov", "quartic"}
        Product kernel over the coordinates.

    Notes
    -----
    At a state x the coefficients minimise
    ``sum_i w_i K((X_i - x) / h) (y_i - beta' z_i)**2`` with z the monomials of
    (X_i - x) / h up to ``degree``; the fit is the first coefficient.

    References
    ----------
    Fan, J. and Gijbels, I. (1996), Local Polynomial Modelling and Its
    Applications, equations 3.2 to 3.5.
    """

    points: FloatArray
    weight: FloatArray
    multiplicity: FloatArray
    bandwidth: FloatArray
    degree: int = 1
    kernel: str = "gaussian"

    @cached_property
    def _spread(self) -> FloatArray:
        return self.weight**2 / self.multiplicity

    def fit(
        self,
        x: FloatArray,
        response: FloatArray,
        *,
        group: IntArray | None = None,
        point_group: IntArray | None = None,
        noise: bool = False,
    ) -> LocalFit:
        """Fit at each row of ``x``.

        Parameters
        ----------
        x : ndarray of shape (n, d)
        response : ndarray of shape (N, r)
        group, point_group : ndarrays of int of shapes (n,) and (N,), optional
            A state is fitted without the points of its own group.
        noise : bool
            Whether to compute :attr:`LocalFit.noise`.
        """
        n, d = x.shape
        r = response.shape[1]
        fit = LocalFit(
            np.full((n, r), np.nan), np.zeros((n, d, r)), np.zeros(n), np.zeros(n),
            np.full(n, np.nan),
        )  # fmt: skip
        if d == 1 and self.kernel != "gaussian" and group is None:
            gram, right, squares, spread = self._walk(x, response, noise)
            self._solve(gram, right, squares if noise else None, spread, np.arange(n), fit)
            return fit
        for rows in _evaluation_blocks(x / self.bandwidth):
            groups = None if group is None else (group[rows], point_group)
            gram, right, squares, spread = self._moments(x[rows], response, groups, noise)
            self._solve(gram, right, squares if noise else None, spread, rows, fit)
        return fit

    def influence(self, x: FloatArray) -> tuple[FloatArray, Influences]:
        """Return effective counts (k,) and an iterator over blocks of the points.

        The iterator yields a slice of the points and their influences (k, m) on the fits:
        the fit at a state is the sum of influences times responses over all blocks.
        """
        empty = np.empty((len(self.points), 0))
        first, count = np.empty((len(x), basis_size(x.shape[1], self.degree))), np.empty(len(x))
        for rows in _evaluation_blocks(x / self.bandwidth):
            gram, _, _, spread = self._moments(x[rows], empty, None, False)
            first[rows], count[rows] = _first_row(gram)[0], _kish(gram[:, 0, 0], spread)
        return count, self._influence_blocks(x, first)

    def _influence_blocks(self, x: FloatArray, first: FloatArray) -> Influences:
        size = max(1, _INFLUENCES // (max(len(x), 1) * first.shape[1]))
        for start in range(0, len(self.points), size):
            part = slice(start, min(start + size, len(self.points)))
            u = (self.points[part] - x[:, None]) / self.bandwidth
            weighted = product_kernel(self.kernel, u) * self.weight[part]
            basis = polynomial_basis(u, self.degree)
            yield part, weighted * np.einsum("kp,knp->kn", first, basis)

    def _solve(
        self,
        gram: FloatArray,
        right: FloatArray,
        squares: FloatArray | None,
        spread: FloatArray,
        rows: IntArray,
        fit: LocalFit,
    ) -> None:
        """Write the fits of some rows from their moments."""
        first, inverse = _first_row(gram)
        coefficients = inverse @ right
        d = len(self.bandwidth)
        fit.value[rows] = coefficients[:, 0]
        if self.degree > 0:
            fit.gradient[rows] = coefficients[:, 1 : d + 1] / self.bandwidth[:, None]
        fit.count[rows] = _kish(gram[:, 0, 0], spread)
        fit.leverage[rows] = first[:, 0] * peak(self.kernel, d)
        if squares is not None:
            fit.noise[rows] = np.einsum("kp,kpq,kq->k", first, squares, first)

    def _walk(self, x: FloatArray, response: FloatArray, squared: bool) -> Moments:
        """Sum compact kernel moments about each state over its sorted neighbours."""
        points, columns = self.points[:, 0], np.column_stack([self.weight, self._spread])
        if np.any(points[1:] < points[:-1]):
            order = np.argsort(points)
            points, columns = points.take(order), columns.take(order, axis=0)
            response = response.take(order, axis=0)
        h = self.bandwidth[0]
        return compact_moments(
            points / h, columns, response, x[:, 0] / h, self.degree, self.kernel, squared
        )

    def _moments(
        self,
        x: FloatArray,
        response: FloatArray,
        groups: tuple[IntArray, IntArray | None] | None,
        noise: bool,
    ) -> Moments:
        """Sum kernel moments over the points, in blocks of points."""
        k, r = len(x), response.shape[1]
        p = basis_size(x.shape[1], self.degree)
        sums, squares = np.zeros((k, p * (p + r))), np.zeros((k, p * p))
        spread = np.zeros(k)
        centre = x.mean(axis=0)
        at = (x - centre) / self.bandwidth
        for part in self._blocks_near(x):
            u = (self.points[part] - centre) / self.bandwidth
            kernel = pair_kernel(self.kernel, at, u)
            if groups is not None and groups[1] is not None:
                kernel[groups[0][:, None] == groups[1][part][None]] = 0.0
            basis = polynomial_basis(u, self.degree)
            weighted = basis * self.weight[part, None]
            gram = np.einsum("np,nq->npq", weighted, basis).reshape(len(u), -1)
            right = np.einsum("np,nr->npr", weighted, response[part]).reshape(len(u), -1)
            sums += kernel @ np.concatenate([gram, right], axis=1)
            kernel *= kernel
            spread += kernel @ self._spread[part]
            if noise:
                squares += kernel @ gram
        shift = _shift_matrix(at, self.degree)
        back = shift.transpose(0, 2, 1)
        return (
            shift @ sums[:, : p * p].reshape(k, p, p) @ back,
            shift @ sums[:, p * p :].reshape(k, p, r),
            shift @ squares.reshape(k, p, p) @ back,
            spread,
        )

    def _blocks_near(self, x: FloatArray) -> Iterator[IntArray | slice]:
        """Yield blocks of the points that the kernel reaches from any of the states."""
        margin = reach(self.kernel) * self.bandwidth
        low, high = x.min(axis=0) - margin, x.max(axis=0) + margin
        n = len(self.points)
        begin, end = 0, n
        if self._is_sorted:
            begin, end = np.searchsorted(self.points[:, 0], [low[0], high[0]])
        for start in range(int(begin), int(end), _DATA_BLOCK):
            part = slice(start, min(start + _DATA_BLOCK, int(end)))
            near = _inside_box(self.points[part], low, high)
            if near.all():
                yield part
            elif near.any():
                yield start + np.flatnonzero(near)

    @cached_property
    def _is_sorted(self) -> bool:
        first = self.points[:, 0]
        return bool(np.all(first[1:] >= first[:-1]))


def basis_size(dim: int, degree: int) -> int:
    """Return the number of monomials in ``dim`` coordinates up to ``degree``."""
    return 1 + dim * (degree >= 1) + dim * (dim + 1) // 2 * (degree >= 2)


def polynomial_basis(u: FloatArray, degree: int) -> FloatArray:
    """Return the monomials 1, u_j, u_j u_k (j <= k) along a new last axis."""
    columns = [np.ones((*u.shape[:-1], 1))]
    if degree >= 1:
        columns.append(u)
    if degree >= 2:
        j, k = np.triu_indices(u.shape[-1])
        columns.append(u[..., j] * u[..., k])
    return np.concatenate(columns, axis=-1)


def _shift_matrix(delta: FloatArray, degree: int) -> FloatArray:
    """Return T with basis(u - delta) = T basis(u), shape (n, p, p)."""
    n, d = delta.shape
    p = basis_size(d, degree)
    shift = np.broadcast_to(np.eye(p), (n, p, p)).copy()
    if degree >= 1:
        shift[:, 1 : d + 1, 0] = -delta
    if degree >= 2:
        for row, (j, k) in enumerate(zip(*np.triu_indices(d), strict=True), start=d + 1):
            shift[:, row, 0] = delta[:, j] * delta[:, k]
            shift[:, row, 1 + j] -= delta[:, k]
            shift[:, row, 1 + k] -= delta[:, j]
    return shift


def _first_row(gram: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the first row of the pseudo-inverse of each Gram matrix, and the inverse."""
    scale = gram[:, 0, 0].copy()
    empty = scale <= 0
    scale[empty] = 1.0
    values, vectors = np.linalg.eigh(gram / scale[:, None, None])
    known = values > _RANK_TOLERANCE * np.maximum(values[:, -1:], 1.0)
    inverted = np.where(known, 1.0 / np.where(known, values, 1.0), 0.0)
    inverse = (vectors * inverted[:, None, :]) @ vectors.transpose(0, 2, 1)
    inverse /= scale[:, None, None]
    inverse[empty] = np.nan
    return inverse[:, 0, :], inverse


def _kish(total: FloatArray, spread: FloatArray) -> FloatArray:
    positive = spread > 0
    return np.where(positive, total**2 / np.where(positive, spread, 1.0), 0.0)


def _inside_box(points: FloatArray, low: FloatArray, high: FloatArray) -> BoolArray:
    inside = np.ones(len(points), dtype=bool)
    for j in range(points.shape[1]):
        inside &= (points[:, j] >= low[j]) & (points[:, j] <= high[j])
    return inside


def _evaluation_blocks(u: FloatArray) -> Iterator[IntArray]:
    """Yield row numbers in blocks of near states, by halving along the longest side."""
    parts = [np.arange(len(u))]
    while parts:
        rows = parts.pop()
        if len(rows) <= _EVALUATION_BLOCK:
            if len(rows):
                yield rows
            continue
        side = int(np.argmax(np.ptp(u[rows], axis=0)))
        order = np.argsort(u[rows, side], kind="stable")
        half = -(-len(rows) // (2 * _EVALUATION_BLOCK)) * _EVALUATION_BLOCK
        parts += [rows[order[half:]], rows[order[:half]]]
