"""Training of modules by Adam on mini-batches of transitions, then L-BFGS on all of them.

Law of this file: the order of the batches depends on seed and epoch alone, so that a training
that goes on from a checkpoint makes the same steps. torch is imported inside functions only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import ConvergenceError
from stochtext._shared.random import generator
from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.estimators.neural.modules.torch_moments import gaussian_loss, step_moments
from stochtext.estimators.neural.modules.user_modules import ModuleModel
from stochtext.estimators.neural.training.checkpointing import Checkpoint

__all__ = ["ModuleData", "ModuleSettings", "ModuleTraining", "losses_of", "train_modules"]

_LARGEST_POLISHED = 50_000
_EVALUATED_AT_ONCE = 16_384


@dataclass(frozen=True)
class ModuleData:
    """Transitions in standardised states; anything that NumPy can index, memory maps too.

    Attributes
    ----------
    z, z_next : array_like of shape (n, d)
    t, dt, pace : array_like of shape (n,)
        Start on the clock, length, and length on the clock.
    weight : array_like of shape (n,)
    """

    z: Any
    z_next: Any
    t: Any
    dt: Any
    pace: Any
    weight: Any

    def batch(self, rows: Any, device: str) -> tuple[Any, ...]:
        """Return the rows as tensors."""
        import torch

        parts = (self.z, self.z_next, self.t, self.dt, self.pace, self.weight)
        return tuple(
            torch.as_tensor(np.array(part[rows], dtype=np.float64), device=device) for part in parts
        )


@dataclass(frozen=True)
class ModuleSettings:
    """How modules are trained."""

    max_iter: int
    batch_size: int
    learning_rate: float
    ridge: float
    n_substeps: int
    euler: bool
    polish: bool
    device: str
    seed: np.random.SeedSequence


@dataclass(frozen=True)
class ModuleTraining:
    """What came out: losses by epoch (training, held out), and whether it had settled."""

    history: FloatArray
    settled: bool

    @property
    def best(self) -> float:
        """The lowest held-out loss."""
        return float(np.nanmin(self.history[:, 1]))


def train_modules(
    model: ModuleModel,
    data: ModuleData,
    train: BoolArray,
    test: BoolArray,
    settings: ModuleSettings,
    checkpoint: Checkpoint,
    room: str,
) -> ModuleTraining:
    """Move ``model`` to the parameters with the lowest held-out loss.

    A loss that is not finite puts the training back to its best parameters with a step a
    quarter as long, once.

    Raises
    ------
    ConvergenceError
        If the loss is not finite a second time.
    """
    rows, held = np.flatnonzero(train), np.flatnonzero(test)
    run = _Run(model, data, held, settings, checkpoint, room)
    run.resume()
    while run.epoch < settings.max_iter and not run.settled:
        order = generator(settings.seed, room, "batches", run.epoch).permutation(rows)
        run.one_epoch(order)
    if settings.polish and len(rows) <= _LARGEST_POLISHED and not run.polished:
        run.polish(rows)
    model.set_flat(run.best)
    history = np.array(run.history).reshape(-1, 2)
    return ModuleTraining(history, run.settled or run.polished or _is_flat(history))


def losses_of(
    model: ModuleModel, data: ModuleData, rows: IntArray, settings: ModuleSettings
) -> FloatArray:
    """Return minus the log density of each row, in standardised states."""
    import torch

    found = []
    with torch.no_grad():
        for start in range(0, len(rows), _EVALUATED_AT_ONCE):
            batch = data.batch(rows[start : start + _EVALUATED_AT_ONCE], settings.device)
            found.append(_losses(model, batch, settings).cpu().numpy())
    return np.concatenate(found) if found else np.zeros(0)


def _losses(model: ModuleModel, batch: tuple[Any, ...], settings: ModuleSettings) -> Any:
    z, z_next, t, dt, pace, _ = batch
    mean, covariance = step_moments(
        model.coefficients, z, t, dt, pace, settings.n_substeps, settings.euler
    )
    return gaussian_loss(mean, covariance, z_next)


def _is_flat(history: FloatArray) -> bool:
    """Whether the last fifth of the epochs gained less than a thousandth of a nat."""
    last = max(len(history) // 5, 1)
    before, after = history[:-last, 1], history[:, 1]
    return bool(len(before) and np.nanmin(before) - np.nanmin(after) < 1e-3)


class _Run:
    """State of one training."""

    def __init__(
        self,
        model: ModuleModel,
        data: ModuleData,
        held: IntArray,
        settings: ModuleSettings,
        checkpoint: Checkpoint,
        room: str,
    ) -> None:
        import torch

        self.model, self.data, self.held, self.settings = model, data, held, settings
        self.checkpoint, self.room = checkpoint, room
        self.epoch, self.failed, self.polished = 0, False, False
        self.history: list[tuple[float, float]] = []
        self.rate = settings.learning_rate
        self.best, self.best_loss, self.since_best = model.flat(), np.inf, 0
        self.adam = torch.optim.Adam(model.tensors(), lr=self.rate)
        self.total = float(np.asarray(data.weight).sum())

    @property
    def settled(self) -> bool:
        """Whether the held-out loss has not fallen for a fifth of all epochs."""
        return self.since_best > max(10, self.settings.max_iter // 5)

    def one_epoch(self, order: IntArray) -> None:
        """Make one pass over the rows, keep what is best, and save the state."""
        size, total, finite = self.settings.batch_size, 0.0, True
        for group in self.adam.param_groups:
            group["lr"] = self.rate * self._decay()
        for start in range(0, len(order), size):
            value = self._step(order[start : start + size])
            finite = np.isfinite(value)
            if not finite:
                break
            total += value * len(order[start : start + size])
        self.epoch += 1
        self._judge(total / len(order) if finite else np.nan)
        self._save()

    def polish(self, rows: IntArray) -> None:
        """Lower the loss of all rows by L-BFGS, as long as the held-out loss follows."""
        import torch

        self.model.set_flat(self.best)
        batch = self.data.batch(rows, self.settings.device)
        search = torch.optim.LBFGS(
            self.model.tensors(), max_iter=10, history_size=10, line_search_fn="strong_wolfe"
        )
        value: Any = None

        def closure() -> Any:
            nonlocal value
            search.zero_grad()
            value = self._penalised(batch)
            value.backward()
            return value

        for _ in range(10):
            before = self.best_loss
            search.step(closure)
            last = float(value.detach())
            self.polished = True
            if not np.isfinite(last):
                break
            self._judge(last)
            if self.best_loss >= before:
                break
        self.model.set_flat(self.best)
        self._save()

    def resume(self) -> None:
        """Go on from the checkpoint, if it has this training."""
        import torch

        stored = self.checkpoint.load(self.room)
        if stored is None:
            return
        arrays, facts = stored
        self.epoch, self.failed, self.rate = facts["epoch"], facts["failed"], facts["rate"]
        self.polished, self.since_best = facts["polished"], facts["since_best"]
        self.best_loss, self.best = float(arrays["best_loss"]), arrays["best"]
        self.history = [tuple(row) for row in arrays["history"].reshape(-1, 2)]
        self.model.set_flat(arrays["now"])
        start = 0
        for k, p in enumerate(self.model.tensors()):
            stop = start + p.numel()
            if arrays["steps"][k] > 0:
                first, second = (
                    torch.as_tensor(arrays[name][start:stop].copy(), device=p.device)
                    for name in ("moment1", "moment2")
                )
                self.adam.state[p] = {
                    "step": torch.tensor(float(arrays["steps"][k])),
                    "exp_avg": first.reshape(p.shape),
                    "exp_avg_sq": second.reshape(p.shape),
                }
            start = stop

    def _decay(self) -> float:
        """Return the share of the step at this epoch: a cosine from one to a hundredth."""
        share = self.epoch / max(self.settings.max_iter - 1, 1)
        return float(0.01 + 0.99 * 0.5 * (1.0 + np.cos(np.pi * min(share, 1.0))))

    def _step(self, rows: IntArray) -> float:
        import torch

        batch = self.data.batch(np.sort(rows), self.settings.device)
        self.adam.zero_grad()
        value = self._penalised(batch)
        value.backward()
        torch.nn.utils.clip_grad_norm_(self.model.tensors(), 10.0)
        loss = float(value.detach())
        if np.isfinite(loss):
            self.adam.step()
        return loss

    def _penalised(self, batch: tuple[Any, ...]) -> Any:
        weight = batch[-1]
        loss = (weight * _losses(self.model, batch, self.settings)).sum() / weight.sum()
        size = [(p**2).sum() for m in self.model.modules() for p in m.parameters()]
        return loss + 0.5 * self.settings.ridge / self.total * sum(size)

    def _judge(self, loss: float) -> None:
        held = np.nan
        if np.isfinite(loss):
            weight = np.asarray(self.data.weight)[self.held]
            held = float(weight @ losses_of(self.model, self.data, self.held, self.settings))
            held /= weight.sum()
        self.history.append((loss, held))
        if np.isfinite(held):
            better = held < self.best_loss
            self.since_best = 0 if better else self.since_best + 1
            if better:
                self.best, self.best_loss = self.model.flat(), held
            return
        if self.failed:
            raise ConvergenceError(
                "The loss of the modules is not finite, also after going back to the best "
                "parameters with a step a quarter as long. Lower `learning_rate`, raise `ridge`, "
                "or bound the outputs of the modules."
            )
        self.failed, self.rate = True, self.rate / 4.0
        self.model.set_flat(self.best)
        self.adam.state.clear()

    def _save(self) -> None:
        arrays = {
            "now": self.model.flat(), "best": self.best, "best_loss": np.array(self.best_loss),
            "history": np.array(self.history),
        }  # fmt: skip
        tensors = self.model.tensors()
        # a tensor that no loss has reached has no state
        states = [self.adam.state.get(p, {}) for p in tensors]
        arrays["steps"] = np.array([float(s.get("step", 0.0)) for s in states])
        for name, key in (("moment1", "exp_avg"), ("moment2", "exp_avg_sq")):
            parts = [s.get(key, 0 * p.detach()) for s, p in zip(states, tensors, strict=True)]
            arrays[name] = np.concatenate([part.cpu().numpy().ravel() for part in parts])
        self.checkpoint.save(
            self.room, arrays, epoch=self.epoch, failed=self.failed, rate=self.rate,
            polished=self.polished, since_best=self.since_best,
        )  # fmt: skip
