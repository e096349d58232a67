"""Panels simulated from a fitted process on the time grids of the observed one.

Law of this file: replicate b has its own random numbers, so that it is the same whoever
simulates it, and beside whatever others.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.trajectories.panel import Trajectories

__all__ = ["REPLICATES_AT_ONCE", "replicated_panels"]

# An Euler step where there is no exact one is this part of a sampling interval.
SUBSTEPS = 10
NUMBERS_AT_ONCE = 2**22
REPLICATES_AT_ONCE = 64
# The quantile at 1 is infinite, and that at 0 may be no state.
SMALLEST = np.finfo(float).eps / 2.0


def replicated_panels(
    process: Process,
    panel: Trajectories,
    seed: np.random.SeedSequence,
    first: int,
    count: int,
) -> list[Trajectories | None]:
    """Return replicates of a panel: same first states, lengths and times, other noise.

    Parameters
    ----------
    process : Process
        What is simulated, exactly where it has an exact step, else by Euler-Maruyama with
        ten steps a sampling interval.
    panel : Trajectories
    seed : SeedSequence
    first, count : int
        Replicates ``first, ..., first + count - 1``.

    Returns
    -------
    list of Trajectories, or None where a path left the floating-point range
    """
    steps = panel.transitions(clock=process.clock)
    begins = panel.offsets[:-1] - np.arange(panel.n_trajectories)
    lengths = panel.lengths - 1
    width = _normals(process)
    longest, m = int(lengths.max()), panel.n_trajectories
    values = np.empty((count, *panel.values.shape))
    values[:, panel.offsets[:-1]] = panel.values[panel.offsets[:-1]]
    streams = [generator(seed, "bootstrap", first + b) for b in range(count)]
    block = max(1, NUMBERS_AT_ONCE // (count * m * width))
    for begin in range(0, longest, block):
        rows = min(block, longest - begin)
        noise = np.stack([s.standard_normal((rows, m, width)) for s in streams], axis=1)
        for k in range(begin, begin + rows):
            active = np.flatnonzero(lengths > k)
            at, row = panel.offsets[active] + k, begins[active] + k
            t, dt, clock_dt = (np.tile(a[row], count) for a in (steps.t, steps.dt, steps.clock_dt))
            x = values[:, at].reshape(count * len(active), -1)
            z = noise[k - begin][:, active].reshape(count * len(active), width)
            following = _step(process, x, t, dt, clock_dt, z)
            values[:, at + 1] = following.reshape(count, len(active), -1)
    return [panel.with_values(v) if np.isfinite(v).all() else None for v in values]


def _normals(process: Process) -> int:
    if process.exact_normals is not None:
        return process.exact_normals
    if getattr(process, "has_exact_step_uniform", False):
        return 1
    return SUBSTEPS * (process.noise_dim or 1)


def _step(
    process: Process, x: FloatArray, t: FloatArray, dt: FloatArray, clock_dt: FloatArray,
    z: FloatArray,
) -> FloatArray:  # fmt: skip
    if process.exact_normals is not None:
        return process.exact_step(x, t, dt, clock_dt, z)
    if getattr(process, "has_exact_step_uniform", False):
        uniforms = np.clip(ndtr(z[:, 0]), SMALLEST, 1.0 - SMALLEST)
        return process.exact_step_uniform(x, dt, uniforms)  # type: ignore[attr-defined]
    low, high = np.array(process.domain).T
    normals = z.reshape(len(x), SUBSTEPS, -1)
    h = dt[:, None] / SUBSTEPS
    with np.errstate(all="ignore"):
        for j in range(SUBSTEPS):
            at = t + clock_dt * (j / SUBSTEPS)
            noise = np.einsum("nij,nj->ni", process.diffusion(x, at), normals[:, j])
            x = x + process.drift(x, at) * h + noise * np.sqrt(h)
            x = _inside(x, low, high)
    return x


def _inside(x: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Reflect what an Euler step took out of the domain."""
    x = np.where(x < low, 2.0 * low - x, x)
    return np.where(x > high, 2.0 * high - x, x)
