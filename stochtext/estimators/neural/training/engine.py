"""The Gaussian quasi-likelihood of scaled transitions with exact derivatives.

Law of this file: a row that has no density has an infinite loss; nothing is repaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.neural.networks.architecture import Architecture
from stochtext.estimators.neural.networks.preparation import ScaledTransitions, Scaling

__all__ = ["Engine"]

_ROOM = "stochtext.estimators.neural.passes"
_PASSES = ("rows", "networks", "matrices", "stages", "steps", "entries")
_LANES = 16
_JACOBIAN_NUMBERS = 4_000_000
# Two whitened moments or five cost less than drawing them.
_LARGEST_EXACT_DIM = 2
_DRAWS = 2


@dataclass(frozen=True)
class _Rows:
    """Transitions laid out for the compiled passes, in strips of equal substeps.

    Attributes
    ----------
    order : ndarray of int of shape (n,)
        Which transition comes when, without those that only fill a strip.
    place : ndarray of int of shape (n,)
        Where it stands among the lanes of all strips.
    data : ndarray of shape (1 + 2 p, lanes)
    n_sub : ndarray of int of shape (strips,)
    """

    order: IntArray
    place: IntArray
    data: FloatArray
    n_sub: IntArray


class Engine:
    """Losses of every transition under every start, with gradients and Fisher information.

    Parameters
    ----------
    architecture : Architecture
    data : ScaledTransitions
    scaling : Scaling
    substeps : ndarray of int of shape (n,)
        Runge-Kutta (or Euler) steps of each transition.
    transition : {"cubature", "euler"}, default "cubature"
        How the moments are integrated.
    """

    def __init__(
        self,
        architecture: Architecture,
        data: ScaledTransitions,
        scaling: Scaling,
        substeps: IntArray,
        transition: str = "cubature",
    ) -> None:
        self.architecture, self.data, self.scaling = architecture, data, scaling
        self.substeps, self.transition = np.asarray(substeps, dtype=np.int64), transition
        self._shape, self._layers, self._width = _layout(architecture)
        self._units = scaling.coordinate_units()
        self._rows = self._laid_out(np.arange(len(data.dt)))
        self._last: tuple[IntArray, _Rows] = (np.arange(len(data.dt)), self._rows)

    def for_architecture(self, architecture: Architecture) -> Engine:
        """Return the engine of other networks on the same transitions."""
        return Engine(architecture, self.data, self.scaling, self.substeps, self.transition)

    def with_substeps(self, substeps: IntArray) -> Engine:
        """Return the engine of the same networks with other substeps."""
        return Engine(self.architecture, self.data, self.scaling, substeps, self.transition)

    def losses(self, parameters: FloatArray) -> FloatArray:
        """Return minus the log density of each row, infinite where there is none, (M, n)."""
        rows = self._rows
        out = np.empty((len(parameters), len(rows.order)))
        memory = self._memory(rows, 1)
        for m, theta in enumerate(parameters):
            out[m, rows.order] = self._laws(theta, rows, memory)[:, -1]
        return np.where(np.isfinite(out), out, np.inf)

    def whitened(
        self, theta: FloatArray, weight: FloatArray
    ) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return the rows of positive weight, their whitened residuals and losses, one start.

        Returns
        -------
        rows : ndarray of int of shape (m,)
        residuals : ndarray of shape (m, d)
            L^-1 (x' - m) for a Cholesky factor L of the covariance of the step.
        losses : ndarray of shape (m,)
        """
        rows, d = self._rows_of(np.flatnonzero(weight > 0.0)), self.architecture.dim
        found = self._laws(theta, rows, self._memory(rows, 1))
        return rows.order, found[:, :d], found[:, d]

    def value_and_gradient(
        self, parameters: FloatArray, weight: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the weighted sum of the losses of each start and its gradient.

        Parameters
        ----------
        parameters : ndarray of shape (M, P)
        weight : ndarray of shape (M, n)

        Returns
        -------
        value : ndarray of shape (M,)
            Infinite where a row of positive weight has no density.
        gradient : ndarray of shape (M, P)
        """
        value, gradient = np.empty(len(parameters)), np.empty(parameters.shape)
        for m, theta in enumerate(parameters):
            used = np.flatnonzero(weight[m] > 0.0)
            rows = self._rows_of(used)
            own, memory = weight[m][rows.order], self._memory(rows, 1)
            padded = np.zeros((len(rows.n_sub), _LANES))
            padded.ravel()[rows.place] = own
            out, grad = np.empty_like(padded), np.zeros((self._size, _LANES))
            _compiled("sums")(
                *self._arguments(theta, rows, memory), memory.bars, memory.small, grad,
                padded, out,
            )  # fmt: skip
            total = float(own @ out.ravel()[rows.place])
            value[m] = total if np.isfinite(total) else np.inf
            gradient[m] = grad.sum(axis=1)
        return value, gradient

    def scores(self, parameters: FloatArray) -> FloatArray:
        """Return the gradient of each row's log density at one start, (n, P)."""
        probe = np.zeros((1, self._moments, 1))
        rows, found = self._jacobian(parameters, np.arange(len(self.substeps)), probe, True)
        result = np.empty((len(rows.order), self._size))
        result[rows.order] = found[:, 0, rows.place].T
        return result

    def fisher(
        self,
        parameters: FloatArray,
        weight: FloatArray,
        *,
        rows: IntArray | None = None,
        rng: np.random.Generator | None = None,
    ) -> FloatArray:
        """Return the expected Fisher information of weighted rows at one start, (P, P).

        In up to two dimensions it is exact; above, its whitened moments are probed by
        standard normal draws, which is unbiased.

        Parameters
        ----------
        parameters : ndarray of shape (P,)
        weight : ndarray of shape (n,)
        rows : ndarray of int, optional
            A subsample, scaled up to the total weight.
        rng : Generator, optional
        """
        used = np.flatnonzero(weight > 0.0) if rows is None else rows
        total = np.zeros((self._size, self._size))
        probes = _probes(self.architecture.dim, len(used), rng)
        step = max(_LANES, _JACOBIAN_NUMBERS // (self._size * len(probes)))
        for k in range(0, len(used), step):
            part = used[k : k + step]
            own = probes if probes.shape[2] == 1 else probes[:, :, k : k + step]
            laid, jacobian = self._jacobian(parameters, part, own, False)
            root = np.zeros(jacobian.shape[2])
            root[laid.place] = np.sqrt(weight[laid.order])
            jacobian *= root
            flat = jacobian.reshape(self._size, -1)
            total += flat @ flat.T
        if probes.shape[2] > 1:
            total /= len(probes)
        return np.asarray(total * (weight.sum() / weight[used].sum()))

    def _laws(self, theta: FloatArray, rows: _Rows, memory: _Memory) -> FloatArray:
        """Whitened residuals and minus the log density of every row laid out, (m, d + 1)."""
        width = self.architecture.dim + 1
        out = np.empty((len(rows.n_sub) * width, _LANES))
        _compiled("laws")(*self._arguments(theta, rows, memory), out)
        strips = out.reshape(-1, width, _LANES).transpose(0, 2, 1)
        return np.asarray(strips.reshape(-1, width)[rows.place])

    @property
    def _size(self) -> int:
        return self.architecture.size()

    @property
    def _moments(self) -> int:
        return self.architecture.dim + self.architecture.dim**2

    def _jacobian(
        self, theta: FloatArray, used: IntArray, probes: FloatArray, scores: bool
    ) -> tuple[_Rows, FloatArray]:
        """Return the rows laid out and the derivatives of their probed moments, (P, k, lanes)."""
        rows = self._laid_out(used)
        if probes.shape[2] > 1:
            position = np.empty(len(self.substeps), dtype=np.int64)
            position[used] = np.arange(len(used))
            spread = np.zeros((*probes.shape[:2], rows.data.shape[1]))
            spread[:, :, rows.place] = probes[:, :, position[rows.order]]
            probes = spread
        memory = self._memory(rows, len(probes))
        out = np.empty((self._size, len(probes), rows.data.shape[1]))
        _compiled("jacobians")(
            *self._arguments(theta, rows, memory), memory.bars, memory.small,
            np.empty((len(probes) * self._size, _LANES)), np.ascontiguousarray(probes), scores, out,
        )  # fmt: skip
        return rows, out

    def _rows_of(self, used: IntArray) -> _Rows:
        if not np.array_equal(used, self._last[0]):
            self._last = (used, self._laid_out(used))
        return self._last[1]

    def _laid_out(self, used: IntArray) -> _Rows:
        pieces, places, n_sub, lanes = [], [], [], 0
        for count in np.unique(self.substeps[used]):
            own = used[self.substeps[used] == count]
            filled = np.append(own, np.full(-len(own) % _LANES, own[-1]))
            pieces.append(filled)
            places.append(lanes + np.arange(len(own)))
            n_sub += [int(count)] * (len(filled) // _LANES)
            lanes += len(filled)
        lane, place, n = np.concatenate(pieces), np.concatenate(places), self.data
        columns = [n.dt[lane], n.inputs[lane].T, n.clock_rate[lane].T, n.following[lane].T]
        data = np.ascontiguousarray(np.vstack(columns))
        return _Rows(lane[place], place, data, np.array(n_sub, dtype=np.int64))

    def _arguments(self, theta: FloatArray, rows: _Rows, memory: _Memory) -> tuple[Any, ...]:
        return (
            np.ascontiguousarray(theta), self._shape, self._layers, self._units, rows.data,
            rows.n_sub, self.transition == "euler", memory.here, memory.tape, memory.stages,
            memory.extra, memory.y, memory.law,
        )  # fmt: skip

    def _memory(self, rows: _Rows, probes: int) -> _Memory:
        return _new_memory(
            self.architecture.dim, self.architecture.n_inputs, self._width,
            int(rows.n_sub.max(initial=1)), probes,
        )  # fmt: skip


@dataclass(frozen=True)
class _Memory:
    """What the passes write to on their way."""

    here: FloatArray
    tape: FloatArray
    stages: FloatArray
    extra: FloatArray
    y: FloatArray
    law: FloatArray
    bars: FloatArray
    small: FloatArray


def _new_memory(d: int, p: int, width: int, n_sub: int, probes: int) -> _Memory:
    size, square = d + d * d, d * d

    def rows(count: int) -> FloatArray:
        return np.empty((count, _LANES))

    return _Memory(
        rows(1 + 2 * p), rows(8 * d * width), rows(4 * (2 * d + 4 * square)), rows(max(p - d, 1)),
        rows((n_sub + 2) * size), rows(size + 1), rows(probes * size),
        rows(3 * square + width + 3 * size),
    )  # fmt: skip


def _layout(architecture: Architecture) -> tuple[IntArray, IntArray, int]:
    """Return what the passes know of the networks, and the rows of a point."""
    a, parts = architecture, architecture.slices()
    p, d, low = a.n_inputs, a.dim, a.dim * (a.dim - 1) // 2
    layers: list[tuple[int, ...]] = []
    row, raw = p, 0
    hidden = {"drift": a.drift_hidden, "covariance": a.covariance_hidden}
    n_outputs = {"drift": d, "covariance": d + (low if a.form == "full" else 0)}
    counts = []
    for room in ("drift", "covariance"):
        widths, below, width = hidden[room], 0, p - (a.n_linear if room == "drift" else 0)
        for k, units in enumerate(widths or ()):
            at = parts[f"{room}.layer{k}.weight"].start
            layers.append((at, width, units, parts[f"{room}.layer{k}.bias"].start, below, row))
            below, width, row = row, units, row + units
        if widths is not None:
            at = parts[f"{room}.layer{len(widths)}.weight"].start
            layers.append((at, width, n_outputs[room], -1, below, -1))
            if room == "covariance":
                raw, row = row, row + n_outputs[room]
        counts.append(0 if widths is None else len(widths) + 1)
    values = row
    table = np.array(layers or [(0,) * 6], dtype=np.int64)
    if counts[0]:
        table[counts[0] - 1, 5] = values
    if counts[1]:
        table[-1, 5] = raw
    has_slope = "drift.slope" in parts
    lower = parts["covariance.lower"]
    shape = [
        p, d, low, values + 3 * d + low, values, int(has_slope),
        parts["drift.slope"].start if has_slope else 0, parts["drift.intercept"].start,
        parts["covariance.log_scale"].start, lower.start if lower.stop > lower.start else -1,
        int(a.form == "full" and a.covariance_hidden is not None), *counts,
    ]  # fmt: skip
    return np.array(shape, dtype=np.int64), table, values + 3 * d + low


def _probes(d: int, n: int, rng: np.random.Generator | None) -> FloatArray:
    """Return cotangents of the whitened moments whose outer products sum to the identity."""
    if d <= _LARGEST_EXACT_DIM:
        rows = []
        for j in range(d):
            rows.append(np.append(np.eye(d)[j], np.zeros(d * d)))
        for j in range(d):
            for k in range(j + 1):
                square = np.zeros((d, d))
                square[j, k] = square[k, j] = np.sqrt(0.5) if j == k else 0.5
                rows.append(np.append(np.zeros(d), square.ravel()))
        return np.array(rows)[:, :, None]
    rng = np.random.default_rng(0) if rng is None else rng
    u = rng.standard_normal((_DRAWS, d, n))
    squares = 0.5 * (u[:, :, None] * u[:, None] - np.eye(d)[:, :, None])
    return np.concatenate([u, squares.reshape(_DRAWS, d * d, n)], axis=1)


@lru_cache(maxsize=8)
def _compiled(name: str) -> Any:
    from numba import types

    from stochtext._shared.compilation.generated import compiled_module, machine_function
    from stochtext.processes.compiled.elementary import sources_of

    one, two = types.float64[::1], types.float64[:, ::1]
    three, whole = types.float64[:, :, ::1], types.int64[::1]
    common = (one, whole, types.int64[:, ::1], one, two, whole, types.boolean, *(two,) * 6)
    signatures = {
        "laws": (*common, two),
        "sums": (*common, *(two,) * 5),
        "jacobians": (*common, two, two, two, three, types.boolean, three),
    }
    own = (f"{_ROOM}.{name}" for name in _PASSES)
    sources = (*sources_of(("exp", "log", "tanh")), "stochtext.processes.compiled.network", *own)
    instructions = ("stochtext._shared.compilation.lanes",)
    module = compiled_module("neural", sources, instructions=instructions, FLOAT="np.float64")
    return machine_function(module, name, signatures[name])
