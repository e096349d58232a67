"""Moments over the document, data against simulated bands."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stochtext.plotting.analyses.layout import figure_of, several_axes
from stochtext.plotting.palette import DATA, series_colour

__all__ = ["plot_moments"]


def plot_moments(curves: pd.DataFrame, *, coordinate: str | None = None, axes: Any = None) -> Any:
    """Draw mean, variance and increment variance of a coordinate against the position.

    Parameters
    ----------
    curves : DataFrame
        Columns ``moment, coordinate, u, estimate, ci_lower, ci_upper, simulated,
        simulated_lower, simulated_upper, control``.
    coordinate : str, optional
        By default the first.
    axes : array_like of three Axes, optional

    Returns
    -------
    Figure
    """
    name = curves["coordinate"].iloc[0] if coordinate is None else coordinate
    chosen = curves[curves["coordinate"] == name]
    moments = list(dict.fromkeys(chosen["moment"]))
    drawn = several_axes(axes, len(moments), 4.0, 3.2)
    for one, moment in zip(drawn, moments, strict=True):
        rows = chosen[chosen["moment"] == moment]
        one.fill_between(
            rows["u"], rows["simulated_lower"], rows["simulated_upper"], color=DATA, alpha=0.35,
            linewidth=0, label="simulated",
        )  # fmt: skip
        half = [rows["estimate"] - rows["ci_lower"], rows["ci_upper"] - rows["estimate"]]
        one.errorbar(
            rows["u"], rows["estimate"], yerr=half, fmt="o", color=series_colour(0), markersize=4,
            label="data",
        )  # fmt: skip
        one.plot(rows["u"], rows["control"], "--", color=series_colour(1), label="shuffled")
        one.set_xlabel("position $u$ in the document")
        one.set_ylabel(f"{moment} of {name}")
    drawn[0].legend(frameon=False, fontsize="small")
    return figure_of(drawn)
