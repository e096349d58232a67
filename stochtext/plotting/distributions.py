"""Scores as distributions: a control by shuffling, and groups side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import ArrayLike
from stochtext._shared.validation import as_float_array
from stochtext.plotting.figures import new_axes
from stochtext.plotting.palette import DATA, REFERENCE, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_group_scores", "plot_order_control"]


def plot_order_control(
    observed: float,
    shuffled: ArrayLike,
    level: float | None = None,
    *,
    quantity: str = "held-out $R^2$ of the linear drift",
    ax: Axes | None = None,
) -> Axes:
    """Draw a statistic of the order as written against orders shuffled at random.

    Parameters
    ----------
    observed : float
        The statistic for the order as written.
    shuffled : array_like of shape (n,)
        The statistic for each shuffled copy.
    level : float, optional
        The part that needs no order, such as each document's own level.
    quantity : str
        Name of the statistic.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If a value is not finite or there is no shuffled copy.

    Examples
    --------
    >>> from stochtext.plotting import plot_order_control
    >>> ax = plot_order_control(0.3, [0.1, 0.12, 0.09, 0.11], level=0.1)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['shuffled (4 copies)', 'level alone: 0.1', 'as written: 0.3']
    """
    copies = as_float_array("shuffled", shuffled).ravel()
    marks = [observed] if level is None else [observed, level]
    if copies.size == 0 or not np.isfinite([*copies, *marks]).all():
        raise InputError(
            "`observed`, `level` and `shuffled` must be finite, with at least one shuffled copy; "
            f"got {observed!r}, {level!r} and {copies.size} copies, "
            f"{np.count_nonzero(~np.isfinite(copies))} of them not finite."
        )
    axes = new_axes(ax)
    bins = int(np.clip(np.sqrt(copies.size), 5, 40))
    axes.hist(copies, bins=bins, color=DATA, label=f"shuffled ({copies.size} copies)")
    if level is not None:
        axes.axvline(
            level, color=REFERENCE, linestyle="--", linewidth=1.2, label=f"level alone: {level:.3g}"
        )
    axes.axvline(
        observed, color=series_colour(1), linewidth=2.2, label=f"as written: {observed:.3g}"
    )
    axes.set_xlabel(quantity)
    axes.set_ylabel("shuffled copies")
    axes.legend(frameon=False)
    return axes


def plot_group_scores(
    frame: pd.DataFrame, group: str, score: str, *, ax: Axes | None = None
) -> Axes:
    """Draw the scores of every group: all points, and a box of the quartiles.

    Parameters
    ----------
    frame : DataFrame
        One row a document.
    group, score : str
        Columns with the label and the number. A row without score is counted in
        the group's label and not drawn.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If a column is missing or there is no row.

    Examples
    --------
    >>> import pandas as pd
    >>> from stochtext.plotting import plot_group_scores
    >>> frame = pd.DataFrame({"kind": ["a", "a", "b"], "score": [1.0, 2.0, None]})
    >>> ax = plot_group_scores(frame, "kind", "score")
    >>> [tick.get_text() for tick in ax.get_yticklabels()]
    ['a (n = 2)', 'b (n = 1, 1 without score)']
    """
    missing = [column for column in (group, score) if column not in frame.columns]
    if missing or frame.empty:
        raise InputError(
            f"`frame` must have rows and the columns {group!r} and {score!r}; got {len(frame)} "
            f"rows, missing: {', '.join(missing) or 'none'}."
        )
    parts = [(str(label), part[score]) for label, part in frame.groupby(group, sort=False)]
    axes = new_axes(ax, 6.4, 1.4 + 0.7 * len(parts))
    for k, (_, column) in enumerate(parts):
        _draw_group(axes, k, column.dropna().to_numpy(dtype=np.float64))
    axes.set_yticks(range(len(parts)), [_label(name, column) for name, column in parts])
    axes.set_ylim(len(parts) - 0.5, -0.5)
    axes.set_xlabel(score)
    return axes


def _draw_group(axes: Axes, k: int, values: np.ndarray) -> None:
    if values.size == 0:
        return
    colour = series_colour(k)
    box = {"color": colour, "linewidth": 1.3}
    axes.boxplot(
        [values],
        positions=[k],
        widths=0.5,
        orientation="horizontal",
        showfliers=False,
        manage_ticks=False,
        boxprops=box,
        whiskerprops=box,
        capprops=box,
        medianprops={"color": colour, "linewidth": 2.4},
    )
    spread = generator(0, "jitter", k).uniform(-0.14, 0.14, size=values.size)
    axes.plot(
        values, k + spread, linestyle="none", marker="o", markersize=4, alpha=0.55, color=colour
    )


def _label(name: str, column: pd.Series) -> str:
    without = int(column.isna().sum())
    return f"{name} (n = {len(column)}{f', {without} without score' if without else ''})"
