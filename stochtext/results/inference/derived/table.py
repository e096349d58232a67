"""Derived quantities as a table: estimate, error, interval and the reason for what is missing."""

from __future__ import annotations

import pandas as pd

from stochtext._shared.tables import Summary, frame_table

__all__ = ["DerivedTable"]


class DerivedTable:
    """A table of derived quantities.

    Parameters
    ----------
    frame : DataFrame
    title : str
    notes : tuple of str
        How the intervals were made, and what is meant.

    Attributes
    ----------
    notes : tuple of str
    """

    def __init__(self, frame: pd.DataFrame, title: str, notes: tuple[str, ...]) -> None:
        self._frame = frame
        self._title = title
        self.notes = notes

    def to_frame(self) -> pd.DataFrame:
        """Return the table."""
        return self._frame.copy()

    def summary(self) -> Summary:
        """Return the table for people, as text, HTML, LaTeX and Markdown."""
        shown = self._frame.loc[:, [c for c in self._frame if not _is_blank(self._frame[c])]]
        return Summary([frame_table(shown, self._title)], self.notes)

    def __len__(self) -> int:
        return len(self._frame)

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()


def _is_blank(column: pd.Series) -> bool:
    return column.dtype == object and bool((column == "").all())
