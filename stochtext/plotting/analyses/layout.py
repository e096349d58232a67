"""Axes for a picture of several parts, and the marks they share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext.plotting.figures import new_figure, tidy
from stochtext.plotting.palette import DATA, series_colour

__all__ = ["draw_rows", "figure_of", "part_of", "several_axes"]


def several_axes(axes: Any, n: int, width: float = 4.6, height: float = 3.6) -> list[Any]:
    """Return n axes: those given, or new ones side by side.

    Parameters
    ----------
    axes : array_like of Axes or None
    n : int
    width, height : float
        Of each new one, in inches.
    """
    if axes is None:
        figure = new_figure(width * n, height)
        return [tidy(figure.add_subplot(1, n, k + 1)) for k in range(n)]
    given = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(given) != n:
        raise InputError(f"This picture has {n} part(s); got {len(given)} axes.")
    return given


def figure_of(axes: list[Any]) -> Any:
    """Return the figure that axes belong to."""
    return axes[0].get_figure()


def part_of(frame: pd.DataFrame, part: str, quantity: str | None = None) -> pd.DataFrame:
    """Return the rows of one part (and quantity) of a frame of quantities."""
    rows = frame[frame.index.get_level_values("part") == part]
    if quantity is not None:
        rows = rows[rows.index.get_level_values("quantity") == quantity]
    return rows


def draw_rows(axes: Any, rows: pd.DataFrame, labels: list[str], xlabel: str) -> None:
    """Draw estimates with intervals, one line each, and their controls as grey diamonds."""
    place = np.arange(len(rows))[::-1]
    centre = rows["estimate"].to_numpy()
    ends = rows[["ci_lower", "ci_upper"]].to_numpy()
    axes.hlines(place, ends[:, 0], ends[:, 1], color=series_colour(0), linewidth=2.0)
    axes.plot(centre, place, "o", color=series_colour(0), markersize=5, label="as written")
    if rows["control"].notna().any():
        axes.plot(rows["control"], place, "D", color=DATA, markersize=5, label="control", zorder=1)
    axes.set_yticks(place, labels)
    axes.set_xlabel(xlabel)
    axes.legend(frameon=False, fontsize="small")
