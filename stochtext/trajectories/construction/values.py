"""Read states into one flat array; refuse what numpy would quietly change.

Nothing is dropped, filled or parsed here: a value that is not a finite number
is reported with the trajectory, row and column where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray

__all__ = [
    "FlatValues",
    "check_finite",
    "check_lengths",
    "describe",
    "flatten_values",
    "is_array",
    "is_nested",
    "offsets_of",
]


class FlatValues(NamedTuple):
    """States of all trajectories below one another."""

    values: FloatArray
    lengths: IntArray
    columns: tuple[str, ...] | None
    single: bool


def is_array(value: Any) -> bool:
    """Say whether ``value`` is an array or frame of at least one dimension."""
    if isinstance(value, np.ndarray | pd.DataFrame | pd.Series | pd.Index):
        return value.ndim > 0
    return hasattr(value, "__array__") and not isinstance(value, np.generic) and np.ndim(value) > 0


def is_nested(value: Any) -> bool:
    """Say whether ``value`` is a sequence of arrays: one element a trajectory."""
    if isinstance(value, np.ndarray):
        return value.dtype == object and value.ndim == 1 and any(is_array(v) for v in value)
    return isinstance(value, list | tuple) and any(is_array(v) for v in value)


def offsets_of(lengths: IntArray) -> IntArray:
    """Return the row at which each trajectory starts, and the number of rows last."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])


def describe(k: int, ids: pd.Index | None = None) -> str:
    """Name trajectory ``k`` by its position and, where it differs, its id."""
    if ids is None or (ids[k] == k and not isinstance(ids[k], str)):
        return f"trajectory {k}"
    label = ids[k].item() if isinstance(ids[k], np.generic) else ids[k]
    return f"trajectory {k} (id {label!r})"


def as_numbers(value: Any, where: str, *, copy: bool = True) -> FloatArray:
    """Return ``value`` as C-ordered float64 if it holds real numbers and nothing else."""
    if hasattr(value, "toarray") and hasattr(value, "tocsr"):
        raise InputError(f"{where}: sparse data; dense data are required. Call `.toarray()`.")
    try:
        array = np.asarray(value)
    except ValueError:
        raise InputError(
            f"{where}: the rows differ in length. Pass one (T, d) array for a trajectory and "
            "a list of numpy arrays for a panel."
        ) from None
    except (TypeError, RuntimeError) as error:
        raise InputError(f"{where}: cannot be read as an array: {error}.") from error
    if np.iscomplexobj(array):
        raise InputError(
            f"Complex data not supported: {where} has dtype {array.dtype}. "
            "Pass the real and the imaginary part as two columns."
        )
    if array.dtype == object:
        _refuse_objects(array, where)
    elif array.dtype.kind not in "fiub":
        raise InputError(
            f"{where}: values must be numbers; got dtype {array.dtype}. "
            "Convert strings, categories and dates to numbers first."
        )
    if isinstance(array, np.ma.MaskedArray) or isinstance(value, np.ma.MaskedArray):
        array = np.ma.filled(np.ma.asarray(value).astype(np.float64), np.nan)
    return array.astype(np.float64, order="C", copy=copy)


def _refuse_objects(array: np.ndarray[Any, Any], where: str) -> None:
    for position, entry in np.ndenumerate(array):
        if isinstance(entry, complex) and not isinstance(entry, Real):
            raise InputError(f"Complex data not supported: {where}, position {position}.")
        if entry is not None and not isinstance(entry, Real | np.bool_):
            raise InputError(
                f"{where}, position {position}: values must be numbers; got {entry!r} of type "
                f"{type(entry).__name__}. Convert it first."
            )


def flatten_values(values: Any) -> FlatValues:
    """Read one path, a list of paths, an (m, T, d) array or a frame.

    Raises
    ------
    InputError
        If the values are empty, ragged, sparse, or not real numbers.
    """
    if isinstance(values, pd.DataFrame):
        states, columns = _frame_path(values, "values")
        return FlatValues(states, np.array([len(states)], dtype=np.int64), columns, True)
    if is_nested(values):
        return _flatten_list(values)
    if isinstance(values, list | tuple) and len(values) == 0:
        raise InputError("`values` is an empty list: at least one trajectory is needed.")
    readable = isinstance(values, list | tuple) or hasattr(values, "__array__")
    if not readable and not hasattr(values, "tocsr"):
        raise InputError(
            f"`values` must be one (T, d) array, a list of (T_k, d) arrays or an (m, T, d) "
            f"array; got {type(values).__name__}."
        )
    array = as_numbers(values, "values")
    if array.ndim == 3:
        m, length, d = array.shape
        lengths = np.full(m, length, dtype=np.int64)
        return FlatValues(array.reshape(m * length, d), lengths, None, False)
    states = _as_path(array, "values")
    return FlatValues(states, np.array([len(states)], dtype=np.int64), _series_name(values), True)


