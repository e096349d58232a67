"""What each start of the ensemble does not see while it learns.

Whole trajectories are held out, chosen by their content, so that neither their
order nor copies of them matter; few or single paths are cut into blocks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from stochtext._shared.random import generator
from stochtext._shared.typing import BoolArray, FloatArray, IntArray, RandomState
from stochtext.estimators.sample import TransitionSample

__all__ = ["HeldOut", "hold_out"]

BLOCKS = 50
SHORTEST_BLOCK = 5
UNITS_PER_FOLD = 2


@dataclass(frozen=True)
class HeldOut:
    """Training and held-out transitions of each start.

    Attributes
    ----------
    train : ndarray of bool of shape (M, n)
    test : ndarray of bool of shape (M, n)
        Beside a held-out block one transition is in neither, because
        neighbours share a state.
    half : ndarray of bool of shape (n,)
        Splits every held-out part in two: one stops, the other judges, and the reverse.
    unit : ndarray of int of shape (n,)
        Trajectory, group or block of each transition; clusters of held-out gains.
    kind : {"trajectories", "groups", "blocks"}
    """

    train: BoolArray
    test: BoolArray
    half: BoolArray
    unit: IntArray
    kind: str


def hold_out(
    sample: TransitionSample, *, fraction: float, n_starts: int, random_state: RandomState
) -> HeldOut:
    """Choose the held-out part of each start; starts differ in it as far as they can.

    Parameters
    ----------
    sample : TransitionSample
    fraction : float
        Share of the transitions that each start does not see.
    n_starts : int
    random_state : int, SeedSequence
    """
    n_folds = max(2, round(1.0 / fraction))
    clusters = sample.cluster[sample.trajectory]
    kind = "groups" if sample.panel.groups is not None else "trajectories"
    weight = np.asarray(np.bincount(clusters, _per_trajectory_share(sample)), dtype=np.float64)
    if weight.sum() >= UNITS_PER_FOLD * n_folds:
        unit = clusters
        rank = _rank_of_units(sample, unit, random_state)
        fold, half = _fold_by_rank(rank, weight, n_folds)
        fold, half = fold[unit], half[unit]
        near = np.zeros((n_folds, sample.n), dtype=bool)
    else:
        kind = "blocks"
        unit = _blocks(sample)
        fold, half = _fold_of_blocks(unit, n_folds, random_state)
        near = np.stack([_neighbours(fold == k, sample.trajectory) for k in range(n_folds)])
    turn = np.arange(n_starts) % n_folds
    test = np.stack([fold == k for k in turn])
    return HeldOut(~test & ~near[turn], test, half, unit, kind)


def _per_trajectory_share(sample: TransitionSample) -> FloatArray:
    """Weights that sum to the weight of its trajectory over a trajectory's transitions."""
    count = np.bincount(sample.trajectory)[sample.trajectory]
    return sample.weight / count


def _rank_of_units(sample: TransitionSample, unit: IntArray, random_state: RandomState) -> IntArray:
    """Random rank of each unit that depends on its content only; copies share one."""
    seed = generator(random_state, "neural", "folds").bytes(16)
    content: dict[int, list[bytes]] = {}
    arrays = sample.panel.arrays()
    for trajectory in np.unique(sample.trajectory):
        digest = hashlib.blake2b(np.ascontiguousarray(arrays[trajectory]).tobytes(), key=seed)
        content.setdefault(int(sample.cluster[trajectory]), []).append(digest.digest())
    keys = [b"".join(sorted(set(content.get(k, [])))) for k in range(unit.max() + 1)]
    position = {key: place for place, key in enumerate(sorted(set(keys)))}
    return np.array([position[key] for key in keys])


def _fold_by_rank(rank: IntArray, weight: FloatArray, n_folds: int) -> tuple[IntArray, BoolArray]:
    """Cut the ranked units into folds of equal weight, and each fold into halves."""
    share = np.bincount(rank, weight)
    middle = (np.cumsum(share) - 0.5 * share) / share.sum()
    place = np.minimum((middle * 2 * n_folds).astype(int), 2 * n_folds - 1)
    return (place // 2)[rank], (place % 2 == 0)[rank]


def _blocks(sample: TransitionSample) -> IntArray:
    """Cut the transitions into consecutive blocks that never cross a trajectory."""
    length = max(SHORTEST_BLOCK, -(-sample.n // BLOCKS))
    starts = np.flatnonzero(np.diff(sample.trajectory, prepend=sample.trajectory[0] - 1))
    counts = np.diff(np.append(starts, sample.n))
    pieces, first = [], 0
    for count in counts:
        n_blocks = max(1, round(count / length))
        pieces.append(first + np.arange(count) * n_blocks // count)
        first += n_blocks
    return np.concatenate(pieces)


def _fold_of_blocks(
    unit: IntArray, n_folds: int, random_state: RandomState
) -> tuple[IntArray, BoolArray]:
    """Give every run of ``n_folds`` neighbouring blocks each fold once, in random order."""
    rng = generator(random_state, "neural", "folds")
    rounds = -(-(unit.max() + 1) // n_folds)
    fold = np.concatenate([rng.permutation(n_folds) for _ in range(rounds)])
    half = np.arange(len(fold)) // n_folds % 2 == 0
    return fold[unit], half[unit]


def _neighbours(held: BoolArray, trajectory: IntArray) -> BoolArray:
    """Transitions next to a held-out one within a trajectory, themselves not held out."""
    together = trajectory[1:] == trajectory[:-1]
    near = np.zeros_like(held)
    near[:-1] |= held[1:] & together
    near[1:] |= held[:-1] & together
    return near & ~held
