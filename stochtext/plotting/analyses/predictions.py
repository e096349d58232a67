"""Accuracy and coverage of predictions against the horizon."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stochtext.plotting.analyses.layout import figure_of, several_axes
from stochtext.plotting.palette import DATA, REFERENCE, series_colour

__all__ = ["plot_predictions"]


def plot_predictions(frame: pd.DataFrame, *, axes: Any = None) -> Any:
    """Draw R2 of model, persistence and control, and coverage of 95 % intervals.

    Parameters
    ----------
    frame : DataFrame
        Of an analysis of trajectories.
    axes : array_like of two Axes, optional

    Returns
    -------
    Figure
    """
    left, right = several_axes(axes, 2)
    for k, name in enumerate(("R2", "R2 of persistence")):
        _draw(left, _rows(frame, name), k, {"R2": "model"}.get(name, "persistence"))
    rows = _rows(frame, "R2")
    left.plot(_horizons(rows), rows["control"], "D--", color=DATA, label="shuffled")
    left.axhline(0, color=REFERENCE, linewidth=0.6)
    left.set_ylim(bottom=max(left.get_ylim()[0], -1.0))
    left.set_ylabel("$R^2$")
    for k, name in enumerate(("95 % intervals", "95 % calibrated")):
        _draw(
            right, _rows(frame, name), k, {"95 % intervals": "model's own"}.get(name, "calibrated")
        )
    right.axhline(0.95, color=REFERENCE, linewidth=0.8, linestyle=":")
    right.set_ylabel("coverage of 95 % intervals")
    for one in (left, right):
        one.set_xlabel("units ahead")
        one.legend(frameon=False, fontsize="small")
    return figure_of([left, right])


def _rows(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    return frame[frame.index.get_level_values("quantity") == name]


def _horizons(rows: pd.DataFrame) -> list[int]:
    return [int(str(w).removeprefix("h = ")) for w in rows.index.get_level_values("where")]


def _draw(axes: Any, rows: pd.DataFrame, k: int, label: str) -> None:
    half = [rows["estimate"] - rows["ci_lower"], rows["ci_upper"] - rows["estimate"]]
    axes.errorbar(
        _horizons(rows), rows["estimate"], yerr=half, fmt="o-", color=series_colour(k), label=label,
        markersize=4,
    )  # fmt: skip
