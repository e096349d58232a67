"""Read observation times; refuse any order but a strictly increasing one.

Times are never sorted. Calendar times count from 1970-01-01 (UTC) in the unit
the user names, so that two panels of one process share their clock.
"""

from __future__ import annotations

import datetime as dt_module
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.trajectories.construction.values import as_numbers, describe, is_nested

__all__ = [
    "FlatTimes",
    "GridTimes",
    "check_increasing",
    "common_step",
    "flatten_times",
    "grid_times",
]


class FlatTimes(NamedTuple):
    """Times of all trajectories below one another."""

    rows: Any


class GridTimes:
    """Times start, start + step, ... of each trajectory, made into an array when first needed.

    A simulated panel may be so large that the times of all rows would double it.
    """

    def __init__(self, offsets: IntArray, steps: FloatArray, start: float = 0.0) -> None:
        self._offsets = offsets
        self._steps = steps
        self._start = start
        self._rows: FloatArray | None = None

    @property
    def rows(self) -> FloatArray:
        """The times of all rows, read-only."""
        if self._rows is None:
            lengths = np.diff(self._offsets)
            place = np.arange(self._offsets[-1]) - np.repeat(self._offsets[:-1], lengths)
            steps = self._steps if self._steps.ndim == 0 else np.repeat(self._steps, lengths)
            self._rows = self._start + place * steps
            self._rows.setflags(write=False)
        return self._rows


_UNITS = {"W": "W", "D": "D", "h": "h", "min": "m", "s": "s", "ms": "ms", "us": "us", "ns": "ns"}
_LONG = {
    "week": "W",
    "day": "D",
    "hour": "h",
    "minute": "min",
    "second": "s",
    "millisecond": "ms",
    "microsecond": "us",
    "nanosecond": "ns",
}
_RESOLUTION = 2.0**20
_TOLERANCE = 1e-9


def grid_times(
    dt: Any, offsets: IntArray, ids: pd.Index, start: float = 0.0
) -> tuple[GridTimes, float | None]:
    """Return times start, start + dt, ... of each trajectory, and the common step."""
    lengths = np.diff(offsets)
    try:
        steps = np.asarray(dt, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"`dt` must be a number or one number a trajectory; got {dt!r}.") from None
    if steps.ndim > 1 or (steps.ndim == 1 and steps.size != lengths.size):
        raise InputError(
            f"`dt` must be a number or one number a trajectory ({lengths.size}); "
            f"got the shape {steps.shape}."
        )
    bad = np.flatnonzero(~(np.isfinite(steps) & (steps > 0)))
    if bad.size:
        where = "" if steps.ndim == 0 else f" of {describe(int(bad[0]), ids)}"
        raise InputError(
            f"`dt`{where} must be a finite number > 0; got {np.atleast_1d(steps)[bad[0]]}. "
            "It is the time between two rows."
        )
    with np.errstate(over="ignore"):
        ends = start + steps * (lengths - 1)
    if not np.isfinite(ends).all():
        raise InputError(
            f"`dt` must leave the last time finite; {float(np.max(steps)):.6g} does not. Choose "
            "another unit of time."
        )
    same = steps.ndim == 0 or bool(np.all(steps == steps[0]))
    clock = GridTimes(offsets, steps, start)
    return clock, float(np.atleast_1d(steps)[0]) if same else None


def flatten_times(
    times: Any, lengths: IntArray, *, single: bool, time_unit: str | None, ids: pd.Index
) -> FloatArray:
    """Return the times of all rows as one array of numbers.

    Raises
    ------
    InputError
        If the nesting or a length differs from that of the values, or a
        calendar time comes without ``time_unit``.
    """
    if isinstance(times, FlatTimes):
        clock = _numeric(times.rows, time_unit, "times")
        if clock.shape != (int(lengths.sum()),):
            raise InputError(
                f"`times` has the shape {clock.shape} for {lengths.sum()} rows. Give one a row."
            )
        return clock
    parts = _as_parts(times, lengths, single=single)
    if len(parts) != lengths.size:
        raise InputError(
            f"`times` holds {len(parts)} sequences for {lengths.size} trajectories. "
            "Give `times` the nesting of `values`."
        )
    numbers = []
    for k, part in enumerate(parts):
        array = _numeric(part, time_unit, f"times of {describe(k, ids)}")
        if array.shape != (lengths[k],):
            raise InputError(
                f"times of {describe(k, ids)} have the shape {array.shape}, its values have "
                f"{lengths[k]} rows. Give one time a row."
            )
        numbers.append(array)
    return np.concatenate(numbers)


