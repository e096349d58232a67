"""Correlation times and memory exponents, with their controls."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stochtext.plotting.analyses.layout import draw_rows, figure_of, several_axes

__all__ = ["plot_process"]


def plot_process(frame: pd.DataFrame, *, axes: Any = None) -> Any:
    """Draw integrated correlation times and memory exponents of each coordinate.

    Parameters
    ----------
    frame : DataFrame
        Of an analysis of process properties.
    axes : array_like of two Axes, optional

    Returns
    -------
    Figure
    """
    drawn = several_axes(axes, 2)
    names = frame.index.get_level_values("quantity")
    for one, name, label in zip(
        drawn,
        ("integrated correlation time (steps)", "memory exponent (DFA)"),
        ("integrated correlation time (units)", "memory exponent (DFA)"),
        strict=True,
    ):
        rows = frame[names == name]
        draw_rows(one, rows, list(rows.index.get_level_values("where")), label)
    return figure_of(drawn)
