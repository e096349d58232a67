"""What the analysis of drift and diffusion says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.tables import number
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.result import AnalysisResult
from stochtext.trajectories.panel import Trajectories

__all__ = ["DriftDiffusion"]


class DriftDiffusion(AnalysisResult):
    """Result of :func:`drift_diffusion_analysis`."""

    title = "Drift and diffusion"

    def __init__(
        self,
        quantities: list[Quantity],
        *,
        curves: dict[str, pd.DataFrame],
        fit: Any,
        panel: Trajectories,
        t: float,
        intervals: str,
        alpha: float,
    ) -> None:
        unit = panel.time_unit or "unit of time"
        super().__init__(
            quantities, sentences=_sentences(quantities, panel, unit, alpha),
            notes=[
                f"Fixed points and rotation: {intervals}",
                "control: time constants of shuffled states; for the state dependence the mean "
                "over permutations of the errors within documents. Fixed points and rotation are "
                "of the fit and have none; the p-value of the rotation is of none at all.",
                "Fields are NaN outside the support of the fitted data; bands are pointwise.",
            ],
            facts=self.facts_of(fit, panel, t), curves=curves, alpha=alpha,
        )  # fmt: skip

    def plot(self, ax: Any = None) -> Any:
        """Draw drift and covariance rate along the first coordinate.

        Parameters
        ----------
        ax : array_like of two Axes, optional
        """
        from stochtext.plotting.analyses.fields import plot_curves_of_fields

        return plot_curves_of_fields(self.curves["fields"], axes=ax)


def _sentences(rows: list[Quantity], panel: Trajectories, unit: str, alpha: float) -> list[str]:
    points = {q.name: q.note for q in rows if q.name.startswith("point ")}
    kinds = [note.partition(";")[0] for note in points.values()]
    said = [
        f"The drift has {len(kinds)} fixed point(s) inside the support: {', '.join(kinds)}."
        if kinds
        else "The drift has no fixed point inside the support."
    ]
    first = panel.columns[0]
    own = {q.name: q for q in rows if q.where == first and q.name.startswith("OU")}
    plain, best = own["OU"], own["OU + noise, document mean"]
    said.append(
        f"{first} returns with a time constant of {_constant(plain)} {unit}s by an "
        f"Ornstein-Uhlenbeck process alone, {_constant(best)} with noise and a level of each "
        f"document's own (shuffled: {number(plain.control, 2)} and {number(best.control, 2)})."
    )
    noise = next(q for q in rows if q.name == "R2 of squared errors on the state")
    if np.isnan(noise.pvalue):
        return [*said, f"State dependence of the diffusion was not tested: {noise.note}."]
    test = f"R2 {number(noise.estimate, 2)}, {number(noise.control, 2)} by chance, "
    test += f"permutation p = {number(noise.pvalue, 2)}"
    if noise.pvalue <= alpha:
        return [*said, f"The diffusion depends on the state ({test})."]
    return [*said, f"There is no evidence that the diffusion depends on the state ({test})."]


def _constant(q: Quantity) -> str:
    if np.isnan(q.estimate):
        return f"nan ({q.note})"
    if np.isnan(q.lower) and np.isnan(q.upper):
        return number(q.estimate, 2)
    return f"{number(q.estimate, 2)} ({number(q.lower, 2)} .. {number(q.upper, 2)})"
