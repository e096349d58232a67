"""Models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext.plotting.figures import new_axes
from stochtext.plotting.palette import REFERENCE, series_colour

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_comparison"]


def plot_comparison(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    r"""Draw the differences of held-out scores as a forest plot, best model on top.

    Parameters
    ----------
    frame : DataFrame
        One row a model (index: its name) with the columns ``score``, ``diff``,
        ``ci_lower``, ``ci_upper`` (interval of the difference) and, for the order,
        ``rank``.
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
    >>> from stochtext.plotting import plot_comparison
    >>> frame = pd.DataFrame(
    ...     {"score": [-1.0, -1.2], "diff": [0.0, -0.2],
    ...      "ci_lower": [0.0, -0.3], "ci_upper": [0.0, -0.1]},
    ...     index=["neural", "linear"],
    ... )
    >>> [tick.get_text() for tick in plot_comparison(frame).get_yticklabels()]
    ['neural\n−1.000', 'linear\n−1.200']
    """
    needed = ["score", "diff", "ci_lower", "ci_upper"]
    missing = [column for column in needed if column not in frame.columns]
    if missing or frame.empty:
        raise InputError(
            f"`frame` must have a row for each model and the columns {', '.join(needed)}; "
            f"got {len(frame)} rows, missing: {', '.join(missing) or 'none'}."
        )
    ordered = frame.sort_values("rank", kind="stable") if "rank" in frame.columns else frame
    axes = new_axes(ax, 6.4, 1.4 + 0.6 * len(ordered))
    height = np.arange(len(ordered), dtype=np.float64)
    low, high = ordered["ci_lower"].to_numpy(), ordered["ci_upper"].to_numpy()
    axes.hlines(height, low, high, color=series_colour(0), linewidth=2.0)
    axes.plot(
        ordered["diff"].to_numpy(), height, linestyle="none", marker="o", color=series_colour(0)
    )
    axes.axvline(0.0, color=REFERENCE, linewidth=0.8, linestyle="--", zorder=1)
    names = [f"{model}\n{_signed(score)}" for model, score in ordered["score"].items()]
    axes.set_yticks(height, names)
    axes.set_ylim(len(ordered) - 0.5, -0.5)
    axes.set_xlabel("difference in held-out log density per transition, with interval")
    return axes


def _signed(score: float) -> str:
    return f"{score:.3f}".replace("-", "\N{MINUS SIGN}")
