"""From transitions to an ensemble: grow, judge on held-out data, finish on all of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from stochtext._shared.progress import progress
from stochtext._shared.random import generator
from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.estimators.neural.networks.architecture import Architecture
from stochtext.estimators.neural.networks.members import Member
from stochtext.estimators.neural.networks.preparation import ScaledTransitions, Scaling
from stochtext.estimators.neural.selection.gains import Gain, held_out_gain, near_the_best
from stochtext.estimators.neural.selection.splitting import HeldOut, hold_out
from stochtext.estimators.neural.settings import Settings
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.neural.training.remembering import RememberingStages
from stochtext.estimators.neural.training.stages import Blocks, Model, Stages
from stochtext.estimators.sample import TransitionSample

__all__ = ["EnsembleFit", "fit_ensemble", "linear_ensemble", "process_arrays"]

# Starts that judge: fewer leave too little held out, more judge the same transitions again.
_FEWEST_JUDGES = 3
_MOST_JUDGES = 5
# Transitions of a start that the search and the judging look at; the last training sees all.
_SEARCHED = 5_000
_JUDGED = 10_000
_RIDGES = (0.03, 0.3, 3.0, 30.0)
# What a stage grows out of, and its networks. "pruned" has the drift of "both", so that the two
# differ in the covariance alone.
_STAGES: dict[str, tuple[str, Blocks]] = {
    "linear": ("", ()),
    "drift": ("linear", ("drift",)),
    "both": ("drift", ("drift", "covariance")),
    "pruned": ("both", ("drift",)),
    "covariance": ("linear", ("covariance",)),
    "completed": ("covariance", ("drift", "covariance")),
}


@dataclass(frozen=True)
class EnsembleFit:
    """What was learned.

    Attributes
    ----------
    members : list of Member
        All starts, trained on all data; one without networks for a linear fit.
    kept : ndarray of bool of shape (M,)
        Starts that are averaged: those near the best one.
    blocks : tuple of str
        Which of "drift" and "covariance" are networks.
    engine : Engine
        Losses, scores and Fisher information on the fitted transitions.
    weights : ndarray of shape (n,)
    scaling : Scaling
    data : ScaledTransitions
    gains : list of Gain
        In the order in which the comparisons were made.
    edf : float
        Effective number of parameters, averaged over the kept starts.
    held_out : str
        What was held out.
    converged : bool
    """

    members: list[Member]
    kept: BoolArray
    blocks: Blocks
    engine: Engine
    weights: FloatArray
    scaling: Scaling
    data: ScaledTransitions
    gains: list[Gain] = field(default_factory=list)
    edf: float = float("nan")
    held_out: str = ""
    converged: bool = True

    @property
    def architecture(self) -> Architecture:
        """The networks of every member."""
        return self.members[0].architecture

    def averaged(self) -> list[Member]:
        """Return the members that are averaged."""
        return [member for member, keep in zip(self.members, self.kept, strict=True) if keep]


def process_arrays(fit: EnsembleFit) -> dict[str, FloatArray]:
    """Return units and parameters of the kept members, as the process wants them."""
    flat = np.stack([member.parameters for member in fit.averaged()])
    arrays = {name: array.copy() for name, array in fit.architecture.unpack(flat).items()}
    if "drift.slope" not in arrays:
        shape = (len(flat), len(fit.scaling.centre), len(fit.scaling.drift_unit))
        arrays["drift.slope"] = np.zeros(shape)
    units = ("centre", "spread", "drift_unit", "noise_unit")
    return {**arrays, **{name: getattr(fit.scaling, name) for name in units}}


def linear_ensemble(data: ScaledTransitions, scaling: Scaling, settings: Settings) -> EnsembleFit:
    """Return the linear drift with a constant covariance as an ensemble of one."""
    stages = Stages(data, scaling, settings)
    return _ensemble([stages.linear(data.weight)], (), data, scaling)


def fit_ensemble(
    sample: TransitionSample, data: ScaledTransitions, scaling: Scaling, settings: Settings
) -> EnsembleFit:
    """Train all starts, keep the networks that earn it on held-out data, average the rest.

    Every start grows on what is not held out: linear drift and constant covariance, then a
    drift network, then a covariance network. A network stays where it gains on held-out
    transitions over the same model without it; a covariance network is also tried beside a
    linear drift. The starts with the networks that stay are then trained on all transitions.
    """
    judges = min(_MOST_JUDGES, max(_FEWEST_JUDGES, settings.n_starts))
    n_starts = max(judges, settings.n_starts)
    split = hold_out(
        sample, fraction=settings.validation_fraction, n_starts=n_starts,
        random_state=settings.seed,
    )  # fmt: skip
    search = _Search(data, scaling, settings, split, judges)
    if settings.cross_validated:
        search = search.with_best_ridge()
    stage, gains = search.choose()
    blocks = _STAGES[stage][1]
    if not blocks:
        return replace(linear_ensemble(data, scaling, settings), gains=gains, held_out=split.kind)
    models = []
    for m in search.progress(range(settings.n_starts), "training"):
        models.append(search.final(stage, m))
    return replace(_ensemble(models, blocks, data, scaling), gains=gains, held_out=split.kind)


def _ensemble(
    models: list[Model], blocks: Blocks, data: ScaledTransitions, scaling: Scaling
) -> EnsembleFit:
    total = data.weight.sum()
    members = [
        Member(
            m.architecture, m.trained.parameters, m.trained.ridge, m.trained.objective / total,
            np.array(m.trained.history),
        )
        for m in models
    ]  # fmt: skip
    edf = np.array([model.effective_parameters() for model in models])
    criterion = -np.array([model.log_evidence() for model in models])
    kept = near_the_best(criterion, edf)
    substeps = np.max([model.engine.substeps for model in models], axis=0)
    return EnsembleFit(
        members, kept, blocks, models[0].engine.with_substeps(substeps), data.weight, scaling,
        data, edf=float(edf[kept].mean()), converged=all(m.trained.converged for m in models),
    )  # fmt: skip


class _Search:
    """Models of every start on what it is not held out, made when they are asked for."""

    def __init__(
        self, data: ScaledTransitions, scaling: Scaling, settings: Settings, split: HeldOut,
        judges: int,
    ) -> None:  # fmt: skip
        self.data, self.scaling, self.settings = data, scaling, settings
        self.split, self.judges = split, judges
        self.stages = RememberingStages(data, scaling, settings)
        self.seen = self._subsample(split.train, _SEARCHED)
        self.unseen = self._subsample(split.test[:judges], _JUDGED)
        self.models: dict[tuple[str, int], Model] = {}
        self.losses: dict[str, list[FloatArray]] = {}

    def _subsample(self, rows: BoolArray, most: int) -> FloatArray:
        """Weights (M, n) of the rows, of a random part of them where there are many."""
        weight = self.data.weight * rows
        rng = generator(self.settings.seed, "neural", "rows")
        for own in weight:
            used = np.flatnonzero(own)
            if len(used) > most:
                own[rng.choice(used, len(used) - most, replace=False)] = 0.0
        return np.asarray(weight)

    def progress(self, rounds: Iterable[int], label: str) -> Iterable[int]:
        """Return the rounds behind a progress bar."""
        return progress(list(rounds), label=label, show=self.settings.show)

    def model(self, stage: str, m: int) -> Model:
        """Return start m at a stage."""
        key = (stage, m)
        if key not in self.models:
            before, blocks = _STAGES[stage]
            if not before:
                made = self.stages.linear(self.seen[m])
            else:
                made = self.stages.grown(self.model(before, m), blocks, self.seen[m], m)
            self.models[key] = made
        return self.models[key]

    def final(self, stage: str, m: int) -> Model:
        """Return start m with the networks that stay, trained anew on everything."""
        weight = self.data.weight
        return self.stages.grown(self.stages.linear(weight), _STAGES[stage][1], weight, m)

    def choose(self) -> tuple[str, list[Gain]]:
        """Return the stage that the starts end with and the comparisons made."""
        gains = [self._gain("drift network, over a linear drift", "linear", "drift")]
        if self.settings.form == "constant":
            return ("drift" if gains[0].kept else "linear"), gains
        if gains[0].kept:
            gains.append(self._gain("covariance network, over a constant", "pruned", "both"))
            if not gains[1].kept:
                return "pruned", gains
            beside = "drift network beside a covariance network"
            gains.append(self._gain(beside, "covariance", "both"))
            if gains[2].kept:
                return "both", gains
        beside = "covariance network beside a linear drift"
        gains.append(self._gain(beside, "linear", "covariance"))
        if not gains[-1].kept:
            return "linear", gains
        if gains[0].kept:
            return "covariance", gains
        beside = "drift network beside a covariance network"
        gains.append(self._gain(beside, "covariance", "completed"))
        return ("completed" if gains[-1].kept else "covariance"), gains

    def _gain(self, block: str, simple: str, rich: str) -> Gain:
        """Return the gain that the first starts leave beyond doubt, or all judges."""
        for count in range(1, self.judges + 1):
            poor, better = (self._held_out_losses(stage, count) for stage in (simple, rich))
            gain = held_out_gain(block, poor, better, self.unseen[:count], self.split)
            if gain.settled:
                break
        return gain

    def _held_out_losses(self, stage: str, count: int) -> FloatArray:
        known = self.losses.setdefault(stage, [])
        for m in self.progress(range(len(known), count), stage):
            known.append(self.model(stage, m).losses())
        return np.stack(known[:count])

    def with_best_ridge(self) -> _Search:
        """Return the search with the fixed ridge that is best for the first start."""
        weight, best, lowest = self.unseen[0], _RIDGES[0], np.inf
        for ridge in _RIDGES:
            settings = replace(self.settings, ridge=ridge, cross_validated=False)
            trial = _Search(self.data, self.scaling, settings, self.split, self.judges)
            model = trial.model("drift" if settings.form == "constant" else "both", 0)
            loss = float(weight @ model.losses())
            if loss < lowest:
                best, lowest = ridge, loss
        settings = replace(self.settings, ridge=best, cross_validated=False)
        return _Search(self.data, self.scaling, settings, self.split, self.judges)
