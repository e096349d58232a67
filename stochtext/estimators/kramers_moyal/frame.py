"""The table of coefficients."""

from __future__ import annotations

import pandas as pd

from stochtext._shared.typing import FloatArray
from stochtext.estimators.kramers_moyal.coefficients import BinCoefficients

__all__ = ["coefficient_frame"]


def coefficient_frame(bins: BinCoefficients) -> pd.DataFrame:
    """Return one row a bin: where, how many, and every coefficient with its standard error.

    One coordinate gives columns ``center, mean_state, count, D1, D1_se, D2, D2_se, ...``;
    more give ``center_0, ..., D1_0, ..., D2_00, D2_01, ...``.
    """
    d = bins.center.shape[1]

    def name(base: str, *places: int, ending: str = "") -> str:
        number = "" if d == 1 else "_" + "".join(map(str, places))
        return f"{base}{number}{ending}"

    columns: dict[str, FloatArray] = {}

    def add(base: str, value: FloatArray, error: FloatArray, *places: int) -> None:
        columns[name(base, *places)] = value
        columns[name(base, *places, ending="_se")] = error

    for base, values in (("center", bins.center), ("mean_state", bins.mean_state)):
        columns.update({name(base, j): values[:, j] for j in range(d)})
    columns["count"] = bins.count
    for j in range(d):
        add("D1", bins.d1[:, j], bins.d1_se[:, j], j)
    for j in range(d):
        for k in range(j, d):
            add("D2", bins.d2[:, j, k], bins.d2_se[:, j, k], j, k)
    for order, values in bins.higher.items():
        for j in range(d):
            add(f"D{order}", values[:, j], bins.higher_se[order][:, j], j)
    for j in range(d):
        add("pawula", bins.pawula[:, j], bins.pawula_se[:, j], j)
    return pd.DataFrame(columns)
