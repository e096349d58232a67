"""Batched L-BFGS with held-out early stopping: all starts move in one tensor program.

Each start has its own curvature pairs, step length, best state and patience;
only the evaluations are shared. torch is imported inside functions only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from stochtext._shared.exceptions import ConvergenceError
from stochtext._shared.progress import progress
from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.objective import Objective

__all__ = ["TrainingRun", "train"]

MEMORY = 50
SUFFICIENT_DECREASE = 1e-4
TOLERANCE = 1e-7
SMALLEST_GAIN = 1e-9


@dataclass
class TrainingRun:
    """What training left behind.

    Attributes
    ----------
    parameters : ndarray of shape (3, M, P)
        Best state of each start by its held-out loss: on all that is held out, on the
        first half of it, on the second half.
    history : ndarray of shape (n_iter, M, 2)
        Penalised training loss and held-out loss, nats per transition.
    best_iteration : ndarray of int of shape (M,)
    stopped : list of str
        Why each start stopped: "held-out loss", "converged" or "max_iter".
    """

    parameters: FloatArray
    history: FloatArray
    best_iteration: np.ndarray
    stopped: list[str] = field(default_factory=list)


def train(
    objective: Objective,
    start: FloatArray,
    *,
    max_iter: int,
    patience: int,
    learning_rate: float,
    show: bool | None = None,
) -> TrainingRun:
    """Minimise the objective of every start.

    A loss that is not finite is answered once, with a tenth of the learning
    rate from the best finite state.

    Raises
    ------
    ConvergenceError
        If the loss is not finite again.
    """
    run = _Descent(objective, start, patience, learning_rate)
    for attempt in (1, 2):
        for _ in progress(range(max_iter), label="training", show=show):
            run.step()
            if run.failed or run.finished:
                break
        if not run.failed:
            return run.result()
        if attempt == 1:
            run.restart(learning_rate / 10.0)
    raise ConvergenceError(
        "The training loss of NeuralSDE is not finite, also with a tenth of the learning rate "
        f"({learning_rate / 10.0:g}). Check the data for extreme values, or rescale them."
    )


class _Descent:
    """State of the optimiser; one leading axis over starts everywhere."""

    def __init__(
        self, objective: Objective, start: FloatArray, patience: int, learning_rate: float
    ) -> None:
        import torch

        self.objective = objective
        self.patience = patience
        self.flat = torch.as_tensor(start, dtype=torch.float64, device=objective.inputs.device)
        self.best = self.flat.repeat(3, 1, 1)
        self.best_loss = torch.full(
            (3, len(start)), torch.inf, dtype=torch.float64, device=self.flat.device
        )
        self.best_iteration = np.zeros(len(start), dtype=int)
        self.stopped = [""] * len(start)
        self.history: list[FloatArray] = []
        self.restart(learning_rate)

    def restart(self, learning_rate: float) -> None:
        """Begin again at the best states with another first step."""
        import torch

        self.learning_rate = learning_rate
        self.flat = self.best[0].clone()
        self.pairs: list[tuple[Any, Any, Any]] = []
        self.loss, self.gradient, held_out = self.objective.value_and_gradient(self.flat)
        self.failed = not bool(torch.isfinite(self.loss).all() & torch.isfinite(held_out).all())
        self.stopped = [""] * len(self.stopped)
        if not self.failed:
            self._record(held_out)

    @property
    def finished(self) -> bool:
        """Whether every start has stopped."""
        return all(self.stopped)

    def step(self) -> None:
        """One line search along the quasi-Newton direction of each start."""
        import torch

        if self.failed:
            return
        direction = self._direction()
        slope = (direction * self.gradient).sum(1)
        uphill = slope >= 0
        direction[uphill] = -self.gradient[uphill]
        slope[uphill] = -(self.gradient[uphill] ** 2).sum(1)
        active = torch.tensor([not s for s in self.stopped], device=self.flat.device)
        length = self._first_length(direction) * active
        for _ in range(12):
            trial = self.flat + length[:, None] * direction
            loss, gradient, held_out = self.objective.value_and_gradient(trial)
            enough = loss <= self.loss + SUFFICIENT_DECREASE * length * slope
            enough = enough & torch.isfinite(gradient).all(1)
            if bool((enough | ~active).all()):
                break
            length = torch.where(enough, length, length * 0.25)
        self._accept(trial, loss, gradient, held_out, enough & active)

    def _first_length(self, direction: Any) -> Any:
        import torch

        largest = direction.abs().amax(1).clamp_min(1e-300)
        if self.pairs:
            return torch.clamp(10.0 * self.learning_rate / largest, max=1.0)
        return self.learning_rate / largest

    def _direction(self) -> Any:
        """Two-loop recursion for all starts; pairs without curvature carry zero weight."""
        q = self.gradient.clone()
        alphas = []
        for s, y, rho in reversed(self.pairs):
            alpha = rho * (s * q).sum(1)
            q = q - alpha[:, None] * y
            alphas.append(alpha)
        q = q * self._curvature_scale()[:, None]
        for (s, y, rho), alpha in zip(self.pairs, reversed(alphas), strict=True):
            q = q + (alpha - rho * (y * q).sum(1))[:, None] * s
        return -q

    def _curvature_scale(self) -> Any:
        import torch

        scale = torch.ones_like(self.loss)
        for s, y, rho in self.pairs:
            fresh = (s * y).sum(1) / (y * y).sum(1).clamp_min(1e-300)
            scale = torch.where(rho > 0, fresh, scale)
        return scale

    def _accept(self, trial: Any, loss: Any, gradient: Any, held_out: Any, moved: Any) -> None:
        import torch

        stuck = torch.tensor([not s for s in self.stopped], device=moved.device) & ~moved
        if not bool(torch.isfinite(loss[moved | stuck]).all()):
            self.failed = True
            return
        s = (trial - self.flat) * moved[:, None]
        y = (gradient - self.gradient) * moved[:, None]
        curvature = (s * y).sum(1)
        good = curvature > 1e-10 * s.norm(dim=1) * y.norm(dim=1)
        rho = torch.where(good, 1.0 / curvature.clamp_min(1e-300), torch.zeros_like(curvature))
        self.pairs = [*self.pairs[-(MEMORY - 1) :], (s, y, rho)]
        gained = self.loss - loss
        for m in np.flatnonzero([not s for s in self.stopped]):
            if not moved[m] or gained[m] < TOLERANCE:
                self.stopped[m] = "converged"
        self.flat = torch.where(moved[:, None], trial, self.flat)
        self.gradient = torch.where(moved[:, None], gradient, self.gradient)
        self.loss = torch.where(moved, loss, self.loss)
        self._record(torch.where(moved, held_out, torch.inf))

    def _record(self, held_out: Any) -> None:
        import torch

        better = held_out < self.best_loss - SMALLEST_GAIN
        self.best = torch.where(better[..., None], self.flat, self.best)
        self.best_loss = torch.where(better, held_out, self.best_loss)
        now = len(self.history)
        self.best_iteration[better[0].cpu().numpy()] = now
        self.history.append(torch.stack([self.loss, held_out[0]], 1).cpu().numpy())
        for m, reason in enumerate(self.stopped):
            if not reason and now - self.best_iteration[m] >= self.patience:
                self.stopped[m] = "held-out loss"

    def result(self) -> TrainingRun:
        """Return the best states."""
        reasons = [reason or "max_iter" for reason in self.stopped]
        return TrainingRun(
            self.best.cpu().numpy(), np.stack(self.history), self.best_iteration, reasons
        )