def _as_parts(times: Any, lengths: IntArray, *, single: bool) -> list[Any]:
    if is_nested(times):
        return list(times)
    if isinstance(times, list | tuple) and times and isinstance(times[0], list | tuple | range):
        return list(times)
    if isinstance(times, np.ndarray) and times.ndim == 2:
        return list(times)
    if single:
        return [times]
    flat = all(np.ndim(part) == 0 for part in times)
    shared = flat and bool(np.all(lengths == len(times)))
    if shared:
        return [times] * lengths.size
    raise InputError(
        "`times` must have the nesting of `values`: a list with one array of times a "
        "trajectory (or one array, where all trajectories are observed at the same times)."
    )


def _numeric(times: Any, time_unit: str | None, where: str) -> FloatArray:
    calendar = _calendar(times)
    if calendar is None:
        array = as_numbers(times, where)
        if array.size and not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array.ravel()))[0])
            raise InputError(f"{where}, row {row}: {array.ravel()[row]}. Times must be finite.")
        return array
    unit = _unit(time_unit, where)
    if np.isnat(calendar).any():
        row = int(np.flatnonzero(np.isnat(calendar))[0])
        raise InputError(f"{where}, row {row}: NaT. Every row needs a time.")
    if calendar.dtype.kind == "M":
        calendar = calendar - np.zeros((), dtype=calendar.dtype)
    numbers = np.asarray(calendar / unit, dtype=np.float64)
    _check_resolution(calendar, numbers, where)
    return numbers


def _calendar(times: Any) -> np.ndarray[Any, Any] | None:
    if isinstance(times, pd.Series | pd.Index) and isinstance(times.dtype, pd.DatetimeTZDtype):
        return pd.DatetimeIndex(times).tz_convert("UTC").tz_localize(None).to_numpy()
    try:
        array = np.asarray(times)
    except ValueError:
        return None
    if array.dtype == object and array.size:
        first = array.ravel()[0]
        if isinstance(first, dt_module.date | np.datetime64):
            return pd.DatetimeIndex(pd.to_datetime(array, utc=True)).tz_localize(None).to_numpy()
        if isinstance(first, dt_module.timedelta | np.timedelta64):
            return pd.TimedeltaIndex(array).to_numpy()
    return array if array.dtype.kind in "mM" else None


def _unit(time_unit: str | None, where: str) -> np.ndarray[Any, Any]:
    name = _LONG.get(str(time_unit).rstrip("s"), time_unit)
    if name not in _UNITS:
        allowed = ", ".join(repr(u) for u in _UNITS)
        raise InputError(
            f"{where} are dates: say with `time_unit` what one unit of time is, one of {allowed}; "
            f"got {time_unit!r}."
        )
    return np.array(1).astype(f"timedelta64[{_UNITS[name]}]")


def _check_resolution(calendar: np.ndarray[Any, Any], numbers: FloatArray, where: str) -> None:
    steps = np.diff(numbers)
    exact = np.diff(calendar).astype(np.int64)
    fine = np.flatnonzero((exact > 0) & (steps < _RESOLUTION * np.spacing(np.abs(numbers[1:]))))
    if fine.size:
        row = int(fine[0])
        raise InputError(
            f"{where}, rows {row} and {row + 1}: the step is too short to be resolved in a time "
            "counted from 1970. Count from a common start instead: times - start, a timedelta."
        )


def check_increasing(times: FloatArray, offsets: IntArray, ids: pd.Index) -> None:
    """Raise for the first pair of rows whose times do not increase."""
    steps = np.diff(times)
    steps[offsets[1:-1] - 1] = 1.0
    bad = np.flatnonzero(~(steps > 0))
    if not bad.size:
        return
    row = int(bad[0])
    k = int(np.searchsorted(offsets, row, side="right")) - 1
    first, second = float(times[row]), float(times[row + 1])
    fault = "are equal" if first == second else "decrease"
    remedy = "Remove or merge the duplicate rows." if first == second else "Sort the rows by time."
    raise InputError(
        f"{describe(k, ids)}, rows {row - offsets[k]} and {row - offsets[k] + 1}: the times "
        f"{first!r} and {second!r} {fault}; they must increase strictly. {remedy}"
    )


def common_step(times: FloatArray, offsets: IntArray) -> float | None:
    """Return the step if all are equal within 1e-9 relative and the rounding of the times."""
    steps = np.delete(np.diff(times), offsets[1:-1] - 1)
    if times[0] == 0.0:
        step = float(steps[0])
    else:
        spans = times[offsets[1:] - 1] - times[offsets[:-1]]
        step = float(spans.sum() / steps.size)
    allowance = _TOLERANCE * step + 4.0 * float(np.spacing(np.abs(times).max()))
    if allowance > 1e-3 * step:
        return None
    return step if bool(np.all(np.abs(steps - step) <= allowance)) else None
