"""Local polynomial regression: moments of kernel weights by matrix products, block by block.

Knows numbers only: neither trajectories nor time. Memory does not grow with
the number of points times the number of evaluation points.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray

__all__ = [
    "KERNELS",
    "LocalFit",
    "LocalPolynomial",
    "basis_size",
    "polynomial_basis",
    "product_kernel",
]

KERNELS = ("gaussian", "epanechnikov")

_EVALUATION_BLOCK = 128
_DATA_BLOCK = 8192
_INFLUENCES = 1_000_000
# Directions of the local design below this share of the largest are not identified.
_RANK_TOLERANCE = 1e-12


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
        Standard deviation (gaussian) or half-width (epanechnikov) of the kernel,
        in the units of the coordinates.
    degree : {0, 1, 2}
    kernel : {"gaussian", "epanechnikov"}
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
        for rows in _evaluation_blocks(x):
            groups = None if group is None else (group[rows], point_group)
            self._fit_block(x[rows], response, groups, noise, rows, fit)
        return fit

    def influence(self, x: FloatArray) -> Iterator[tuple[IntArray, FloatArray, FloatArray]]:
        """Yield (rows, influence of shape (k, N), effective count) for blocks of ``x``.

        The fit at a row is the influence times the responses. Meant for few states.
        """
        block = int(np.clip(_INFLUENCES // max(len(self.points), 1), 1, _EVALUATION_BLOCK))
        for start in range(0, len(x), block):
            rows = np.arange(start, min(start + block, len(x)))
            u = (self.points[None] - x[rows][:, None]) / self.bandwidth
            kernel = product_kernel(self.kernel, u)
            basis = polynomial_basis(u, self.degree)
            weighted = kernel * self.weight
            gram = np.einsum("kn,knp,knq->kpq", weighted, basis, basis, optimize=True)
            first, _ = _first_row(gram)
            influence = weighted * np.einsum("kp,knp->kn", first, basis)
            yield rows, influence, _kish(gram[:, 0, 0], kernel**2 @ self._spread)

    def _fit_block(
        self,
        x: FloatArray,
        response: FloatArray,
        groups: tuple[IntArray, IntArray | None] | None,
        noise: bool,
        rows: IntArray,
        fit: LocalFit,
    ) -> None:
        centre = x.mean(axis=0)
        shift = _shift_matrix((x - centre) / self.bandwidth, self.degree)
        gram, right, squares, spread = self._moments(x, centre, response, groups, noise)
        gram = shift @ gram @ shift.transpose(0, 2, 1)
        first, inverse = _first_row(gram)
        coefficients = inverse @ (shift @ right)
        d = x.shape[1]
        fit.value[rows] = coefficients[:, 0]
        if self.degree > 0:
            fit.gradient[rows] = coefficients[:, 1 : d + 1] / self.bandwidth[:, None]
        fit.count[rows] = _kish(gram[:, 0, 0], spread)
        fit.leverage[rows] = first[:, 0] * _peak(self.kernel, d)
        if noise:
            squares = shift @ squares @ shift.transpose(0, 2, 1)
            fit.noise[rows] = np.einsum("kp,kpq,kq->k", first, squares, first)

    def _moments(
        self,
        x: FloatArray,
        centre: FloatArray,
        response: FloatArray,
        groups: tuple[IntArray, IntArray | None] | None,
        noise: bool,
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Sum kernel moments about ``centre`` over the points, in blocks of points."""
        k, r = len(x), response.shape[1]
        p = basis_size(x.shape[1], self.degree)
        sums, squares = np.zeros((k, p * (p + r))), np.zeros((k, p * p))
        spread = np.zeros(k)
        for start in range(0, len(self.points), _DATA_BLOCK):
            part = slice(start, start + _DATA_BLOCK)
            u = (self.points[part] - centre) / self.bandwidth
            kernel = _pair_kernel(self.kernel, (x - centre) / self.bandwidth, u)
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
        return (
            sums[:, : p * p].reshape(k, p, p),
            sums[:, p * p :].reshape(k, p, r),
            squares.reshape(k, p, p),
            spread,
        )


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


def _peak(kernel: str, dim: int) -> float:
    return 1.0 if kernel == "gaussian" else 0.75**dim


def product_kernel(kernel: str, u: FloatArray) -> FloatArray:
    """Return the kernel weights of scaled differences along the last axis."""
    if kernel == "gaussian":
        return np.exp(-0.5 * np.einsum("...j,...j->...", u, u))
    return np.prod(0.75 * np.maximum(1.0 - u * u, 0.0), axis=-1)


def _pair_kernel(kernel: str, at: FloatArray, u: FloatArray) -> FloatArray:
    """Return the kernel weights between scaled states and points, shape (n, N)."""
    if kernel == "epanechnikov":
        weight = np.ones((len(at), len(u)))
        for j in range(at.shape[1]):
            difference = np.subtract.outer(at[:, j], u[:, j])
            weight *= 0.75 * np.maximum(1.0 - difference * difference, 0.0)
        return weight
    if at.shape[1] == 1:
        exponent = np.subtract.outer(at[:, 0], u[:, 0])
        exponent *= exponent
        exponent *= -0.5
        return np.exp(exponent, out=exponent)
    exponent = at @ u.T
    exponent -= 0.5 * np.einsum("nj,nj->n", at, at)[:, None]
    exponent -= 0.5 * np.einsum("nj,nj->n", u, u)
    np.minimum(exponent, 0.0, out=exponent)
    return np.exp(exponent, out=exponent)


def _evaluation_blocks(x: FloatArray) -> Iterator[IntArray]:
    """Yield row numbers in blocks of near states, so that moments lose no digits."""
    order = np.argsort(x[:, 0], kind="stable")
    for start in range(0, len(x), _EVALUATION_BLOCK):
        yield order[start : start + _EVALUATION_BLOCK]
