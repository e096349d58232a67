"""Panels like the observed one, drawn from a fitted model: same starts, lengths and times.

Law: a simulated document starts where the observed one does, ends when it does, and is observed
through the same noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.results.inference.forecasting.laws import law_of
from stochtext.trajectories.panel import Trajectories

__all__ = ["fitted_results", "padded", "read_analysis_panel", "simulated_panels"]


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


def simulated_panels(
    results: Any, panel: Trajectories, copies: int, root: np.random.SeedSequence
) -> FloatArray:
    """Return simulated panels as an array (copies, m, T, d), NaN after the ends.

    Parameters
    ----------
    results : SDEResults
    panel : Trajectories
        Whose first states, lengths and times are kept.
    copies : int
    root : SeedSequence
    """
    observed = getattr(results, "observed", None)
    if observed is not None:
        draws = [observed.simulate(panel, generator(root, "panel", k)) for k in range(copies)]
        return np.stack([padded(draw) for draw in draws])
    if getattr(results, "hidden", False):
        raise InputError(
            "These results hide their states and were loaded from a file, which does not hold the "
            "model of the observations. Fit again."
        )
    return _marched(results, panel, copies, root)


def _marched(
    results: Any, panel: Trajectories, copies: int, root: np.random.SeedSequence
) -> FloatArray:
    process = results.process
    law = law_of(process, results.transition, getattr(results, "errors", None))
    start = padded(panel)
    m, length, d = start.shape
    alive = np.isfinite(start[:, :, 0])
    clock = _grid(panel, panel.relative_times if process.clock == "relative" else panel.times)
    times = _grid(panel, panel.times)
    found = np.full((copies, m, length, d), np.nan)
    found[:, :, 0] = start[:, 0]
    rng = generator(root, "panels")
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
