"""Drift, diffusion and jumps of a diffusion with compound Poisson jumps."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from math import comb
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.validation import check_is_fitted

from stochtext._shared.exceptions import InputError, SampleSizeWarning
from stochtext._shared.random import generator
from stochtext._shared.typing import BoolArray, FloatArray, RandomState
from stochtext._shared.validation import check_choice, check_integer, check_positive
from stochtext.estimators.base import Fit, SDEEstimator
from stochtext.estimators.jump_diffusion.cumulants import moment_estimate
from stochtext.estimators.jump_diffusion.natural import NaturalEstimate, process_of, propagated
from stochtext.estimators.jump_diffusion.threshold import threshold_estimate
from stochtext.estimators.local.continuation import fit_continuation
from stochtext.estimators.redundancy import REDUNDANT, independent_columns
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.jumps.jump_diffusion import JumpDiffusion
from stochtext.processes.named.polynomial import monomial_columns
from stochtext.processes.support import Support
from stochtext.results.inference.parameters.covariance import (
    ParameterCovariances,
    parameter_covariances,
)
from stochtext.results.jump_diffusion import JumpDiffusionResults
from stochtext.results.record import FitRecord
from stochtext.results.residuals import residuals_of
from stochtext.simulation.jumps import simulate_jumps
from stochtext.trajectories.panel import Trajectories
from stochtext.transitions.ito_taylor.jump_euler import JumpEulerDensity

__all__ = ["JumpDiffusionSDE"]

METHODS = ("threshold", "moments")
COV_TYPES = ("robust", "hac", "cluster")
_HIGHEST_DEGREE = 9
_FEW_CLUSTERS = 10


class JumpDiffusionSDE(SDEEstimator):
    """dX = b(X) dt + sigma dW + xi dN with polynomial drift and Gaussian jumps.

    Parameters
    ----------
    degree : int, default 1
        Of the drift's polynomial.
    method : {"threshold", "moments"}, default "threshold"
        Increments too large for the diffusion are jumps (any number of coordinates); or
        cumulants of order 2, 4 and 6 (one coordinate, jumps of mean zero).
    threshold : float, default 4.0
        Of the threshold method, in standard deviations; it grows slowly with the number of
        transitions (``c sigma T**0.01 dt**0.49``).
    cov_type : {"robust", "hac", "cluster"}, optional
        Default ``"cluster"`` for two or more trajectories, ``"robust"`` for one.

    Notes
    -----
    Both are moment estimators; the log likelihood of the results is that of their estimate,
    not a maximum, and AIC is not offered. Their errors are of the order of dt: the continuous
    part is weighed with Euler's density. Standard errors come from the influence of each
    transition on the estimates.

    References
    ----------
    Mancini, C. (2009), Non-parametric threshold estimation for models with stochastic
    diffusion coefficient and jumps, Scandinavian Journal of Statistics 36, 270-296.
    Anvari, M., Tabar, M. R. R., Peinke, J. and Lehnertz, K. (2016), Disentangling the
    stochastic behavior of complex time series, Scientific Reports 6, 35435.

    Examples
    --------
    >>> from stochtext.estimators import JumpDiffusionSDE
    >>> from stochtext.processes import JumpDiffusion, OrnsteinUhlenbeck
    >>> from stochtext.simulation import simulate_jumps
    >>> process = JumpDiffusion(OrnsteinUhlenbeck(0.5, 0.0, 0.75), 1.75, [0.0], [[1.58]])
    >>> X = simulate_jumps(process, 0.0, dt=0.01, n_steps=20_000, random_state=0)
    >>> results = JumpDiffusionSDE().fit(X).results_
    >>> bool(abs(results.params["jump_rate"] - 1.75) < 3 * results.bse["jump_rate"])
    True
    """

    def __init__(
        self,
        degree: int = 1,
        *,
        method: str = "threshold",
        threshold: float = 4.0,
        cov_type: str | None = None,
    ) -> None:
        self.degree = degree
        self.method = method
        self.threshold = threshold
        self.cov_type = cov_type

    def simulate(
        self,
        x0: Any = None,
        *,
        dt: float | None = None,
        n_steps: int | None = None,
        n_paths: int | None = None,
        random_state: RandomState = None,
        **options: Any,
    ) -> Trajectories:
        """Simulate the fitted process, jumps included.

        Parameters
        ----------
        x0, dt, n_steps, n_paths, random_state
            As for every estimator.
        **options
            Passed to :func:`stochtext.simulation.simulate_jumps`.
        """
        check_is_fitted(self)
        step = float(np.max(self._default_dt(dt)))
        length = check_integer("n_steps", n_steps or max(self.typical_length_ - 1, 1))
        if x0 is None:
            rng = generator(random_state, "initial states")
            rows = rng.integers(0, len(self.first_states_), size=n_paths or 1)
            x0, n_paths = self.first_states_[rows], None
        assert isinstance(self.process_, JumpDiffusion)
        return simulate_jumps(
            self.process_, x0, dt=step, n_steps=length, n_paths=n_paths,
            random_state=random_state, **options,
        )  # fmt: skip

    def _fit_sample(self, sample: TransitionSample) -> Fit:
        n_terms = self._checked(sample)
        kept = sample.subset(sample.weight > 0)
        if kept.n < n_terms + kept.dim + 2:
            raise InputError(
                f"JumpDiffusionSDE has {n_terms} monomials in each equation and needs at least "
                f"{n_terms + kept.dim + 2} transitions, got {kept.n} (n_samples={kept.n + 1} for "
                "one trajectory). Lower `degree`, or observe more."
            )
        # Refuses increments without noise in some direction.
        fit_continuation(kept.x, kept.x_next - kept.x, kept.dt, kept.weight)
        design = monomial_columns(kept.x, n_terms)
        known = independent_columns(design, kept.weight * kept.dt)
        design[:, ~known] = 0.0
        if self.method == "moments":
            estimate = moment_estimate(kept, design)
        else:
            estimate = threshold_estimate(kept, design, self.threshold)
        process = process_of(estimate.vector, kept.dim)
        estimate = _without(estimate, ~known, process.free_parameters)
        covariances = self._covariances(kept, propagated(estimate, process))
        return self._report(sample, kept, process, covariances, estimate)

    def _checked(self, sample: TransitionSample) -> int:
        check_choice("method", self.method, METHODS)
        check_positive("threshold", self.threshold)
        if self.cov_type is not None:
            check_choice("cov_type", self.cov_type, COV_TYPES)
        degree = check_integer("degree", self.degree, minimum=0)
        if degree > _HIGHEST_DEGREE:
            raise InputError(f"`degree` must be at most {_HIGHEST_DEGREE}; got {degree}.")
        return comb(sample.dim + degree, degree)

    def _covariances(self, sample: TransitionSample, influence: FloatArray) -> ParameterCovariances:
        """Return the covariances of sums of influences; those of unknown parameters are NaN."""
        unknown = np.asarray(np.isnan(influence).any(axis=0))
        rows = np.where(unknown, 0.0, influence) * sample.weight[:, None]
        cluster = np.zeros_like(sample.cluster)
        used = np.unique(sample.trajectory)
        cluster[used] = np.unique(sample.cluster[used], return_inverse=True)[1]
        several = int(cluster.max()) > 0
        clustered = self.cov_type == "cluster" or (self.cov_type is None and several)
        if clustered and int(cluster.max()) + 1 < _FEW_CLUSTERS:
            warnings.warn(
                f"Standard errors are clustered over only {int(cluster.max()) + 1} trajectories "
                'or groups; below ten they are unreliable. Consider cov_type="hac".',
                SampleSizeWarning,
                stacklevel=4,
            )
        own = parameter_covariances(
            np.eye(len(unknown)), rows, trajectory=sample.trajectory, cluster=cluster,
            cov_type=self.cov_type or ("cluster" if several else "robust"), held=unknown,
        )  # fmt: skip
        kinds = COV_TYPES if several else COV_TYPES[:-1]
        matrices = {kind: own.matrix(kind) for kind in kinds}
        # A moment estimator has no information matrix: the plain errors are the robust ones.
        matrices["nonrobust"] = matrices["robust"]
        return ParameterCovariances(matrices, own.n_clusters, own.default, own.reason)

    def _report(
        self,
        observed: TransitionSample,
        sample: TransitionSample,
        process: JumpDiffusion,
        covariances: ParameterCovariances,
        estimate: NaturalEstimate,
    ) -> Fit:
        transition = JumpEulerDensity()
        log_density = transition.log_density(process, sample.x, sample.x_next, sample.t, sample.dt)
        names = list(process.free_parameters)
        record = FitRecord.of_panel(
            observed.panel, model="JumpDiffusionSDE", density=transition.name,
            llf=float(sample.weight @ log_density), nobs=round(observed.n_effective),
            details=(("Method", self.method), ("Jumps", f"{estimate.n_jumps:.4g}")),
            notes=estimate.notes,
        )  # fmt: skip
        results = JumpDiffusionResults(
            record, process, transition, Support.from_states(observed.panel.values),
            residuals_of(observed.panel, process, transition, "time"),
            pd.Series(process.to_vector(), index=names), covariances, names,
        )  # fmt: skip
        return Fit(process, transition, results)


def _without(
    estimate: NaturalEstimate, redundant: BoolArray, names: Sequence[str]
) -> NaturalEstimate:
    """Return the estimate with no errors of the drift's terms that were left out, and a note."""
    if not redundant.any():
        return estimate
    out = np.flatnonzero(np.tile(redundant, estimate.drift.shape[1]))
    influence = estimate.influence.copy()
    influence[:, out] = np.nan
    note = REDUNDANT.format(names=", ".join(names[k] for k in out.tolist()))
    return replace(estimate, influence=influence, notes=(*estimate.notes, note))
