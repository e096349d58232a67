"""Put values, times and labels together, check them, and take parts of them.

Everything that leaves ``assemble`` is read-only and has passed every check.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext._shared.validation import check_choice
from stochtext.trajectories.construction.labels import (
    check_columns,
    check_groups,
    check_ids,
    check_metadata,
)
from stochtext.trajectories.construction.missing import find_pieces, piece_ids
from stochtext.trajectories.construction.times import (
    GridTimes,
    check_increasing,
    common_step,
    flatten_times,
    grid_times,
)
from stochtext.trajectories.construction.values import (
    FlatValues,
    check_finite,
    check_lengths,
    offsets_of,
)

__all__ = ["Parts", "assemble", "freeze"]


class Parts(NamedTuple):
    """What a panel consists of; ``step`` is None where unknown or not common."""

    values: FloatArray
    clock: FloatArray | GridTimes
    offsets: IntArray
    ids: pd.Index
    groups: np.ndarray[Any, Any] | None
    columns: tuple[str, ...]
    metadata: pd.DataFrame | None
    time_unit: str | None
    step: float | None

    @property
    def times(self) -> FloatArray:
        """The times of all rows."""
        return self.clock.rows if isinstance(self.clock, GridTimes) else self.clock


def freeze(parts: Parts) -> Parts:
    """Make the arrays read-only."""
    for array in (parts.values, parts.clock, parts.offsets, parts.groups):
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return parts


def assemble(
    flat: FlatValues,
    times: Any,
    *,
    dt: Any,
    ids: Any,
    groups: Any,
    columns: Any,
    metadata: Any,
    time_unit: str | None,
    missing: str,
    start: float = 0.0,
    finite: bool = False,
) -> Parts:
    """Check everything that ``Trajectories`` was given and return its parts.

    ``start`` is the first time of a grid; ``finite`` says that the values need no check.
    """
    check_choice("missing", missing, ("raise", "split", "keep"))
    if time_unit is not None and not isinstance(time_unit, str):
        raise InputError(f"`time_unit` must be a string such as 's'; got {time_unit!r}.")
    m = flat.lengths.size
    index = check_ids(ids, m)
    if missing != "split":
        check_lengths(flat, index)
    offsets = offsets_of(flat.lengths)
    clock, step = _clock(flat, times, dt, offsets, index, time_unit, start)
    parts = Parts(
        flat.values,
        clock,
        offsets,
        index,
        check_groups(groups, m),
        check_columns(flat.columns if columns is None else columns, flat.values.shape[1]),
        check_metadata(metadata, index, given=ids is not None),
        time_unit,
        step,
    )
    if missing == "split":
        parts = _split(parts)
    if not finite:
        check_finite(parts.values, parts.offsets, parts.columns, parts.ids, gaps=missing == "keep")
    return freeze(parts)


def _clock(
    flat: FlatValues,
    times: Any,
    dt: Any,
    offsets: IntArray,
    ids: pd.Index,
    time_unit: str | None,
    start: float,
) -> tuple[FloatArray | GridTimes, float | None]:
    if times is None:
        return grid_times(dt, offsets, ids, start)
    if not (np.ndim(dt) == 0 and dt == 1.0):
        raise InputError(
            f"Both `times` and `dt`={dt!r} were given. The times already say how long a step "
            "is: leave `dt` out."
        )
    clock = flatten_times(times, flat.lengths, single=flat.single, time_unit=time_unit, ids=ids)
    check_increasing(clock, offsets, ids)
    return clock, common_step(clock, offsets)


def _split(parts: Parts) -> Parts:
    pieces = find_pieces(parts.values, parts.offsets, parts.ids)
    if pieces is None:
        return parts
    ids, origin = piece_ids(parts.ids, pieces)
    frame = pd.DataFrame(index=parts.ids) if parts.metadata is None else parts.metadata
    metadata = frame.iloc[pieces.source].assign(**origin)
    metadata.index = ids
    # Pieces of one trajectory are not independent: they stay in one cluster.
    groups = np.asarray(parts.ids if parts.groups is None else parts.groups)
    return parts._replace(
        values=parts.values[pieces.rows],
        clock=parts.times[pieces.rows],
        offsets=offsets_of(pieces.lengths),
        ids=ids,
        groups=check_groups(groups[pieces.source], pieces.source.size),
        metadata=metadata,
    )
