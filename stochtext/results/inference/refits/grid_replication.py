"""Replicates of panels on regular grids, by the compiled simulation.

Law of this file: the noise of a path has the address of its replicate and trajectory, so that it
is the same beside whatever others.
"""

from __future__ import annotations

import warnings

import numpy as np

from stochtext._shared.exceptions import SimulationWarning
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.simulation.simulate import simulate
from stochtext.trajectories.panel import Trajectories

__all__ = ["on_grid", "values_on_grid"]

# Shorter paths are stepped sooner than code is compiled.
SHORTEST = 100
PURPOSE = 0x6B1D


def on_grid(process: Process, panel: Trajectories) -> bool:
    """Whether the compiled simulation can and should make replicates of a panel."""
    if panel.dt is None or int(panel.lengths.max()) <= SHORTEST or process.noise == "jump":
        return False
    if (
        process.clock == "time"
        and not process.autonomous
        and np.ptp(panel.times[panel.offsets[:-1]]) > 0
    ):
        return False
    return process.machine_code() is not None


def values_on_grid(
    process: Process,
    panel: Trajectories,
    seed: np.random.SeedSequence,
    first: int,
    count: int,
    n_substeps: int,
) -> FloatArray:
    """Return the values of replicates ``first, ...`` of a panel, shape (count, N, d)."""
    values = np.empty((count, *panel.values.shape))
    # A reflected Euler step never leaves the domain.
    bounded = bool(np.isfinite(np.array(process.domain)).any())
    for length in np.unique(panel.lengths).tolist():
        own = np.flatnonzero(panel.lengths == length)
        start = panel.offsets[:-1][own]
        out = np.empty((count * len(own), length, panel.n_features))
        key = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, PURPOSE, length))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SimulationWarning)
            simulate(
                process, np.tile(panel.values[start], (count, 1)), dt=float(panel.dt or 1.0),
                n_steps=length - 1, scheme="reflected_euler" if bounded else "euler",
                n_substeps=n_substeps, random_state=key, first_path=first * len(own), out=out,
                t0=float(panel.times[0]) if process.clock == "time" else 0.0, n_threads=1,
            )  # fmt: skip
        rows = (start[:, None] + np.arange(length)).ravel()
        values[:, rows] = out.reshape(count, -1, panel.n_features)
    return values
