"""Panels like the observed one, drawn from a fitted model: same starts, lengths and times.

Law: a simulated document starts where the observed one does, ends when it does, and is observed
through the same noise.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.results.inference.draws.hidden_draws import SOURCE, hidden_draws
from stochtext.results.inference.draws.process_draws import process_draws
from stochtext.results.inference.forecasting.laws import law_of
from stochtext.trajectories.panel import Trajectories

__all__ = [
    "SimulatedPanels",
    "fitted_results",
    "padded",
    "read_analysis_panel",
    "simulated_panels",
]

HELD = "Simulated panels hold the estimate fixed"
HELD_OWN = f"{HELD}: the documents are those fitted to, which makes their p-values conservative."
READY = "on documents that were not fitted to, p-values are too small."
DRAWN = "Each simulated panel has parameters of its own, drawn from"


def fitted_results(results: Any) -> Any:
    """Return the results of a fitted estimator, or the results themselves."""
    found = getattr(results, "results_", results)
    if not hasattr(found, "process") or not hasattr(found, "record"):
        raise InputError(
            f"`results` must be the results of a fit (or a fitted estimator); got "
            f"{type(results).__name__}."
        )
    return found


def read_analysis_panel(results: Any, X: Any, dt: Any = None, times: Any = None) -> Trajectories:
    """Return X as a panel that fits the results."""
    panel: Trajectories = results._as_panel(X, dt, times)
    return panel


def padded(panel: Trajectories) -> FloatArray:
    """Return the panel as an array (m, T, d), NaN after the end of each trajectory."""
    return panel.to_array(fill=np.nan)


class SimulatedPanels(NamedTuple):
    """Panels drawn from a fit.

    Attributes
    ----------
    values : ndarray of shape (copies, m, T, d)
        NaN after the ends.
    said : str
        Where the parameters behind them came from, in words.
    """

    values: FloatArray
    said: str


def simulated_panels(
    results: Any, panel: Trajectories, copies: int, root: np.random.SeedSequence
) -> SimulatedPanels:
    """Return panels that the fit might have left, each with parameters of its own if it can.

    Parameters
    ----------
    results : SDEResults
    panel : Trajectories
        Whose first states, lengths and times are kept.
    copies : int
    root : SeedSequence

    Notes
    -----
    On the documents fitted to the estimate is held fixed: it has adapted to them. On others its
    error counts, and every panel comes from a draw of the sampling law of the estimate, where
    that law is known (a prior predictive check of the new documents; Box, 1980, Journal of the
    Royal Statistical Society A 143, 383).
    """
    observed = getattr(results, "observed", None)
    if observed is not None:
        return _hidden_panels(results, panel, copies, root)
    if getattr(results, "hidden", False):
        raise InputError(
            "These results hide their states and were loaded from a file, which does not hold the "
            "model of the observations. Fit again."
        )
    if _was_fitted_to(results, panel):
        return SimulatedPanels(
            _marched(results, results.process, panel, copies, generator(root, "panels")), HELD_OWN
        )
    drawn = process_draws(results, copies, generator(root, "parameters of the panels"))
    if drawn.reason is not None:
        held = _marched(results, results.process, panel, copies, generator(root, "panels"))
        return SimulatedPanels(held, _held_because(drawn.reason))
    several = [
        _marched(results, process, panel, 1, generator(root, "panel", k))
        for k, process in enumerate(drawn.processes)
    ]
    return SimulatedPanels(np.concatenate(several), f"{DRAWN} {drawn.source}.")


def _hidden_panels(
    results: Any, panel: Trajectories, copies: int, root: np.random.SeedSequence
) -> SimulatedPanels:
    """Return panels of observations, noise included."""
    models, said = (results.observed,) * copies, HELD_OWN
    if not _was_fitted_to(results, panel):
        drawn = hidden_draws(results, copies, generator(root, "parameters of the panels"))
        said = f"{DRAWN} {SOURCE}." if drawn.reason is None else _held_because(drawn.reason)
        models = drawn.models or models
    panels = [model.simulate(panel, generator(root, "panel", k)) for k, model in enumerate(models)]
    return SimulatedPanels(np.stack([padded(one) for one in panels]), said)


def _held_because(reason: str) -> str:
    return f"{HELD} because {reason}: {READY}"


def _was_fitted_to(results: Any, panel: Trajectories) -> bool:
    refitting = getattr(results, "refitting", None)
    if refitting is None:
        return False
    own: Trajectories = refitting.panel
    return own is panel or (
        np.array_equal(own.lengths, panel.lengths) and np.array_equal(own.values, panel.values)
    )


def _marched(
    results: Any, process: Process, panel: Trajectories, copies: int, rng: np.random.Generator
) -> FloatArray:
    law = law_of(process, results.transition, getattr(results, "errors", None))
    start = padded(panel)
    m, length, d = start.shape
    alive = np.isfinite(start[:, :, 0])
    clock = _grid(panel, panel.relative_times if process.clock == "relative" else panel.times)
    times = _grid(panel, panel.times)
    found = np.full((copies, m, length, d), np.nan)
    found[:, :, 0] = start[:, 0]
    for k in range(1, length):
        here = np.flatnonzero(alive[:, k])
        x = found[:, here, k - 1].reshape(-1, d)
        t, dt, clock_dt = (
            np.tile(v[here], copies)
            for v in (clock[:, k - 1], times[:, k] - times[:, k - 1], clock[:, k] - clock[:, k - 1])
        )
        normals = rng.standard_normal((len(x), law.width(process)))
        step = law.step(process, x, t, dt, clock_dt, normals)
        found[:, here, k] = step.reshape(copies, len(here), d)
    return found


def _grid(panel: Trajectories, values: FloatArray) -> FloatArray:
    grid = np.full((panel.n_trajectories, int(panel.lengths.max())), np.nan)
    grid[np.arange(grid.shape[1]) < panel.lengths[:, None]] = values
    return grid
