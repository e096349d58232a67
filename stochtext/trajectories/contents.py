"""What a panel tells about itself: arrays, labels, transitions.

Nothing here changes the panel; arrays come out as read-only views or as fresh
copies, never as a way to its inside.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext._shared.validation import check_choice
from stochtext.trajectories.construction.assembly import Parts
from stochtext.trajectories.construction.times import common_step
from stochtext.trajectories.conversion.frames import long_frame

__all__ = ["PanelContents", "Transitions"]


class Transitions(NamedTuple):
    """One row a transition: from ``x`` at ``t`` to ``x_next`` after ``dt``.

    ``clock_dt`` is the length of the step on the clock of ``t``.
    """

    x: FloatArray
    x_next: FloatArray
    t: FloatArray
    dt: FloatArray
    trajectory: IntArray
    clock_dt: FloatArray


class PanelContents:
    """Read access to the parts of a panel."""

    __slots__ = ("_parts", "_step_known")
    _parts: Parts
    _step_known: bool

    @property
    def values(self) -> FloatArray:
        """All states, shape (N, d), read-only."""
        return self._parts.values.view()

    @property
    def has_gaps(self) -> bool:
        """Whether some value is missing (NaN), as ``missing='keep'`` allows."""
        return bool(np.isnan(self._parts.values.min()))

    @property
    def times(self) -> FloatArray:
        """All observation times, shape (N,), read-only."""
        return self._parts.times.view()

    @property
    def offsets(self) -> IntArray:
        """Row at which each trajectory starts, then N; shape (m + 1,)."""
        return self._parts.offsets.view()

    @property
    def ids(self) -> pd.Index:
        """Labels of the trajectories."""
        return self._parts.ids

    @property
    def groups(self) -> np.ndarray[Any, Any] | None:
        """Group of each trajectory, or None."""
        return None if self._parts.groups is None else self._parts.groups.view()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the coordinates."""
        return self._parts.columns

    @property
    def metadata(self) -> pd.DataFrame:
        """A copy of the metadata: one row a trajectory, indexed by id."""
        frame = self._parts.metadata
        return pd.DataFrame(index=self.ids) if frame is None else frame.copy()

    @property
    def time_unit(self) -> str | None:
        """Name of the unit of time."""
        return self._parts.time_unit

    @property
    def dt(self) -> float | None:
        """The step, if all are equal within 1e-9 relative; else None."""
        if not self._step_known:
            step = common_step(self._parts.times, self._parts.offsets)
            self._parts, self._step_known = self._parts._replace(step=step), True
        return self._parts.step

    @property
    def n_trajectories(self) -> int:
        """Number of trajectories, m."""
        return self._parts.offsets.size - 1

    @property
    def n_features(self) -> int:
        """Dimension of the state, d."""
        return self._parts.values.shape[1]

    @property
    def n_transitions(self) -> int:
        """Number of transitions, N - m."""
        return self._parts.values.shape[0] - self.n_trajectories

    @property
    def lengths(self) -> IntArray:
        """Number of rows of each trajectory, shape (m,)."""
        return np.diff(self._parts.offsets)

    @property
    def trajectory_index(self) -> IntArray:
        """Position of the trajectory that each row belongs to, shape (N,)."""
        return np.repeat(np.arange(self.n_trajectories), self.lengths)

    @property
    def relative_times(self) -> FloatArray:
        """Position u = (t - t_first) / (t_last - t_first) of each row, shape (N,)."""
        offsets, times = self._parts.offsets, self._parts.times
        first, last = times[offsets[:-1]], times[offsets[1:] - 1]
        lengths = self.lengths
        return (times - np.repeat(first, lengths)) / np.repeat(last - first, lengths)

    def arrays(self) -> list[FloatArray]:
        """Return the states of each trajectory, shape (T_k, d), as read-only views."""
        return self._pieces(self._parts.values)

    def time_arrays(self) -> list[FloatArray]:
        """Return the times of each trajectory, shape (T_k,), as read-only views."""
        return self._pieces(self._parts.times)

    def _pieces(self, flat: FloatArray) -> list[FloatArray]:
        bounds = self._parts.offsets.tolist()
        return [flat[a:b] for a, b in zip(bounds[:-1], bounds[1:], strict=True)]

    def transitions(self, clock: str = "time") -> Transitions:
        """Return all transitions; none crosses from one trajectory to the next.

        Parameters
        ----------
        clock : {'time', 'relative'}, default 'time'
            Whether ``t`` is the time or the position u in [0, 1] at which the
            transition starts. ``dt`` is always in units of time, ``clock_dt`` in
            units of the clock.

        Returns
        -------
        Transitions
            Named tuple of fresh arrays ``x, x_next`` (n, d) and ``t, dt,
            trajectory, clock_dt`` (n,), where n is the number of transitions.

        Examples
        --------
        >>> from stochtext.trajectories.panel import Trajectories
        >>> steps = Trajectories([[1.0], [2.0], [4.0]], dt=0.5).transitions("relative")
        >>> steps.x_next.ravel().tolist(), steps.t.tolist(), steps.dt.tolist()
        ([2.0, 4.0], [0.0, 0.5], [0.5, 0.5])
        """
        relative = check_choice("clock", clock, ("time", "relative")) == "relative"
        values, times, step = self._parts.values, self._parts.times, self.dt
        if self.n_trajectories == 1 and step is not None and not relative:
            n = len(values) - 1
            dt = np.full(n, step)
            return Transitions(
                x=values[:-1].copy(), x_next=values[1:].copy(), t=times[:-1].copy(), dt=dt,
                trajectory=np.zeros(n, dtype=np.int64), clock_dt=dt.copy(),
            )  # fmt: skip
        has_next = np.ones(self._parts.times.size, dtype=bool)
        has_next[self._parts.offsets[1:] - 1] = False
        starts = np.flatnonzero(has_next)
        ends = starts + 1
        dt = times[ends] - times[starts] if step is None else np.full(ends.size, step)
        position = self.relative_times if relative else times
        return Transitions(
            x=values.take(starts, axis=0),
            x_next=values.take(ends, axis=0),
            t=position.take(starts),
            dt=dt,
            trajectory=np.repeat(np.arange(self.n_trajectories), self.lengths - 1),
            clock_dt=position[ends] - position[starts] if relative else dt.copy(),
        )

    def to_array(self, fill: float | None = None) -> FloatArray:
        """Return an (m, T, d) array.

        Parameters
        ----------
        fill : float, optional
            What stands after the end of the shorter trajectories, such as
            ``numpy.nan``. Without it the lengths must be equal.

        Raises
        ------
        InputError
            If the lengths differ and there is no ``fill``.
        """
        lengths, values = self.lengths, self._parts.values
        longest = int(lengths.max())
        if bool(np.all(lengths == longest)):
            return values.reshape(self.n_trajectories, longest, self.n_features).copy()
        if fill is None:
            raise InputError(
                f"The trajectories have {lengths.min()} to {longest} rows and do not fit one "
                "array. Pass fill=numpy.nan to pad them, or use arrays()."
            )
        padded = np.full((self.n_trajectories, longest, self.n_features), float(fill))
        padded[np.arange(longest) < lengths[:, None]] = values
        return padded

    def to_frame(self, *, id: str = "id", time: str = "time") -> pd.DataFrame:  # noqa: A002
        """Return a long frame: id and time, then one column a coordinate.

        Parameters
        ----------
        id, time : str
            Names of the first two columns.

        Raises
        ------
        InputError
            If a coordinate has one of these names, or an id stands twice.
        """
        return long_frame(self._parts, id=id, time=time)
