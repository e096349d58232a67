"""Training against a dear transition by trainings against Euler's, corrected for the difference.

Law of this file: a round is taken back where it makes the loss of the dear transition larger.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.estimators.neural.networks.members import drift, factor
from stochtext.estimators.neural.networks.preparation import ScaledTransitions
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.neural.training.levenberg_marquardt import Schedule, Trained, train
from stochtext.estimators.neural.training.refining import refined

__all__ = ["corrected", "train_deferred"]

# Most iterations of each round; the first one leaves the ridge where it is, so that curves begin
# smooth.
_ROUNDS = (10, *(8,) * 19)
_NEVER = 1_000
# Rows that a Fisher information is averaged over.
_ROWS_PER_PARAMETER, _FEWEST_ROWS = 2, 300
# Nats of the whole sample: a round that gains more is not the last.
_LEVEL = 5.0
_SETTLED = 2.0


def corrected(
    engine: Engine, theta: FloatArray, weight: FloatArray
) -> tuple[ScaledTransitions, float]:
    """Return transitions that Euler's step sees as ``engine`` sees its own, and the loss.

    Parameters
    ----------
    engine : Engine
    theta : ndarray of shape (P,)
    weight : ndarray of shape (n,)
        Only rows of positive weight are corrected.

    Notes
    -----
    With whitened residuals u at ``theta`` a row ends at ``x + b dt + L u``, L L' = a dt.
    """
    data, a = engine.data, engine.architecture
    rows, white, losses = engine.whitened(theta, weight)
    z, dt = data.inputs[rows], data.dt[rows, None]
    unit, noise = np.split(engine.scaling.coordinate_units(), 2)
    lower = factor(a, theta, z) * noise[:, None]
    step = unit * drift(a, theta, z) * dt
    following = data.following.copy()
    following[rows] = z[:, : a.dim] + step + np.einsum("nij,nj->ni", lower, white) * np.sqrt(dt)
    return replace(data, following=following), float(weight[rows] @ losses)


def train_deferred(
    engine: Engine, start: FloatArray, weight: FloatArray, ridge: FloatArray,
    rng: np.random.Generator, schedule: Schedule,
) -> Trained | None:  # fmt: skip
    """Train in rounds of Euler's likelihood on corrected transitions.

    Returns
    -------
    Trained or None
        With the loss of ``engine`` itself; None where no round lowered it.

    Notes
    -----
    A round solves the estimating equations of the whitened residuals of ``engine`` with Euler's
    derivatives, whose errors are of the order of the step; the fixed point has no bias from
    Euler's step. Rounds end where one gains less than two nats.
    """
    once = np.ones(len(engine.data.dt), dtype=np.int64)
    theta, best = start, None
    rows = int(np.clip(_ROWS_PER_PARAMETER * len(start), _FEWEST_ROWS, schedule.fisher_rows))
    first = _NEVER if schedule.first_evidence else 0
    own = replace(schedule, adapt_substeps=False, fisher_rows=rows, first_evidence=first)
    data, loss = corrected(engine, theta, weight)
    history: list[float] = []
    for iterations in _ROUNDS:
        own = replace(own, max_iter=min(iterations, schedule.max_iter))
        euler = Engine(engine.architecture, data, engine.scaling, once, "euler")
        found = train(euler, theta, weight, ridge, rng, own)
        finer = refined(engine, found.parameters) if schedule.adapt_substeps else engine
        data, new_loss = corrected(finer, found.parameters, weight)
        before = loss + 0.5 * float(found.precision @ theta**2)
        now = new_loss + 0.5 * float(found.precision @ found.parameters**2)
        if not now < before:
            return best and replace(best, converged=now - before < _LEVEL)
        engine, theta, ridge, loss = finer, found.parameters, found.ridge, new_loss
        own = replace(own, first_evidence=0)
        history.append(now / weight.sum())
        best = replace(
            found, loss=loss, objective=now, engine=engine, history=history,
            converged=before - now < _LEVEL,
        )  # fmt: skip
        if before - now < _SETTLED:
            break
    return best
