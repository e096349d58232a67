"""Levenberg-Marquardt on whitened residuals, with the ridge that the evidence asks for.

Law of this file: gradients are exact, the Fisher information that shapes a step is one of a
subsample; a state without a finite objective is never accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from stochtext._shared.exceptions import ConvergenceError
from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.estimators.neural.networks.architecture import Architecture
from stochtext.estimators.neural.networks.members import penalty
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.neural.training.first_order import adam, lbfgs
from stochtext.estimators.neural.training.refining import refined

__all__ = ["Schedule", "Trained", "train"]

FLOOR = 0.001
CEILING = 1e5
_FISHER_ROWS = 600
_FIRST_EVIDENCE = 6
_EVIDENCE_EVERY = 3
_LONGEST_MOVE = 3.0
_TRIALS = 8
_MOST_SOLVED = 1500
_RIDGE_ROUNDS = 3
_OUTPUTS_FIRST = 4
# A step that gains less than this, in nats of the whole sample, is within its noise.
_TOLERANCE = 0.2
_SETTLED = 0.4
_LEVEL = 5.0


@dataclass(frozen=True)
class Schedule:
    """How long to train and what may move.

    Attributes
    ----------
    max_iter : int
    evidence : bool
        Whether the ridge follows the evidence.
    first_evidence : int
        Iterations before it does: while output weights are still small it would run away.
    fisher_rows : int
    adapt_substeps : bool
        Whether substeps grow with the stiffness of the drift.
    tolerance : float
        Training ends where two steps gain less than this, in nats of the whole sample.
    optimizer : {"auto", "lm", "lbfgs", "adam"}
    """

    max_iter: int = 60
    evidence: bool = True
    first_evidence: int = _FIRST_EVIDENCE
    fisher_rows: int = _FISHER_ROWS
    adapt_substeps: bool = True
    tolerance: float = _TOLERANCE
    optimizer: str = "auto"


@dataclass(frozen=True)
class Trained:
    """One start after training.

    Attributes
    ----------
    parameters : ndarray of shape (P,)
    ridge : ndarray of shape (G,)
    precision : ndarray of shape (P,)
        The ridge of each parameter.
    loss : float
        Minus the log density of the weighted sample.
    objective : float
        The same with the ridge's penalty.
    fisher : ndarray of shape (P, P)
    history : list of float
        The objective per unit of weight by iteration.
    converged : bool
    engine : Engine
        With the substeps that were needed.
    """

    parameters: FloatArray
    ridge: FloatArray
    precision: FloatArray
    loss: float
    objective: float
    fisher: FloatArray
    history: list[float] = field(default_factory=list)
    converged: bool = True
    engine: Engine | None = None


def train(
    engine: Engine,
    start: FloatArray,
    weight: FloatArray,
    ridge: FloatArray,
    rng: np.random.Generator,
    schedule: Schedule | None = None,
    watch: Callable[[], None] | None = None,
) -> Trained:
    """Minimise the penalised loss from one start.

    Parameters
    ----------
    engine : Engine
    start : ndarray of shape (P,)
    weight : ndarray of shape (n,)
    ridge : ndarray of shape (G,)
        Prior precisions to begin with.
    rng : Generator
        Draws the rows of the Fisher information.
    schedule : Schedule, optional
    watch : callable, optional
        Called after every iteration.

    Raises
    ------
    ConvergenceError
        If the loss is not finite at the start, and again with its networks a tenth as strong.
    """
    own = schedule or Schedule()
    descent = _Descent(engine, np.array(start, dtype=np.float64), weight, ridge, rng, own)
    if not descent.is_finite:
        descent.theta = _tenth(engine, start)
        descent.evaluate()
    if not descent.is_finite:
        raise ConvergenceError(
            "The training loss of NeuralSDE is not finite, also with networks a tenth as strong. "
            "Check the data for extreme values or gaps, or rescale them."
        )
    if own.max_iter and uses_first_order(own.optimizer, len(descent.theta)):
        return descent.by_first_order()
    for iteration in range(own.max_iter):
        finished = descent.step(iteration)
        if watch is not None:
            watch()
        if finished:
            return descent.result(True)
    return descent.result(own.max_iter == 0 or descent.is_level)


def uses_first_order(optimizer: str, size: int) -> bool:
    """Whether so many parameters are trained without solving for a Levenberg-Marquardt step."""
    return optimizer in ("lbfgs", "adam") or (optimizer == "auto" and size > _MOST_SOLVED)


def _silent_layers(architecture: Architecture, theta: FloatArray) -> BoolArray:
    """Whether a parameter is in a hidden layer of a network whose outputs are still zero.

    Such a layer sees nothing but its ridge, which would wipe it out at once.
    """
    silent = np.zeros(len(theta), dtype=bool)
    groups = architecture.groups()
    for room in ("drift", "covariance"):
        own = [part for name, part in groups if name.startswith(f"{room}.")]
        if own and not theta[own[-1]].any():
            for part in own[:-1]:
                silent[part] = True
    return silent


def _tenth(engine: Engine, start: FloatArray) -> FloatArray:
    smaller = np.array(start, dtype=np.float64)
    for _, part in engine.architecture.groups():
        smaller[part] *= 0.1
    return smaller


class _Descent:
    """State of one start."""

    def __init__(
        self, engine: Engine, theta: FloatArray, weight: FloatArray, ridge: FloatArray,
        rng: np.random.Generator, schedule: Schedule,
    ) -> None:  # fmt: skip
        self.engine, self.theta, self.weight, self.rng = engine, theta, weight, rng
        self.ridge, self.schedule = np.array(ridge, dtype=np.float64), schedule
        self.precision = penalty(engine.architecture, self.ridge)
        self.damping = 1e-2
        self.history: list[float] = []
        self.quiet = 0
        self.fisher: FloatArray | None = None
        self.still = _silent_layers(engine.architecture, theta)
        self.evaluate()

    @property
    def is_finite(self) -> bool:
        return bool(np.isfinite(self.loss) and np.isfinite(self.gradient).all())

    @property
    def is_level(self) -> bool:
        """Whether the last steps gained little: the ridge may still wander."""
        recent = np.array(self.history[-3:]) * self.weight.sum()
        return len(recent) == 3 and bool(np.ptp(recent) < _LEVEL)

    @property
    def objective(self) -> float:
        return self._penalised(self.loss, self.theta)

    def evaluate(self) -> None:
        """Take loss and gradient at the current parameters."""
        self.loss, self.gradient = self._at(self.theta)

    def _at(self, theta: FloatArray) -> tuple[float, FloatArray]:
        value, gradient = self.engine.value_and_gradient(theta[None], self.weight[None])
        return float(value[0]), gradient[0]

    def _penalised(self, loss: float, theta: FloatArray) -> float:
        return loss + 0.5 * float(self.precision @ (theta * theta))

    def step(self, iteration: int) -> bool:
        """Move once; return whether training is over."""
        if self.schedule.adapt_substeps and iteration in (2, 5, 10, 20, 35):
            self._adapt_substeps()
        self.fisher = self._fisher()
        before = self.objective
        moved = self._move(iteration >= _OUTPUTS_FIRST)
        self.history.append(self.objective / self.weight.sum())
        gained = before - self.objective
        change = 0.0
        learns = self.schedule.evidence and len(self.ridge) > 0
        due = iteration + 1 >= self.schedule.first_evidence
        if learns and due and (gained < 1.0 or (iteration + 1) % _EVIDENCE_EVERY == 0):
            change = self._update_ridge()
        still = (not moved or gained < self.schedule.tolerance) and change < _SETTLED
        self.quiet = self.quiet + 1 if still and (due or not learns) else 0
        return self.quiet >= 2

    def _fisher(self) -> FloatArray:
        used = np.flatnonzero(self.weight > 0.0)
        if len(used) > self.schedule.fisher_rows:
            used = np.sort(self.rng.choice(used, self.schedule.fisher_rows, replace=False))
        return self.engine.fisher(self.theta, self.weight, rows=used, rng=self.rng)

    def _move(self, everything: bool) -> bool:
        assert self.fisher is not None
        slope = self.gradient + self.precision * self.theta
        if not everything:
            slope = np.where(self.still, 0.0, slope)
        diagonal = np.diag(self.fisher)
        floor = 1e-6 * diagonal.max() + 1e-8
        before = self.objective
        for _ in range(_TRIALS):
            damped = self.precision + self.damping * (diagonal + floor)
            move = _solved(self.fisher + np.diag(damped), slope)
            if move is not None:
                longest = np.abs(move).max()
                trial = self.theta - move * min(1.0, _LONGEST_MOVE / max(longest, 1e-300))
                loss, gradient = self._at(trial)
                good = np.isfinite(gradient).all() and self._penalised(loss, trial) < before
                if good:
                    self.theta, self.loss, self.gradient = trial, loss, gradient
                    self.damping = max(self.damping / 5.0, 1e-7)
                    return True
            self.damping = max(self.damping * 6.0, 1e-4)
        self.damping = 1e-2
        return False

    def by_first_order(self) -> Trained:
        """Train without Levenberg-Marquardt steps; the ridge moves between a few rounds."""
        own = self.schedule
        for _ in range(_RIDGE_ROUNDS):
            self.fisher = self._fisher()
            if own.optimizer == "adam":
                found = adam(
                    self.engine, self.theta, self.weight, self.precision, self.rng, own.max_iter
                )
            else:
                found = lbfgs(
                    self.engine, self.theta, self.weight, self.precision, self.fisher, own.max_iter
                )
            loss, gradient = self._at(found)
            if np.isfinite(gradient).all() and self._penalised(loss, found) <= self.objective:
                self.theta, self.loss, self.gradient = found, loss, gradient
            self.history.append(self.objective / self.weight.sum())
            if own.adapt_substeps:
                self._adapt_substeps()
            if own.evidence and len(self.ridge):
                self.fisher = self._fisher()
                self._update_ridge()
        return self.result(True)

    def _update_ridge(self) -> float:
        """Move the ridge of each layer to where its evidence is largest; return by how much."""
        assert self.fisher is not None
        inverse = np.linalg.inv(self.fisher + np.diag(self.precision + 1e-9))
        spread = np.diag(inverse)
        change = 0.0
        for k, (_, part) in enumerate(self.engine.architecture.groups()):
            count = part.stop - part.start
            known = max(count - self.ridge[k] * spread[part].sum(), 1e-3)
            size = max(float((self.theta[part] ** 2).sum()), 1e-10)
            new = float(np.clip(known / size, FLOOR, CEILING))
            change = max(change, abs(np.log(new / self.ridge[k])))
            self.ridge[k] = new
        self.precision = penalty(self.engine.architecture, self.ridge)
        return change

    def _adapt_substeps(self) -> None:
        finer = refined(self.engine, self.theta)
        if finer is self.engine:
            return
        value, _ = finer.value_and_gradient(self.theta[None], self.weight[None])
        if np.isfinite(value[0]):
            self.engine = finer
            self.evaluate()

    def result(self, converged: bool) -> Trained:
        return Trained(
            self.theta, self.ridge, self.precision, self.loss, self.objective,
            self._fisher() if self.fisher is None else self.fisher, self.history, converged,
            self.engine,
        )  # fmt: skip


def _solved(matrix: FloatArray, vector: FloatArray) -> FloatArray | None:
    try:
        with np.errstate(all="ignore"):
            solution = cho_solve(cho_factor(matrix, check_finite=False), vector)
    except (LinAlgError, ValueError):
        return None
    return solution if np.isfinite(solution).all() else None
