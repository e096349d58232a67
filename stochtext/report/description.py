"""From results, comparisons and analyses to sections of a page.

Law: every object is described by its own words (``verdict``, ``summary``); the
report adds none of its own findings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.tables import Summary, frame_table, number, pairs_table
from stochtext.diagnostics.calibration_table import GoodnessOfFit
from stochtext.report.sections import Section, Sketch
from stochtext.results.base import SDEResults
from stochtext.trajectories.panel import Trajectories

__all__ = ["describe"]

MOST_ROWS = 60
MOST_COMPONENTS = 2


def describe(obj: Any, title: str | None = None) -> list[Section]:
    """Return the sections about an object.

    Parameters
    ----------
    obj : results, fitted estimator, Comparison, analysis, GoodnessOfFit, Trajectories,
        DataFrame, Summary, str, or a list or mapping (titles) of these
    title : str, optional

    Raises
    ------
    InputError
        If it is none of these.
    """
    if isinstance(obj, Mapping):
        return [s for name, part in obj.items() for s in describe(part, _joined(title, str(name)))]
    if isinstance(obj, list | tuple):
        return [section for part in obj for section in describe(part, title)]
    if hasattr(obj, "results_"):
        obj = obj.results_
    if isinstance(obj, str):
        return [Section(title or "", paragraphs=(obj,))]
    if isinstance(obj, SDEResults):
        return [_results(obj, title)]
    if isinstance(obj, GoodnessOfFit):
        return [_goodness(obj, title)]
    if isinstance(obj, Trajectories):
        return [_trajectories(obj, title)]
    if isinstance(obj, pd.DataFrame):
        return [_frame(obj, title)]
    if isinstance(obj, Summary):
        return [Section(title or "Table", tables=(obj,))]
    if callable(getattr(obj, "summary", None)):
        return [_speaking(obj, title)]
    raise InputError(
        f"There is no report about a {type(obj).__name__}. Pass results, a fitted estimator, a "
        "Comparison, an analysis, Trajectories, a table, or a list or mapping of these."
    )


def _joined(title: str | None, name: str) -> str:
    return f"{title}: {name}" if title else name


def _results(results: SDEResults, title: str | None) -> Section:
    record = results.record
    verdict = (
        f"{results.model} fitted to {results.nobs} transitions of {results.n_trajectories} "
        f"trajectories in {record.dim} dimensions: {number(results.llf / results.nobs)} nats per "
        "transition in sample."
    )
    warned = list(record.notes)
    if not results.converged:
        warned.append(f"{results.model} did not converge: read its numbers with care.")
    return Section(
        title or results.model,
        verdicts=(verdict,),
        tables=(results.summary(),),
        sketches=tuple(_fit_sketches(results)),
        warnings=tuple(warned),
    )


def _fit_sketches(results: SDEResults) -> list[Sketch]:
    columns, model = results.record.columns, results.model
    found = []
    for k in range(min(len(columns), MOST_COMPONENTS)):
        alt = f"{model}: drift of {columns[k]} along {columns[k]}, other coordinates at their mean"
        found.append(Sketch(alt, partial(results.plot_drift, component=k)))
    alt = f"{model}: covariance rate of {columns[0]} along {columns[0]}"
    found.append(Sketch(alt, results.plot_diffusion))
    if len(columns) > 1:
        alt = f"{model}: streamlines of the drift over {columns[0]} and {columns[1]}"
        found.append(Sketch(alt, results.plot_phase, dense=True))
    alt = f"{model}: residual diagnostics, with PIT histogram, Q-Q plot and autocorrelations"
    return [*found, Sketch(alt, results.plot_diagnostics, dense=True)]


def _goodness(table: GoodnessOfFit, title: str | None) -> Section:
    rejected = table.rejected()
    meaning = {row.test: row.meaning for row in table.tests}
    if rejected:
        said = " ".join(f"{test} rejects: {meaning[test]}" for test in rejected)
        verdict = f"The residuals contradict the model. {said}"
    else:
        verdict = "No residual test rejects the model after Holm's adjustment."
    return Section(
        title or "Goodness of fit",
        verdicts=(verdict,),
        tables=(table.summary(),),
        warnings=(verdict,) if rejected else (),
        passed=not rejected,
    )


def _trajectories(panel: Trajectories, title: str | None) -> Section:
    steps = panel.transitions().dt
    unit = f" {panel.time_unit}" if panel.time_unit else ""
    lengths = panel.lengths
    dt = f"{panel.dt:.4g}{unit}" if panel.dt is not None else (
        f"{steps.min():.4g} to {steps.max():.4g}{unit}, median {np.median(steps):.4g}"
    )  # fmt: skip
    mark = hashlib.sha256(panel.values.tobytes() + panel.times.tobytes()).hexdigest()[:16]
    card = pairs_table(
        [
            ("Trajectories", panel.n_trajectories),
            ("Transitions", panel.n_transitions),
            ("Coordinates", panel.n_features),
            ("Groups", 0 if panel.groups is None else len(pd.unique(panel.groups))),
        ],
        [
            ("Lengths", f"{lengths.min()} to {lengths.max()}, median {np.median(lengths):g}"),
            ("Step", dt),
            ("Missing values", "none"),
            ("SHA-256 of the data", mark),
        ],
        "Data",
    )
    spread = pd.DataFrame(panel.values, columns=list(map(str, panel.columns))).describe().T
    table = frame_table(spread[["mean", "std", "min", "max"]], "Coordinates")
    plane = " and ".join(map(str, panel.columns[:2]))
    return Section(
        title or "Data",
        tables=(Summary([card, table]),),
        sketches=(
            Sketch(f"All trajectories over {plane}", partial(_draw_paths, panel), dense=True),
        ),
    )


def _draw_paths(panel: Trajectories) -> Any:
    from stochtext.plotting.trajectories import plot_trajectories

    few = panel.groups is not None and len(pd.unique(panel.groups)) <= 8
    return plot_trajectories(panel, by_group=True if few else None)


def _frame(frame: pd.DataFrame, title: str | None) -> Section:
    shown = frame.head(MOST_ROWS)
    more = len(frame) - len(shown)
    paragraphs = (f"The first {len(shown)} of {len(frame)} rows.",) if more > 0 else ()
    score = next((c for c in ("zscore", "score") if c in frame.columns), None)
    sketches: tuple[Sketch, ...] = ()
    if score is not None and "group" in frame.columns:
        sketches = (Sketch(f"{score} of each group", partial(_draw_groups, frame, score)),)
    return Section(
        title or "Table",
        paragraphs=paragraphs,
        tables=(Summary([frame_table(shown)]),),
        sketches=sketches,
    )


def _draw_groups(frame: pd.DataFrame, score: str) -> Any:
    from stochtext.plotting.distributions import plot_group_scores

    return plot_group_scores(frame, "group", score)


def _speaking(obj: Any, title: str | None) -> Section:
    """Describe whatever has a summary, and perhaps a verdict and a picture."""
    name = title or type(obj).__name__
    verdict = getattr(obj, "verdict", None)
    verdicts = (str(verdict()),) if callable(verdict) else ()
    alt = f"{name}. {verdicts[0] if verdicts else ''}".strip()
    sketches = (Sketch(alt, obj.plot),) if callable(getattr(obj, "plot", None)) else ()
    detected = getattr(obj, "detected", None)
    passed = bool(detected()) if callable(detected) else None
    return Section(
        name,
        verdicts=verdicts,
        tables=(obj.summary(),),
        sketches=sketches,
        warnings=verdicts if passed is False else (),
        passed=passed,
    )
