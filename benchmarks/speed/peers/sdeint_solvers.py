"""sdeint: one path at a time, on a given time line."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import sdeint

from benchmarks.speed.workloads import DT, OU

__all__ = ["euler_ou"]


def euler_ou(steps: int) -> Callable[[], np.ndarray]:
    """Return a run of ``itoEuler`` on one path, states of shape (steps + 1, 1)."""
    times = np.arange(steps + 1) * DT

    def drift(x: float, t: float) -> float:
        return OU.kappa * (OU.mu - x)

    def diffusion(x: float, t: float) -> float:
        return OU.sigma

    return lambda: sdeint.itoEuler(drift, diffusion, OU.x0, times)
