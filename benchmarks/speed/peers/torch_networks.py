"""A drift network in PyTorch: all paths at once, with its step compiled, and one path alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.speed.workloads import DT

__all__ = ["HIDDEN", "NOISE", "START", "batched", "compiled", "drift_network", "weights"]

HIDDEN, NOISE, START = 64, 0.3, 0.1
_SCALE = NOISE * math.sqrt(DT)


def drift_network(dim: int) -> torch.nn.Sequential:
    """Return a float32 network dim -> 64 -> 64 -> dim with tanh, the same one every time."""
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(dim)
        return torch.nn.Sequential(
            torch.nn.Linear(dim, HIDDEN),
            torch.nn.Tanh(),
            torch.nn.Linear(HIDDEN, HIDDEN),
            torch.nn.Tanh(),
            torch.nn.Linear(HIDDEN, dim),
        )


def weights(network: torch.nn.Sequential) -> list[tuple[Any, Any]]:
    """Return weight (inputs, outputs) and bias of every layer."""
    layers = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    return [(p.weight.detach().numpy().T, p.bias.detach().numpy()) for p in layers]


def batched(network: torch.nn.Sequential, paths: int, steps: int) -> Callable[[], Any]:
    """Return a run without gradients, final states of shape (paths, dim)."""
    return _run(_step(network), network, paths, steps)


def compiled(network: torch.nn.Sequential, paths: int, steps: int) -> Callable[[], Any]:
    """Return the same run with its step compiled."""
    return _run(torch.compile(_step(network), dynamic=False), network, paths, steps)


def _step(network: torch.nn.Sequential) -> Callable[[Any], Any]:
    def step(x: Any) -> Any:
        return x + network(x) * DT + _SCALE * torch.randn_like(x)

    return step


def _run(
    step: Callable[[Any], Any], network: torch.nn.Sequential, paths: int, steps: int
) -> Callable[[], Any]:
    dim = network[-1].out_features

    def run() -> Any:
        with torch.no_grad():
            x = torch.full((paths, dim), START)
            for _ in range(steps):
                x = step(x)
            return x

    return run
