"""Local polynomial regression on a regular grid, from data binned once.

The time is that of one pass over the data: what is left works on the nodes.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.fitted.bins.binned_moments import (
    binned_moments_1d,
    binned_moments_2d,
    smooth_nodes,
)
from stochtext.processes.fitted.bins.curve_table import Nodes
from stochtext.processes.fitted.smoothing.kernels import product_kernel, reach
from stochtext.processes.fitted.smoothing.local_polynomial import LocalPolynomial, basis_size

__all__ = ["binned_sums", "fit_nodes"]

_RIDGE = 1e-12
# A Gaussian weight of exp(-18) is far below the noise of what it weighs.
_LONGEST_REACH = 6.0


def binned_sums(regression: LocalPolynomial, response: FloatArray, nodes: Nodes) -> FloatArray:
    """Return the sums at nodes that :func:`fit_nodes` needs, shape (*nodes.shape, 2 + r).

    Parameters
    ----------
    regression : LocalPolynomial
        In one or two coordinates.
    response : ndarray of shape (N, r)
    nodes : Nodes
        Points beyond them are left out.
    """
    weight, share = regression.weight, regression.weight / regression.multiplicity
    columns = np.column_stack([share, response])
    if len(nodes.shape) == 2:
        return binned_moments_2d(
            regression.points, columns, nodes.low, nodes.step, nodes.shape, weight
        )
    low, step = float(nodes.low[0]), float(nodes.step[0])
    return binned_moments_1d(regression.points[:, 0], columns, low, step, nodes.shape[0], weight)


def fit_nodes(
    sums: FloatArray, nodes: Nodes, bandwidth: FloatArray, degree: int, kernel: str
) -> tuple[FloatArray, FloatArray]:
    """Fit at every node from binned sums of weight, squared weight and responses.

    Parameters
    ----------
    sums : ndarray of shape (*nodes.shape, 2 + r)
        Of :func:`binned_sums`.
    nodes : Nodes
    bandwidth, degree, kernel
        As in :class:`LocalPolynomial`.

    Returns
    -------
    value : ndarray of shape (*nodes.shape, r)
    count : ndarray of shape (*nodes.shape,)
        Effective number of points.

    References
    ----------
    Fan, J. and Marron, J. S. (1994), Fast implementations of nonparametric curve
    estimators, Journal of Computational and Graphical Statistics 3, 35-56, section 3.
    Wand, M. P. (1994), Fast computation of multivariate kernel estimators, same
    journal 3, 433-445.
    """
    smooth = _smooth_line if len(nodes.shape) == 1 else _smooth_plane
    scaled = nodes.step / bandwidth
    exponents = _exponents(len(nodes.shape), degree)
    p, r = len(exponents), sums.shape[-1] - 2
    needed = {tuple(a) for a in exponents}
    products = {tuple(np.add(a, b)) for a in exponents for b in exponents}
    mass = smooth(sums[..., :1], scaled, kernel, sorted(products), False)
    right = smooth(sums[..., 2:], scaled, kernel, sorted(needed), False)
    zero = tuple([0] * len(nodes.shape))
    spread = smooth(sums[..., 1:2], scaled, kernel, [zero], True)[zero][..., 0]
    total = mass[zero][..., 0]
    count = np.where(spread > 0, total**2 / np.where(spread > 0, spread, 1.0), 0.0)
    known = count > p
    scale = np.where(known, total, 1.0)
    if p == 1 or (p == 2 and len(nodes.shape) == 1):
        value = _line_fit(mass, right, degree)
        value[~known] = np.nan
        return value, np.where(known, count, 0.0)
    gram = np.zeros((*nodes.shape, p, p))
    rhs = np.zeros((*nodes.shape, p, r))
    for i, a in enumerate(exponents):
        rhs[..., i, :] = right[tuple(a)] / scale[..., None]
        for j, b in enumerate(exponents):
            gram[..., i, j] = mass[tuple(np.add(a, b))][..., 0] / scale
    gram[~known] = np.eye(p)
    gram += _RIDGE * np.eye(p)
    value = np.asarray(np.linalg.solve(gram, rhs)[..., 0, :], dtype=np.float64)
    value[~known] = np.nan
    return value, np.where(known, count, 0.0)


def _line_fit(
    mass: dict[tuple[int, ...], FloatArray], right: dict[tuple[int, ...], FloatArray], degree: int
) -> FloatArray:
    """Return local constants, or in one coordinate local lines by the formula for two equations."""
    zero = min(mass)
    total = np.where(mass[zero] > 0, mass[zero], 1.0)
    mean = np.asarray(right[zero] / total)
    if degree == 0:
        return mean
    centre = mass[1,] / total
    spread = mass[2,] / total - centre**2
    wide = spread > _RIDGE
    slope = (right[1,] / total - centre * mean) / np.where(wide, spread, 1.0)
    return mean - np.where(wide, slope, 0.0) * centre


def _exponents(dim: int, degree: int) -> list[tuple[int, ...]]:
    """Return the exponents of the local monomials, the constant first."""
    found = [power for power in np.ndindex(*([degree + 1] * dim)) if sum(power) <= degree]
    assert len(found) == basis_size(dim, degree)
    return sorted(found, key=lambda power: (sum(power), power))


def _smooth_line(
    sums: FloatArray, step: FloatArray, kernel: str, powers: list[tuple[int, ...]], squared: bool
) -> dict[tuple[int, ...], FloatArray]:
    """Return the sums weighted by kernel times each power of the scaled distance."""
    size = min(int(min(reach(kernel), _LONGEST_REACH) / step[0]) + 1, len(sums) - 1)
    u = step[0] * np.arange(-size, size + 1)
    weight = product_kernel(kernel, u[:, None]) ** (2 if squared else 1)
    rows = np.ascontiguousarray(sums.T)
    return {power: smooth_nodes(rows, weight * u ** power[0]).T for power in powers}


def _smooth_plane(
    sums: FloatArray, step: FloatArray, kernel: str, powers: list[tuple[int, ...]], squared: bool
) -> dict[tuple[int, ...], FloatArray]:
    """Return the same in the plane, where product kernels smooth one coordinate at a time."""
    layers = np.ascontiguousarray(np.moveaxis(sums, -1, 0))
    halves, second = (
        {k: _band(sums.shape[j], step[j], kernel, k, squared) for k in {p[j] for p in powers}}
        for j in range(2)
    )
    halves = {k: band @ layers for k, band in halves.items()}
    return {p: np.moveaxis(halves[p[0]] @ second[p[1]].T, 0, -1) for p in powers}


def _band(size: int, step: float, kernel: str, power: int, squared: bool) -> FloatArray:
    """Return the matrix of kernel weights times a power of the scaled distance."""
    # It depends on the distance of two nodes alone: 2 size - 1 numbers fill it.
    u: FloatArray = step * np.arange(1 - size, size, dtype=np.float64)
    taps = product_kernel(kernel, u[:, None]) ** (2 if squared else 1) * u**power
    return np.lib.stride_tricks.sliding_window_view(taps, size)[::-1].copy()
