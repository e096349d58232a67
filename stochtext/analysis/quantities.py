"""One form for every number of an analysis: estimate, interval, control, test, remark.

Law: a number without an interval says why, and the control stands in the same row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.tables import number

__all__ = ["Quantity", "quantity_frame", "shown_frame"]

COLUMNS = ("estimate", "ci_lower", "ci_upper", "control", "pvalue", "note")


@dataclass(frozen=True)
class Quantity:
    """One number that an analysis found.

    Attributes
    ----------
    part : str
        The section of the analysis that it belongs to.
    name : str
    where : str
        Coordinate, lag or model; empty for all together.
    estimate : float
    lower, upper : float
        Ends of the interval; NaN where there is none, ``note`` then says why.
    control : float
        The same number where the order of the states means nothing; NaN where there is
        no such thing.
    pvalue : float
        Of the hypothesis that ``note`` or the notes of the analysis name; NaN without a test.
    note : str
    """

    part: str
    name: str
    where: str
    estimate: float
    lower: float = float("nan")
    upper: float = float("nan")
    control: float = float("nan")
    pvalue: float = float("nan")
    note: str = ""

    @property
    def values(self) -> tuple[Any, ...]:
        """The numbers in the order of the columns of a frame."""
        numbers = (self.estimate, self.lower, self.upper, self.control, self.pvalue)
        return (*map(float, numbers), self.note)


def quantity_frame(quantities: Iterable[Quantity]) -> pd.DataFrame:
    """Return one row a quantity, indexed by part, quantity and where."""
    rows = list(quantities)
    index = pd.MultiIndex.from_tuples(
        [(q.part, q.name, q.where) for q in rows], names=["part", "quantity", "where"]
    )
    return pd.DataFrame([q.values for q in rows], index=index, columns=list(COLUMNS))


def shown_frame(quantities: Iterable[Quantity], alpha: float) -> pd.DataFrame:
    """Return the quantities of one part as cells of a table for people."""
    rows = list(quantities)
    level = f"{100 * (1 - alpha):.3g}% CI"
    frame = pd.DataFrame(
        {
            "estimate": [number(q.estimate, 3) for q in rows],
            level: [_interval(q) for q in rows],
            "control": [_known(q.control) for q in rows],
            "p-value": [_known(q.pvalue) for q in rows],
            "": [q.note for q in rows],
        },
        index=[f"{q.name} {q.where}".strip() for q in rows],
    )
    return frame if any(q.note for q in rows) else frame.drop(columns="")


def _interval(q: Quantity) -> str:
    if np.isnan(q.lower) and np.isnan(q.upper):
        return ""
    return f"{number(float(q.lower), 3)} .. {number(float(q.upper), 3)}"


def _known(value: float) -> str:
    return "" if np.isnan(value) else number(float(value), 3)
