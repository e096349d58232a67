"""What the analysis of moments says."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stochtext._shared.tables import number
from stochtext.analysis.moments.positions import ALL
from stochtext.analysis.moments.variance import NO_REPLICATES
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.result import AnalysisResult
from stochtext.trajectories.panel import Trajectories

__all__ = ["Moments"]


class Moments(AnalysisResult):
    """Result of :func:`moment_analysis`."""

    title = "Moments over the document"

    def __init__(
        self,
        quantities: list[Quantity],
        *,
        curves: dict[str, pd.DataFrame],
        model: str,
        panel: Trajectories,
        copies: int,
        simulated: str,
        alpha: float,
    ) -> None:
        super().__init__(
            quantities,
            sentences=_sentences(quantities, model, alpha),
            notes=[
                "control: the same with the states of each document in random order.",
                "p-values: rank of the largest distance over the document among simulated panels. "
                + simulated,
                "Intervals of variances: jackknife over documents (groups).",
            ],
            facts={
                "Model": model,
                "Documents": panel.n_trajectories,
                "Transitions": panel.n_transitions,
                "Simulated panels": copies,
            },  # fmt: skip
            curves=curves,
            alpha=alpha,
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw mean, variance and increments of the first coordinate over the document.

        Parameters
        ----------
        ax : array_like of three Axes, optional
        """
        from stochtext.plotting.analyses.moments import plot_moments

        return plot_moments(self.curves["moments"], axes=ax)


def _sentences(rows: list[Quantity], model: str, alpha: float) -> list[str]:
    whole = next((q for q in rows if q.name == ALL), None)
    if whole is None:
        return ["The moments of simulated documents are not finite.", _variance_words(rows)]
    test = f"largest distance of all curves, p = {number(whole.pvalue, 2)}"
    if whole.pvalue > alpha:
        said = f"No moment contradicts {model} ({test})."
    else:
        worst = [f"{q.name} of {q.where}" for q in rows if q.where and q.pvalue <= alpha]
        said = (
            f"Simulations of {model} do not have the moments of these documents ({test}), above "
            f"all: {', '.join(worst)}."
        )
    return [said, _variance_words(rows)]


def _variance_words(rows: list[Quantity]) -> str:
    between = next(q for q in rows if q.name == "variance between replicates of one prompt")
    within = next(q for q in rows if q.name == "variance within a path")
    if between.note == NO_REPLICATES:
        return (
            "What sampling contributes is not identified: there are no replicates of a prompt, and "
            "increments within a path are content as much as chance."
        )
    return (
        f"At the same step answers to one prompt differ by a variance of "
        f"{number(between.estimate, 3)} ({number(between.lower, 2)} .. "
        f"{number(between.upper, 2)}); within a path states vary by {number(within.estimate, 3)}."
    )
