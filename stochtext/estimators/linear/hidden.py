"""The results of a fit whose states are hidden behind noise, gaps or means of their own."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext.estimators.inference import warn_of_few_clusters
from stochtext.estimators.linear.state_space.boundary import no_effect_test, no_noise_test
from stochtext.estimators.linear.state_space.result import StateSpaceFit
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.support import Support
from stochtext.results.inference.parameters.covariance import (
    ParameterCovariances,
    parameter_covariances,
)
from stochtext.results.linear import LinearResults
from stochtext.results.record import FitRecord
from stochtext.results.residuals import Residuals
from stochtext.transitions.registry import transition_density

__all__ = ["hidden_results"]


def hidden_results(
    sample: TransitionSample, fit: StateSpaceFit, cov_type: str | None, **options: Any
) -> LinearResults:
    """Return the results of a state-space fit.

    Parameters
    ----------
    sample : TransitionSample
    fit : StateSpaceFit
    cov_type : str or None
    **options
        Further arguments of :class:`LinearResults`.
    """
    asked = fit.asked
    record = FitRecord.of_panel(
        sample.panel, model="LinearSDE", density="exact", llf=fit.llf, clock=sample.clock,
        converged=fit.optimum.converged, df_model=int(fit.free.sum()),
        details=(
            ("First state", asked.initial), ("Observation noise", _word(asked.observation_noise)),
            ("Mean of a trajectory", asked.mean_effect),
        ),
        notes=fit.notes, nobs=round(sample.n_effective),
    )  # fmt: skip
    innovations = fit.innovations
    residuals = Residuals(innovations, stats.norm.cdf(innovations), sample.trajectory, sample.x)
    states = sample.panel.values
    whole = states[np.isfinite(states).all(axis=1)]
    names = list(fit.names)
    tests = {}
    if isinstance(asked.observation_noise, str):
        tests["noise"] = partial(no_noise_test, sample, fit)
    if asked.mean_effect == "random":
        tests["effect"] = partial(no_effect_test, sample, fit)
    return LinearResults(
        record, fit.process, transition_density("exact"), Support.from_states(whole), residuals,
        pd.Series(fit.optimum.theta, index=names), _covariances(sample, fit, cov_type), names,
        observed=fit.model, tests=tests, hidden=True, **options,
    )  # fmt: skip


def _word(noise: Any) -> str:
    if noise is None:
        return "none"
    return noise if isinstance(noise, str) else "given"


def _covariances(
    sample: TransitionSample, fit: StateSpaceFit, cov_type: str | None
) -> ParameterCovariances:
    """Return covariances from the scores of whole trajectories."""
    m = sample.panel.n_trajectories
    if m == 1 and cov_type in ("robust", "hac"):
        raise InputError(
            f'cov_type="{cov_type}" needs scores that are independent; with hidden states only '
            'those of whole trajectories are, and there is one. Use cov_type="nonrobust".'
        )
    hessian, reason = fit.optimum.hessian, None
    if not fit.optimum.converged:
        hessian, reason = np.full_like(hessian, np.nan), "The optimiser did not converge."
    found = parameter_covariances(
        hessian, fit.scores, trajectory=np.arange(m), cluster=sample.cluster,
        cov_type=cov_type, held=~fit.free,
    )  # fmt: skip
    matrices = dict(found.matrices)
    if m == 1:
        missing = np.full_like(matrices["nonrobust"], np.nan)
        matrices |= {"robust": missing, "hac": missing}
    covariances = ParameterCovariances(
        matrices, found.n_clusters, found.default, reason or found.reason
    )
    warn_of_few_clusters(covariances)
    return covariances
