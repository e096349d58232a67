"""What every analysis hands back: sentences, numbers with controls, curves, a picture."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.tables import Summary, frame_table, pairs_table
from stochtext.analysis.quantities import Quantity, quantity_frame, shown_frame
from stochtext.trajectories.panel import Trajectories

__all__ = ["AnalysisResult"]


class AnalysisResult(ABC):
    """Base of the results of all analyses.

    Parameters
    ----------
    quantities : sequence of Quantity
        Every number, with its interval and its control.
    sentences : sequence of str
        What was found, in words, the most important first.
    notes : sequence of str
        How the numbers were made, and what they cannot say.
    facts : mapping
        What was analysed, for the head of the summary.
    curves : mapping of str to DataFrame
        Further tables: what the picture shows.
    alpha : float
        Intervals have level 1 - alpha.
    """

    title: ClassVar[str] = ""
    #: Parts of ``to_frame()`` that are too long for the summary.
    details: ClassVar[frozenset[str]] = frozenset()

    def __init__(
        self,
        quantities: Sequence[Quantity],
        *,
        sentences: Sequence[str],
        notes: Sequence[str],
        facts: Mapping[str, Any],
        curves: Mapping[str, pd.DataFrame],
        alpha: float,
    ) -> None:
        self.quantities = tuple(quantities)
        self.sentences = tuple(sentences)
        self.notes = tuple(notes)
        self.facts = dict(facts)
        self.curves = dict(curves)
        self.alpha = alpha

    @staticmethod
    def facts_of(fit: Any, panel: Trajectories, t: float) -> dict[str, Any]:
        """Return the facts of an analysis of a fit whose drift is frozen at ``t``."""
        return {
            "Model": fit.model,
            "Documents": panel.n_trajectories,
            "Transitions": panel.n_transitions,
            "Drift frozen at": f"u = {t:g}" if fit.process.clock == "relative" else "any time",
        }

    def verdict(self) -> str:
        """Return in words what was found."""
        return " ".join(self.sentences)

    def to_frame(self, table: str | None = None) -> pd.DataFrame:
        """Return the numbers, or one of the further tables.

        Parameters
        ----------
        table : str, optional
            A name in ``curves``.

        Returns
        -------
        DataFrame
            By default one row a quantity, indexed by ``part``, ``quantity`` and ``where``,
            with the columns ``estimate, ci_lower, ci_upper, control, pvalue, note``.
        """
        if table is None:
            return quantity_frame(self.quantities)
        if table not in self.curves:
            raise InputError(
                f"{type(self).__name__} has no table {table!r}; it has "
                f"{', '.join(map(repr, self.curves)) or 'none'}."
            )
        return self.curves[table].copy()

    def value(self, name: str, where: str = "") -> Quantity:
        """Return one quantity by its name.

        Parameters
        ----------
        name : str
        where : str, default ""
            Coordinate, lag or model.
        """
        for quantity in self.quantities:
            if (quantity.name, quantity.where) == (name, where):
                return quantity
        raise InputError(f"There is no quantity {name!r} {where!r}; see to_frame().")

    def summary(self) -> Summary:
        """Return the tables for people, with ``as_text/as_html/as_latex/as_markdown``."""
        facts = list(self.facts.items())
        half = (len(facts) + 1) // 2
        tables = [pairs_table(facts[:half], facts[half:], self.title)]
        for part in dict.fromkeys(q.part for q in self.quantities):
            if part in self.details:
                continue
            rows = [q for q in self.quantities if q.part == part]
            tables.append(frame_table(shown_frame(rows, self.alpha), part))
        return Summary(tables, [*self.sentences, *self.notes])

    @abstractmethod
    def plot(self, ax: Any = None) -> Any:
        """Draw the findings.

        Parameters
        ----------
        ax : array_like of Axes, optional
            Where to draw; a new figure by default.
        """

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()
