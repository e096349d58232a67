"""Take trajectories out of a panel and put panels below one another.

A selection shares memory with its panel where the trajectories are
neighbours; otherwise it is a copy. An id may then stand twice (a bootstrap
sample draws with repetition); only frames need them distinct.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import IntArray
from stochtext.trajectories.construction.assembly import Parts, freeze
from stochtext.trajectories.construction.values import offsets_of

__all__ = ["join", "resolve_index", "take"]


def resolve_index(index: Any, m: int) -> slice | IntArray:
    """Turn an int, slice, mask or index array into positions of trajectories.

    Raises
    ------
    IndexError
        If a position is out of range.
    InputError
        If the index is of another kind or selects nothing.
    """
    if isinstance(index, int | np.integer) and not isinstance(index, bool | np.bool_):
        if not -m <= index < m:
            raise IndexError(f"trajectory {index} is out of range: the panel has {m}.")
        return slice(int(index) % m, int(index) % m + 1)
    if isinstance(index, slice):
        start, stop, stride = index.indices(m)
        positions = np.arange(start, stop, stride)
        chosen: slice | IntArray = slice(start, stop) if stride == 1 else positions
    else:
        chosen = positions = _positions(index, m)
    if positions.size == 0:
        raise InputError(f"The index {index!r} selects no trajectory; a panel holds at least one.")
    return chosen


def _positions(index: Any, m: int) -> IntArray:
    if isinstance(index, tuple | str) or np.ndim(index) != 1:
        raise InputError(
            f"A panel is indexed by trajectory: an integer, slice, mask or index array; got "
            f"{index!r}. For columns use panel.with_values(panel.values[:, [0]], columns=['name'])."
        )
    array = np.asarray(index)
    if array.dtype.kind == "O" and array.size:
        array = np.array(array.tolist())
    if array.dtype.kind == "b":
        if array.size != m:
            raise InputError(f"The mask has {array.size} entries for {m} trajectories.")
        return np.flatnonzero(array)
    if array.size and array.dtype.kind not in "iu":
        raise InputError(f"Trajectories are indexed by integers; got dtype {array.dtype}.")
    out = (array < -m) | (array >= m)
    if out.any():
        raise IndexError(f"trajectory {array[out][0]} is out of range: the panel has {m}.")
    return array.astype(np.int64) % m


def take(parts: Parts, chosen: slice | IntArray) -> Parts:
    """Return the parts that belong to the chosen trajectories."""
    offsets = parts.offsets
    if isinstance(chosen, slice):
        rows: slice | IntArray = slice(int(offsets[chosen.start]), int(offsets[chosen.stop]))
        new_offsets = offsets[chosen.start : chosen.stop + 1] - offsets[chosen.start]
    else:
        lengths = np.diff(offsets)[chosen]
        new_offsets = offsets_of(lengths)
        shift = np.repeat(offsets[:-1][chosen] - new_offsets[:-1], lengths)
        rows = np.arange(new_offsets[-1]) + shift
    return freeze(
        parts._replace(
            values=parts.values[rows],
            clock=parts.times[rows],
            offsets=new_offsets,
            ids=parts.ids[chosen],
            groups=None if parts.groups is None else parts.groups[chosen],
            metadata=None if parts.metadata is None else parts.metadata.iloc[chosen],
        )
    )


def join(several: Sequence[Parts]) -> Parts:
    """Put panels below one another.

    Raises
    ------
    InputError
        If there is none, or they differ in columns, time unit, or in whether
        they have groups, or in the columns of their metadata.
    """
    if not several:
        raise InputError("There is no panel to join: the list is empty.")
    first = several[0]
    for k, other in enumerate(several):
        _check_alike(first, other, k)
    groups, metadata = None, None
    if first.groups is not None:
        groups = np.concatenate([p.groups for p in several])
    if first.metadata is not None:
        metadata = pd.concat([p.metadata for p in several])
    steps = {p.step for p in several}
    ids = first.ids.append([p.ids for p in several[1:]]) if len(several) > 1 else first.ids
    return freeze(
        first._replace(
            values=np.concatenate([p.values for p in several]),
            clock=np.concatenate([p.times for p in several]),
            offsets=offsets_of(np.concatenate([np.diff(p.offsets) for p in several])),
            ids=ids,
            groups=groups,
            metadata=metadata,
            step=steps.pop() if len(steps) == 1 else None,
        )
    )


def _check_alike(first: Parts, other: Parts, k: int) -> None:
    pairs = {
        "columns": (first.columns, other.columns),
        "time_unit": (first.time_unit, other.time_unit),
        "groups given": (first.groups is not None, other.groups is not None),
        "metadata columns": (_names(first.metadata), _names(other.metadata)),
    }
    for what, (one, two) in pairs.items():
        if one != two:
            raise InputError(
                f"Panel {k} cannot be joined to panel 0: {what} {two!r} against {one!r}. "
                "Make them the same first."
            )


def _names(frame: pd.DataFrame | None) -> list[Any]:
    return [] if frame is None else list(frame.columns)
