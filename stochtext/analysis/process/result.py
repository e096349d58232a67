"""What the analysis of process properties says."""

from __future__ import annotations

from typing import Any

from stochtext._shared.tables import number
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.result import AnalysisResult
from stochtext.trajectories.panel import Trajectories

__all__ = ["ProcessProperties"]


class ProcessProperties(AnalysisResult):
    """Result of :func:`process_analysis`."""

    title = "Properties of the process"

    def __init__(
        self, quantities: list[Quantity], *, fit: Any, panel: Trajectories, simulated: str,
        intervals: str, alpha: float,
    ) -> None:  # fmt: skip
        super().__init__(
            quantities, sentences=_sentences(quantities, panel, alpha),
            notes=[
                "control: the same statistic for the states of each document in random order; "
                "statistics of tests have no interval but a p-value.",
                "p-values: ADF against a unit root, KPSS against stationarity, the ratio against "
                "documents that differ as the fit says, z against the Markov property, DFA "
                "against no memory.",
                simulated,
                f"Time constant and Lyapunov exponent: {intervals}",
            ],
            facts={
                "Model": fit.model, "Documents": panel.n_trajectories,
                "Transitions": panel.n_transitions,
                "Lengths": f"{panel.lengths.min()} to {panel.lengths.max()}",
            },
            curves={}, alpha=alpha,
        )  # fmt: skip

    def plot(self, ax: Any = None) -> Any:
        """Draw correlation times and memory exponents with their controls.

        Parameters
        ----------
        ax : array_like of two Axes, optional
        """
        from stochtext.plotting.analyses.process import plot_process

        return plot_process(self.to_frame(), axes=ax)


def _rejected(rows: list[Quantity], name: str, alpha: float) -> tuple[list[str], int]:
    """Return the places where tests of one name reject by Holm, and how many tests there are."""
    own = sorted((q for q in rows if q.name == name and q.pvalue == q.pvalue),
                 key=lambda q: q.pvalue)  # fmt: skip
    found = []
    for k, q in enumerate(own):
        if q.pvalue * (len(own) - k) > alpha:
            break
        found.append(q.where)
    return found, len(own)


def _sentences(rows: list[Quantity], panel: Trajectories, alpha: float) -> list[str]:
    said = []
    for name, yes, no, none in (
        ("unit root (ADF)", "Documents return to a level in {}", "A unit root is not excluded in "
         "any coordinate", "Stationarity was not tested: documents are too short or uneven"),
        ("stationary (KPSS)", "The level wanders more than one step of memory explains in {}",
         "Nothing speaks against stationarity with a memory of one step", ""),
        ("ratio", "Documents keep levels of their own beyond the fit in {}: one document does not "
         "tell what all do", "Document means differ by no more than the fit says", ""),
        ("memory exponent (DFA)", "Memory differs from that of shuffled documents in {}",
         "No memory beyond that of shuffled documents is detected",
         "Long memory was not assessed: documents are too short"),
    ):  # fmt: skip
        found, tests = _rejected(rows, name, alpha)
        words = none if not tests else (yes.format(", ".join(found)) if found else no)
        if words:
            said.append(f"{words}.")
    found, tests = _rejected(rows, "past given the state (z)", alpha)
    if tests:
        said.append(
            f"One coordinate by itself is not Markov: {', '.join(found)}."
            if found
            else "No coordinate contradicts the Markov property."
        )
    exponent = next(q for q in rows if q.name.startswith("largest Lyapunov"))
    if exponent.estimate == exponent.estimate:
        way = "meet" if exponent.estimate < 0 else "part"
        said.append(
            f"Paths of the fit under the same noise {way} at the rate "
            f"{number(abs(exponent.estimate), 2)} per {panel.time_unit or 'unit of time'}."
        )
    return said
