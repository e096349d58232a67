"""What the analysis of phase space says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext.analysis.phase_space.regimes import CYCLE, REGIMES
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.result import AnalysisResult
from stochtext.trajectories.panel import Trajectories

__all__ = ["PhaseSpace"]


class PhaseSpace(AnalysisResult):
    """Result of :func:`phase_space_analysis`."""

    title = "Phase space"

    def __init__(
        self,
        quantities: list[Quantity],
        *,
        curves: dict[str, pd.DataFrame],
        fit: Any,
        panel: Trajectories,
        t: float,
        simulated: str,
        alpha: float,
    ) -> None:
        super().__init__(
            quantities, sentences=_sentences(quantities, alpha),
            notes=[
                "control: the same for the states of each document in random order. Fixed points "
                "are of the fit and have none; where they have no interval, results.fixed_points() "
                "says why.",
                "Shares have Clopper-Pearson intervals, which take documents as independent; "
                "recurrence and first passage leave one document (group) out at a time.",
                f"p-values of first-passage times: rank among simulated panels. {simulated}",
            ],
            facts=self.facts_of(fit, panel, t), curves=curves, alpha=alpha,
        )  # fmt: skip
        self._columns = fit.record.columns
        self._states = panel.values

    def plot(self, ax: Any = None) -> Any:
        """Draw the phase portrait with nullclines and fixed points.

        Parameters
        ----------
        ax : Axes, optional
        """
        from stochtext.plotting.analyses.portrait import plot_portrait

        points = self.to_frame().loc[
            [q.part.startswith("Fixed points") for q in self.quantities], ["estimate", "note"]
        ]
        return plot_portrait(
            self.curves["portrait"], points, self._columns, states=self._states, ax=ax
        )


def _sentences(rows: list[Quantity], alpha: float) -> list[str]:
    kinds = {q.name: q.note.partition(";")[0] for q in rows if q.name.startswith("point ")}
    said = [
        f"Fixed points of the drift: {', '.join(kinds.values())}."
        if kinds
        else "The drift has no fixed point inside the support."
    ]
    regimes = [q for q in rows if q.name in REGIMES]
    if np.isnan(regimes[0].estimate):
        return [*said, f"Regimes were not tested: {regimes[0].note}."]
    shares = ", ".join(f"{100 * q.estimate:.0f} % {q.name}" for q in regimes)
    rest = 1 - sum(q.estimate for q in regimes)
    said.append(f"Of the documents {shares}; {100 * rest:.0f} % show no regime by themselves.")
    cycle = next(q for q in rows if q.name == CYCLE)
    if cycle.lower > alpha:
        said.append(
            f"Two-cycles are more than chance: {100 * cycle.estimate:.0f} % of the documents "
            f"({100 * cycle.lower:.0f} to {100 * cycle.upper:.0f} %) at a level of "
            f"{100 * alpha:.3g} %."
        )
    else:
        said.append("There is no evidence of two-cycles.")
    return said
