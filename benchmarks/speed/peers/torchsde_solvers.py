"""torchsde: batch of states, diagonal noise, float64, without gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torchsde

from benchmarks.speed.workloads import DT, GBM, OU, Size

__all__ = ["euler_ou", "milstein_gbm"]


class _OrnsteinUhlenbeck(torch.nn.Module):
    noise_type = "diagonal"
    sde_type = "ito"

    def f(self, t: Any, y: Any) -> Any:
        return OU.kappa * (OU.mu - y)

    def g(self, t: Any, y: Any) -> Any:
        return torch.full_like(y, OU.sigma)


class _GeometricBrownianMotion(torch.nn.Module):
    noise_type = "diagonal"
    sde_type = "ito"

    def f(self, t: Any, y: Any) -> Any:
        return GBM.mu * y

    def g(self, t: Any, y: Any) -> Any:
        return GBM.sigma * y


def euler_ou(size: Size) -> Callable[[], Any]:
    """Return a run of Euler's method, states of shape (steps + 1, paths, 1)."""
    return _run(_OrnsteinUhlenbeck(), OU.x0, "euler", size)


def milstein_gbm(size: Size) -> Callable[[], Any]:
    """Return a run of Milstein's method, states of shape (steps + 1, paths, 1)."""
    return _run(_GeometricBrownianMotion(), GBM.x0, "milstein", size)


def _run(sde: torch.nn.Module, x0: float, method: str, size: Size) -> Callable[[], Any]:
    torch.set_num_threads(1)
    start = torch.full((size.paths, 1), x0, dtype=torch.float64)
    times = torch.linspace(0.0, size.steps * DT, size.steps + 1, dtype=torch.float64)

    def run() -> Any:
        with torch.no_grad():
            return torchsde.sdeint(sde, start, times, method=method, dt=DT)

    return run
