"""Drift and covariance rate along every coordinate, with bands where there is support."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.typing import FloatArray
from stochtext.analysis.quantities import Quantity

__all__ = ["field_curves", "fixed_point_quantities", "potential_curve"]

POINTS = 41
FIXED = "Fixed points of the drift"


def field_curves(fit: Any, t: float, alpha: float) -> pd.DataFrame:
    """Return both fields along each coordinate, the others at their mean.

    Parameters
    ----------
    fit : SDEResults
    t : float
        Position on the clock.
    alpha : float

    Returns
    -------
    DataFrame
        Columns ``field, coordinate, x, estimate, ci_lower, ci_upper, inside``; NaN outside
        the support.
    """
    parts = []
    for j, column in enumerate(fit.record.columns):
        line = fit.support.line(j, POINTS)
        inside = fit.support.contains(line)
        for field, curve in (("drift", fit.get_drift), ("covariance rate", fit.get_covariance)):
            found = curve(line, t)
            pick = (slice(None), *(j,) * (found.estimate.ndim - 1))
            ends = found.conf_int(alpha)[pick]
            parts.append(
                pd.DataFrame(
                    {
                        "field": field,
                        "coordinate": column,
                        "x": line[:, j],
                        "estimate": found.estimate[pick],
                        "ci_lower": ends[:, 0],
                        "ci_upper": ends[:, 1],
                        "inside": inside,
                    }
                )  # fmt: skip
            )
    return pd.concat(parts, ignore_index=True)


def potential_curve(fit: Any, t: float, alpha: float) -> pd.DataFrame:
    """Return the potential of a fit of one coordinate; an empty frame for several."""
    if fit.record.dim != 1:
        return pd.DataFrame(columns=["x", "potential", "lower", "upper"])
    line: FloatArray = fit.support.line(0, POINTS)
    frame = fit.potential(line, t=t, alpha=alpha).to_frame().reset_index(drop=True)
    return frame.assign(x=line[:, 0])


def fixed_point_quantities(fit: Any, t: float, alpha: float) -> list[Quantity]:
    """Return every fixed point inside the support, one row a coordinate.

    Where no interval exists because there are no draws at all, the notes of the analysis say why.
    """
    frame = fit.fixed_points(t=t, alpha=alpha).to_frame()
    if frame.empty:
        return [Quantity(FIXED, "none", "", np.nan, note="no zero of the drift inside the support")]
    rows = []
    for (point, component), row in frame.iterrows():
        own = row["reason"] if str(row["reason"]).startswith("exists in") else ""
        note = f"{row['stability']}; {own}" if own else str(row["stability"])
        rows.append(
            Quantity(FIXED, f"point {point}", str(component), row["position"], row["lower"],
                     row["upper"], note=note)
        )  # fmt: skip
    return rows
