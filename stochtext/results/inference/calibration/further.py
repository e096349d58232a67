"""Statistics that need the process and the panel, not residuals alone.

Law of this file: they are computed for a fit and for its refits in the same way.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.exceptions import StochtextError
from stochtext._shared.typing import FloatArray
from stochtext.diagnostics.battery.whole_states import energy_statistic, marginal_density_statistic
from stochtext.processes.base import Process
from stochtext.trajectories.panel import Trajectories

__all__ = ["FURTHER", "further_reason", "further_statistic"]

FURTHER = ("marginal density", "energy of steps")
GRID = 512
REACH = 5.0


def further_reason(test: str, process: Process) -> str:
    """Return why a model has no such test, empty if it has."""
    if test != "marginal density":
        relative = process.clock != "time"
        return "steps cannot be drawn one by one on a relative clock." if relative else ""
    if process.dim != 1 or process.clock != "time" or not process.autonomous:
        return "a stationary density is compared for one coordinate and no clock only."
    return ""


def further_statistic(
    test: str, model: Any, panel: Trajectories, seed: np.random.SeedSequence, replicate: int
) -> float:
    """Return a statistic of a panel under a model, NaN where the model has none.

    Parameters
    ----------
    test : str
        One of ``FURTHER``.
    model : Judged
    panel : Trajectories
    seed : SeedSequence
    replicate : int
        Number of the paths that the model is to simulate for comparison.
    """
    try:
        if test == "marginal density":
            return _marginal(model.process, panel.values[:, 0])
        other = model.replicates(_single_steps(panel), seed, replicate, 1)[0]
    except (StochtextError, np.linalg.LinAlgError):
        return math.nan
    if other is None or not np.isfinite(panel.values).all():
        return math.nan
    return energy_statistic(*_scaled(_rows(panel), _rows(other)))


def _single_steps(panel: Trajectories) -> Trajectories:
    """Return each transition as a trajectory: whole paths of a persistent process wander off."""
    steps = panel.transitions()
    values = np.stack([steps.x, steps.x_next], axis=1)
    times = np.stack([steps.t, steps.t + steps.dt], axis=1)
    return Trajectories(list(values), times=list(times))


def _rows(panel: Trajectories) -> FloatArray:
    steps = panel.transitions()
    return np.hstack([steps.x, (steps.x_next - steps.x) / np.sqrt(steps.dt)[:, None]])


def _scaled(observed: FloatArray, simulated: FloatArray) -> tuple[FloatArray, FloatArray]:
    spread = observed.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    return observed / spread, simulated / spread


def _marginal(process: Process, x: FloatArray) -> float:
    density = _density(process, x)
    if not np.all(np.isfinite(density)):
        return math.nan
    return marginal_density_statistic(x, density)


def _density(process: Any, x: FloatArray) -> FloatArray:
    if hasattr(process, "stationary_density"):
        return np.asarray(process.stationary_density(x[:, None])).reshape(len(x))
    if hasattr(process, "stationary_covariance") and hasattr(process, "stationary_mean"):
        mean, variance = (
            float(np.ravel(value() if callable(value) else value)[0])
            for value in (process.stationary_mean, process.stationary_covariance)
        )
        return np.asarray(
            np.exp(-0.5 * (x - mean) ** 2 / variance) / math.sqrt(2 * math.pi * variance)
        )
    return _by_speed_measure(process, x)


def _by_speed_measure(process: Process, x: FloatArray) -> FloatArray:
    """Return the density proportional to exp(integral of 2 b / a) / a."""
    low, high = process.domain[0]
    spread = REACH * float(x.std())
    grid = np.linspace(
        max(float(x.min()) - spread, low + 1e-9 * spread),
        min(float(x.max()) + spread, high - 1e-9 * spread), GRID,
    )  # fmt: skip
    drift = process.drift(grid[:, None])[:, 0]
    variance = process.covariance(grid[:, None])[:, 0, 0]
    slope = 2 * drift / variance
    width = grid[1] - grid[0]
    potential = np.concatenate([[0.0], np.cumsum((slope[1:] + slope[:-1]) / 2) * width])
    log_density = potential - np.log(variance)
    density = np.exp(log_density - log_density.max())
    density /= np.sum((density[1:] + density[:-1]) / 2) * width
    return np.asarray(np.interp(x, grid, density))
