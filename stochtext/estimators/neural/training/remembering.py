"""Trained models that a checkpoint keeps, so that an interrupted fit goes on where it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks.preparation import ScaledTransitions
from stochtext.estimators.neural.settings import Settings
from stochtext.estimators.neural.training.checkpointing import Checkpoint, fingerprint
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.neural.training.levenberg_marquardt import Trained
from stochtext.estimators.neural.training.stages import Blocks, Model, Stages

__all__ = ["RememberingStages", "checkpoint_of"]

_ARRAYS = ("parameters", "ridge", "precision", "fisher")


def checkpoint_of(
    path: Any, random_state: Any, settings: Settings, data: ScaledTransitions
) -> Checkpoint | None:
    """Return the checkpoint of a fit, None if no path is given.

    Raises
    ------
    InputError
        If there is no seed, without which nothing could be resumed.
    """
    if path is None:
        return None
    if random_state is None:
        raise InputError("`checkpoint` needs a `random_state`, or nothing could be resumed.")
    kept = (f.name for f in fields(settings) if f.name not in ("show", "seed", "checkpoint"))
    facts = [(name, getattr(settings, name)) for name in kept]
    arrays = (data.inputs, data.following, data.dt, data.clock_rate, data.weight)
    return Checkpoint(path, fingerprint(facts, settings.seed.entropy, *arrays))


class RememberingStages(Stages):
    """Stages whose models are taken from a checkpoint where it has them."""

    def linear(self, weight: FloatArray) -> Model:
        """Return the linear drift with a constant covariance."""
        make = super().linear
        return self._remembered((), ("linear", weight), lambda: make(weight))

    def grown(self, model: Model, blocks: Blocks, weight: FloatArray, start: int) -> Model:
        """Return a model with further networks, trained from a simpler model."""
        key = ("grown", blocks, start, self.settings.ridge, model.trained.parameters, weight)
        make = super().grown
        return self._remembered(blocks, key, lambda: make(model, blocks, weight, start))

    def finished(self, model: Model, weight: FloatArray, start: int) -> Model:
        """Return a model trained on, from where it is, on other weights."""
        a = model.architecture
        has = {"drift": a.drift_hidden is not None, "covariance": a.covariance_hidden is not None}
        blocks = tuple(name for name, there in has.items() if there)
        key = ("finished", start, model.trained.ridge, model.trained.parameters, weight)
        make = super().finished
        return self._remembered(blocks, key, lambda: make(model, weight, start))

    def _remembered(self, blocks: Blocks, key: tuple[Any, ...], make: Callable[[], Model]) -> Model:
        checkpoint = self.settings.checkpoint
        if checkpoint is None:
            return make()
        room = fingerprint(*key)[:16]
        stored = checkpoint.load(room)
        if stored is not None:
            return self._restored(blocks, *stored)
        model = make()
        t = model.trained
        arrays = {name: np.asarray(getattr(t, name)) for name in _ARRAYS}
        arrays |= {"history": np.array(t.history), "substeps": model.engine.substeps}
        arrays["losses"] = np.array([t.loss, t.objective])
        checkpoint.save(room, arrays, converged=bool(t.converged))
        return model

    def _restored(
        self, blocks: Blocks, arrays: dict[str, FloatArray], facts: dict[str, Any]
    ) -> Model:
        engine = Engine(
            self._architecture(blocks), self.data, self.scaling,
            arrays["substeps"].astype(np.int64), self.settings.transition,
        )  # fmt: skip
        loss, objective = (float(value) for value in arrays["losses"])
        own = {name: arrays[name] for name in _ARRAYS}
        trained = Trained(
            **own, loss=loss, objective=objective, history=arrays["history"].tolist(),
            converged=facts["converged"], engine=engine,
        )  # fmt: skip
        return Model(engine, trained)
