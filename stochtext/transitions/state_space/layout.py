"""Rows of a panel as nodes of the filter: equal histories of steps and gaps are one node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.trajectories.panel import Trajectories

__all__ = ["Layout", "Rows", "distinct_steps", "rows_of"]

# Differences of this share of a step are rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Rows:
    """The rows that are filtered, trajectory after trajectory.

    Attributes
    ----------
    y : ndarray of shape (N, d)
        Observations, NaN where there is none.
    clock : ndarray of shape (N,)
        Position on the clock of the mean.
    pace : ndarray of shape (N,)
        Clock units per unit of time in the step into the row; 0 in first rows.
    offsets : ndarray of int of shape (m + 1,)
    steps : ndarray of shape (g,)
        Distinct step lengths.
    group : ndarray of int of shape (N,)
        Which of ``steps`` leads into the row; -1 in first rows.
    place : ndarray of int of shape (N,)
        Number of the row in the panel; -1 for a row put in where the mean has a knot.
    """

    y: FloatArray
    clock: FloatArray
    pace: FloatArray
    offsets: IntArray
    steps: FloatArray
    group: IntArray
    place: IntArray

    @property
    def first(self) -> IntArray:
        """First row of each trajectory."""
        return self.offsets[:-1]

    def part(self, low: int, high: int) -> Rows:
        """Return the trajectories from ``low`` to ``high``, without the latter."""
        rows = slice(self.offsets[low], self.offsets[high])
        return Rows(
            self.y[rows], self.clock[rows], self.pace[rows],
            self.offsets[low : high + 1] - self.offsets[low], self.steps, self.group[rows],
            self.place[rows],
        )  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """Nodes of the filter and where the adjoint of each is collected.

    Attributes
    ----------
    node : ndarray of int of shape (N,)
        Node of each row.
    parent, group, slot, owner : ndarray of int of shape (n_nodes,)
        Parent (-1 for a root); step; place of the adjoint of that step; place of the
        adjoint of noise and first state.
    seen : ndarray of uint8 of shape (n_nodes, d)
        Which coordinates are observed.
    slots : ndarray of int of shape (n_slots,)
        Step of each slot.
    slot_owner : ndarray of int of shape (n_slots,)
        Owner of each slot.
    n_owners : int
    """

    node: IntArray
    parent: IntArray
    group: IntArray
    slot: IntArray
    owner: IntArray
    seen: np.ndarray
    slots: IntArray
    slot_owner: IntArray
    n_owners: int

    @classmethod
    def shared(cls, rows: Rows) -> Layout:
        """Return a layout with one node a history: for the sum over all trajectories."""
        seen = np.isfinite(rows.y)
        pattern = np.unique(seen, axis=0, return_inverse=True)[1].ravel()
        node = np.empty(len(rows.y), dtype=np.int64)
        known: dict[tuple[int, int, int], int] = {}
        is_first = np.zeros(len(rows.y), dtype=bool)
        is_first[rows.first] = True
        parent: list[int] = []
        origin: list[int] = []
        before = -1
        for row, key in enumerate(zip(is_first.tolist(), rows.group.tolist(), pattern.tolist(),
                                      strict=True)):  # fmt: skip
            above = -1 if key[0] else before
            before = known.setdefault((above, key[1], key[2]), len(known))
            node[row] = before
            if before == len(parent):
                parent.append(above)
                origin.append(row)
        group = rows.group[origin]
        n_steps = len(rows.steps)
        return cls(
            node, np.array(parent, dtype=np.int64), group, np.maximum(group, 0),
            np.zeros(len(parent), dtype=np.int64), seen[origin].astype(np.uint8),
            np.arange(n_steps), np.zeros(n_steps, dtype=np.int64), 1,
        )  # fmt: skip

    @classmethod
    def separate(cls, rows: Rows) -> Layout:
        """Return a layout with one node a row: for what each trajectory contributes."""
        n, m = len(rows.y), len(rows.first)
        owner = np.repeat(np.arange(m), np.diff(rows.offsets))
        parent = np.arange(-1, n - 1)
        parent[rows.first] = -1
        pair = np.where(rows.group >= 0, owner * len(rows.steps) + rows.group, -1)
        pairs, slot = np.unique(pair[pair >= 0], return_inverse=True)
        slots = np.zeros(n, dtype=np.int64)
        slots[pair >= 0] = slot
        return cls(
            np.arange(n), parent, rows.group, slots, owner, np.isfinite(rows.y).astype(np.uint8),
            pairs % len(rows.steps), pairs // len(rows.steps), m,
        )  # fmt: skip


def distinct_steps(dt: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the distinct lengths of steps and which one each is.

    Steps that differ by rounding only, as in the differences of a grid, are one.
    """
    order = np.argsort(dt, kind="stable")
    ordered = dt[order]
    new = np.concatenate([[True], ordered[1:] > ordered[:-1] * (1.0 + ROUNDING)])
    group = np.empty(len(dt), dtype=np.int64)
    group[order] = np.cumsum(new) - 1
    return ordered[new], group


