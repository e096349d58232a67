"""The panel: trajectories of different lengths, frozen, one below the other.

A trajectory is the unit of everything that follows: indexing takes
trajectories, transitions never cross a border, and nothing is changed in place.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.trajectories.construction.assembly import Parts, assemble, freeze
from stochtext.trajectories.construction.labels import check_columns, check_groups, check_ids
from stochtext.trajectories.construction.selection import join, resolve_index, take
from stochtext.trajectories.construction.times import FlatTimes
from stochtext.trajectories.construction.values import (
    FlatValues,
    as_numbers,
    check_finite,
    flatten_values,
)
from stochtext.trajectories.contents import PanelContents, Transitions
from stochtext.trajectories.conversion.frames import frame_arguments
from stochtext.trajectories.conversion.storage import read_parts, write_parts

__all__ = ["Trajectories", "Transitions"]


class Trajectories(PanelContents):
    """A panel of m trajectories in R^d, each with its own length and times.

    Parameters
    ----------
    values : array of shape (T, d) or (T,), list of such arrays, or array (m, T, d)
        One array is **one** trajectory; a list of arrays is a panel. Data frames
        count as arrays and name the columns.
    times : same nesting as ``values``, optional
        Strictly increasing observation times; numbers, or dates together with
        ``time_unit``. Dates count from 1970-01-01 (UTC) in that unit.
    dt : float or sequence of m floats, default 1.0
        Time between two rows where no ``times`` are given.
    ids : sequence of m distinct labels, optional
        Default 0, 1, ..., m - 1.
    groups : sequence of m labels, optional
        Trajectories of one group are not taken to be independent.
    columns : sequence of d strings, optional
        Default ``x0``, ``x1``, ...
    metadata : DataFrame, mapping or sequence of mappings, optional
        One row a trajectory, in the order of the trajectories.
    time_unit : str, optional
        Name of the unit of time. For dates one of ``'W' 'D' 'h' 'min' 's' 'ms'
        'us' 'ns'``.
    missing : {'raise', 'split', 'keep'}, default 'raise'
        What to do with NaN. ``'split'`` cuts the trajectory there; the pieces
        get ids such as ``'a/0'``, share a group, and name their origin in the
        metadata columns ``source_id`` and ``piece``. ``'keep'`` leaves the gap,
        which ``LinearSDE(missing='kalman')`` takes and all else refuses.

    Raises
    ------
    InputError
        If anything is not as described: NaN or infinite values, times that do
        not increase, fewer than two rows, different numbers of columns, data
        that are not real numbers.

    Notes
    -----
    The arrays inside are read-only: flat values of shape (N, d) and the
    offsets of the m trajectories in them. Iteration gives one-trajectory
    panels; an int, a slice, a mask or an array of positions gives a panel.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.trajectories.panel import Trajectories
    >>> panel = Trajectories([np.zeros((3, 2)), np.ones((5, 2))], dt=0.5)
    >>> panel.lengths.tolist(), panel.n_transitions, panel[1].n_transitions
    ([3, 5], 6, 4)
    """

    __slots__ = ()

    def __init__(
        self,
        values: Any,
        times: Any = None,
        *,
        dt: float | Sequence[float] | ArrayLike = 1.0,
        ids: Any = None,
        groups: Any = None,
        columns: Any = None,
        metadata: Any = None,
        time_unit: str | None = None,
        missing: str = "raise",
    ) -> None:
        if isinstance(values, Trajectories):
            raise InputError(
                "`values` is a Trajectories object already. Use it as it is, or its methods "
                "with_values(...) and with_groups(...) to change a part."
            )
        self._set(
            assemble(
                flatten_values(values),
                times,
                dt=dt,
                ids=ids,
                groups=groups,
                columns=columns,
                metadata=metadata,
                time_unit=time_unit,
                missing=missing,
            )
        )

    def _set(self, parts: Parts) -> None:
        self._parts = parts
        self._step_known = parts.step is not None

    @classmethod
    def _of(cls, parts: Parts) -> Trajectories:
        panel = cls.__new__(cls)
        panel._set(parts)
        return panel

    @classmethod
    def from_flat(
        cls,
        values: FloatArray,
        lengths: ArrayLike,
        times: FloatArray | None = None,
        *,
        dt: float | ArrayLike = 1.0,
        ids: Any = None,
        groups: Any = None,
        columns: Any = None,
        metadata: Any = None,
        time_unit: str | None = None,
        copy: bool = True,
        start: float = 0.0,
        finite: bool = False,
    ) -> Trajectories:
        """Build a panel from rows below one another.

        Parameters
        ----------
        values : array of shape (N, d)
            All rows, trajectory after trajectory.
        lengths : array of m ints
            Rows of each trajectory; they add up to N.
        times : array of shape (N,), optional
            Observation times of the rows.
        dt, ids, groups, columns, metadata, time_unit
            As in the constructor.
        copy : bool, default True
            With False the panel views ``values``, which the caller must not
            change any more.
        start : float, default 0.0
            Time of the first row of each trajectory where no ``times`` are given.
        finite : bool, default False
            Whether the caller knows that all values are finite: then they are
            not looked at again.

        Raises
        ------
        InputError
            If the lengths do not fit, or as in the constructor.
        """
        rows = np.asarray(lengths, dtype=np.int64)
        states = as_numbers(values, "values", copy=copy)
        if states.ndim != 2 or rows.ndim != 1 or rows.sum() != len(states) or (rows < 0).any():
            raise InputError(
                f"`values` of shape {states.shape} and `lengths` that add up to {rows.sum()} do "
                "not fit: (N, d) rows and lengths that add up to N are needed."
            )
        flat = FlatValues(states.view(), rows, None, False)
        clock = None if times is None else FlatTimes(times)
        return cls._of(
            assemble(
                flat,
                clock,
                dt=dt,
                ids=ids,
                groups=groups,
                columns=columns,
                metadata=metadata,
                time_unit=time_unit,
                missing="raise",
                start=start,
                finite=finite,
            )
        )

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        id: Any = None,  # noqa: A002
        time: Any = None,
        columns: Sequence[str] | None = None,
        groups: Any = None,
        metadata: Sequence[str] = (),
        dt: float | ArrayLike = 1.0,
        time_unit: str | None = None,
        missing: str = "raise",
    ) -> Trajectories:
        """Build a panel from a long frame with one row a state.

        Parameters
        ----------
        frame : DataFrame
            Rows of one trajectory stand in the order of time; nothing is sorted.
        id, time : str, optional
            Columns (or index levels) with the trajectory's id and the time.
            Without ``id`` the frame is one trajectory; without ``time`` its
            rows are ``dt`` apart.
        columns : sequence of str, optional
            The coordinates; default all columns that have no other use.
        groups : str, optional
            Column with the group, constant within a trajectory.
        metadata : sequence of str
            Columns that are constant within a trajectory and describe it.
        dt, time_unit, missing
            As in the constructor.

        Raises
        ------
        InputError
            If a column does not exist, an id is missing, a described quantity
            varies within a trajectory, or as in the constructor.
        """
        arguments = frame_arguments(
            frame, id=id, time=time, columns=columns, groups=groups, metadata=metadata
        )
        return cls(**arguments, dt=dt, time_unit=time_unit, missing=missing)

    @classmethod
    def concat(cls, panels: Sequence[Trajectories]) -> Trajectories:
        """Put panels with the same columns below one another."""
        for k, panel in enumerate(panels):
            if not isinstance(panel, Trajectories):
                raise InputError(
                    f"Element {k} is of type {type(panel).__name__}, not Trajectories."
                )
        return cls._of(join([panel._parts for panel in panels]))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Trajectories:
        """Read a panel that ``save`` wrote (``.npz`` or ``.parquet``)."""
        return cls._of(read_parts(path))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the panel to ``path``; the suffix is ``.npz`` or ``.parquet``.

        Neither format holds pickled objects. Parquet needs the extra ``io``.
        The file appears whole or not at all.
        """
        write_parts(self._parts, path)

    def with_values(self, values: Any, columns: Any = None) -> Trajectories:
        """Return a panel with other states at the same times.

        Parameters
        ----------
        values : array of shape (N, d') or list of m arrays (T_k, d')
            The new states.
        columns : sequence of d' strings, optional
            By default the present names if d' = d, else ``x0``, ``x1``, ...

        Raises
        ------
        InputError
            If the rows do not match those of the panel, or as in the constructor.
        """
        flat = flatten_values(values)
        expected = np.array([len(self._parts.times)]) if flat.single else self.lengths
        if not np.array_equal(flat.lengths, expected):
            raise InputError(
                f"`values` has {flat.lengths.tolist()[:5]} rows, expected "
                f"{expected.tolist()[:5]}: one row for each row of the panel."
            )
        d = flat.values.shape[1]
        if columns is None:
            columns = self.columns if d == self.n_features else flat.columns
        names = check_columns(columns, d)
        check_finite(flat.values, self._parts.offsets, names, self.ids)
        return self._of(freeze(self._parts._replace(values=flat.values, columns=names)))

    def with_groups(self, groups: Any) -> Trajectories:
        """Return the same panel with other groups, one label a trajectory (or None)."""
        checked = check_groups(groups, self.n_trajectories)
        return self._of(freeze(self._parts._replace(groups=checked)))

    def with_columns(self, columns: Any) -> Trajectories:
        """Return the same panel with other names of its coordinates, d distinct strings."""
        names = check_columns(columns, self.n_features)
        return self._of(self._parts._replace(columns=names))

    def with_ids(self, ids: Any = None) -> Trajectories:
        """Return the same panel with other ids, by default 0, 1, ..., m - 1."""
        index = check_ids(ids, self.n_trajectories)
        metadata = self._parts.metadata
        if metadata is not None:
            metadata = metadata.set_axis(index, axis=0)
        return self._of(self._parts._replace(ids=index, metadata=metadata))

    def __len__(self) -> int:
        return self.n_trajectories

    def __getitem__(self, index: Any) -> Trajectories:
        return self._of(take(self._parts, resolve_index(index, self.n_trajectories)))

    def __iter__(self) -> Iterator[Trajectories]:
        for k in range(self.n_trajectories):
            yield self[k]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        raise TypeError(
            "Trajectories is a panel, not an array. Use .values for all rows, .arrays() for one "
            "array a trajectory, or .to_array(fill=numpy.nan) for an (m, T, d) array."
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trajectories):
            return NotImplemented
        a, b = self._parts, other._parts
        if a.groups is None or b.groups is None:
            same_groups = a.groups is b.groups
        else:
            same_groups = np.array_equal(a.groups, b.groups)
        return bool(
            (a.columns, a.time_unit) == (b.columns, b.time_unit)
            and np.array_equal(a.offsets, b.offsets)
            and np.array_equal(a.values, b.values, equal_nan=True)
            and np.array_equal(a.times, b.times)
            and a.ids.equals(b.ids)
            and same_groups
            and self.metadata.equals(other.metadata)
        )

    def __repr__(self) -> str:
        low, high = int(self.lengths.min()), int(self.lengths.max())
        rows = f"{low}" if low == high else f"{low}..{high}"
        names = ", ".join(self.columns[:4]) + (", ..." if self.n_features > 4 else "")
        unit = f" {self.time_unit}" if self.time_unit else ""
        step = "irregular" if self.dt is None else f"{self.dt:g}{unit}"
        return (
            f"Trajectories(m={self.n_trajectories}, T={rows}, d={self.n_features} [{names}], "
            f"n_transitions={self.n_transitions}, dt={step})"
        )

    def __getstate__(self) -> Parts:
        return self._parts

    def __setstate__(self, parts: Parts) -> None:
        # Arrays come out of a pickle writable.
        self._set(freeze(parts))
