"""Robust bias-corrected standard errors of kernel drift and covariance rate.

They are offered in as many coordinates as the coverage was measured in (benchmarks/coverage).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.processes.fitted.extrapolated import part_of_type
from stochtext.processes.fitted.smoothing.smoothed import (
    KernelProcess,
    covariance_responses,
    unfold_symmetric,
)
from stochtext.results.inference.curves.curve_errors import CurveTriple
from stochtext.results.inference.curves.local.discretization import DiscretizationBias
from stochtext.results.inference.curves.local.influences import CurveFit, CurveNoise, PilotNoise

__all__ = ["KernelErrors"]

MANY_COORDINATES = (
    "not offered for more than two coordinates, where their coverage has not been measured; "
    "bootstrap the trajectories instead"
)
EDGE = "NaN outside the central 98 % of the data"
SPARSE = "NaN where there are too few transitions (or trajectories) nearby"
COARSE = "NaN where the sampling interval is too long for the finite-time correction"

# The pilot's own noise must not refuse the states for which coverage was measured (.15).
_STIFFEST = 0.2
_INTERIOR = 0.01
_FEWEST_TRANSITIONS = 50
_FEWEST_CLUSTERS = 10
_RBC_DEGREE = 2
_MOST_COORDINATES = 2


@dataclass(frozen=True)
class _Curve:
    """Estimate, interval centre, standard error and why some of those are NaN."""

    estimate: FloatArray
    centre: FloatArray
    se: FloatArray
    reason: str | None
    freedom: FloatArray | None = None


class KernelErrors:
    """What knows the uncertainty of a kernel fit.

    Parameters
    ----------
    process : KernelProcess
    cluster : ndarray of int of shape (N,) or None
        Cluster of each transition of the process; None takes transitions as
        uncorrelated given their state, which holds for a Markov process.
    bias : DiscretizationBias or None
        What was subtracted for the finite sampling interval; None if nothing was, and
        the target is the mean change over one interval divided by its length.

    Notes
    -----
    The interval is centred on the local quadratic fit at the same bandwidth, whose
    residual variance (with its own degrees of freedom) gives the standard error. The
    noise of the pilot behind the finite-time correction is part of it. With clusters the
    quantile is that of a t law with one degree of freedom less than effective clusters.

    References
    ----------
    Calonico, S., Cattaneo, M. D. and Farrell, M. H. (2018), On the effect of bias
    estimation on coverage accuracy in nonparametric inference, JASA 113, 767-779,
    section 3.
    """

    kind = "kernel"

    def __init__(
        self,
        process: KernelProcess,
        cluster: IntArray | None = None,
        bias: DiscretizationBias | None = None,
    ) -> None:
        self.process = process
        self.cluster = cluster
        self.bias = bias
        self.is_offered = process.dim <= _MOST_COORDINATES
        self._last: dict[str, tuple[FloatArray, _Curve]] = {}
        self._interior = np.quantile(process.points, [_INTERIOR, 1 - _INTERIOR], axis=0)

    def drift(self, x: FloatArray, t: FloatArray | None = None) -> CurveTriple:
        """Return drift, standard error and why the latter is NaN somewhere."""
        curve = self._curve(x, "drift")
        return curve.estimate, curve.se, curve.reason

    def covariance(self, x: FloatArray, t: FloatArray | None = None) -> CurveTriple:
        """Return covariance rate, standard error and why the latter is NaN somewhere."""
        curve = self._curve(x, "covariance")
        return curve.estimate, curve.se, curve.reason

    def interval_centre(self, x: FloatArray, t: FloatArray, which: str) -> FloatArray:
        """Return the bias-corrected estimate of ``"drift"`` or ``"covariance"``."""
        return self._curve(x, which).centre

    def freedom(self, x: FloatArray, which: str) -> FloatArray | None:
        """Return the degrees of freedom of standard errors from clusters; None without any."""
        return self._curve(x, which).freedom

    def joint_covariance(self, x: FloatArray, which: str) -> FloatArray:
        """Return the covariance of the errors at all states together, shape (c, k, k).

        The components are the coordinates, or the entries of the covariance rate by rows.

        It is the law of the wild bootstrap with Gaussian multipliers: given the data,
        sums of influence times noise times multiplier are Gaussian with this covariance.
        """
        if which == "drift":
            return np.stack([s.at(x, joint=True).covariance for s in self._drift_noise])
        entries = np.stack([s.at(x, joint=True).covariance for s in self._covariance_noise])
        d = self.process.dim
        place = np.zeros((d, d), dtype=np.int64)
        j, k = np.triu_indices(d)
        place[j, k] = place[k, j] = np.arange(len(j))
        return entries[place.ravel()]

    def to_dict(self) -> tuple[dict[str, Any], dict[str, FloatArray]]:
        """Return what restores the object beside its process."""
        arrays = {} if self.cluster is None else {"cluster": np.asarray(self.cluster, dtype=float)}
        bias = None if self.bias is None else self.bias.to_dict()
        return {"kind": self.kind, "bias": bias}, arrays

    @classmethod
    def from_dict(
        cls, config: dict[str, Any], arrays: dict[str, FloatArray], process: Process
    ) -> KernelErrors:
        """Restore the object from what :meth:`to_dict` returned and the fitted process."""
        cluster = arrays["cluster"].astype(np.int64) if "cluster" in arrays else None
        stored = config["bias"]
        bias = None if stored is None else DiscretizationBias.from_dict(stored)
        return cls(part_of_type(process, KernelProcess), cluster, bias)

    @cached_property
    def _drift_noise(self) -> list[CurveNoise]:
        """One source of error for each coordinate."""
        p = self.process
        single = p.noise_of_increments / p.dt[:, None] / np.sqrt(p.multiplicity)[:, None]
        rates = p.increments / p.dt[:, None]
        pilot = self._pilot("drift_sensitivity")
        regression = p.drift_regression(_RBC_DEGREE)
        return self._condensed(
            CurveNoise(regression, rates[:, j], single[:, j], self.cluster, pilot)
            for j in range(p.dim)
        )

    @cached_property
    def _covariance_noise(self) -> list[CurveNoise]:
        """One source of error for each entry of the upper triangle."""
        p = self.process
        products = covariance_responses(p.residuals, p.dt)
        fitted = p.local_covariance(p.points)
        unknown = np.isnan(fitted).any(axis=(1, 2))
        fitted[unknown] = p.pooled_covariance
        j, k = np.triu_indices(p.dim)
        single = (products - fitted[:, j, k]) / np.sqrt(p.multiplicity)[:, None]
        pilot = self._pilot("covariance_sensitivity")
        regression = p.covariance_regression(_RBC_DEGREE)
        return self._condensed(
            CurveNoise(
                regression, products[:, i], single[:, i], self.cluster, other_pilot=pilot
            )
            for i in range(len(j))
        )  # fmt: skip

    def _condensed(self, sources: Iterable[CurveNoise]) -> list[CurveNoise]:
        nodes = self.process.nodes
        if nodes is None or self.process.dim > 1:
            return list(sources)
        return [source.condensed(nodes) for source in sources]

    def _pilot(self, sensitivity: str) -> PilotNoise | None:
        """Return the drift's pilot as a source of error."""
        if self.bias is None:
            return None
        bias, p = self.bias, self.process
        return PilotNoise(
            bias.drift_design(p.points[:, 0]), p.multiplicity * p.dt,
            p.noise_of_increments[:, 0] / p.dt / np.sqrt(p.multiplicity),
            lambda x: getattr(bias, sensitivity)(x[:, 0])[0],
        )  # fmt: skip

    def _curve(self, x: FloatArray, which: str) -> _Curve:
        """Return a curve, the last one again for the same states: it is asked for in parts."""
        last = self._last.get(which)
        if last is None or not np.array_equal(last[0], x):
            find = self._drift if which == "drift" else self._covariance
            last = self._last[which] = x.copy(), find(x)
        return last[1]

    def _drift(self, x: FloatArray) -> _Curve:
        estimate = self.process.local_drift(x)
        if not self.is_offered:
            return _without(estimate)
        return self._judge(x, estimate, [source.at(x) for source in self._drift_noise])

    def _covariance(self, x: FloatArray) -> _Curve:
        estimate, d = self.process.local_covariance(x), self.process.dim
        if not self.is_offered:
            return _without(estimate)
        j, k = np.triu_indices(d)
        fits = [source.at(x) for source in self._covariance_noise]
        curve = self._judge(x, estimate[:, j, k], fits)
        freedom = None if curve.freedom is None else unfold_symmetric(curve.freedom, d)
        centre, se = unfold_symmetric(curve.centre, d), unfold_symmetric(curve.se, d)
        return _Curve(estimate, centre, se, curve.reason, freedom)

    def _judge(self, x: FloatArray, estimate: FloatArray, fits: list[CurveFit]) -> _Curve:
        """Keep standard errors where intervals were found to cover, and say why not elsewhere."""
        low, high = self._interior
        central: BoolArray = np.all((x >= low) & (x <= high), axis=1)
        count, clusters = fits[0].count, fits[0].clusters
        fewest = _FEWEST_TRANSITIONS * (1 if self.process.dim == 1 else 2)
        enough = (count >= fewest) & (clusters >= _FEWEST_CLUSTERS)
        fine = np.ones(len(x), dtype=bool)
        if self.bias is not None:
            fine = self.bias.stiffness(x[:, 0]) <= _STIFFEST
        reasons = [
            sentence
            for sentence, bad in (
                (EDGE, ~central),
                (SPARSE, central & ~enough),
                (COARSE, central & enough & ~fine),
            )
            if bad.any()
        ]
        honest = (central & enough & fine)[:, None] & np.isfinite(estimate)
        variance = np.stack([np.diag(fit.covariance) for fit in fits], axis=1)
        se = np.where(honest, np.sqrt(np.where(honest, variance, 0.0)), np.nan)
        centre = np.where(honest, np.stack([fit.centre for fit in fits], axis=1), estimate)
        freedom = None
        if self.cluster is not None:
            freedom = np.broadcast_to(np.maximum(clusters - 1, 1.0)[:, None], se.shape)
        return _Curve(estimate, centre, se, "; ".join(reasons) or None, freedom)


def _without(estimate: FloatArray) -> _Curve:
    return _Curve(estimate, estimate, np.full_like(estimate, np.nan), MANY_COORDINATES)
