"""From transitions to the arrays of a process: train, judge, fall back, average."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks import (
    Architecture,
    initial_parameters,
    set_constant_covariance,
)
from stochtext.estimators.neural.objective import Objective
from stochtext.estimators.neural.preparation import (
    LinearModel,
    ScaledTransitions,
    Scaling,
    linear_model,
)
from stochtext.estimators.neural.selection import Gain, Judge, kept_starts, subset
from stochtext.estimators.neural.splitting import hold_out
from stochtext.estimators.neural.training import TrainingRun, train
from stochtext.estimators.sample import TransitionSample

__all__ = ["EnsembleFit", "Settings", "fit_ensemble", "linear_fit", "process_arrays"]


@dataclass(frozen=True)
class Settings:
    """Everything the training needs to know.

    Attributes
    ----------
    hidden, diffusion_hidden : tuple of int
    form : {"full", "constant-correlation", "diagonal", "constant"}
    linear_skip : bool
    n_starts : int
    ridge : float
    validation_fraction : float
    max_iter, patience : int
    learning_rate : float
    device : str
    seed : numpy.random.SeedSequence
    show : bool or None
        Force the progress bar on or off.
    """

    hidden: tuple[int, ...]
    diffusion_hidden: tuple[int, ...]
    form: str
    linear_skip: bool
    n_starts: int
    ridge: float
    validation_fraction: float
    max_iter: int
    patience: int
    learning_rate: float
    device: str
    seed: np.random.SeedSequence
    show: bool | None = None

    def architecture(self, n_inputs: int, dim: int, blocks: tuple[str, ...]) -> Architecture:
        """Networks with the blocks among "drift" and "covariance" that are named."""
        return Architecture(
            n_inputs,
            dim,
            self.hidden if "drift" in blocks else None,
            self.diffusion_hidden if "covariance" in blocks else None,
            "full" if self.form == "constant" else self.form,
            self.linear_skip,
        )


@dataclass(frozen=True)
class EnsembleFit:
    """What was learned.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Parameters of the process, without the units.
    blocks : tuple of str
        Which of "drift" and "covariance" are networks.
    gains : list of Gain
        In the order in which the comparisons were made.
    run : TrainingRun or None
        Training of the starts that were kept; None for a linear model.
    n_kept, n_starts : int
    held_out : str
        What was held out.
    """

    arrays: dict[str, FloatArray]
    blocks: tuple[str, ...]
    gains: list[Gain] = field(default_factory=list)
    run: TrainingRun | None = None
    n_kept: int = 0
    n_starts: int = 0
    held_out: str = ""


def linear_fit(model: LinearModel) -> EnsembleFit:
    """Return the linear drift and constant covariance as a fit without networks."""
    architecture = Architecture(model.slope.shape[0], model.slope.shape[1], None, None, "full")
    flat = initial_parameters(architecture, [model], np.zeros((1, 1)), np.random.default_rng(0))
    return EnsembleFit(architecture.unpack(flat), ())


def process_arrays(fit: EnsembleFit, scaling: Scaling) -> dict[str, FloatArray]:
    """Return the parameters with their units, as the process wants them."""
    arrays = dict(fit.arrays)
    if "drift.slope" not in arrays:
        members, dim = len(arrays["drift.intercept"]), len(scaling.drift_unit)
        arrays["drift.slope"] = np.zeros((members, len(scaling.centre), dim))
    units = ("centre", "spread", "drift_unit", "noise_unit")
    return {**arrays, **{name: getattr(scaling, name) for name in units}}


def fit_ensemble(
    sample: TransitionSample, data: ScaledTransitions, linear: LinearModel, settings: Settings
) -> EnsembleFit:
    """Train all starts, keep the networks that earn it on held-out data, average the rest.

    The full model is trained first. If one network gains no more than 1.645
    standard errors over its simple form, the model without it is trained and
    judged against the linear model; if that fails too, the linear model stays.
    A drift network that also gains with a constant covariance around it needs no
    further training.
    """
    split = hold_out(
        sample, fraction=settings.validation_fraction, n_starts=settings.n_starts,
        random_state=settings.seed,
    )  # fmt: skip
    diagonal = settings.form == "diagonal"
    starts = [linear_model(data, data.weight * rows, diagonal=diagonal) for rows in split.train]
    trainer = _Trainer(data, Judge(data, split, starts, diagonal), settings)
    blocks, gains, model = _choose(trainer)
    facts: dict[str, Any] = {"gains": gains, "n_starts": settings.n_starts, "held_out": split.kind}
    if model is None:
        return replace(linear_fit(linear), **facts)
    kept = kept_starts(model.objective, model.run, data, linear)
    arrays = {name: array[kept] for name, array in model.arrays(trainer.judge).items()}
    run = subset(model.run, kept)
    return EnsembleFit(arrays, blocks, run=run, n_kept=int(kept.sum()), **facts)


@dataclass(frozen=True)
class _Model:
    """Trained starts; with ``constant`` their covariance network is replaced by a constant."""

    objective: Objective
    run: TrainingRun
    constant: bool = False

    def arrays(self, judge: Judge) -> dict[str, FloatArray]:
        """Parameters by name, with a leading start axis."""
        best = self.run.parameters[0]
        arrays = {k: v.copy() for k, v in self.objective.architecture.unpack(best).items()}
        if not self.constant:
            return arrays
        covariances = judge.constant_covariances(self.objective.drifts(best))
        for m, covariance in enumerate(covariances):
            set_constant_covariance(arrays, m, covariance)
        return {k: v for k, v in arrays.items() if not k.startswith("covariance.layer")}


def _choose(trainer: _Trainer) -> tuple[tuple[str, ...], list[Gain], _Model | None]:
    """Return the blocks that stay, the comparisons made, and the trained model."""
    judge = trainer.judge
    gains: list[Gain] = []
    blocks: tuple[str, ...] = ("drift",)
    if trainer.settings.form != "constant":
        objective, run = trainer.train(("drift", "covariance"))
        gains = [
            judge.over_linear(objective, run, "both networks, over the linear model"),
            judge.of_drift(objective, run),
            judge.of_covariance(objective, run),
        ]
        blocks = _survivors(gains)
        if len(blocks) == 2:
            return blocks, gains, _Model(objective, run)
        if blocks == ("drift",):
            gains.append(judge.of_drift_alone(objective, run))
            if gains[-1].kept:
                return blocks, gains, _Model(objective, run, constant=True)
    objective, run = trainer.train(blocks)
    alone = f"{blocks[0]} network trained alone, over the linear model"
    gains.append(judge.over_linear(objective, run, alone))
    return (blocks, gains, _Model(objective, run)) if gains[-1].kept else ((), gains, None)


def _survivors(gains: list[Gain]) -> tuple[str, ...]:
    both, drift, covariance = gains
    if both.kept and drift.kept and covariance.kept:
        return ("drift", "covariance")
    if covariance.kept and not drift.kept:
        return ("covariance",)
    # an overfitted covariance can hide a drift that is worth having
    return ("drift",)


@dataclass(frozen=True)
class _Trainer:
    data: ScaledTransitions
    judge: Judge
    settings: Settings

    def train(self, blocks: tuple[str, ...]) -> tuple[Objective, TrainingRun]:
        """Train the ensemble with networks for ``blocks``."""
        s, data = self.settings, self.data
        shape = data.inputs.shape[1], data.response.shape[1]
        architecture = s.architecture(*shape, blocks)
        objective = Objective.build(architecture, data, self.judge.split, s.ridge, s.device)
        rng = generator(s.seed, "neural", "weights")
        start = initial_parameters(architecture, self.judge.linear, data.inputs, rng)
        run = train(
            objective, start, max_iter=s.max_iter, patience=s.patience,
            learning_rate=s.learning_rate, show=s.show,
        )  # fmt: skip
        return objective, run
