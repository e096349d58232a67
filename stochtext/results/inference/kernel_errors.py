"""Robust bias-corrected standard errors of kernel drift and covariance rate.

One coordinate only: there the coverage has been measured (benchmarks/coverage).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import part_of_type
from stochtext.processes.fitted.local_polynomial import LocalPolynomial
from stochtext.processes.fitted.smoothed import KernelProcess
from stochtext.results.inference.discretization import DiscretizationBias

__all__ = ["KernelErrors"]

MANY_COORDINATES = (
    "not offered for more than one coordinate, where their coverage has not been measured; "
    "bootstrap the trajectories instead"
)
EDGE = "NaN outside the central 98 % of the data"
SPARSE = "NaN where there are too few transitions (or trajectories) nearby"
COARSE = (
    "NaN where the sampling interval biases the estimate by more than 30 % of its standard error"
)

# An interval whose centre is off by .3 standard errors still covers 94 % at nominal 95 %.
_TOLERATED_BIAS = 0.3
_INTERIOR = 0.01
_FEWEST_TRANSITIONS = 50
_FEWEST_CLUSTERS = 10
_RBC_DEGREE = 2


@dataclass(frozen=True)
class _Curve:
    """Estimate, interval centre, standard error and why some of those are NaN."""

    estimate: FloatArray
    centre: FloatArray
    se: FloatArray
    reason: str | None


class KernelErrors:
    """What knows the uncertainty of a kernel fit.

    Parameters
    ----------
    process : KernelProcess
    cluster : ndarray of int of shape (N,) or None
        Cluster of each transition of the process; None takes transitions as
        uncorrelated given their state, which holds for a Markov process.

    Notes
    -----
    The interval is centred on the local quadratic fit at the same bandwidth, whose
    residual variance (with its own degrees of freedom) gives the standard error.

    References
    ----------
    Calonico, S., Cattaneo, M. D. and Farrell, M. H. (2018), On the effect of bias
    estimation on coverage accuracy in nonparametric inference, JASA 113, 767-779,
    section 3.
    """

    kind = "kernel"

    def __init__(self, process: KernelProcess, cluster: IntArray | None = None) -> None:
        self.process = process
        self.cluster = cluster
        if process.dim == 1:
            x = process.points[:, 0]
            self._interior = np.quantile(x, [_INTERIOR, 1 - _INTERIOR])
            self._bias = DiscretizationBias.fit(
                x, process.increments[:, 0] / process.dt, process.residuals[:, 0] ** 2 / process.dt,
                process.dt, process.multiplicity,
            )  # fmt: skip

    def drift(
        self, x: FloatArray, t: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, str | None]:
        """Return drift, standard error and why the latter is NaN somewhere."""
        curve = self._drift(x)
        return curve.estimate, curve.se, curve.reason

    def covariance(
        self, x: FloatArray, t: FloatArray | None = None
    ) -> tuple[FloatArray, FloatArray, str | None]:
        """Return covariance rate, standard error and why the latter is NaN somewhere."""
        curve = self._covariance(x)
        return curve.estimate, curve.se, curve.reason

    def interval_centre(self, x: FloatArray, t: FloatArray, which: str) -> FloatArray:
        """Return the bias-corrected estimate of ``"drift"`` or ``"covariance"``."""
        return (self._drift(x) if which == "drift" else self._covariance(x)).centre

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return what restores the object beside its process."""
        arrays = {} if self.cluster is None else {"cluster": np.asarray(self.cluster, dtype=float)}
        return {"kind": self.kind}, arrays

    @classmethod
    def from_dict(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> KernelErrors:
        """Restore the object from what :meth:`to_dict` returned and the fitted process."""
        cluster = arrays["cluster"].astype(np.int64) if "cluster" in arrays else None
        return cls(part_of_type(process, KernelProcess), cluster)

    def _drift(self, x: FloatArray) -> _Curve:
        estimate = self.process.local_drift(x)
        if self.process.dim > 1:
            return _without(estimate, MANY_COORDINATES)
        p = self.process
        rates = p.increments[:, 0] / p.dt
        centre, se, enough = self._corrected(
            p.drift_regression(_RBC_DEGREE), x, rates, p.residuals[:, 0] / p.dt
        )
        return self._judge(x, estimate[:, 0], centre, se, enough, self._bias.drift(x[:, 0]))

    def _covariance(self, x: FloatArray) -> _Curve:
        estimate = self.process.local_covariance(x)
        if self.process.dim > 1:
            return _without(estimate, MANY_COORDINATES)
        p = self.process
        squares = p.residuals[:, 0] ** 2 / p.dt
        fitted = p.local_covariance(p.points)[:, 0, 0]
        fitted = np.where(np.isnan(fitted), p.pooled_covariance[0, 0], fitted)
        centre, se, enough = self._corrected(
            p.covariance_regression(_RBC_DEGREE), x, squares, squares - fitted
        )
        bias = self._bias.covariance(x[:, 0])
        curve = self._judge(x, estimate[:, 0, 0], centre, se, enough, bias)
        return _Curve(estimate, curve.centre[..., None], curve.se[..., None], curve.reason)

    def _corrected(
        self, regression: LocalPolynomial, x: FloatArray, response: FloatArray, noise: FloatArray
    ) -> tuple[FloatArray, FloatArray, BoolArray]:
        """Return centre, standard error and where there are enough transitions."""
        centre, se = np.empty(len(x)), np.empty(len(x))
        enough = np.zeros(len(x), dtype=bool)
        single = noise / np.sqrt(regression.multiplicity)
        for rows, influence, count in regression.influence(x):
            centre[rows] = influence @ response
            parts = influence * single
            clusters, correction = np.full(len(rows), np.inf), np.ones(len(rows))
            if self.cluster is not None:
                parts = _sum_by(parts, self.cluster)
                clusters = _effective(_sum_by(np.abs(influence), self.cluster))
                correction = clusters / np.maximum(clusters - 1, 1.0)
            se[rows] = np.sqrt(correction * np.sum(parts**2, axis=1))
            enough[rows] = (count >= _FEWEST_TRANSITIONS) & (clusters >= _FEWEST_CLUSTERS)
        return centre, se, enough

    def _judge(
        self,
        x: FloatArray,
        estimate: FloatArray,
        centre: FloatArray,
        se: FloatArray,
        enough: BoolArray,
        bias: FloatArray,
    ) -> _Curve:
        """Keep standard errors where intervals were found to cover, and say why not elsewhere."""
        low, high = self._interior
        central = (x[:, 0] >= low) & (x[:, 0] <= high)
        with np.errstate(invalid="ignore"):
            fine = np.abs(bias) <= _TOLERATED_BIAS * se
        reasons = [
            sentence
            for sentence, bad in (
                (EDGE, ~central),
                (SPARSE, central & ~enough),
                (COARSE, central & enough & ~fine),
            )
            if bad.any()
        ]
        honest = central & enough & fine & np.isfinite(estimate)
        se = np.where(honest, se, np.nan)
        centre = np.where(honest, centre, estimate)
        return _Curve(estimate[:, None], centre[:, None], se[:, None], "; ".join(reasons) or None)


def _without(estimate: FloatArray, reason: str) -> _Curve:
    return _Curve(estimate, estimate, np.full_like(estimate, np.nan), reason)


def _effective(share: FloatArray) -> FloatArray:
    """Return Kish's effective number of equal shares in each row."""
    squares = np.sum(share**2, axis=1)
    return np.where(squares > 0, share.sum(axis=1) ** 2 / np.where(squares > 0, squares, 1.0), 0.0)


def _sum_by(parts: FloatArray, cluster: IntArray) -> FloatArray:
    """Sum columns by cluster, shape (k, n_clusters)."""
    order = np.argsort(cluster, kind="stable")
    starts = np.flatnonzero(np.diff(cluster[order], prepend=-1))
    return np.add.reduceat(parts[:, order], starts, axis=1)
