"""Kernel averages (Nadaraya-Watson) of increments at the nodes of a grid.

Sums are shared out to a fine grid once; each node then averages the fine grid. Standard
errors use the same sums with squared kernel weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.kramers_moyal.coefficients import BinCoefficients
from stochtext.estimators.kramers_moyal.cumulants import coefficients_of_moments
from stochtext.estimators.kramers_moyal.pilots import Pilot
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.fitted.bins.binned import BinnedProcess
from stochtext.processes.fitted.bins.binned_moments import (
    binned_moments_1d,
    binned_moments_2d,
    binned_powers_1d,
)
from stochtext.processes.fitted.bins.curve_table import column_limits
from stochtext.processes.fitted.smoothing.local_polynomial import product_kernel

__all__ = ["KernelSums", "NodeGrid", "estimate_nodes", "node_grid"]

_NODES = {1: 200, 2: 50}
_FINE_PER_BANDWIDTH = {1: 32, 2: 6}
_MOST_FINE = {1: 8192, 2: 400}


@dataclass(frozen=True)
class NodeGrid:
    """Nodes where averages are taken, and the kernel.

    Attributes
    ----------
    axes : tuple of d ndarrays
        Positions along each coordinate.
    bandwidth : ndarray of shape (d,)
    kernel : str
    """

    axes: tuple[FloatArray, ...]
    bandwidth: FloatArray
    kernel: str

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of nodes along each coordinate."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def states(self) -> FloatArray:
        """Every node, shape (size, d), the last coordinate running fastest."""
        return np.stack([g.ravel() for g in np.meshgrid(*self.axes, indexing="ij")], axis=1)

    def sums(self, x: FloatArray, weight: FloatArray) -> KernelSums:
        """Return what sums responses with kernel weights."""
        low, high = column_limits(x)
        dim = x.shape[1]
        wanted = np.ceil((high - low) / self.bandwidth * _FINE_PER_BANDWIDTH[dim]).astype(int)
        sizes = np.clip(wanted + 1, 64, _MOST_FINE[dim])
        step = (high - low) * (1 + 1e-12) / (sizes - 1)
        step = np.where(step > 0, step, 1.0)
        weights = [self._weights(j, low[j] + step[j] * np.arange(sizes[j])) for j in range(dim)]
        return KernelSums(x, weight, low, step, tuple(map(int, sizes)), weights)

    def _weights(self, j: int, fine: FloatArray) -> FloatArray:
        u = (fine[None, :] - self.axes[j][:, None]) / self.bandwidth[j]
        return product_kernel(self.kernel, u[..., None])


@dataclass(frozen=True)
class KernelSums:
    """Sums over the data with the kernel weights of every node, or with their squares.

    Attributes
    ----------
    x : ndarray of shape (n, d)
    weight : ndarray of shape (n,)
    low, step : ndarrays of shape (d,)
        Of the fine grid.
    sizes : tuple of int
    kernels : list of d ndarrays of shape (nodes, sizes[j])
        Kernel weights between nodes and the fine grid.
    """

    x: FloatArray
    weight: FloatArray
    low: FloatArray
    step: FloatArray
    sizes: tuple[int, ...]
    kernels: list[FloatArray]

    def __call__(self, responses: FloatArray, power: int = 1) -> FloatArray:
        """Return sums of responses (n, r), shape (C, r)."""
        if len(self.sizes) == 1:
            place = (self.low[0], self.step[0], self.sizes[0], self.weight)
            fine = binned_moments_1d(self.x[:, 0], responses, *place)[:, 1:]
        else:
            shape = (self.sizes[0], self.sizes[1])
            fine = binned_moments_2d(self.x, responses, self.low, self.step, shape, self.weight)[
                ..., 1:
            ]
        return self._smoothed(fine, power)

    def powers(self, change: FloatArray, factor: FloatArray, order: int, power: int) -> FloatArray:
        """Return sums of ``factor * change**k`` for k from 0 to ``order``."""
        if len(self.sizes) == 1:
            place = (self.low[0], self.step[0], self.sizes[0], order, self.weight * factor)
            return self._smoothed(binned_powers_1d(self.x[:, 0], change, *place), power)
        columns = [factor]
        for _ in range(order):
            columns.append(columns[-1] * change)
        return self(np.stack(columns, axis=1), power)

    def _smoothed(self, fine: FloatArray, power: int) -> FloatArray:
        for axis, kernel in enumerate(self.kernels):
            fine = np.moveaxis(np.tensordot(kernel**power, fine, axes=(1, axis)), 0, axis)
        return fine.reshape(-1, fine.shape[-1])


def node_grid(
    sample: TransitionSample, bandwidth: FloatArray, axes: tuple[FloatArray, ...] | None
) -> NodeGrid:
    """Return a grid over the data, or over given positions."""
    if axes is None:
        low, high = column_limits(sample.x)
        number = _NODES[sample.dim]
        axes = tuple(np.linspace(a, b, number) for a, b in zip(low, high, strict=True))
    return NodeGrid(axes, bandwidth, "gaussian")


def estimate_nodes(
    sample: TransitionSample,
    grid: NodeGrid,
    *,
    order: int,
    minimum: float,
    pilot: Pilot | None,
    corrected: bool,
) -> BinCoefficients:
    """Estimate the coefficients at every node.

    Parameters
    ----------
    sample : TransitionSample
    grid : NodeGrid
    order : int
    minimum : float
        Nodes with a smaller effective number of transitions are NaN.
    pilot : Pilot or None
        Subtracted, averaged with the kernel weights.
    corrected : bool
        Whether moments of order two and more are cumulants.
    """
    one = grid.sums(sample.x, sample.weight)
    dt, change, d = sample.dt, sample.x_next - sample.x, sample.dim
    basis = np.column_stack([np.ones(sample.n), dt, dt**2, sample.x, change])
    sums = one(basis)
    mass = sums[:, 0]
    count = mass**2 / np.maximum(one(basis[:, :1], 2)[:, 0], np.finfo(float).tiny)
    enough = (count >= minimum) & (mass > 0)
    mass = np.where(enough, mass, np.nan)
    h, g = sums[:, 1] / mass, sums[:, 2] / mass
    span = (mass * h)[:, None]
    d1 = sums[:, 3 + d :] / span
    state = np.where(enough[:, None], sums[:, 3 : 3 + d] / mass[:, None], grid.states)
    noise = change - _at_data(grid, sample.x, d1, change, sample) * dt[:, None]
    kept = noise if corrected else change
    parts = _Parts(one, mass, h, g, order, corrected)
    d1_se = np.sqrt(one(noise**2, 2)) / span
    d2, d2_se = parts.second(kept, dt)
    higher, higher_se, pawula, pawula_se = parts.higher(kept, dt)
    if pilot is not None and corrected:
        d1, d2 = pilot.take_off(sample.x, dt, _NodeMeans(one, mass), d1, d2)
        d2_se = np.hypot(d2_se, pilot.correction_error(state))
    return BinCoefficients(
        grid.states, state, np.where(enough, count, 0.0), d1, d1_se, d2, d2_se, higher, higher_se,
        pawula, pawula_se,
    )  # fmt: skip


class _NodeMeans:
    """Kernel sums and means in the form of the sums over bins."""

    def __init__(self, one: KernelSums, mass: FloatArray) -> None:
        self._one, self._mass = one, mass

    def total(self, values: FloatArray) -> FloatArray:
        sums = self._one(values.reshape(len(values), -1))
        sums[~np.isfinite(self._mass)] = np.nan
        return sums.reshape(-1, *values.shape[1:])

    def mean(self, values: FloatArray) -> FloatArray:
        total = self.total(values)
        return total / self._mass.reshape(-1, *([1] * (total.ndim - 1)))


@dataclass(frozen=True)
class _Parts:
    """Kernel means of powers, and the errors of what they estimate."""

    sums: KernelSums
    mass: FloatArray
    h: FloatArray
    g: FloatArray
    order: int
    corrected: bool

    def second(self, kept: FloatArray, dt: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return D2 (C, d, d) and its standard errors."""
        n, d = kept.shape
        rates = (kept[:, :, None] * kept[:, None, :] / dt[:, None, None]).reshape(n, d * d)
        mean = self.sums(rates) / self.mass[:, None]
        spread = self.sums(np.column_stack([np.ones(n), rates, rates**2]), 2)
        variance = spread[:, 1 + d * d :] - 2 * mean * spread[:, 1 : 1 + d * d]
        variance += mean**2 * spread[:, :1]
        error = np.sqrt(np.maximum(variance, 0.0)) / self.mass[:, None]
        return mean.reshape(-1, d, d) / 2, error.reshape(-1, d, d) / 2

    def higher(
        self, kept: FloatArray, dt: FloatArray
    ) -> tuple[dict[int, FloatArray], dict[int, FloatArray], FloatArray, FloatArray]:
        """Return coefficients of order 3 and more, their errors, and the Pawula ratio with its."""
        size, d = len(self.mass), kept.shape[1]
        orders = range(3, self.order + 1)
        values = {n: np.full((size, d), np.nan) for n in orders}
        errors = {n: np.full((size, d), np.nan) for n in orders}
        ratio, ratio_se = np.full((size, d), np.nan), np.full((size, d), np.nan)
        for j in range(d if self.order > 2 else 0):
            own, cov = self._coordinate(kept[:, j], dt)
            for n in orders:
                values[n][:, j] = own[:, n]
                errors[n][:, j] = np.sqrt(np.maximum(cov[:, n, n], 0.0))
            if self.order >= 4:
                d2, d4 = own[:, 2], own[:, 4]
                by2, by4 = -2 * d4 / d2**3, 1 / d2**2
                variance = by2**2 * cov[:, 2, 2] + by4**2 * cov[:, 4, 4]
                variance += 2 * by2 * by4 * cov[:, 2, 4]
                ratio[:, j], ratio_se[:, j] = d4 / d2**2, np.sqrt(np.maximum(variance, 0.0))
        return values, errors, ratio, ratio_se

    def _coordinate(self, kept: FloatArray, dt: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the coefficients of one coordinate and their covariance, shape (C, k, k)."""
        k = self.order + 1
        means = self.sums.powers(kept, 1 / dt, k - 1, 1) / self.mass[:, None]
        mass = self.sums.powers(kept, np.ones_like(dt), 0, 2)
        single = self.sums.powers(kept, 1 / dt, k - 1, 2)
        double = self.sums.powers(kept, 1 / dt**2, 2 * k - 2, 2)
        place = np.add.outer(np.arange(k), np.arange(k))
        cross = means[:, :, None] * single[:, None, :]
        cov = double[:, place] - cross - np.swapaxes(cross, 1, 2)
        cov += means[:, :, None] * means[:, None, :] * mass[:, :, None]
        cov /= self.mass[:, None, None] ** 2
        means[:, 0] = 0.0
        plain = means.copy()
        if self.corrected:
            plain[:, 1] = 0.0
        values, slopes = coefficients_of_moments(plain, self.h, self.g, corrected=self.corrected)
        if self.corrected:
            through = np.zeros_like(plain)
            through[:, 2:] = -np.arange(2, k) * plain[:, 1:-1] * self.h[:, None]
            slopes[:, :, 1] = np.einsum("cnk,ck->cn", slopes, through)
        slopes[:, :, 0] = 0.0
        covariance = np.einsum("cni,cij,cmj->cnm", slopes, cov, slopes)
        return values, covariance


def _at_data(
    grid: NodeGrid, x: FloatArray, d1: FloatArray, change: FloatArray, sample: TransitionSample
) -> FloatArray:
    """Return the drift at the data, between nodes; the pooled one where a node has none."""
    pooled = sample.weight @ change / (sample.weight @ sample.dt)
    filled = np.where(np.isfinite(d1), d1, pooled)
    d = x.shape[1]
    process = BinnedProcess(
        list(grid.axes), filled.reshape(*grid.shape, d),
        np.broadcast_to(np.eye(d), (*grid.shape, d, d)),
    )  # fmt: skip
    value = process.local_drift(x)
    return np.where(np.isfinite(value), value, pooled)
