"""Which transitions are left out together when a bandwidth is judged."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.estimators.sample import TransitionSample

__all__ = ["canonical_order", "fold_codes"]

_FEW_TRAJECTORIES = 5
_BLOCKS = 10


def canonical_order(sample: TransitionSample) -> IntArray:
    """Return an order of the transitions that does not depend on that of the trajectories."""
    increments = sample.x_next - sample.x
    keys = (sample.weight, sample.dt, *increments.T[::-1], *sample.x.T[::-1])
    return np.lexsort(keys)


def fold_codes(sample: TransitionSample, *, most: int | None = None) -> IntArray:
    """Return the fold of each transition, shape (n,).

    A fold is a trajectory (with its exact copies, which would otherwise betray it).
    Fewer than five different trajectories are cut into blocks, about ten in all.

    Parameters
    ----------
    sample : TransitionSample
    most : int, optional
        Merge trajectories so that there are at most this many folds.
    """
    panel = sample.panel
    contents = [
        (values.tobytes(), (times - times[0]).tobytes())
        for values, times in zip(panel.arrays(), panel.time_arrays(), strict=True)
    ]
    rank = {content: code for code, content in enumerate(sorted(set(contents)))}
    codes = np.array([rank[content] for content in contents])[sample.trajectory]
    if len(rank) < _FEW_TRAJECTORIES:
        blocks = -(-_BLOCKS // len(rank))
        codes = codes * blocks + _block_of(sample.trajectory, sample.t, blocks)
    return codes if most is None else codes % most


def _block_of(trajectory: IntArray, t: FloatArray, blocks: int) -> IntArray:
    """Cut the transitions of each trajectory into blocks of neighbouring times."""
    result = np.empty(len(trajectory), dtype=np.int64)
    for code in np.unique(trajectory):
        rows = np.flatnonzero(trajectory == code)
        rows = rows[np.argsort(t[rows])]
        result[rows] = np.arange(len(rows)) * blocks // len(rows)
    return result
