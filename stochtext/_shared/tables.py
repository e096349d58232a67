"""Tables for people: one form of summary for fits, tests and comparisons."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from statsmodels.iolib.summary import Summary as _StatsmodelsSummary
from statsmodels.iolib.table import SimpleTable
from statsmodels.iolib.tableformatting import fmt_2cols, fmt_params

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Summary", "frame_table", "number", "pairs_table"]


class Summary(_StatsmodelsSummary):
    """Tables with notes, as text, HTML, LaTeX, CSV and Markdown.

    Parameters
    ----------
    tables : sequence of SimpleTable
    notes : sequence of str
        Sentences printed below the tables.
    """

    def __init__(self, tables: Sequence[SimpleTable] = (), notes: Sequence[str] = ()) -> None:
        super().__init__()
        self.tables = list(tables)
        if notes:
            self.add_extra_txt([f"[{k}] {note}" for k, note in enumerate(notes, start=1)])

    def __repr__(self) -> str:
        return self.as_text()

    def as_text(self) -> str:
        """Return the tables as plain text."""
        return self._fresh().as_text()

    def as_html(self) -> str:
        """Return the tables in HTML; every cell is escaped."""
        parts = [_html(table) for table in self.tables]
        if self.extra_txt:
            parts.append("<p>" + "<br>".join(map(escape, self.extra_txt.splitlines())) + "</p>")
        return "\n".join(parts)

    def as_latex(self) -> str:
        """Return the tables in LaTeX, one tabular each."""
        parts = [table.as_latex_tabular() for table in self._fresh().tables]
        return "\n".join([*parts, *self.extra_txt.splitlines()] if self.extra_txt else parts)

    def as_csv(self) -> str:
        """Return the tables as comma-separated values; text is never a formula there."""
        twin = self._fresh()
        for table in twin.tables:
            for cell in (cell for row in table for cell in row):
                cell.data = _plain_text(cell.data)
        return twin.as_csv()

    def _repr_latex_(self) -> str:
        return self.as_latex()

    def _fresh(self) -> _StatsmodelsSummary:
        # Rendering a SimpleTable as text caches column widths that break its LaTeX.
        twin = _StatsmodelsSummary()
        twin.tables, twin.extra_txt = copy.deepcopy(self.tables), self.extra_txt
        return twin

    def as_markdown(self) -> str:
        """Return the tables in Markdown."""
        parts = [_markdown(table) for table in self.tables]
        if self.extra_txt:
            parts.append("\n".join(f"- {line}" for line in self.extra_txt.splitlines()))
        return "\n\n".join(parts)


def number(value: Any, digits: int = 4) -> str:
    """Return a number for a table: ``digits`` significant figures, NaN as ``nan``."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer) or (isinstance(value, float) and math.isnan(value)):
        return str(value)
    try:
        return f"{float(value):.{digits}g}"
    except (TypeError, ValueError):
        return str(value)


def pairs_table(
    left: Sequence[tuple[str, Any]], right: Sequence[tuple[str, Any]], title: str
) -> SimpleTable:
    """Return a two-column table of labelled values, as heads statsmodels' summaries."""
    rows = max(len(left), len(right))
    blank = ("", "")
    padded = [[*left, *[blank] * (rows - len(left))], [*right, *[blank] * (rows - len(right))]]
    columns = [
        SimpleTable(
            [[number(value)] for _, value in side],
            stubs=[f"{name}:" if name else "" for name, _ in side],
            title=title,
            txt_fmt=fmt_2cols,
        )
        for side in padded
    ]
    columns[0].extend_right(columns[1])
    return columns[0]


def frame_table(frame: pd.DataFrame, title: str | None = None, digits: int = 4) -> SimpleTable:
    """Return a data frame as a table; the index becomes the stubs."""
    cells = [[number(value, digits) for value in row] for row in frame.itertuples(index=False)]
    stubs = [" ".join(map(str, k)) if isinstance(k, tuple) else str(k) for k in frame.index]
    headers = [str(c) for c in frame.columns]
    return SimpleTable(cells, headers=headers, stubs=stubs, title=title, txt_fmt=fmt_params)


def _plain_text(value: Any) -> Any:
    # Spreadsheets run a cell that starts so, unless it is a number (OWASP, CSV injection).
    if not isinstance(value, str) or not value.lstrip(" ").startswith(tuple("=+-@\t\r")):
        return value
    try:
        float(value)
    except ValueError:
        return f"'{value}"
    return value


def _html(table: SimpleTable) -> str:
    lines = ["<table>"]
    if table.title:
        lines.append(f"<caption>{escape(str(table.title))}</caption>")
    for row in table:
        tags = ["th" if row.datatype == "header" or k == 0 else "td" for k in range(len(row))]
        cells = zip(tags, row, strict=True)
        inner = "".join(f"<{tag}>{escape(str(c.data).strip())}</{tag}>" for tag, c in cells)
        lines.append(f"<tr>{inner}</tr>")
    return "\n".join([*lines, "</table>"])


def _markdown(table: SimpleTable) -> str:
    rows = [[str(cell.data).strip().replace("|", "\\|") for cell in row] for row in table]
    if not rows:
        return ""
    width = max(len(row) for row in rows)
    rows = [row + [""] * (width - len(row)) for row in rows]
    if table[0].datatype != "header":
        rows.insert(0, [""] * width)
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + " --- |" * width)
    title = [f"**{table.title}**", ""] if table.title else []
    return "\n".join([*title, *lines])
