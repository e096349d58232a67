"""From linear to networks: models that grow out of one another, on one part of the data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.neural.networks.architecture import Architecture, initial_parameters
from stochtext.estimators.neural.networks.linear_start import exact_linear_model
from stochtext.estimators.neural.networks.preparation import (
    LinearModel,
    ScaledTransitions,
    Scaling,
    linear_model,
    weighted_covariance,
)
from stochtext.estimators.neural.settings import Settings
from stochtext.estimators.neural.training.deferred import train_deferred
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.neural.training.levenberg_marquardt import (
    Schedule,
    Trained,
    train,
    uses_first_order,
)
from stochtext.estimators.neural.training.refining import refined

__all__ = ["Blocks", "Model", "Stages"]

Blocks = tuple[str, ...]

# First ridge of the layer that sees the states, start by start: the evidence has optima that are
# smooth and ones that are rough, each found from its own side, and picks among them afterwards.
_FIRST_RIDGES = (20.0, 1.0)
_ROWS_PER_PARAMETER = 4
_GROWTH_ITERATIONS = 40
_LAST_ITERATIONS = 25
# Nats of the whole sample: what the judging cannot see, and what no interval can.
_SEARCH = 1.0
_LAST = 0.3


@dataclass(frozen=True)
class Model:
    """A trained start with the engine that trained it."""

    engine: Engine
    trained: Trained

    @property
    def architecture(self) -> Architecture:
        """The networks."""
        return self.engine.architecture

    def losses(self) -> FloatArray:
        """Minus the log density of every transition, (n,)."""
        return self.engine.losses(self.trained.parameters[None])[0]

    def log_evidence(self) -> float:
        """Laplace's log probability of the data, the parameters integrated out."""
        t = self.trained
        prior = np.log(t.precision[t.precision > 0]).sum()
        _, volume = np.linalg.slogdet(t.fisher + np.diag(t.precision + 1e-9))
        return float(0.5 * (prior - volume) - t.objective)

    def effective_parameters(self) -> float:
        """Parameters that the data, not the ridge, decide: tr (F + D)^-1 F."""
        t = self.trained
        from_data = np.linalg.solve(t.fisher + np.diag(t.precision + 1e-9), t.fisher)
        return float(np.trace(from_data))


