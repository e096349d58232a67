"""From which states forecasts start, over which steps, and what was observed there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext._shared.validation import as_states, check_choice, check_positive, per_state
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import is_panel

__all__ = ["Origins", "panel_origins", "read_horizons", "read_origins"]

ORIGINS = ("last", "every")


@dataclass(frozen=True)
class Origins:
    """Starting states of forecasts.

    Attributes
    ----------
    x : ndarray of shape (n, d)
    t : ndarray of shape (n,)
        On the clock of the process.
    dt, clock_dt : ndarray of shape (n, h)
        Length of each of the steps to the longest horizon, in time and on the clock; NaN
        where a trajectory ends before.
    observed : ndarray of shape (n, k, d) or None
        States at the horizons, NaN where there is none.
    index : Index
        Of the starting states.
    trajectory : ndarray of int of shape (n,) or None
    start_factor : ndarray of shape (n, d, d) or None
        Root of the covariance of the starting states where they are known up to noise.
    noise_factor : ndarray of shape (d, d) or None
        Root of the covariance of the noise with which states are observed.
    """

    x: FloatArray
    t: FloatArray
    dt: FloatArray
    clock_dt: FloatArray
    observed: FloatArray | None
    index: pd.Index
    trajectory: IntArray | None
    start_factor: FloatArray | None = None
    noise_factor: FloatArray | None = None


def read_horizons(horizons: Any) -> tuple[int, ...]:
    """Return horizons as increasing positive whole numbers of steps."""
    given = np.atleast_1d(np.asarray(horizons))
    if (
        given.ndim != 1
        or not given.size
        or given.dtype.kind not in "iu"
        or given.min() < 1
        or np.any(np.diff(given) <= 0)
    ):
        raise InputError(
            "`horizons` must be increasing whole numbers of steps such as (1, 2, 5); got "
            f"{horizons!r}."
        )
    return tuple(int(h) for h in given)


def read_origins(
    results: Any, X: Any, horizons: tuple[int, ...], *, dt: Any, t: Any, clock_dt: Any, origin: str
) -> Origins:
    """Return where forecasts start: states of an array, or of the trajectories of a panel.

    Parameters
    ----------
    results : SDEResults
    X : array_like of shape (n, d), or panel
    horizons : tuple of int
    dt, t, clock_dt, origin
        As in ``get_prediction``.
    """
    check_choice("origin", origin, ORIGINS)
    if isinstance(X, Trajectories) or is_panel(X):
        if t is not None or clock_dt is not None:
            raise InputError("`t` and `clock_dt` belong to states; a panel carries its own times.")
        panel = results._as_panel(X, dt, None)
        return panel_origins(panel, horizons, results.record.clock, origin, _autonomous(results))
    states = as_states("x", X, results.record.dim)
    n, longest = len(states), horizons[-1]
    step = _step(results, dt)
    pace = step
    if results.record.clock == "relative" and not _autonomous(results):
        if t is None or clock_dt is None:
            raise InputError(
                "This fit runs on the relative clock: pass `t` (position in [0, 1]) and `clock_dt` "
                "(one step on it), or the trajectories themselves."
            )
        pace = check_positive("clock_dt", clock_dt)
    start = per_state("t", 0.0 if t is None else t, n)
    shape = (n, longest)
    return Origins(
        states, start, np.full(shape, step), np.full(shape, pace), None,
        pd.RangeIndex(n, name="point"), None,
    )  # fmt: skip


def panel_origins(
    panel: Trajectories, horizons: tuple[int, ...], clock: str, origin: str, autonomous: bool
) -> Origins:
    """Return the last states of all trajectories, or every state that has one after it.

    Steps beyond the end of a trajectory are as long as its last one if forecasts start at
    the end; where they start from every state there are none.
    """
    longest = horizons[-1]
    steps = panel.transitions(clock=clock)
    begins = panel.offsets[:-1] - np.arange(panel.n_trajectories)
    if origin == "last":
        if clock == "relative" and not autonomous:
            raise InputError(
                "On the relative clock there is nothing after the last state of a trajectory. "
                "Use origin='every', or pass states with `t` and `clock_dt`."
            )
        rows = panel.offsets[1:] - 1
        last = begins + panel.lengths - 2
        shape = (len(rows), longest)
        dt, pace = (np.broadcast_to(a[last][:, None], shape) for a in (steps.dt, steps.clock_dt))
        after = steps.t[last] + steps.clock_dt[last]
        index = pd.Index(panel.ids, name="trajectory")
        codes = np.arange(panel.n_trajectories)
        return Origins(panel.values[rows], after, dt, pace, None, index, codes)
    return _every(panel, steps, horizons)


def _every(panel: Trajectories, steps: Any, horizons: tuple[int, ...]) -> Origins:
    n, longest = len(steps.x), horizons[-1]
    end = (panel.offsets[1:] - np.arange(1, panel.n_trajectories + 1))[steps.trajectory]
    at = np.arange(n)[:, None] + np.arange(longest)
    there = at < end[:, None]
    safe = np.where(there, at, 0)
    dt, pace = (np.where(there, a[safe], np.nan) for a in (steps.dt, steps.clock_dt))
    places = np.array(horizons) - 1
    observed = np.where(there[:, places, None], steps.x_next[safe[:, places]], np.nan)
    within = np.arange(n) - (panel.offsets[:-1] - np.arange(panel.n_trajectories))[steps.trajectory]
    index = pd.MultiIndex.from_arrays(
        [panel.ids[steps.trajectory], within], names=["trajectory", "row"]
    )
    return Origins(steps.x, steps.t, dt, pace, observed, index, steps.trajectory)


def _step(results: Any, dt: Any) -> float:
    if dt is not None:
        return check_positive("dt", dt)
    common = results.record.common_dt
    if common is None:
        raise InputError(
            "The fitted trajectories had no common dt, so the length of a step is not known: pass "
            "`dt=`."
        )
    return float(common)


def _autonomous(results: Any) -> bool:
    return bool(results.process.autonomous)