def rows_of(
    panel: Trajectories,
    clock: str,
    *,
    complete_start: bool,
    knots: FloatArray | None = None,
    ahead: bool = False,
) -> Rows:
    """Return the rows of a panel for the filter.

    Parameters
    ----------
    panel : Trajectories
    clock : {"time", "relative"}
    complete_start : bool
        Begin each trajectory at its first row without a gap.
    knots : ndarray, optional
        Clock positions at which the mean changes its polynomial: a row without an
        observation is put there, so that no step contains one.
    ahead : bool, default False
        End each trajectory with a row without an observation, a step like the last one
        further on; its place is that of the last row plus N.

    Raises
    ------
    InputError
        If a trajectory has no complete row where one is needed.
    """
    position = panel.times if clock == "time" else panel.relative_times
    offsets, keep = panel.offsets, np.ones(len(panel.values), dtype=bool)
    if complete_start:
        keep = _from_first_complete(panel)
        offsets = np.concatenate([[0], np.cumsum(np.add.reduceat(keep, offsets[:-1]))])
    place = np.flatnonzero(keep)
    grid = _Grid(place, offsets.astype(np.int64), panel.times[place], position[place])
    if ahead:
        grid = _ahead(grid, len(panel.values))
    if knots is not None and len(knots):
        grid = _with_knots(grid, knots)
    place, offsets, times, position = grid
    later = np.ones(len(place), dtype=bool)
    later[offsets[:-1]] = False
    dt, clock_dt = np.diff(times, prepend=0.0), np.diff(position, prepend=0.0)
    group = np.full(len(place), -1, dtype=np.int64)
    steps, group[later] = distinct_steps(dt[later])
    pace = np.where(later, clock_dt / np.where(later, dt, 1.0), 0.0)
    own = (place >= 0) & (place < len(panel.values))
    y = np.where(own[:, None], panel.values[np.where(own, place, 0)], np.nan)
    return Rows(y, position, pace, offsets, steps, group, place)


class _Grid(NamedTuple):
    place: IntArray
    offsets: IntArray
    times: FloatArray
    position: FloatArray


def _ahead(grid: _Grid, n: int) -> _Grid:
    last = grid.offsets[1:] - 1
    at = last + 1
    times, position = (
        np.insert(values, at, 2.0 * values[last] - values[last - 1])
        for values in (grid.times, grid.position)
    )
    more = np.arange(len(grid.offsets))
    return _Grid(
        np.insert(grid.place, at, grid.place[last] + n), grid.offsets + more, times, position
    )


def _with_knots(grid: _Grid, knots: FloatArray) -> _Grid:
    """Return the rows with one more for each knot within a step; its place is -1."""
    place, offsets, times, position = grid
    position = position.copy()
    step = np.diff(position, append=position[-1])
    step[offsets[1:] - 1] = 0.0
    near = ROUNDING * np.maximum(step, np.roll(step, 1))
    found_row, found_at = [], []
    for knot in knots:
        position[np.abs(position - knot) <= near] = knot
        inside = np.flatnonzero((position < knot) & (knot < position + step - near) & (step > 0))
        found_row.append(inside)
        found_at.append(np.full(len(inside), knot))
    row, at = np.concatenate(found_row), np.concatenate(found_at)
    order = np.lexsort((at, row))
    row, at = row[order], at[order]
    share = (at - position[row]) / step[row]
    span = np.diff(times, append=times[-1])[row]
    trajectory = np.searchsorted(offsets, row, side="right") - 1
    more = np.concatenate([[0], np.cumsum(np.bincount(trajectory, minlength=len(offsets) - 1))])
    return _Grid(
        np.insert(place, row + 1, -1), offsets + more,
        np.insert(times, row + 1, times[row] + share * span), np.insert(position, row + 1, at),
    )  # fmt: skip


def _from_first_complete(panel: Trajectories) -> np.ndarray:
    complete = np.isfinite(panel.values).all(axis=1)
    reached = np.cumsum(complete)
    before = np.concatenate([[0], reached])[panel.offsets[:-1]]
    keep = reached > np.repeat(before, panel.lengths)
    kept = np.add.reduceat(keep, panel.offsets[:-1])
    short = np.flatnonzero(kept < 2)
    if short.size:
        k = short[0]
        raise InputError(
            f"Trajectory {k} (id {panel.ids[k]!r}) has no row without a gap before its last one, "
            "which initial='conditional' starts from. Use initial='stationary' or 'free', or "
            "leave the trajectory out."
        )
    return np.asarray(keep)