class Stages:
    """Trains models on weighted transitions, each from a simpler one.

    Parameters
    ----------
    data : ScaledTransitions
    scaling : Scaling
    settings : Settings
    """

    def __init__(self, data: ScaledTransitions, scaling: Scaling, settings: Settings) -> None:
        self.data, self.scaling, self.settings = data, scaling, settings

    def linear(self, weight: FloatArray) -> Model:
        """Return the linear drift with a constant covariance.

        The closed form over equal steps needs no training; a sample of hardly more
        transitions than parameters gets Euler's, which does not run away.
        """
        diagonal = self.settings.form == "diagonal"
        closed = linear_model(self.data, weight, diagonal=diagonal)
        architecture, most = self._architecture(()), 30
        if np.count_nonzero(weight) < _ROWS_PER_PARAMETER * architecture.size():
            most = 0
        elif self.settings.transition != "euler" and not diagonal:
            exact = exact_linear_model(self.data, self.scaling, weight)
            closed, most = (closed, most) if exact is None else (exact, 0)
        start = closed_form(closed, architecture)
        engine = self._engine(architecture, start)
        if not np.isfinite(engine.whitened(start, weight)[2]).all():
            start, most = closed_form(_driftless(self.data, weight), architecture), 30
            engine = self._engine(architecture, start)
        rng = generator(self.settings.seed, "neural", "linear")
        trained = train(engine, start, weight, np.empty(0), rng, self._schedule(most))
        return Model(engine, trained)

    def grown(self, model: Model, blocks: Blocks, weight: FloatArray, start: int) -> Model:
        """Return a model with further networks, trained from a simpler model.

        Parameters
        ----------
        model : Model
        blocks : tuple of str
            Networks among "drift" and "covariance", those of ``model`` included.
        weight : ndarray of shape (n,)
        start : int
            Number of the start: what is drawn at random.
        """
        architecture = self._architecture(blocks)
        rng = generator(self.settings.seed, "neural", "weights", start, len(blocks))
        closed = linear_model(self.data, weight, diagonal=self.settings.form == "diagonal")
        used = np.flatnonzero(weight > 0)
        theta = initial_parameters(architecture, [closed], self.data.inputs[used], rng)[0]
        theta, ridge = self._carried_over(model, architecture, theta, start)
        engine = self._engine(architecture, theta, model.engine.substeps)
        return self._trained(engine, theta, weight, ridge, rng, self._schedule(_GROWTH_ITERATIONS))

    def finished(self, model: Model, weight: FloatArray, start: int) -> Model:
        """Return a model trained on, from where it is, on other weights."""
        rng = generator(self.settings.seed, "neural", "last", start)
        t = model.trained
        schedule = replace(self._schedule(_LAST_ITERATIONS), first_evidence=0, tolerance=_LAST)
        engine = self._engine(model.architecture, t.parameters, model.engine.substeps)
        return self._trained(engine, t.parameters, weight, t.ridge, rng, schedule)

    def _trained(
        self, engine: Engine, theta: FloatArray, weight: FloatArray, ridge: FloatArray,
        rng: np.random.Generator, schedule: Schedule,
    ) -> Model:  # fmt: skip
        """Train in cheap rounds, and on from there if these do not settle."""
        if self._defers(engine.architecture):
            found = train_deferred(engine, theta, weight, ridge, rng, schedule)
            if found is not None:
                theta, ridge, engine = found.parameters, found.ridge, found.engine or engine
                schedule = replace(schedule, first_evidence=0)
                if found.converged:
                    return Model(engine, found)
        trained = train(engine, theta, weight, ridge, rng, schedule)
        return Model(trained.engine or engine, trained)

    def _defers(self, architecture: Architecture) -> bool:
        s = self.settings
        dear = s.transition != "euler" or (s.substeps or 1) > 1
        return dear and not uses_first_order(s.optimizer, architecture.size())

    def _carried_over(
        self, model: Model, architecture: Architecture, theta: FloatArray, start: int
    ) -> tuple[FloatArray, FloatArray]:
        known = model.architecture.unpack(model.trained.parameters[None])
        views = architecture.unpack(theta[None])
        for name in known.keys() & views.keys():
            views[name][:] = known[name]
        ridges = {
            name: model.trained.ridge[k] for k, (name, _) in enumerate(model.architecture.groups())
        }
        first = self.settings.first_ridge
        turn = start % len(_FIRST_RIDGES)
        inner = _FIRST_RIDGES[turn] if self.settings.evidence else first
        chosen = [
            ridges.get(name, inner if name.endswith(".layer0") else first)
            for name, _ in architecture.groups()
        ]
        return theta, np.array(chosen)

    def _architecture(self, blocks: Blocks) -> Architecture:
        return self.settings.architecture(
            self.data.inputs.shape[1], self.data.following.shape[1], blocks
        )

    def _engine(
        self, architecture: Architecture, theta: FloatArray, least: IntArray | None = None
    ) -> Engine:
        s = self.settings
        substeps = np.full(len(self.data.dt), s.substeps or 1)
        if least is not None and s.substeps is None:
            substeps = least
        engine = Engine(architecture, self.data, self.scaling, substeps, s.transition)
        return refined(engine, theta) if self._adapts else engine

    @property
    def _adapts(self) -> bool:
        return self.settings.substeps is None and self.settings.transition != "euler"

    def _schedule(self, most: int) -> Schedule:
        s = self.settings
        return Schedule(
            min(most, s.max_iter), evidence=s.evidence, adapt_substeps=self._adapts,
            tolerance=_SEARCH, optimizer=s.optimizer,
        )  # fmt: skip


def _driftless(data: ScaledTransitions, weight: FloatArray) -> LinearModel:
    """Return a Brownian motion: what has a density where a linear drift over long steps has not."""
    n_inputs, dim = data.inputs.shape[1], data.response.shape[1]
    covariance = weighted_covariance(data.response, weight, diagonal=True)
    return LinearModel(np.zeros(dim), np.zeros((n_inputs, dim)), covariance)


def closed_form(model: LinearModel, architecture: Architecture) -> FloatArray:
    """Return a closed-form linear model as parameters of the networks without layers."""
    rng = np.random.default_rng(0)
    return initial_parameters(architecture, [model], np.zeros((1, architecture.n_inputs)), rng)[0]
