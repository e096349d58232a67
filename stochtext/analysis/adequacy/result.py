"""What the adequacy page says."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stochtext._shared.tables import number
from stochtext.analysis.adequacy.ladder.scores import SPLIT
from stochtext.analysis.adequacy.single_documents import DocumentTests
from stochtext.analysis.adequacy.words import NONE
from stochtext.analysis.order_result import OrderControl
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.result import AnalysisResult
from stochtext.trajectories.panel import Trajectories

__all__ = ["Adequacy"]


class Adequacy(AnalysisResult):
    """Result of :func:`adequacy`.

    Attributes
    ----------
    kind : {"no detectable dynamics", "noise + slow OU", "diffusive", "open"}
        The verdict in short; ``"open"``: there are dynamics, but these documents do not
        tell whether they are seen through noise.
    order : OrderControl
        Dynamics against level, by permutation.
    documents : DataFrame
        One row a document: its permutation test.
    overlap : tuple of str
        Signs that states were smoothed or overlap.
    """

    title = "Adequacy: what these trajectories can carry"
    details = frozenset({SPLIT})

    def __init__(
        self,
        *,
        panel: Trajectories,
        kind: str,
        signs: list[str],
        said: list[str],
        order: OrderControl,
        documents: DocumentTests,
        quantities: list[Quantity],
        held_out: str,
        alpha: float,
        controlled: Any,
    ) -> None:
        doubt = _doubts(signs, kind, quantities, controlled is not None)
        super().__init__(
            [*quantities, *_order_rows(order, alpha), _share(documents, alpha)],
            sentences=[*doubt, *said],
            notes=_notes(controlled),
            facts={
                "Documents": panel.n_trajectories,
                "Transitions": panel.n_transitions,
                "Coordinates": panel.n_features,
                "Judged on": held_out,
                "Kind": kind,
                "Overlap": "; ".join(signs) or "no sign",
            },  # fmt: skip
            curves={"documents": documents.frame},
            alpha=alpha,
        )
        self.kind = kind
        self.order = order
        self.overlap = tuple(signs)

    @property
    def documents(self) -> pd.DataFrame:
        """One row a document: ``n``, ``ratio`` = V(1), permutation ``pvalue``."""
        return self.curves["documents"]

    def detected(self) -> bool:
        """Return whether the order of the states matters."""
        return self.kind != NONE

    def plot(self, ax: Any = None) -> Any:
        """Draw the structure function and the ladder, each with its control.

        Parameters
        ----------
        ax : array_like of two Axes, optional
        """
        from stochtext.plotting.analyses.adequacy import plot_adequacy

        return plot_adequacy(self.to_frame(), axes=ax)


def _doubts(signs: list[str], kind: str, quantities: list[Quantity], controlled: bool) -> list[str]:
    """Return what smoothed or overlapping states leave of the verdict."""
    if not signs:
        return []
    said = [f"Overlap: {sign}" for sign in signs]
    r2 = next(q for q in quantities if q.name == "R2" and q.where == "OU")
    if controlled:
        return [
            *said,
            f"With units shuffled before they were smoothed an Ornstein-Uhlenbeck process predicts "
            f"R2 {number(r2.control, 2)}; as written {number(r2.estimate, 2)}. Only the difference "
            "is the text's.",
        ]
    if kind == NONE:
        return said
    return [
        *said,
        "Shuffling smoothed states does not show what smoothing does; this verdict holds only if "
        "the same page with `control=` says so.",
    ]


def _order_rows(order: OrderControl, alpha: float) -> list[Quantity]:
    row = order.to_frame(alpha).iloc[0]
    return [
        Quantity(
            "Order control", "R2 beyond the level of the document", "", row["order"],
            row["order_ci_lower"], row["order_ci_upper"], 0.0, row["pvalue"],
        ),
        Quantity(
            "Order control", "R2 of the level alone", "", row["shuffled"],
            note="mean over shuffled copies; no interval: it is the control itself",
        ),
    ]  # fmt: skip


def _share(documents: DocumentTests, alpha: float) -> Quantity:
    return Quantity(
        "Single documents", f"share with p <= {alpha:g}", "", documents.share, documents.lower,
        documents.upper, alpha, note=f"{documents.n} documents tested",
    )  # fmt: skip


def _notes(controlled: Any) -> list[str]:
    what = (
        "the same numbers of the states of each document in random order"
        if controlled is None
        else "the same numbers of the control given"
    )
    return [
        f"control: {what}; for shares the level of the test.",
        "Intervals: jackknife over documents (groups), t quantiles; the fits are held fixed. The "
        "share of documents has the Clopper-Pearson interval, which takes documents as "
        "independent.",
        "p-values: rank among shuffled copies; of the memory exponent two-sided.",
        "V(k): mean squared distance of states k apart over twice the variance; 1 is no memory.",
    ]
