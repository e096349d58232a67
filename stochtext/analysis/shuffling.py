"""The control of every analysis: the same states of each document in a random order.

Law: states never leave their document, and times, groups and metadata stay where they are.
"""

from __future__ import annotations

import warnings

import numpy as np

from stochtext._shared.exceptions import OverlapWarning
from stochtext._shared.typing import IntArray
from stochtext.trajectories.panel import Trajectories

__all__ = ["shuffled", "shuffled_rows", "warn_if_overlapping"]


def shuffled_rows(panel: Trajectories, rng: np.random.Generator) -> IntArray:
    """Return a permutation of the rows that keeps each in its trajectory, shape (N,)."""
    order: IntArray = np.lexsort((rng.random(len(panel.values)), panel.trajectory_index))
    return order


def shuffled(panel: Trajectories, rng: np.random.Generator) -> Trajectories:
    """Return the panel with the states of each trajectory in a random order."""
    values = panel.values[shuffled_rows(panel, rng)]
    return Trajectories.from_flat(
        values, panel.lengths, panel.times, ids=panel.ids, groups=panel.groups,
        columns=panel.columns, metadata=panel.metadata, time_unit=panel.time_unit, copy=False,
        finite=True,
    )  # fmt: skip


def warn_if_overlapping(signs: list[str]) -> None:
    """Warn that a representation shares material between neighbouring states."""
    if signs:
        warnings.warn(
            f"{' '.join(signs)} Smoothed or overlapping states look like a diffusion whatever the "
            "order of the text. Read every number beside its control, and shuffle the units "
            "before they are smoothed: `control=front_end.shuffled_control(documents)`.",
            OverlapWarning,
            stacklevel=4,
        )
