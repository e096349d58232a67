"""Influence of the data on a bias-corrected curve: where standard errors and bands come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.fitted.bins.curve_table import Nodes
from stochtext.processes.fitted.smoothing.local_polynomial import LocalPolynomial

__all__ = ["CurveFit", "CurveNoise", "PilotNoise"]

Sensitivity = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True)
class CurveFit:
    """Bias-corrected fits at k states.

    Attributes
    ----------
    centre : ndarray of shape (k,)
    covariance : ndarray of shape (k, k)
        Of the errors; off the diagonal only if asked for.
    count, clusters : ndarray of shape (k,)
        Effective number of points, and of clusters (infinite without any).
    """

    centre: FloatArray
    covariance: FloatArray
    count: FloatArray
    clusters: FloatArray


@dataclass(frozen=True)
class PilotNoise:
    """A least squares pilot from which a curve's correction is computed.

    Attributes
    ----------
    design : ndarray of shape (N, p)
    weight, noise : ndarray of shape (N,)
        The noise is that of one point as it enters the fit.
    sensitivity : callable
        From states (k, d) to the curve's derivatives by the coefficients, (k, p).
    """

    design: FloatArray
    weight: FloatArray
    noise: FloatArray
    sensitivity: Sensitivity

    def moves(self, x: FloatArray) -> FloatArray:
        """Return the curve's derivatives by the sums ``design' weight noise``, (k, p)."""
        weighted = self.design * self.weight[:, None]
        gram = np.linalg.pinv(weighted.T @ self.design, rcond=1e-12, hermitian=True)
        return self.sensitivity(x) @ gram

    def covariance(self, x: FloatArray) -> FloatArray:
        """Return what the pilot's noise alone adds to the covariance of the curve, (k, k)."""
        moves = self.moves(x)
        scores = self.design * (self.weight * self.noise)[:, None]
        return moves @ (scores.T @ scores) @ moves.T


@dataclass(frozen=True)
class CurveNoise:
    """A local regression with the noise of its responses.

    Attributes
    ----------
    regression : LocalPolynomial
    response, noise : ndarray of shape (N,)
        The noise is that of one point as it enters the fit.
    cluster : ndarray of int of shape (N,) or None
        Points of one cluster are correlated.
    own_pilot : PilotNoise or None
        A pilot with the same points and noise.
    other_pilot : PilotNoise or None
        A pilot with noise uncorrelated with that of the response.
    """

    regression: LocalPolynomial
    response: FloatArray
    noise: FloatArray
    cluster: IntArray | None = None
    own_pilot: PilotNoise | None = None
    other_pilot: PilotNoise | None = None

    def at(self, x: FloatArray, *, joint: bool = False) -> CurveFit:
        """Return the fits at states, shape (k, d), with their errors."""
        count, blocks = self.regression.influence(x)
        moves = None if self.own_pilot is None else self.own_pilot.moves(x)
        centre = np.zeros(len(x))
        total = _Total(len(x), self.cluster, joint)
        for part, influence in blocks:
            centre += influence @ self.response[part]
            size = np.abs(influence)
            if self.own_pilot is not None and moves is not None:
                own = self.own_pilot
                influence = influence - moves @ (own.design[part] * own.weight[part, None]).T
            total.add(part, influence * self.noise[part], size)
        covariance, clusters = total.covariance()
        if self.other_pilot is not None:
            further = self.other_pilot.covariance(x)
            covariance = covariance + (further if joint else np.diag(np.diag(further)))
        return CurveFit(centre, covariance, count, clusters)

    def condensed(self, nodes: Nodes) -> CurveNoise:
        """Return the same with the points of one coordinate shared out to nodes.

        Points of different clusters stay apart.
        """
        regression = self.regression
        place = (regression.points[:, 0] - nodes.low[0]) / nodes.step[0]
        cell = np.minimum(place.astype(np.int64), nodes.shape[0] - 2)
        upper = place - cell
        codes = np.zeros(len(cell), dtype=np.int64) if self.cluster is None else self.cluster
        n_codes = int(codes.max()) + 1
        keys = np.concatenate([cell, cell + 1]) * n_codes + np.concatenate([codes, codes])
        share = np.concatenate([1.0 - upper, upper])
        names, group = np.unique(keys, return_inverse=True)

        def sums(values: FloatArray) -> FloatArray:
            return np.bincount(group, share * np.tile(values, 2), len(names)).astype(np.float64)

        mass = sums(regression.weight)
        spread = sums(regression.weight**2 / regression.multiplicity)
        single = regression.weight * self.noise
        amount = np.sqrt(sums(single**2)) if self.cluster is None else sums(single)
        kept = mass > 0
        mass, spread = mass[kept], spread[kept]
        pilot = self.own_pilot
        if pilot is not None:
            columns = [sums(pilot.weight * column)[kept] / mass for column in pilot.design.T]
            pilot = replace(pilot, design=np.column_stack(columns), weight=mass)
        return CurveNoise(
            replace(
                regression, points=nodes.axis(0)[names[kept] // n_codes][:, None], weight=mass,
                multiplicity=mass**2 / spread,
            ),
            sums(regression.weight * self.response)[kept] / mass,
            amount[kept] / mass,
            None if self.cluster is None else names[kept] % n_codes,
            pilot, self.other_pilot,
        )  # fmt: skip


class _Total:
    """Sum of outer products of the parts of points, or of the totals of clusters."""

    def __init__(self, k: int, cluster: IntArray | None, joint: bool) -> None:
        self._cluster, self._joint = cluster, joint
        n_clusters = 0 if cluster is None else int(cluster.max()) + 1
        self._parts, self._sizes = np.zeros((k, n_clusters)), np.zeros((k, n_clusters))
        self._covariance = np.zeros((k, k))

    def add(self, part: slice, parts: FloatArray, size: FloatArray) -> None:
        """Take in the parts (k, m) of a block of points, and the sizes of their influence."""
        if self._cluster is None:
            self._covariance += self._products(parts)
            return
        codes = self._cluster[part]
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        names = codes[order][starts]
        self._parts[:, names] += np.add.reduceat(parts[:, order], starts, axis=1)
        self._sizes[:, names] += np.add.reduceat(size[:, order], starts, axis=1)

    def covariance(self) -> tuple[FloatArray, FloatArray]:
        """Return the covariance and the effective number of clusters at each state."""
        if self._cluster is None:
            return self._covariance, np.full(len(self._covariance), np.inf)
        squares = np.sum(self._sizes**2, axis=1)
        squares = np.where(squares > 0, squares, 1.0)
        clusters = self._sizes.sum(axis=1) ** 2 / squares
        factor = np.sqrt(clusters / np.maximum(clusters - 1, 1.0))
        return self._products(self._parts * factor[:, None]), clusters

    def _products(self, parts: FloatArray) -> FloatArray:
        return parts @ parts.T if self._joint else np.diag(np.sum(parts**2, axis=1))
