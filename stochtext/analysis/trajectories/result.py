"""What the analysis of trajectories says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.tables import number
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.result import AnalysisResult
from stochtext.trajectories.panel import Trajectories

__all__ = ["PredictedTrajectories"]

LARGE_IS_SIMPLE = frozenset({"reading_ease"})


class PredictedTrajectories(AnalysisResult):
    """Result of :func:`trajectory_analysis`."""

    title = "Predicted and actual trajectories"

    def __init__(
        self,
        quantities: list[Quantity],
        *,
        curves: dict[str, pd.DataFrame],
        model: str,
        panel: Trajectories,
        same: bool,
        with_texts: bool,
        alpha: float,
    ) -> None:
        notes = [
            "control: the same fit on the states of each document in random order.",
            "Intervals: jackknife over documents (groups); of rank correlations Fisher's z.",
            "p-values: permutation of the errors over documents; adjusted by Holm in the verdict.",
        ]
        if same:
            notes.insert(0, "These are the documents fitted to: the numbers flatter the fit.")
        super().__init__(
            quantities, sentences=_sentences(quantities, with_texts, alpha), notes=notes,
            facts={
                "Model": model, "Documents": panel.n_trajectories,
                "Transitions": panel.n_transitions,
                "Judged on": "the documents fitted to" if same else "other documents",
            },
            curves=curves, alpha=alpha,
        )  # fmt: skip

    def plot(self, ax: Any = None) -> Any:
        """Draw R2 and coverage against the horizon.

        Parameters
        ----------
        ax : array_like of two Axes, optional
        """
        from stochtext.plotting.analyses.predictions import plot_predictions

        return plot_predictions(self.to_frame(), axes=ax)


def _sentences(rows: list[Quantity], with_texts: bool, alpha: float) -> list[str]:
    first = next(q for q in rows if q.name == "R2")
    last = [q for q in rows if q.name == "R2"][-1]
    still = next(q for q in rows if q.name == "R2 of persistence")
    covered = next(q for q in rows if q.name.startswith("95 % intervals"))
    said = [
        f"One unit ahead the fit predicts R2 {number(first.estimate, 2)} (the last state alone "
        f"{number(still.estimate, 2)}; with shuffled states {number(first.control, 2)}), "
        f"{last.where.removeprefix('h = ')} ahead {number(last.estimate, 2)}.",
        f"Its 95 % intervals hold {100 * covered.estimate:.1f} % of what was written one unit "
        f"ahead ({100 * covered.lower:.1f} to {100 * covered.upper:.1f} %).",
    ]
    return [*said, _contrast_words(rows, with_texts, alpha)]


def _contrast_words(rows: list[Quantity], with_texts: bool, alpha: float) -> str:
    contrasts = [q for q in rows if q.part.startswith("Error against complexity")]
    if all(np.isnan(q.pvalue) for q in contrasts):
        return f"No contrast with complexity: {contrasts[0].note}."
    found = []
    for k, q in enumerate(sorted(contrasts, key=lambda q: q.pvalue)):
        if q.pvalue * (len(contrasts) - k) > alpha:
            break
        worse = (q.estimate > 0) != (q.name in LARGE_IS_SIMPLE)
        found.append(
            f"{'worse' if worse else 'better'} where {q.name} is more complex (rank correlation "
            f"{number(q.estimate, 2)}, p = {number(q.pvalue, 2)})"
        )
    if found:
        return f"Documents are predicted {'; '.join(found)}."
    if not with_texts and len(contrasts) == 1:
        return (
            "Longer documents are not predicted worse; for other measures of complexity pass "
            "`texts=`."
        )
    return (
        "No evidence that simple texts fit and complex ones diverge: no measure of complexity "
        f"goes with the error (smallest p {number(min(q.pvalue for q in contrasts), 2)}, Holm over "
        f"{len(contrasts)})."
    )
