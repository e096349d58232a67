"""Long frames: one row a state, with the id of its trajectory and its time.

Rows are taken in the order in which they stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext.trajectories.construction.assembly import Parts

__all__ = ["frame_arguments", "long_frame"]


def long_frame(parts: Parts, *, id: str, time: str) -> pd.DataFrame:  # noqa: A002
    """Return id, time and coordinates as a frame."""
    for name in (id, time):
        if name in parts.columns or id == time:
            raise InputError(
                f"The frame would have two columns {name!r}. Choose other names: "
                "to_frame(id=..., time=...)."
            )
    if not parts.ids.is_unique:
        raise InputError(
            f"The id {parts.ids[parts.ids.duplicated()][0]!r} stands for two trajectories, which "
            "a frame would run together. Use with_ids() first."
        )
    labels = parts.ids.repeat(np.diff(parts.offsets))
    frame = pd.DataFrame(parts.values.copy(), columns=list(parts.columns))
    frame.insert(0, id, labels.to_numpy())
    frame.insert(1, time, parts.times.copy())
    return frame


def frame_arguments(
    frame: pd.DataFrame,
    *,
    id: Any,  # noqa: A002
    time: Any,
    columns: Sequence[str] | None,
    groups: Any,
    metadata: Sequence[str],
) -> dict[str, Any]:
    """Return the constructor's arguments for a long frame."""
    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"`frame` must be a pandas DataFrame; got {type(frame).__name__}.")
    if isinstance(metadata, str) or isinstance(columns, str):
        raise InputError("`columns` and `metadata` are lists of names; got a string.")
    levels = [name for name in (id, time) if name in frame.index.names and name is not None]
    flat = frame.reset_index(level=levels) if levels else frame
    used = [name for name in (id, time, groups, *metadata) if name is not None]
    names = [c for c in flat.columns if c not in used] if columns is None else list(columns)
    for name in (*used, *names):
        if name not in flat.columns:
            raise InputError(
                f"The frame has no column {name!r}; it has {[str(c) for c in flat.columns]}."
            )
    if not flat.columns.is_unique:
        raise InputError("The frame has two columns of the same name.")
    if len(flat) == 0:
        raise InputError("The frame is empty: at least one trajectory is needed.")
    keys, members = _members(flat, id)
    described = {name: _constant(flat, name, members, keys) for name in metadata}
    return {
        "values": [flat[names].iloc[rows] for rows in members],
        "times": None if time is None else [flat[time].iloc[rows] for rows in members],
        "ids": None if id is None else keys,
        "groups": None if groups is None else _constant(flat, groups, members, keys),
        "columns": [str(name) for name in names],
        "metadata": pd.DataFrame(described) if described else None,
    }


def _members(frame: pd.DataFrame, id: Any) -> tuple[pd.Index, list[np.ndarray[Any, Any]]]:  # noqa: A002
    if id is None:
        return pd.RangeIndex(1), [np.arange(len(frame))]
    codes, keys = pd.factorize(frame[id])
    if (codes < 0).any():
        row = int(np.flatnonzero(codes < 0)[0])
        raise InputError(f"Column {id!r}, row {row} of the frame: the id is missing.")
    order = np.argsort(codes, kind="stable")
    return pd.Index(keys), np.split(order, np.cumsum(np.bincount(codes))[:-1])


def _constant(
    frame: pd.DataFrame, name: str, members: list[np.ndarray[Any, Any]], keys: pd.Index
) -> pd.Series:
    column = frame[name]
    codes = pd.factorize(column)[0]
    for key, rows in zip(keys, members, strict=True):
        if (codes[rows] != codes[rows[0]]).any():
            raise InputError(
                f"Column {name!r} varies within the trajectory {key!r}: it must be constant to "
                "describe it."
            )
    return column.iloc[[rows[0] for rows in members]].reset_index(drop=True)
