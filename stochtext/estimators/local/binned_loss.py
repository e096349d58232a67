"""Leave-out loss of a drift regression in one coordinate, from data binned once.

The sums of every fold stay separate, so that leaving one out is a subtraction.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.smoothing.local_polynomial import product_kernel

__all__ = ["binned_losses"]

_NODES_PER_BANDWIDTH = 6
_MOST_NODES = 1200
_FEWEST_NODES = 200


def binned_losses(
    sample: TransitionSample,
    folds: IntArray,
    bandwidths: FloatArray,
    *,
    degree: int,
    kernel: str,
    minimum: float,
) -> tuple[FloatArray, FloatArray]:
    """Return leave-one-fold-out losses as shares of the linear drift's, and shares of known states.

    Parameters
    ----------
    sample : TransitionSample
        With one coordinate.
    folds : ndarray of int of shape (n,)
    bandwidths : ndarray of shape (k,)
        In the units of the coordinate.
    degree, kernel
        Of the regression.
    minimum : float
        States with a smaller effective count use the linear drift of the other folds.

    References
    ----------
    Fan, J. and Marron, J. S. (1994), Fast implementations of nonparametric curve
    estimators, section 3 (linear binning).
    """
    x = sample.x[:, 0]
    size = (x.max() - x.min()) / bandwidths.min() * _NODES_PER_BANDWIDTH
    nodes = np.linspace(x.min(), x.max(), int(np.clip(size, _FEWEST_NODES, _MOST_NODES)))
    rates = (sample.x_next - sample.x)[:, 0] / sample.dt
    weight = sample.weight * sample.dt
    binned = _Bins(nodes, x, folds)
    mass, right = binned(weight), binned(weight * rates)
    spread, squares = binned(weight**2 / sample.weight), binned(weight * rates**2)
    linear = _linear_without_fold(nodes, mass, right)
    worst = _loss(linear, mass, right, squares)
    losses, known = [], []
    for bandwidth in bandwidths:
        value, count = _fit_without_fold(nodes, mass, right, spread, bandwidth, degree, kernel)
        known.append(np.sum(mass * (count >= minimum)) / mass.sum())
        value = np.where(count >= minimum, value, linear)
        losses.append(_loss(value, mass, right, squares) / worst)
    return np.array(losses), np.array(known)


class _Bins:
    """Linear binning of values at fixed places: sums for each node and fold, shape (G, F)."""

    def __init__(self, nodes: FloatArray, x: FloatArray, folds: IntArray) -> None:
        names, self._fold = np.unique(folds, return_inverse=True)
        self._shape = (len(nodes), len(names))
        position = (x - nodes[0]) / (nodes[1] - nodes[0])
        self._cell = np.minimum(position.astype(np.int64), len(nodes) - 2)
        self._share = position - self._cell

    def __call__(self, values: FloatArray) -> FloatArray:
        size = self._shape[0] * self._shape[1]
        lower = self._cell * self._shape[1] + self._fold
        upper = lower + self._shape[1]
        sums = np.bincount(lower, values * (1 - self._share), size).astype(np.float64)
        sums += np.bincount(upper, values * self._share, size)
        return sums.reshape(self._shape)


def _others(sums: FloatArray) -> FloatArray:
    return sums.sum(axis=1, keepdims=True) - sums


def _loss(value: FloatArray, mass: FloatArray, right: FloatArray, squares: FloatArray) -> float:
    return float(np.sum(squares - 2 * value * right + value**2 * mass))


def _fit_without_fold(
    nodes: FloatArray,
    mass: FloatArray,
    right: FloatArray,
    spread: FloatArray,
    bandwidth: float,
    degree: int,
    kernel: str,
) -> tuple[FloatArray, FloatArray]:
    """Return the fit at each node without each fold and its effective count, shape (G, F)."""
    u = (nodes[None, :] - nodes[:, None]) / bandwidth
    weight = product_kernel(kernel, u[..., None])
    count_spread = weight**2 @ _others(spread)
    moments, products = [], []
    power = weight
    for k in range(2 * degree + 1):
        moments.append(power @ _others(mass))
        if k <= degree:
            products.append(power @ _others(right))
        power = power * u
    count = moments[0] ** 2 / np.maximum(count_spread, np.finfo(float).tiny)
    known = count > degree + 1
    scale = np.where(known, moments[0], 1.0)
    gram = np.empty((*mass.shape, degree + 1, degree + 1))
    for j in range(degree + 1):
        for k in range(degree + 1):
            gram[..., j, k] = moments[j + k] / scale
    gram[~known] = np.eye(degree + 1)
    gram += 1e-12 * np.eye(degree + 1)
    rhs = np.stack(products, axis=-1) / scale[..., None]
    value = np.linalg.solve(gram, rhs[..., None])[..., 0, 0].astype(np.float64)
    return value, np.where(known, count, 0.0)


def _linear_without_fold(nodes: FloatArray, mass: FloatArray, right: FloatArray) -> FloatArray:
    """Return the linear drift of the other folds at each node, shape (G, F)."""
    rest, target = _others(mass), _others(right)
    total = rest.sum(axis=0)
    centre = nodes @ rest / total
    offset = nodes[:, None] - centre
    slope = np.sum(offset * target, axis=0) / np.sum(offset**2 * rest, axis=0)
    return target.sum(axis=0) / total + slope * offset