def _flatten_list(paths: Sequence[Any]) -> FlatValues:
    states, columns = [], None
    for k, path in enumerate(paths):
        if isinstance(path, pd.DataFrame):
            states_k, columns_k = _frame_path(path, f"trajectory {k}")
            if columns is not None and columns_k != columns:
                raise InputError(
                    f"trajectory {k} has the columns {list(columns_k)}, those before it have "
                    f"{list(columns)}. Give all frames the same columns in the same order."
                )
            columns = columns_k
        else:
            states_k = _as_path(as_numbers(path, f"trajectory {k}", copy=False), f"trajectory {k}")
        states.append(states_k)
        if states_k.shape[1] != states[0].shape[1]:
            raise InputError(
                f"trajectory {k} has {states_k.shape[1]} columns, trajectory 0 has "
                f"{states[0].shape[1]}. All trajectories of a panel share their columns."
            )
    lengths = np.array([len(s) for s in states], dtype=np.int64)
    return FlatValues(np.concatenate(states), lengths, columns, False)


def _as_path(array: FloatArray, where: str) -> FloatArray:
    if array.ndim == 1:
        array = array.reshape(-1, 1)
    if array.ndim != 2:
        raise InputError(
            f"{where}: a trajectory is a (T, d) or (T,) array; got the shape {array.shape}."
        )
    return array


def _series_name(values: Any) -> tuple[str, ...] | None:
    if isinstance(values, pd.Series) and values.name is not None:
        return (str(values.name),)
    return None


def _frame_path(frame: pd.DataFrame, where: str) -> tuple[FloatArray, tuple[str, ...]]:
    columns = tuple(str(name) for name in frame.columns)
    if not columns:
        raise InputError(f"{where}: the frame has no columns.")
    parts = [
        as_numbers(_numpy_column(frame.iloc[:, j]), f"{where}, column {name!r}", copy=False)
        for j, name in enumerate(columns)
    ]
    return np.column_stack(parts), columns


def _numpy_column(series: pd.Series) -> np.ndarray[Any, Any]:
    if pd.api.types.is_numeric_dtype(series.dtype) and not isinstance(series.dtype, np.dtype):
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    return series.to_numpy()


def check_lengths(flat: FlatValues, ids: pd.Index) -> None:
    """Require two rows in every trajectory and one column at least."""
    if flat.lengths.size == 0:
        raise InputError("`values` holds no trajectory: at least one is needed.")
    if flat.values.shape[1] == 0:
        raise InputError("`values` has no columns: a state needs at least one coordinate.")
    short = np.flatnonzero(flat.lengths < 2)
    if short.size:
        k = int(short[0])
        more = f" ({short.size} trajectories are that short)" if short.size > 1 else ""
        raise InputError(
            f"{describe(k, ids)} has {flat.lengths[k]} row(s), n_samples={flat.lengths[k]}: a "
            f"trajectory needs at least 2 to hold a transition{more}. Leave it out."
        )


def check_finite(
    values: FloatArray,
    offsets: IntArray,
    columns: tuple[str, ...],
    ids: pd.Index,
    *,
    gaps: bool = False,
) -> None:
    """Raise for the first NaN (unless ``gaps``) or infinite value, with its place."""
    finite = ~np.isinf(values) if gaps else np.isfinite(values)
    if finite.all():
        return
    row, column = (int(i) for i in np.argwhere(~finite)[0])
    k = int(np.searchsorted(offsets, row, side="right")) - 1
    value = values[row, column]
    kind = "NaN" if np.isnan(value) else "infinity (inf)"
    remedy = (
        "Remove or fill it, or pass missing='split' to cut trajectories at missing values; "
        "LinearSDE(missing='kalman') takes data with gaps as they are."
        if np.isnan(value)
        else "Remove or replace it."
    )
    raise InputError(
        f"{describe(k, ids)}, row {row - offsets[k]}, column {columns[column]!r}: {kind}. "
        f"{int((~finite).sum())} value(s) in all are not finite. {remedy}"
    )
