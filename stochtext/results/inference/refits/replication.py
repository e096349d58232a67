"""Panels simulated from a fitted process on the time grids of the observed one.

Law of this file: replicate b has its own random numbers, so that it is the same whoever
simulates it, and beside whatever others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr
from scipy.stats import poisson

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.processes.gaussian import lower_root
from stochtext.processes.jumps.jump_diffusion import JumpDiffusion
from stochtext.processes.linear.process import LinearProcess
from stochtext.results.inference.refits.grid_replication import on_grid, values_on_grid
from stochtext.trajectories.contents import Transitions
from stochtext.trajectories.panel import Trajectories

__all__ = ["REPLICATES_AT_ONCE", "normals_per_step", "replicated_panels", "step_from_normals"]

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
    if _has_no_exact_step(process) and on_grid(process, panel):
        found = values_on_grid(process, panel, seed, first, count, SUBSTEPS)
        return [panel.with_values(v) if np.isfinite(v).all() else None for v in found]
    steps = panel.transitions(clock=process.clock)
    begins = panel.offsets[:-1] - np.arange(panel.n_trajectories)
    lengths = panel.lengths - 1
    width, line = normals_per_step(process), _Line.of(process, steps)
    longest, m = int(lengths.max()), panel.n_trajectories
    everything, several = np.arange(m), bool(np.ptp(lengths))
    values = np.empty((count, *panel.values.shape))
    values[:, panel.offsets[:-1]] = panel.values[panel.offsets[:-1]]
    streams = [generator(seed, "bootstrap", first + b) for b in range(count)]
    block = max(1, NUMBERS_AT_ONCE // (count * m * width))
    for begin in range(0, longest, block):
        rows = min(block, longest - begin)
        noise = np.stack([s.standard_normal((rows, m, width)) for s in streams], axis=1)
        for k in range(begin, begin + rows):
            active = np.flatnonzero(lengths > k) if several else everything
            at, row = panel.offsets[active] + k, begins[active] + k
            z = noise[k - begin][:, active]
            if line is not None:
                values[:, at + 1] = line.following(values[:, at], z, row)
                continue
            t, dt, clock_dt = (np.tile(a[row], count) for a in (steps.t, steps.dt, steps.clock_dt))
            x = values[:, at].reshape(count * len(active), -1)
            following = step_from_normals(process, x, t, dt, clock_dt, z.reshape(len(x), width))
            values[:, at + 1] = following.reshape(count, len(active), -1)
    return [panel.with_values(v) if np.isfinite(v).all() else None for v in values]


class _Line(NamedTuple):
    """Transitions that are linear in the state: all of a panel's, computed once."""

    offset: FloatArray
    matrix: FloatArray
    root: FloatArray

    @classmethod
    def of(cls, process: Process, steps: Transitions) -> _Line | None:
        if not isinstance(process, LinearProcess):
            return None
        n, d = steps.x.shape
        at = (steps.dt, steps.t, steps.clock_dt)
        offset, covariance = process.transition_moments(np.zeros((n, d)), *at)
        unit = np.eye(d)
        columns = [process.transition_moments(np.tile(e, (n, 1)), *at)[0] - offset for e in unit]
        return cls(offset, np.stack(columns, axis=2), lower_root(np.ascontiguousarray(covariance)))

    def following(self, x: FloatArray, z: FloatArray, row: IntArray) -> FloatArray:
        mean = self.offset[row] + np.einsum("aij,caj->cai", self.matrix[row], x)
        return np.asarray(mean + np.einsum("aij,caj->cai", self.root[row], z))


def _has_no_exact_step(process: Process) -> bool:
    return process.exact_normals is None and not getattr(process, "has_exact_step_uniform", False)


def normals_per_step(process: Process) -> int:
    """Return how many standard normals ``step_from_normals`` takes for a row."""
    if process.exact_normals is not None:
        return process.exact_normals
    if getattr(process, "has_exact_step_uniform", False):
        return 1
    own = process.noise_dim or 1
    if isinstance(process, JumpDiffusion):
        # One number says how many jumps there are, d are their sizes.
        own += 1 + len(process.jump_mean)
    return SUBSTEPS * own


def step_from_normals(
    process: Process, x: FloatArray, t: FloatArray, dt: FloatArray, clock_dt: FloatArray,
    z: FloatArray,
) -> FloatArray:  # fmt: skip
    """Return the states one sampling interval later, a smooth function of standard normals.

    Exact where the process has an exact step, else Euler-Maruyama with ten substeps, reflected
    at the ends of the domain, with a Poisson number of jumps in each where there are jumps.

    Parameters
    ----------
    process : Process
    x : ndarray of shape (n, d)
    t, dt, clock_dt : ndarray of shape (n,)
    z : ndarray of shape (n, normals_per_step(process))
    """
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
            sigma = process.diffusion(x, at)
            noise = np.einsum("nij,nj->ni", sigma, normals[:, j, : sigma.shape[2]])
            x = x + process.drift(x, at) * h + noise * np.sqrt(h)
            if isinstance(process, JumpDiffusion):
                x = x + _jumps(process, normals[:, j, sigma.shape[2] :], h[:, 0])
            x = _inside(x, low, high)
    return x


def _jumps(process: JumpDiffusion, normals: FloatArray, h: FloatArray) -> FloatArray:
    """Return the sum of a Poisson number of normal jumps in each row."""
    uniforms = np.clip(ndtr(normals[:, 0]), SMALLEST, 1.0 - SMALLEST)
    count = poisson.ppf(uniforms, process.jump_rate * h)[:, None]
    factor = np.asarray(process.params["jump_factor"])
    return np.asarray(count * process.jump_mean + np.sqrt(count) * (normals[:, 1:] @ factor.T))


def _inside(x: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Reflect what an Euler step took out of the domain."""
    x = np.where(x < low, 2.0 * low - x, x)
    return np.where(x > high, 2.0 * high - x, x)
