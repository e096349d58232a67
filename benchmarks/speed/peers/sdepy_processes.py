"""sdepy: a process made by its ``integrate`` decorator, called with a time line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sdepy

from benchmarks.speed.workloads import DT, OU, Size

__all__ = ["euler_ou"]


@sdepy.integrate
def _ornstein_uhlenbeck(t: Any, x: Any) -> dict[str, Any]:
    return {"dt": OU.kappa * (OU.mu - x), "dw": OU.sigma}


def euler_ou(size: Size) -> Callable[[], Any]:
    """Return a run of Euler's method, states of shape (steps + 1, paths)."""
    times = np.linspace(0.0, size.steps * DT, size.steps + 1)
    return lambda: _ornstein_uhlenbeck(x0=OU.x0, paths=size.paths)(times)
