"""Who is trained on what and judged on what.

Law: what belongs together (a trajectory, a group) is never on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import IntArray, RandomState
from stochtext._shared.validation import check_integer
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.splitting import BlockedTimeSplit

__all__ = ["Design", "Fold", "fold_codes", "split"]


@dataclass(frozen=True)
class Fold:
    """One split.

    Attributes
    ----------
    train, test : Trajectories
    rows : ndarray of int
        Positions of the test transitions among those of the whole panel.
    """

    train: Trajectories
    test: Trajectories
    rows: IntArray


@dataclass(frozen=True)
class Design:
    """All splits, and what is independent of what.

    Attributes
    ----------
    folds : tuple of Fold
    cluster : ndarray of int of shape (n,), or None
        Cluster of each transition; None for one path, whose transitions are a
        time series.
    n_clusters : int
    kind : str
        What was held out, in words.
    """

    folds: tuple[Fold, ...]
    cluster: IntArray | None
    n_clusters: int
    kind: str


def split(panel: Trajectories, cv: Any, random_state: RandomState) -> Design:
    """Split a panel by trajectory or group, and one path by blocks of time.

    Parameters
    ----------
    panel : Trajectories
    cv : int or BlockedTimeSplit
        Number of folds; a panel of fewer trajectories (groups) than that
        leaves one out at a time.
    random_state : as everywhere
        Seed of the shuffle.

    Raises
    ------
    InputError
        If nothing independent can be held out.
    """
    if panel.n_trajectories == 1:
        return _blocks(panel, cv)
    if isinstance(cv, BlockedTimeSplit):
        raise InputError(
            f"BlockedTimeSplit splits one path, the panel has {panel.n_trajectories} trajectories. "
            "Pass the number of folds as `cv`."
        )
    n_folds = check_integer("cv", cv, minimum=2)
    unit = "trajectories" if panel.groups is None else "groups"
    labels = np.arange(panel.n_trajectories) if panel.groups is None else panel.groups
    cluster = pd.factorize(labels)[0].astype(np.int64)
    m = int(cluster.max()) + 1
    if m < 2:
        raise InputError(
            f"All {panel.n_trajectories} trajectories belong to one group, so nothing independent "
            "of it can be held out. Give groups that differ, or none."
        )
    member = fold_codes(m, n_folds, random_state)[cluster]
    owner = panel.transitions().trajectory
    folds = []
    for k in range(int(member.max()) + 1):
        inside = np.flatnonzero(member == k)
        rows = np.flatnonzero(member[owner] == k)
        folds.append(Fold(panel[np.flatnonzero(member != k)], panel[inside], rows))
    kind = f"{len(folds)} folds of {m} {unit}"
    if m <= n_folds:
        kind = f"each of {m} {unit} left out once"
    return Design(tuple(folds), cluster[owner], m, kind)


def fold_codes(m: int, n_folds: int, random_state: RandomState) -> IntArray:
    """Deal m cards into ``n_folds`` hands at random, as evenly as possible."""
    order = generator(random_state, "folds").permutation(m)
    codes = np.empty(m, dtype=np.int64)
    codes[order] = np.arange(m) % min(n_folds, m)
    return codes


def _blocks(panel: Trajectories, cv: Any) -> Design:
    splitter = cv if isinstance(cv, BlockedTimeSplit) else BlockedTimeSplit(
        check_integer("cv", cv, minimum=2)
    )  # fmt: skip
    folds, start = [], 0
    for train, test in splitter.split_panel(panel):
        stop = start + test.n_transitions
        folds.append(Fold(train, test, np.arange(start, stop)))
        start = stop
    gap = f", {splitter.gap} transitions left out on either side" if splitter.gap else ""
    return Design(tuple(folds), None, 1, f"{len(folds)} blocks of time of one path{gap}")
