"""Cut trajectories at missing values, when the user asks for it.

What is left out is counted aloud: a row between two missing ones holds no
transition, and a trajectory without two complete rows in succession is gone.
"""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError, SampleSizeWarning
from stochtext._shared.typing import FloatArray, IntArray

__all__ = ["Pieces", "find_pieces", "piece_ids"]


class Pieces(NamedTuple):
    """Rows kept, length of each piece, and the trajectory it was cut from."""

    rows: IntArray
    lengths: IntArray
    source: IntArray
    number: IntArray


def find_pieces(values: FloatArray, offsets: IntArray, ids: pd.Index) -> Pieces | None:
    """Return the runs of complete rows, or None if nothing is missing.

    Warns
    -----
    SampleSizeWarning
        If complete rows or whole trajectories had to be left out.
    """
    complete = np.asarray(~np.isnan(values).any(axis=1))
    if complete.all():
        return None
    trajectory = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    starts = complete.copy()
    starts[1:] &= ~(complete[:-1] & (trajectory[1:] == trajectory[:-1]))
    run = np.cumsum(starts)[complete] - 1
    lengths = np.bincount(run)
    kept = lengths >= 2
    rows = np.flatnonzero(complete)[kept[run]]
    source = trajectory[np.flatnonzero(starts)][kept]
    if not source.size:
        raise InputError(
            "missing='split' leaves nothing: no trajectory has two complete rows in succession."
        )
    _warn_left_out(int(lengths[~kept].sum()), np.setdiff1d(trajectory, source), ids)
    first = np.concatenate([[True], source[1:] != source[:-1]])
    number = np.arange(source.size) - np.flatnonzero(first)[np.cumsum(first) - 1]
    return Pieces(rows, lengths[kept].astype(np.int64), source, number)


def _warn_left_out(n_rows: int, gone: IntArray, ids: pd.Index) -> None:
    parts = []
    if n_rows:
        parts.append(f"{n_rows} complete row(s) stand alone between missing ones")
    if gone.size:
        shown = ", ".join(repr(ids[k]) for k in gone[:5]) + (", ..." if gone.size > 5 else "")
        parts.append(f"{gone.size} trajectories have no two complete rows (ids {shown})")
    if parts:
        warnings.warn(
            f"missing='split': {' and '.join(parts)}; they hold no transition and are left out.",
            SampleSizeWarning,
            stacklevel=6,
        )


def piece_ids(ids: pd.Index, pieces: Pieces) -> tuple[pd.Index, dict[str, Any]]:
    """Return ids such as 'a/0', 'a/1' and the columns that say where a piece is from."""
    labels = [f"{ids[k]}/{j}" for k, j in zip(pieces.source, pieces.number, strict=True)]
    origin = {"source_id": ids[pieces.source].to_numpy(), "piece": pieces.number}
    return pd.Index(labels, name="id"), origin
