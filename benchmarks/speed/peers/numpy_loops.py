"""Euler-Maruyama with NumPy: over all paths at once, and in a plain Python loop."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.speed.workloads import DT, OU, Size

__all__ = ["python_loop", "vectorised"]


def vectorised(size: Size) -> Callable[[], np.ndarray]:
    """Return a run over all paths, time-major, (steps + 1, paths)."""
    rng = np.random.Generator(np.random.PCG64(1))

    def run() -> np.ndarray:
        out = np.empty((size.steps + 1, size.paths))
        x = np.full(size.paths, OU.x0)
        out[0] = x
        for k in range(size.steps):
            noise = rng.standard_normal(size.paths)
            x = x + OU.kappa * (OU.mu - x) * DT + OU.scale * noise
            out[k + 1] = x
        return out

    return run


def python_loop(steps: int) -> Callable[[], np.ndarray]:
    """Return a run of one path in a Python loop; its normal numbers are drawn beforehand."""
    rng = np.random.Generator(np.random.PCG64(2))
    noise = rng.standard_normal(steps)

    def run() -> np.ndarray:
        out = np.empty(steps + 1)
        x = OU.x0
        out[0] = x
        for k in range(steps):
            x = x + OU.kappa * (OU.mu - x) * DT + OU.scale * noise[k]
            out[k + 1] = x
        return out

    return run
