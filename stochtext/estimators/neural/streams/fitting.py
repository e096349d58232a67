"""A fit to a stream: learned on a sample of its blocks, finished on all of its transitions."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from stochtext._shared.exceptions import ConvergenceWarning, InputError
from stochtext._shared.random import seed_sequence
from stochtext._shared.typing import IntArray
from stochtext.estimators.base import Fit
from stochtext.estimators.neural.covariates import coding_of
from stochtext.estimators.neural.networks.members import penalty
from stochtext.estimators.neural.networks.preparation import ScaledTransitions
from stochtext.estimators.neural.networks.stiffness import needed_substeps
from stochtext.estimators.neural.options import settings_of
from stochtext.estimators.neural.selection.ensemble import EnsembleFit
from stochtext.estimators.neural.settings import Settings
from stochtext.estimators.neural.streams.scoring import StreamedRun, in_units, streamed_scoring
from stochtext.estimators.neural.streams.transition_stream import Survey, TransitionStream, survey
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.sample import transition_sample
from stochtext.processes.fitted.networks.covariate_coding import CovariateCoding
from stochtext.results.covariate_rows import rows_of

__all__ = ["SAMPLED", "finish_on_stream", "surveyed"]

#: Transitions that the sample of a stream has.
SAMPLED = 50_000


def surveyed(estimator: Any, stream: TransitionStream) -> Survey:
    """Return the sample of a stream, after refusing what needs all data at once.

    Raises
    ------
    InputError
    """
    e = estimator
    refused = {
        "modules of the user": e.drift_module is not None or e.diffusion_module is not None,
        "obs_noise": e.obs_noise is not None,
        "time='relative'": e.time == "relative",
    }
    for name, given in refused.items():
        if given:
            raise InputError(
                f"A TransitionStream cannot be combined with {name}. A memory map as "
                "Trajectories.from_flat(..., copy=False) can."
            )
    return survey(stream, SAMPLED, seed_sequence(0))


def finish_on_stream(estimator: Any, stream: TransitionStream, found: Survey) -> Fit:
    """Move the starts of a fit to the sample to the maximum of all transitions.

    Parameters
    ----------
    estimator : NeuralSDE
        Fitted to the sample, each trajectory with the weight ``found.share``.
    stream : TransitionStream
    found : Survey
    """
    learned: EnsembleFit = estimator.ensemble_
    panel = found.sample
    coding = coding_of(panel, estimator.covariates, estimator.group_effects)
    weight = np.full(panel.n_trajectories, found.share)
    sample = transition_sample(panel, clock=estimator._clock(), weight=weight)
    settings = settings_of(estimator, sample, coding)
    pieces = _Pieces(stream, learned, settings, coding, estimator.time is not None)
    parameters = np.stack([member.parameters for member in learned.members])
    precision = np.stack([penalty(m.architecture, m.ridge) for m in learned.members])
    run = streamed_scoring(learned.architecture, parameters, precision, pieces)
    if not run.settled:
        warnings.warn(
            f"After {len(run.history)} passes over the stream the likelihood still rose.",
            ConvergenceWarning,
            stacklevel=4,
        )
    fit: Fit = estimator._reported(
        sample, _moved(learned, run, found.n_transitions), settings, coding,
        notes=[_said(found, run)],
    )  # fmt: skip
    return fit


class _Pieces:
    """Engines for the pieces of a stream, in the units of the fit."""

    def __init__(
        self,
        stream: TransitionStream,
        learned: EnsembleFit,
        settings: Settings,
        coding: CovariateCoding | None,
        with_clock: bool,
    ) -> None:
        self.stream, self.learned, self.settings = stream, learned, settings
        self.coding, self.with_clock = coding, with_clock

    def __call__(self) -> Iterator[Engine]:
        scaling = self.learned.scaling
        for panel in self.stream:
            sample = transition_sample(panel)
            extra = None
            if self.coding is not None:
                extra = rows_of(self.coding, panel)[sample.trajectory]
            data = in_units(sample, scaling, with_clock=self.with_clock, extra=extra)
            yield Engine(
                self.learned.architecture, data, scaling, self._substeps(data),
                self.settings.transition,
            )  # fmt: skip

    def _substeps(self, data: ScaledTransitions) -> IntArray:
        if self.settings.substeps is not None:
            return np.full(len(data.dt), self.settings.substeps)
        if self.settings.transition == "euler":
            return np.ones(len(data.dt), dtype=np.int64)
        best = min(self.learned.averaged(), key=lambda member: member.objective)
        return needed_substeps(
            self.learned.architecture, best.parameters, data, self.learned.scaling
        )


def _moved(learned: EnsembleFit, run: StreamedRun, total: int) -> EnsembleFit:
    """Return the ensemble with the parameters that the stream led to."""

    def one(k: int) -> Any:
        member = learned.members[k]
        history = np.concatenate([np.asarray(member.history), run.history[:, k] * total])
        return replace(member, parameters=run.parameters[k], history=history)

    members = [one(k) for k in range(len(learned.members))]
    return replace(learned, members=members, converged=learned.converged and run.settled)


def _said(found: Survey, run: StreamedRun) -> str:
    return (
        f"{found.n_transitions} transitions were streamed, in {len(run.history)} passes. Held-out "
        f"gains, standard errors, residuals and the log likelihood are those of a sample of "
        f"{found.sample.n_transitions} transitions in blocks, the last weighted up: standard "
        f"errors are up to {np.sqrt(found.share):.2g} times as large as all data would give."
    )
