"""What a moving mean adds to the conditional mean of a step: regressors and their coefficients.

Law of this file: the regressors are numbers of the data alone, the coefficients matrices of
kappa alone; the adjoint of the second is here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.linear.mean_basis import MeanBasis
from stochtext.processes.linear.moments import LinearMoments, linear_moments
from stochtext.processes.linear.transition import knots_within

__all__ = ["MeanBars", "MeanDesign", "Tail"]


@dataclass(frozen=True)
class Tail:
    """L_3 for the times left behind knots, row by row.

    Attributes
    ----------
    place : ndarray of int of shape (r, c)
        Which matrix belongs to which row and crossing; -1 for none.
    matrices : ndarray of shape (s, d, d)
    """

    place: IntArray
    matrices: FloatArray
    _moments: LinearMoments | None

    def pull_back(self, bars: FloatArray) -> FloatArray:
        """Return gradients in kappa, one a row, from those in L_3 of shape (r, c, d, d)."""
        kappa_bar = np.zeros((len(bars), *self.matrices.shape[1:]))
        if self._moments is None:
            return kappa_bar
        total = np.zeros_like(self.matrices)
        np.add.at(total, self.place[self.place >= 0], bars[self.place >= 0])
        nothing = np.zeros_like(total)
        found, _ = self._moments.pull_back(nothing, [nothing, nothing, -total], None)
        owner = np.zeros(len(total), dtype=np.int64)
        rows, crossings = np.nonzero(self.place >= 0)
        owner[self.place[rows, crossings]] = rows
        np.add.at(kappa_bar, owner, found)
        return kappa_bar


@dataclass(frozen=True)
class MeanBars:
    """Gradients in Phi, in J_1, J_2, ..., in the coefficients of the mean and in L_3(tau)."""

    phi: FloatArray
    integrals: list[FloatArray]
    trend: FloatArray
    tail: FloatArray


@dataclass(frozen=True)
class MeanDesign:
    """The part of the regressors that belongs to the mean.

    Attributes
    ----------
    columns : ndarray of shape (n, p)
        rho^j B_k^(j)(u) for the functions with such a derivative, then rho^3 times the
        jumps of the knots within the step.
    blocks : tuple of ndarray of int
        For j = 0, 1, ... the functions whose j-th derivative has a column.
    taus : ndarray of shape (s,)
        Distinct times left behind a knot.
    behind : ndarray of int of shape (n, c)
        For each step and each crossing its place in ``taus``, -1 for none.
    size : int
        Number of functions q.
    """

    columns: FloatArray
    blocks: tuple[IntArray, ...]
    taus: FloatArray
    behind: IntArray
    size: int

    @classmethod
    def of(cls, sample: TransitionSample, basis: MeanBasis) -> MeanDesign:
        """Return the design of a sample."""
        pace = sample.clock_dt / sample.dt
        derivatives = basis.derivatives(sample.t)
        blocks, columns = [], []
        for j, values in enumerate(derivatives):
            kept = np.flatnonzero(np.any(values != 0, axis=0)) if j else np.arange(basis.size)
            blocks.append(kept)
            columns.append(values[:, kept] * pace[:, None] ** j)
        left, jumps = _crossings(sample, basis, pace)
        taus, behind = _distinct(left)
        return cls(np.hstack([*columns, *jumps]), tuple(blocks), taus, behind, basis.size)

    @property
    def order(self) -> int:
        """Number of integrals J_j that the coefficients need; at least one."""
        return max(len(self.blocks) - 1, 1)

    def tail(self, kappa: FloatArray, behind: IntArray, *, alone: bool = False) -> Tail:
        """Return L_3 for some rows of ``behind``; ``alone`` gives each crossing its own matrix."""
        d = len(kappa)
        some = behind >= 0
        if not some.any():
            return Tail(behind, np.zeros((0, d, d)), None)
        place = np.full_like(behind, -1)
        used, index = np.unique(behind[some], return_inverse=True)
        if alone:
            used, index = behind[some], np.arange(int(some.sum()))
        place[some] = index
        taus = self.taus[used]
        moments = linear_moments(kappa, np.zeros((d, d)), taus, 3)
        return Tail(place, _moved(moments, taus, 3), moments)

    def coefficients(
        self,
        trend: FloatArray,
        moments: LinearMoments,
        steps: FloatArray,
        step: IntArray,
        tail: Tail,
    ) -> FloatArray:
        """Return the matrix of the regressors (x, columns) for each row, shape (r, d, p)."""
        eye = np.eye(trend.shape[1])
        parts = [moments.phi, (eye - moments.phi) @ trend.T]
        for j, functions in enumerate(self.blocks[1:], start=1):
            parts.append(_moved(moments, steps, j) @ trend[functions].T)
        own = np.concatenate(parts, axis=2)[step]
        behind = [_behind(tail, c) @ trend.T for c in range(tail.place.shape[1])]
        return np.concatenate([own, *behind], axis=2)

    def pull_back(
        self,
        trend: FloatArray,
        moments: LinearMoments,
        steps: FloatArray,
        step: IntArray,
        tail: Tail,
        bar: FloatArray,
    ) -> MeanBars:
        """Return the gradients from those in the coefficients, row by row."""
        d, q = trend.shape[1], self.size
        level = bar[:, :, d : d + q]
        phi = bar[:, :, :d] - level @ trend
        trend_bar = np.swapaxes(_t(np.eye(d) - moments.phi)[step] @ level, 1, 2)
        integrals, at = [], d + q
        for j, functions in enumerate(self.blocks[1:], start=1):
            part = bar[:, :, at : at + len(functions)]
            at += len(functions)
            integrals.append(-part @ trend[functions])
            moved = _t(_moved(moments, steps, j))[step] @ part
            trend_bar[:, functions] += np.swapaxes(moved, 1, 2)
        tails = np.zeros((len(bar), tail.place.shape[1], d, d))
        for c in range(tail.place.shape[1]):
            part = bar[:, :, at : at + q]
            at += q
            tails[:, c] = part @ trend
            trend_bar += np.swapaxes(_t(_behind(tail, c)) @ part, 1, 2)
        return MeanBars(phi, integrals, trend_bar, tails)


def _crossings(
    sample: TransitionSample, basis: MeanBasis, pace: FloatArray
) -> tuple[FloatArray, list[FloatArray]]:
    """Return the time left behind each crossed knot, NaN for none, and the jumps there.

    Shapes (n, c) and c times (n, q), c being the largest number of knots within a step.
    """
    crossed, left = knots_within(basis.knots, sample.t, pace, sample.dt)
    most = int(crossed.sum(axis=1).max(initial=0))
    tau = np.full((sample.n, most), np.nan)
    jumps = [np.zeros((sample.n, basis.size)) for _ in range(most)]
    filled = np.zeros(sample.n, dtype=np.int64)
    for k in range(len(basis.knots)):
        for c in range(most):
            rows = crossed[:, k] & (filled == c)
            tau[rows, c] = left[rows, k]
            jumps[c][rows] = basis.jumps[k] * pace[rows, None] ** 3
            crossed[rows, k] = False
            filled[rows] += 1
    return tau, jumps


def _distinct(left: FloatArray) -> tuple[FloatArray, IntArray]:
    behind = np.full(left.shape, -1, dtype=np.int64)
    some = ~np.isnan(left)
    taus, behind[some] = np.unique(left[some], return_inverse=True)
    return taus, behind


def _moved(moments: LinearMoments, steps: FloatArray, j: int) -> FloatArray:
    """Return L_j = h^j / j! I - J_j for each step."""
    eye = np.eye(moments.phi.shape[1])
    share = (steps**j / factorial(j))[:, None, None]
    return np.asarray(share * eye - moments.integrals[j - 1], dtype=np.float64)


def _behind(tail: Tail, c: int) -> FloatArray:
    """Return L_3 of crossing c for each row; zero where there is none."""
    d = tail.matrices.shape[1]
    padded = np.concatenate([tail.matrices, np.zeros((1, d, d))])
    return padded[tail.place[:, c]]


def _t(matrices: FloatArray) -> FloatArray:
    return np.swapaxes(matrices, -1, -2)
