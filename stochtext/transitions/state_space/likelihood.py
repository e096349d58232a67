"""The exact likelihood of a linear state-space model, its gradient and its scores.

The state is counted from the mean curve m(u): Z = X - m(u), dZ = -kappa Z dt - dm(u) +
sigma dW. Over a step the derivatives of m along the clock drive Z through the powers of time
that they stand before; these are states that move by themselves, so that one matrix
exponential holds their weights. A trajectory's own mean is a state that stands still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.linear.mean_basis import MeanBasis
from stochtext.processes.linear.moments import LinearMoments, linear_moments
from stochtext.transitions.state_space.filter import Adjoint, Filtered, Laws, run_filter
from stochtext.transitions.state_space.first_state import (
    first_covariance,
    first_covariance_back,
)
from stochtext.transitions.state_space.layout import Layout, Rows
from stochtext.transitions.state_space.parameters import Parameters, Shape

__all__ = ["Model", "StateSpaceLikelihood"]

CHUNK = 20_000
STEPS = 4096


@dataclass(frozen=True)
class Model:
    """What is not estimated of a state-space model.

    Attributes
    ----------
    shape : Shape
    basis : MeanBasis
        Functions of the clock that the mean is a sum of.
    initial : {"conditional", "stationary", "free", "unweighed"}
        ``"unweighed"``: stationary, without the density of the first observation.
    noise : ndarray of shape (d, d)
        Given covariance R; used where the shape has no noise.
    """

    shape: Shape
    basis: MeanBasis
    initial: str
    noise: FloatArray

    @property
    def flat(self) -> bool:
        """Whether nothing is known of the first state before it is observed."""
        return self.initial == "conditional"

    @property
    def weighs_first(self) -> bool:
        """Whether the density of the first observations counts."""
        return self.initial in ("stationary", "free")


class StateSpaceLikelihood:
    """Negative log likelihood of the rows of a panel.

    Parameters
    ----------
    model : Model
    rows : Rows
    weight : ndarray of shape (m,)
        One weight a trajectory.
    """

    def __init__(self, model: Model, rows: Rows, weight: FloatArray) -> None:
        self.model = model
        self.rows = rows
        self.weight = weight
        self.layout = Layout.shared(rows)
        self.jets = np.swapaxes(model.basis.derivatives(rows.clock), 0, 1)
        self.scale = 1.0 / float(rows.steps.max())

    def value_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """Return the negative log likelihood and its gradient; infinity where undefined."""
        p = self.model.shape.unpack(theta)
        undefined = np.inf, np.full_like(theta, np.nan)
        with np.errstate(all="ignore"):
            done = self._filter(p, self.layout, self.rows, self.jets)
            if done is None:
                return undefined
            filtered, moments = done
            value = -float(self.weight @ filtered.log_likelihood)
            if not np.isfinite(value):
                return undefined
            adjoint = filtered.adjoint(self.weight)
            gradient = self._pull_back(p, adjoint, self.layout, self.rows, self.jets, moments)
        return value, gradient[0]

    def scores(self, theta: FloatArray) -> FloatArray:
        """Return the weighted score of every trajectory, shape (m, k)."""
        p = self.model.shape.unpack(theta)
        pieces, low, m = [], 0, len(self.weight)
        while low < m:
            reach = np.searchsorted(self.rows.offsets, self.rows.offsets[low] + CHUNK, "right") - 1
            high = min(max(int(reach), low + 1), m)
            rows = self.rows.part(low, high)
            jets = self.jets[self.rows.offsets[low] : self.rows.offsets[high]]
            layout = Layout.separate(rows)
            done = self._filter(p, layout, rows, jets)
            assert done is not None
            adjoint = done[0].adjoint(self.weight[low:high])
            pieces.append(-self._pull_back(p, adjoint, layout, rows, jets, None))
            low = high
        return np.concatenate(pieces)

    def filtered(self, p: Parameters) -> Filtered | None:
        """Return the filter's means, innovations and log densities; None where undefined."""
        with np.errstate(all="ignore"):
            done = self._filter(p, self.layout, self.rows, self.jets)
        return None if done is None else done[0]

    # -- forward ---------------------------------------------------------------------------

    def laws(
        self, p: Parameters, rows: Rows, jets: FloatArray
    ) -> tuple[Laws, LinearMoments] | None:
        """Return what moves and hides the state; None where it has no stationary law."""
        first = first_covariance(p, self.model.initial)
        if first is None or not np.isfinite(p.kappa).all():
            return None
        moments = self._moments(p, rows.steps)
        laws = Laws(
            *self._steps(p, moments), self._noise(p), first, self._start(p, rows, jets),
            self._drive(p, rows, jets), self.model.flat, self.model.weighs_first,
        )  # fmt: skip
        return laws, moments

    def _filter(
        self, p: Parameters, layout: Layout, rows: Rows, jets: FloatArray
    ) -> tuple[Filtered, LinearMoments] | None:
        known = self.laws(p, rows, jets)
        if known is None:
            return None
        filtered = run_filter(known[0], layout, rows, rows.y - jets[:, 0] @ p.trend)
        return None if filtered is None else (filtered, known[1])

    def _noise(self, p: Parameters) -> FloatArray:
        return self.model.noise if p.noise is None else p.noise @ p.noise.T

    def _moments(self, p: Parameters, steps: FloatArray) -> LinearMoments:
        d, order = len(p.kappa), self.model.basis.order
        if order == 0:
            return linear_moments(p.kappa, p.rate, steps)
        size = d * (1 + order)
        kappa, rate = np.zeros((size, size)), np.zeros((size, size))
        kappa[:d, :d], rate[:d, :d] = p.kappa, p.rate
        kappa[:d, d : 2 * d] = self.scale * np.eye(d)
        for i in range(1, order):
            block = slice(d * i, d * (i + 1)), slice(d * (i + 1), d * (i + 2))
            kappa[block] = -self.scale * np.eye(d)
        return linear_moments(kappa, rate, steps)

    def _steps(
        self, p: Parameters, moments: LinearMoments
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return the transition matrix, its noise and the weights of the drive, each step's."""
        d = len(p.kappa)
        phi, q = moments.phi[:, :d, :d], moments.covariance[:, :d, :d]
        forcing = np.ascontiguousarray(moments.phi[:, :d, d:])
        if p.effect is None:
            return np.ascontiguousarray(phi), np.ascontiguousarray(q), forcing
        whole, noise = np.zeros((2, len(phi), 2 * d, 2 * d))
        whole[:, :d, :d], whole[:, :d, d:] = phi, np.eye(d) - phi
        whole[:, d:, d:] = np.eye(d)
        noise[:, :d, :d] = q
        return whole, noise, forcing

    def _start(self, p: Parameters, rows: Rows, jets: FloatArray) -> FloatArray:
        d = len(p.kappa)
        start = np.zeros((len(rows.first), d if p.effect is None else 2 * d))
        if p.first is not None:
            start[:, :d] = p.first - jets[rows.first, 0] @ p.trend
        return start

    def _drive(self, p: Parameters, rows: Rows, jets: FloatArray) -> FloatArray:
        order = self.model.basis.order
        weights = _drive_weights(rows, jets, order, self.scale)
        drive = np.einsum("nij,jk->nik", weights, p.trend)
        return np.ascontiguousarray(drive.reshape(len(jets), order * len(p.kappa)))

    # -- backward --------------------------------------------------------------------------

    def _pull_back(
        self, p: Parameters, bar: Adjoint, layout: Layout, rows: Rows, jets: FloatArray,
        moments: LinearMoments | None,
    ) -> FloatArray:  # fmt: skip
        """Return the gradient in the parameter vector, one row an owner."""
        kappa_bar, rate_bar = self._steps_back(p, bar, layout, rows.steps, moments)
        first_back = first_covariance_back(p, self.model.initial, bar.first)
        kappa_bar += first_back.kappa
        rate_bar += first_back.rate
        sums = _owner_sums(rows, layout.n_owners)
        gradients = {
            "kappa": kappa_bar,
            "factor": _factor_bar(rate_bar, p.factor),
            "trend": sums(self._trend_rows(p, bar, rows, jets)),
        }
        if p.noise is not None:
            gradients["noise"] = _factor_bar(bar.noise, p.noise)
        if p.effect is not None:
            gradients["effect"] = _factor_bar(first_back.effect, p.effect)
        if p.first is not None and p.spread is not None:
            start = np.zeros((len(rows.y), len(p.kappa)))
            start[rows.first] = bar.start[:, : len(p.kappa)]
            gradients["first"] = sums(start)
            gradients["spread"] = _factor_bar(first_back.spread, p.spread)
        return self.model.shape.pack_rows(gradients)

    def _trend_rows(self, p: Parameters, bar: Adjoint, rows: Rows, jets: FloatArray) -> FloatArray:
        d, order = len(p.kappa), self.model.basis.order
        level = bar.y.copy()
        if p.first is not None:
            level[rows.first] += bar.start[:, :d]
        trend = -jets[:, 0, :, None] * level[:, None, :]
        if order:
            weights = _drive_weights(rows, jets, order, self.scale)
            trend += np.einsum("nij,nik->njk", weights, bar.drive.reshape(-1, order, d))
        return trend

    def _steps_back(
        self, p: Parameters, bar: Adjoint, layout: Layout, steps: FloatArray,
        moments: LinearMoments | None,
    ) -> tuple[FloatArray, FloatArray]:  # fmt: skip
        d, order = len(p.kappa), self.model.basis.order
        phi_bar, q_bar = bar.phi[:, :d, :d], bar.q[:, :d, :d]
        if p.effect is not None:
            phi_bar = phi_bar - bar.phi[:, :d, d:]
        size = d * (1 + order)
        whole, noise = np.zeros((2, len(phi_bar), size, size))
        whole[:, :d, :d], whole[:, :d, d:] = phi_bar, bar.forcing
        noise[:, :d, :d] = q_bar
        result = np.zeros((2, layout.n_owners, d, d))
        for start in range(0, len(whole), STEPS):
            part = slice(start, start + STEPS)
            if len(steps) == 1 or moments is None or len(whole) > STEPS:
                own = steps if len(steps) == 1 else steps[layout.slots[part]]
                moments = self._moments(p, own)
            found = moments.pull_back(whole[part], np.zeros_like(whole[part]), noise[part])
            for total, one in zip(result, found, strict=True):
                np.add.at(total, layout.slot_owner[part], one[:, :d, :d])
        return result[0], result[1]


def _drive_weights(rows: Rows, jets: FloatArray, order: int, scale: float) -> FloatArray:
    """Return what each coefficient of the mean adds to the drive of the step into each row."""
    powers = (rows.pace[:, None] / scale) ** np.arange(1, order + 1)
    weights = np.zeros((len(jets), order, jets.shape[2]))
    weights[1:] = jets[:-1, 1:] * powers[1:, :, None]
    return weights


def _factor_bar(covariance_bar: FloatArray, factor: FloatArray) -> FloatArray:
    return (covariance_bar + np.swapaxes(covariance_bar, 1, 2)) @ factor


def _owner_sums(rows: Rows, n_owners: int) -> Any:
    def sums(values: FloatArray) -> FloatArray:
        if n_owners == 1:
            return values.sum(axis=0, keepdims=True)
        return np.add.reduceat(values, rows.first)

    return sums
