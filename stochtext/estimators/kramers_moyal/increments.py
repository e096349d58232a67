"""Increments over one or several steps, and which of them share noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.estimators.sample import TransitionSample

__all__ = ["ErrorClusters", "Increments", "error_clusters", "lagged_increments"]

#: With fewer trajectories than this, errors of a panel are not clustered by trajectory.
FEWEST_CLUSTERS = 10
_LAGS_PER_BLOCK = 8


@dataclass(frozen=True)
class Increments:
    """Change of the state over ``lag`` steps from each row of a sample.

    Attributes
    ----------
    lag : int
    known : ndarray of bool of shape (n,)
        Whether the trajectory goes on for so many steps.
    change : ndarray of shape (n, d)
    dt : ndarray of shape (n,)
        Time that passes; both are one-step values in the rows that are not known.
    """

    lag: int
    known: BoolArray
    change: FloatArray
    dt: FloatArray

    def ordered(self, order: IntArray) -> Increments:
        """Return the same in another order of the rows."""
        return Increments(self.lag, self.known[order], self.change[order], self.dt[order])


def lagged_increments(sample: TransitionSample, lag: int) -> Increments:
    """Return overlapping increments over ``lag`` steps, never across trajectories.

    Parameters
    ----------
    sample : TransitionSample
        Its rows in the order of the panel.
    lag : int
    """
    n, change, dt = sample.n, sample.x_next - sample.x, sample.dt
    if lag == 1:
        return Increments(1, np.ones(n, dtype=bool), change, dt)
    known = np.zeros(n, dtype=bool)
    known[: n - lag + 1] = sample.trajectory[lag - 1 :] == sample.trajectory[: n - lag + 1]
    start = np.flatnonzero(known)
    change, dt = change.copy(), dt.copy()
    change[start] = sample.x_next[start + lag - 1] - sample.x[start]
    passed = np.sum([sample.dt[start + k] for k in range(lag)], axis=0)
    dt[start] = passed
    return Increments(lag, known, change, dt)


@dataclass(frozen=True)
class ErrorClusters:
    """Groups of increments whose errors may be correlated.

    Attributes
    ----------
    code : ndarray of int of shape (n,)
    multiplicity : ndarray of shape (n_clusters,)
        How many times each cluster counts (weight of its trajectory); ones if a cluster
        holds several trajectories.
    by_trajectory : bool
        Whether clusters are trajectories or their groups, else blocks of time.
    """

    code: IntArray
    multiplicity: FloatArray
    by_trajectory: bool

    @property
    def size(self) -> int:
        """Number of clusters."""
        return len(self.multiplicity)

    def ordered(self, order: IntArray) -> ErrorClusters:
        """Return the same for another order of the rows."""
        return ErrorClusters(self.code[order], self.multiplicity, self.by_trajectory)


def error_clusters(sample: TransitionSample, longest: int) -> ErrorClusters | None:
    """Return trajectories of a panel, blocks for overlapping increments of few, or None.

    Parameters
    ----------
    sample : TransitionSample
        Its rows in the order of the panel.
    longest : int
        Largest lag. Increments over one step of a Markov process are uncorrelated given
        their states; those over more steps overlap.
    """
    own = sample.cluster[sample.trajectory]
    names, code = np.unique(own, return_inverse=True)
    if len(names) >= FEWEST_CLUSTERS:
        multiplicity = np.ones(len(names))
        if sample.panel.groups is None:
            multiplicity[code] = sample.weight
        return ErrorClusters(code, multiplicity, True)
    if longest == 1:
        return None
    first = np.flatnonzero(np.diff(sample.trajectory, prepend=-1))
    position = np.arange(sample.n) - np.repeat(first, np.diff(first, append=sample.n))
    block = position // (_LAGS_PER_BLOCK * longest)
    _, code = np.unique(sample.trajectory * (sample.n + 1) + block, return_inverse=True)
    multiplicity = np.ones(int(code.max()) + 1)
    multiplicity[code] = sample.weight
    return ErrorClusters(code, multiplicity, False)
