"""Statistics of data simulated from the fit, each left by a refit of its own.

Law of this file: replicate b depends on the seed and on b alone, whatever the number of jobs;
a refit that fails leaves NaN and is counted.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np

from stochtext._shared.exceptions import StochtextError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.diagnostics.battery.compute import Battery, Row
from stochtext.diagnostics.battery.sample import OneStepSample
from stochtext.processes.base import Process
from stochtext.results.inference.calibration.further import FURTHER, further_statistic
from stochtext.results.inference.calibration.scheduling import scheduled
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.trajectories.panel import Trajectories

__all__ = ["Judged", "Redrawing", "overlap_of", "with_further"]

HELD_OUT, COMPARISON = 0x7E57, 0xC0DE


class Judged(Protocol):
    """What a results object offers to be judged."""

    process: Process
    refitting: Refitting | None
    kind: ClassVar[str]

    def one_step_sample(
        self, panel: Trajectories, scores: bool = True
    ) -> tuple[OneStepSample, IntArray]:
        """Return residuals with their trajectories."""

    def replicates(
        self, panel: Trajectories, seed: np.random.SeedSequence, first: int, count: int
    ) -> list[Trajectories | None]:
        """Return panels simulated from the fit."""


@dataclass(frozen=True)
class Redrawing:
    """How to redraw what a table of tests was computed from.

    Attributes
    ----------
    results : Judged
    training : Trajectories or None
        Data of the fit; None if parameters are known.
    target : Trajectories
        Data that are tested.
    copies : ndarray of int of shape (m,) or None
        Trajectory of ``training`` that each one of ``target`` is, -1 for none; None if the
        target is the training data.
    battery : Battery
    rows : tuple of Row
    scores : bool
        Whether samples carry scores.
    """

    results: Judged
    training: Trajectories | None
    target: Trajectories
    copies: IntArray | None
    battery: Battery
    rows: tuple[Row, ...]
    scores: bool

    def draws(self, n_boot: int, seed: np.random.SeedSequence, n_jobs: int | None) -> FloatArray:
        """Return statistics of ``n_boot`` replicates, shape (n_boot, rows)."""
        panel = self.target if self.training is None else self.training
        return scheduled(self.piece, n_boot, seed, n_jobs, panel.values.size)

    def piece(self, seed: np.random.SeedSequence, first: int, count: int) -> FloatArray:
        """Return statistics of ``count`` replicates from ``first`` on, shape (count, rows)."""
        found = np.full((count, len(self.rows)), np.nan)
        trained: list[Trajectories | None] = [None] * count
        if self.training is not None:
            trained = self.results.replicates(self.training, seed, first, count)
        tested = self._tested(trained, seed, first)
        for k, (own, other) in enumerate(zip(trained, tested, strict=True)):
            if other is not None and (own is not None or self.training is None):
                found[k] = self._statistics(own, other, seed, first + k)
        return found

    def _tested(
        self, trained: list[Trajectories | None], seed: np.random.SeedSequence, first: int
    ) -> list[Trajectories | None]:
        """Return what is tested in each replicate: the training data, a copy, or fresh data."""
        if self.training is not None and self.copies is None:
            return trained
        if self.copies is None or np.any(self.copies < 0):
            other = child_of(seed, HELD_OUT)
            fresh = self.results.replicates(self.target, other, first, len(trained))
        else:
            fresh = [self.target] * len(trained)
        if self.copies is None:
            return fresh
        return [
            None if own is None or new is None else _with_copies(new, own, self.copies)
            for own, new in zip(trained, fresh, strict=True)
        ]

    def _statistics(
        self, training: Trajectories | None, target: Trajectories, seed: np.random.SeedSequence,
        replicate: int,
    ) -> FloatArray:  # fmt: skip
        missing = np.full(len(self.rows), np.nan)
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                model = self.results if training is None else self._refitted(training)
                sample, _ = model.one_step_sample(target, scores=self.scores)
                if len(sample.resid) != len(self.battery.layout):
                    return missing
                found = self.battery.statistics(sample, self.rows)
                return with_further(found, self.rows, model, target, seed, replicate)
        except (StochtextError, np.linalg.LinAlgError, FloatingPointError):
            return missing

    def _refitted(self, training: Trajectories) -> Judged:
        refitting = self.results.refitting
        assert refitting is not None
        settings: dict[str, Any] = {}
        if "start" in refitting.estimator.get_params(deep=False):
            start = dict(self.results.process.params)
            settings = {"start": start, "n_starts": 1, "cov_type": "nonrobust"}
        elif self.results.kind == "linear":
            settings = {"cov_type": "nonrobust"}
        elif self.results.kind == "neural":
            settings = {"cov_type": None}
        found: Judged = refitting.fit(training, **settings)
        return found


def with_further(
    found: FloatArray, rows: Sequence[Row], model: Judged, target: Trajectories,
    seed: np.random.SeedSequence, replicate: int,
) -> FloatArray:  # fmt: skip
    """Fill in the statistics that need process and panel; ``replicate`` 0 is the data's own."""
    other = child_of(seed, COMPARISON)
    for k, row in enumerate(rows):
        if row.test in FURTHER and row.component is None and not row.reason:
            found[k] = further_statistic(row.test, model, target, other, replicate + 1)
    return found


def child_of(seed: np.random.SeedSequence, purpose: int) -> np.random.SeedSequence:
    """Return a seed for other numbers than those of its parent."""
    return np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, purpose))


def overlap_of(target: Trajectories, training: Trajectories) -> IntArray:
    """Return for each trajectory of ``target`` the equal one of ``training``, -1 for none."""
    known = {_key(training, j): j for j in range(training.n_trajectories)}
    return np.array([known.get(_key(target, i), -1) for i in range(target.n_trajectories)])


def _key(panel: Trajectories, k: int) -> tuple[bytes, bytes]:
    rows = slice(panel.offsets[k], panel.offsets[k + 1])
    return panel.values[rows].tobytes(), panel.times[rows].tobytes()


def _with_copies(fresh: Trajectories, trained: Trajectories, copies: IntArray) -> Trajectories:
    values = fresh.values.copy()
    for i, j in enumerate(copies):
        if j >= 0:
            rows = slice(fresh.offsets[i], fresh.offsets[i + 1])
            values[rows] = trained.values[trained.offsets[j] : trained.offsets[j + 1]]
    return fresh.with_values(values)
