"""Networks for states behind noisy observations: EM with one start, then the whole ensemble."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks.preparation import (
    ScaledTransitions,
    Scaling,
    scale_transitions,
)
from stochtext.estimators.neural.noise.expectation_maximisation import (
    NoiseFit,
    NoiseSettings,
    fit_behind_noise,
)
from stochtext.estimators.neural.selection.ensemble import EnsembleFit, fit_ensemble
from stochtext.estimators.neural.settings import Settings
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.neural.training.stages import Model, Stages
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.fitted.networks.network import NetworkProcess

__all__ = ["HiddenFit", "learn_behind_noise"]

_ROUND_ITERATIONS = 5
# The start that looks for the noise begins rough: a smooth one would call structure noise.
_START = 1
# What the noise leaves of the variance of a step at the start of the search.
_LEAST_LEFT = 0.1


@dataclass(frozen=True)
class HiddenFit:
    """An ensemble for the states behind observations.

    Attributes
    ----------
    learned : EnsembleFit
        Trained on points of the smoothed law of each pair of states.
    noise : NoiseFit
        What the search found with one start.
    """

    learned: EnsembleFit
    noise: NoiseFit


def learn_behind_noise(
    sample: TransitionSample, noise: NoiseSettings, settings: Settings, *, with_clock: bool
) -> HiddenFit:
    """Fit networks to noisy observations.

    Parameters
    ----------
    sample : TransitionSample
        Of the observations.
    noise : NoiseSettings
    settings : Settings
    with_clock : bool
        Whether the clock is an input of the networks.
    """
    data, scaling = scale_transitions(sample, with_clock=with_clock)
    stages = Stages(data, scaling, settings)
    model = stages.linear(data.weight)
    blocks = ("drift",) if settings.form == "constant" else ("drift", "covariance")
    for k in range(len(blocks)):
        model = stages.grown(model, blocks[: k + 1], data.weight, _START)
    step = sample.weight @ (sample.x_next - sample.x) ** 2 / sample.weight.sum()
    left = np.maximum(1.0 - 2.0 * noise.variance / step, _LEAST_LEFT)
    first = _Round(model, scaling, sample.clock).rescaled(left)
    short = replace(settings, max_iter=_ROUND_ITERATIONS)

    def maximise(pairs: TransitionSample, last: _Round) -> _Round:
        own = scaled_by(pairs, scaling, with_clock=with_clock)
        substeps = last.model.engine.substeps
        engine = Engine(
            last.model.architecture, own, scaling,
            np.repeat(substeps, len(own.dt) // len(substeps)), settings.transition,
        )  # fmt: skip
        stages = Stages(own, scaling, short)
        found = stages.finished(Model(engine, last.model.trained), own.weight, 0)
        return _Round(found, scaling, sample.clock)

    fitted = fit_behind_noise(sample, noise, first, maximise)
    rows = scaled_by(fitted.sample, scaling, with_clock=with_clock)
    return HiddenFit(fit_ensemble(fitted.sample, rows, scaling, settings), fitted)


def scaled_by(sample: TransitionSample, scaling: Scaling, *, with_clock: bool) -> ScaledTransitions:
    """Return transitions in units that were chosen before."""
    own, _ = scale_transitions(sample, with_clock=with_clock)
    d, unit = sample.dim, scaling.noise_unit
    raw = np.column_stack([sample.x, sample.t]) if with_clock else sample.x
    root = np.sqrt(sample.dt)[:, None]
    clock_rate = own.clock_rate
    if with_clock:
        clock_rate = (sample.clock_dt / sample.dt / scaling.spread[d])[:, None]
    return replace(
        own,
        inputs=(raw - scaling.centre) / scaling.spread,
        following=(sample.x_next - scaling.centre[:d]) / scaling.spread[:d],
        clock_rate=clock_rate,
        response=(sample.x_next - sample.x) / (unit * root),
        rate=root * (scaling.drift_unit / unit),
        log_jacobian=-float(np.log(scaling.spread[:d]).sum()),
    )


@dataclass(frozen=True)
class _Round:
    """A model of one start as EM wants it."""

    model: Model
    scaling: Scaling
    clock: str

    @cached_property
    def process(self) -> Process:
        """Its process."""
        return _process(self.model, self.scaling, self.clock)

    def rescaled(self, left: FloatArray) -> _Round:
        """Return it with the covariance rate of each coordinate multiplied by ``left``."""
        theta = self.model.trained.parameters.copy()
        own = self.model.architecture.slices()["covariance.log_scale"]
        theta[own] += 0.5 * np.log(left)
        trained = replace(self.model.trained, parameters=theta)
        return replace(self, model=Model(self.model.engine, trained))


def _process(model: Model, scaling: Scaling, clock: str) -> Process:
    arrays: dict[str, FloatArray] = dict(model.architecture.unpack(model.trained.parameters[None]))
    if "drift.slope" not in arrays:
        arrays["drift.slope"] = np.zeros((1, len(scaling.centre), len(scaling.drift_unit)))
    units = ("centre", "spread", "drift_unit", "noise_unit")
    arrays |= {name: getattr(scaling, name) for name in units}
    return NetworkProcess(arrays, form=model.architecture.form, clock=clock)
