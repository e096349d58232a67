"""Check what is said about trajectories: ids, groups, columns, metadata.

Labels stand in the order of the trajectories; nothing is reordered to fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError

__all__ = ["check_columns", "check_groups", "check_ids", "check_metadata", "default_columns"]


def default_columns(d: int) -> tuple[str, ...]:
    """Return x0, x1, ..., the names of unnamed columns."""
    return tuple(f"x{j}" for j in range(d))


def check_columns(columns: Any, d: int) -> tuple[str, ...]:
    """Return ``d`` distinct column names."""
    if columns is None:
        return default_columns(d)
    if isinstance(columns, str):
        columns = (columns,)
    names = tuple(str(name) for name in columns)
    if len(names) != d:
        raise InputError(f"`columns` names {len(names)} columns; the values have {d}.")
    if len(set(names)) != d:
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"`columns` names {twice!r} twice. Names must be distinct.")
    return names


def check_ids(ids: Any, m: int) -> pd.Index:
    """Return ``m`` distinct ids."""
    if ids is None:
        return pd.RangeIndex(m, name="id")
    if isinstance(ids, str):
        raise InputError(f"`ids` must be a sequence of {m} ids; got the string {ids!r}.")
    index = pd.Index(ids, name="id")
    if len(index) != m:
        raise InputError(f"`ids` holds {len(index)} ids for {m} trajectories.")
    if index.hasnans:
        raise InputError(f"`ids`: the id of trajectory {int(np.argmax(index.isna()))} is missing.")
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise InputError(
            f"`ids`: {twice!r} stands for two trajectories. Ids must be distinct; use `groups` "
            "to mark trajectories that belong together."
        )
    return index


def check_groups(groups: Any, m: int) -> np.ndarray[Any, Any] | None:
    """Return one group label a trajectory, or None."""
    if groups is None:
        return None
    array = np.array(groups)
    if array.shape != (m,):
        raise InputError(
            f"`groups` must hold one label a trajectory ({m}); got the shape {array.shape}."
        )
    missing = np.flatnonzero(pd.isna(array))
    if missing.size:
        raise InputError(f"`groups`: the group of trajectory {missing[0]} is missing.")
    if array.dtype == object and all(isinstance(label, str) for label in array):
        array = array.astype(str)
    return array


def check_metadata(metadata: Any, ids: pd.Index, *, given: bool) -> pd.DataFrame | None:
    """Return one row of metadata a trajectory, or None where there is none.

    Parameters
    ----------
    metadata : DataFrame, mapping or sequence of mappings
        In the order of the trajectories.
    ids : Index
        The ids, which become the index.
    given : bool
        Whether the user chose the ids; then an index that holds the same ids
        in another order is refused.
    """
    if metadata is None:
        return None
    try:
        frame = pd.DataFrame(metadata).copy()
    except (TypeError, ValueError) as error:
        raise InputError(f"`metadata` is not a table: {error}.") from None
    if len(frame) != len(ids):
        raise InputError(
            f"`metadata` has {len(frame)} rows for {len(ids)} trajectories: one row a trajectory."
        )
    if given and not frame.index.equals(ids) and set(frame.index) == set(ids):
        raise InputError(
            "`metadata` is indexed by the ids, but in another order. "
            "Pass metadata.loc[ids], in the order of the trajectories."
        )
    if not frame.columns.is_unique:
        raise InputError("`metadata` has two columns of the same name.")
    frame.index = ids
    return frame if frame.shape[1] else None
