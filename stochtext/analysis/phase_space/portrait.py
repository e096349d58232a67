"""The drift on a grid over two coordinates, for the portrait with its nullclines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["portrait_frame"]

GRID = 31


def portrait_frame(fit: Any, t: float) -> pd.DataFrame:
    """Return the drift over the first two coordinates, the others at their mean.

    Parameters
    ----------
    fit : SDEResults
    t : float
        Position on the clock.

    Returns
    -------
    DataFrame
        Columns ``x, y, u, v, inside``, or ``x, u, inside`` for one coordinate; the grid row
        by row.
    """
    support = fit.support
    if fit.record.dim == 1:
        line = support.line(0, GRID)
        drift = fit.process.drift(line, t)[:, 0]
        return pd.DataFrame({"x": line[:, 0], "u": drift, "inside": support.contains(line)})
    lower, upper, _ = support.limits
    along = [np.linspace(lower[k], upper[k], GRID) for k in (0, 1)]
    points = np.tile(support.center, (GRID * GRID, 1))
    points[:, 0], points[:, 1] = (g.ravel() for g in np.meshgrid(*along))
    drift = fit.process.drift(points, t)
    return pd.DataFrame(
        {"x": points[:, 0], "y": points[:, 1], "u": drift[:, 0], "v": drift[:, 1],
         "inside": support.contains(points)}
    )  # fmt: skip
