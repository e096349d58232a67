"""Drift and covariance rate along a coordinate, from a table."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stochtext.plotting.analyses.layout import figure_of, several_axes
from stochtext.plotting.curves import plot_covariance, plot_drift

__all__ = ["plot_curves_of_fields"]


def plot_curves_of_fields(
    curves: pd.DataFrame, *, coordinate: str | None = None, axes: Any = None
) -> Any:
    """Draw both fields along a coordinate, with their bands.

    Parameters
    ----------
    curves : DataFrame
        Columns ``field, coordinate, x, estimate, ci_lower, ci_upper``.
    coordinate : str, optional
        By default the first.
    axes : array_like of two Axes, optional

    Returns
    -------
    Figure
    """
    name = curves["coordinate"].iloc[0] if coordinate is None else coordinate
    drawn = several_axes(axes, 2)
    for one, field, draw in zip(
        drawn, ("drift", "covariance rate"), (plot_drift, plot_covariance), strict=True
    ):
        rows = curves[(curves["coordinate"] == name) & (curves["field"] == field)]
        known = bool(rows["ci_lower"].notna().any())
        draw(
            rows["x"].to_numpy(), rows["estimate"].to_numpy(),
            rows["ci_lower"].to_numpy() if known else None,
            rows["ci_upper"].to_numpy() if known else None, ax=one,
        )  # fmt: skip
        one.set_xlabel(str(name))
    return figure_of(drawn)
