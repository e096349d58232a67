"""The ladder: from the plain mean to nonlinear dynamics, on documents not fitted to.

Law of this file: every rung predicts the same transitions, one coordinate at a time, and is
allowed to lose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.adequacy.ladder.dynamic_rungs import (
    DYNAMIC,
    fitted_linear,
    innovations,
    linear_rung,
)
from stochtext.analysis.adequacy.ladder.nonlinear_rung import smooth_map
from stochtext.analysis.adequacy.ladder.plain_rungs import (
    document_level,
    linear_map,
    overall_mean,
    persistence,
    running_mean,
)
from stochtext.analysis.adequacy.ladder.predictions import Prediction
from stochtext.comparison.folds import Design
from stochtext.trajectories.panel import Trajectories

__all__ = ["LINEAR_MAP", "NONLINEAR", "RUNGS", "Ladder", "climb"]

PLAIN = {
    "mean": overall_mean,
    "document level + noise": document_level,
    "persistence": persistence,
    "running mean": running_mean,
}
LINEAR_MAP, NONLINEAR = "linear map of all coordinates", "nonlinear map of all coordinates"
RUNGS = (*PLAIN, *DYNAMIC, LINEAR_MAP, NONLINEAR)


@dataclass(frozen=True)
class Ladder:
    """What every rung said about the held-out transitions.

    Attributes
    ----------
    error : ndarray of shape (n, d, r)
        Squared errors by transition, coordinate and rung, in the order of ``RUNGS``.
    spread : ndarray of shape (n, d)
        Squared distance of the next state from the mean of the training states.
    log_density : ndarray of shape (n, d, r)
        In nats.
    innovation : dict of str to ndarray of shape (n, d)
        Standardised errors of the rungs ``"OU"`` and ``"OU + noise"``.
    """

    error: FloatArray
    spread: FloatArray
    log_density: FloatArray
    innovation: dict[str, FloatArray]


def climb(folds: Design) -> Ladder:
    """Fit every rung to the training part of each fold and judge it on the rest.

    Parameters
    ----------
    folds : Design
    """
    parts = [_one_fold(fold.train, fold.test) for fold in folds.folds]
    rows = [fold.rows for fold in folds.folds]
    return Ladder(
        _placed(rows, [p.error for p in parts]), _placed(rows, [p.spread for p in parts]),
        _placed(rows, [p.log_density for p in parts]),
        {
            name: _placed(rows, [p.innovation[name] for p in parts])
            for name in parts[0].innovation
        },
    )  # fmt: skip


def _one_fold(train: Trajectories, test: Trajectories) -> Ladder:
    target = test.transitions().x_next
    n, d = target.shape
    error, density = np.full((2, n, d, len(RUNGS)), np.nan)
    innovation = {name: np.full((n, d), np.nan) for name in ("OU", "OU + noise")}
    smooth = smooth_map(train, test)
    for j in range(d):
        own, other = _column(train, j), _column(test, j)
        found = {name: rung(own, other) for name, rung in PLAIN.items()}
        for name, options in DYNAMIC.items():
            model = fitted_linear(own, options)
            found[name] = linear_rung(model, other)
            if name in innovation:
                innovation[name][:, j] = innovations(model, other)
        found |= {LINEAR_MAP: linear_map(train, test, j), NONLINEAR: smooth[j]}
        for k, name in enumerate(RUNGS):
            _note(found[name], target[:, j], error[:, j, k], density[:, j, k])
    spread = (target - train.transitions().x_next.mean(axis=0)) ** 2
    return Ladder(error, spread, density, innovation)


def _note(found: Prediction, target: FloatArray, error: FloatArray, density: FloatArray) -> None:
    error[:] = (target - found.mean) ** 2
    density[:] = found.log_density


def _column(panel: Trajectories, j: int) -> Trajectories:
    return panel.with_values(panel.values[:, j : j + 1].copy())


def _placed(rows: list[IntArray], parts: list[FloatArray]) -> FloatArray:
    """Put the parts of all folds in the order of the panel; rows held out nowhere are dropped."""
    every = np.concatenate(rows)
    return np.concatenate(parts)[np.argsort(every, kind="stable")]
