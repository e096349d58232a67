"""The adequacy page as a picture: structure function and ladder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext.plotting.analyses.layout import draw_rows, figure_of, part_of, several_axes
from stochtext.plotting.palette import DATA, series_colour

__all__ = ["plot_adequacy"]


def plot_adequacy(frame: pd.DataFrame, *, axes: Any = None) -> Any:
    """Draw the structure function and held-out R2 of each rung, with their controls.

    Parameters
    ----------
    frame : DataFrame
        Of an adequacy page.
    axes : array_like of two Axes, optional

    Returns
    -------
    Figure
    """
    left, right = several_axes(axes, 2, 4.8, 4.2)
    rows = part_of(frame, "Structure function")
    names = rows.index.get_level_values("quantity")
    rows = rows[[name.startswith("V(") for name in names]]
    lags = [int(name[2:-1]) for name in rows.index.get_level_values("quantity")]
    ends = rows[["ci_lower", "ci_upper"]].to_numpy()
    left.fill_between(lags, ends[:, 0], ends[:, 1], color=series_colour(0), alpha=0.22, linewidth=0)
    left.plot(lags, rows["estimate"], "o-", color=series_colour(0), label="as written")
    left.plot(lags, rows["control"], "D--", color=DATA, label="shuffled")
    left.set_ylim(0, max(1.1, float(np.nanmax(rows["estimate"])) * 1.1))
    left.set_xlabel("lag $k$ (units)")
    left.set_ylabel("structure function $V(k)$")
    left.legend(frameon=False, fontsize="small")
    ladder = part_of(frame, "Ladder: held-out R2")
    draw_rows(right, ladder, list(ladder.index.get_level_values("where")), "held-out $R^2$")
    low = float(np.nanmin([*ladder["estimate"], *ladder["control"], 0.0]))
    right.set_xlim(max(low - 0.1, -1.0), 1.0)
    return figure_of([left, right])
