"""Path and ensemble against a setting of the generator."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stochtext.plotting.analyses.layout import figure_of, several_axes
from stochtext.plotting.palette import series_colour

__all__ = ["plot_settings"]


def plot_settings(table: pd.DataFrame, *, axes: Any = None) -> Any:
    """Draw diffusion within paths and variance between replicates, by setting.

    Parameters
    ----------
    table : DataFrame
        Indexed by setting.
    axes : array_like of two Axes, optional

    Returns
    -------
    Figure
    """
    drawn = several_axes(axes, 2)
    pairs = (("diffusion within a path", 0), ("between replicates", 1))
    for one, (name, colour) in zip(drawn, pairs, strict=True):
        one.plot(table.index, table[name], "o-", color=series_colour(colour))
        one.set_xlabel("setting")
        one.set_ylabel(name)
        one.set_ylim(bottom=0)
    return figure_of(drawn)
