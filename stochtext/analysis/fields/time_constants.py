"""Time constants of each coordinate, always with and without a level of each document's own.

Law of this file: a level that documents keep looks like slow return where it is left out, so
no time constant stands alone.
"""

from __future__ import annotations

import numpy as np

from stochtext.analysis.adequacy.ladder.dynamic_rungs import DYNAMIC, fitted_linear
from stochtext.analysis.one_step import slowest_row
from stochtext.analysis.quantities import Quantity
from stochtext.trajectories.panel import Trajectories

__all__ = ["time_constant_quantities"]

PART = "Time constants (linear, each coordinate by itself)"
VARIANTS = ("OU", "OU, document mean", "OU + noise", "OU + noise, document mean")


def time_constant_quantities(
    panel: Trajectories, copy: Trajectories, alpha: float
) -> list[Quantity]:
    """Return the time constant of each coordinate in four models.

    Parameters
    ----------
    panel : Trajectories
    copy : Trajectories
        With shuffled states, for the control.
    alpha : float
    """
    rows = []
    for j, column in enumerate(panel.columns):
        own, other = (p.with_values(p.values[:, j : j + 1].copy()) for p in (panel, copy))
        for name in VARIANTS:
            found, low, high, note = _constant(own, name, alpha)
            control = _constant(other, name, alpha)[0]
            rows.append(Quantity(PART, name, column, found, low, high, control, note=note))
    return rows


def _constant(panel: Trajectories, name: str, alpha: float) -> tuple[float, float, float, str]:
    model = fitted_linear(panel, DYNAMIC[name])
    if model is None:
        return np.nan, np.nan, np.nan, "could not be fitted"
    row = slowest_row(model.results_.time_constants(alpha))
    if row is None:
        return np.nan, np.nan, np.nan, "no return to a mean"
    note = str(row["note"]) if isinstance(row["note"], str) else ""
    return (
        float(row["time_constant"]), float(row["time_constant_lower"]),
        float(row["time_constant_upper"]), note,
    )  # fmt: skip
