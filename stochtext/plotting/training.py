"""How the training of an ensemble went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext.plotting.figures import new_axes
from stochtext.plotting.palette import series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_training"]


def plot_training(history: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the objective of every start by iteration.

    Parameters
    ----------
    history : DataFrame
        Columns ``start``, ``iteration`` and ``objective``.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If there is nothing to draw.

    Examples
    --------
    >>> import pandas as pd
    >>> from stochtext.plotting.training import plot_training
    >>> history = pd.DataFrame({"start": [0, 0], "iteration": [0, 1], "objective": [1.5, 1.2]})
    >>> plot_training(history).get_xlabel()
    'iteration'
    """
    needed = {"start", "iteration", "objective"}
    if not needed <= set(history.columns) or history.empty:
        raise InputError(
            "`history` must have the columns start, iteration and objective and at least one row; "
            "a fit without networks was not trained."
        )
    axes = new_axes(ax)
    for start in sorted({int(value) for value in history["start"]}):
        rows = history[history["start"] == start]
        colour = series_colour(start)
        axes.plot(rows["iteration"], rows["objective"], color=colour, label=f"start {start}")
    axes.set_xlabel("iteration")
    axes.set_ylabel("objective (nats per transition)")
    axes.legend(frameon=False)
    return axes
