"""The phase portrait: streamlines, nullclines and fixed points where there were data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.typing import FloatArray
from stochtext.plotting.figures import new_axes
from stochtext.plotting.palette import DATA, REFERENCE, series_colour

__all__ = ["plot_portrait"]

MOST_STATES = 3000


def plot_portrait(
    portrait: pd.DataFrame, points: pd.DataFrame, columns: tuple[str, ...], *,
    states: FloatArray | None = None, ax: Any = None,
) -> Any:  # fmt: skip
    """Draw a phase portrait.

    Parameters
    ----------
    portrait : DataFrame
        Columns ``x, y, u, v, inside`` on a square grid, row by row; or ``x, u, inside``.
    points : DataFrame
        Fixed points: ``estimate`` and ``note`` (the type), one row a point and coordinate.
    columns : tuple of str
        Names of the coordinates.
    states : ndarray of shape (n, d), optional
        Observed states, drawn behind.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    axes = new_axes(ax, 5.6, 4.6)
    axes.set_xlabel(columns[0])
    known = points[points["estimate"].notna()]
    if "y" not in portrait:
        return _line(axes, portrait, known)
    if states is not None:
        some = states[:: max(1, len(states) // MOST_STATES)]
        axes.plot(some[:, 0], some[:, 1], ".", color=DATA, markersize=2, alpha=0.5, zorder=0)
    n = round(np.sqrt(len(portrait)))
    x, y = portrait["x"].to_numpy()[:n], portrait["y"].to_numpy()[::n]
    hidden = ~portrait["inside"].to_numpy()
    u, v = (np.ma.array(portrait[c].to_numpy(), mask=hidden).reshape(n, n) for c in ("u", "v"))
    if not hidden.all():
        axes.streamplot(x, y, u, v, color=DATA, linewidth=0.9, density=1.1, arrowsize=0.9)
    for field, name, k in ((u, columns[0], 0), (v, columns[1], 1)):
        if np.ma.is_masked(field.min()) or not field.min() < 0 < field.max():
            continue
        axes.contour(x, y, field, levels=[0.0], colors=[series_colour(k)], linewidths=1.6)
        axes.plot([], [], color=series_colour(k), label=f"{name} stands still")
    where = known["estimate"].to_numpy().reshape(-1, len(columns))
    kinds = known["note"].to_numpy()[:: len(columns)]
    for place, kind in zip(where, kinds, strict=True):
        filled = str(kind).startswith("stable")
        axes.plot(
            place[0], place[1], "o", markersize=8, markeredgecolor=REFERENCE,
            markerfacecolor=REFERENCE if filled else "white", zorder=5,
        )  # fmt: skip
    axes.set_ylabel(columns[1])
    axes.legend(frameon=False, fontsize="small")
    return axes


def _line(axes: Any, portrait: pd.DataFrame, points: pd.DataFrame) -> Any:
    inside = portrait["inside"].to_numpy()
    axes.plot(portrait["x"], portrait["u"].where(inside), color=series_colour(0))
    axes.axhline(0, color=REFERENCE, linewidth=0.6)
    for place, kind in zip(points["estimate"], points["note"], strict=True):
        filled = str(kind).startswith("stable")
        axes.plot(
            place, 0, "o", markersize=8, markeredgecolor=REFERENCE,
            markerfacecolor=REFERENCE if filled else "white", zorder=5,
        )  # fmt: skip
    axes.set_ylabel("drift $b(x)$")
    return axes
