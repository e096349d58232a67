"""Euler-Maruyama by hand in JAX: ``lax.scan`` over steps, compiled, all paths at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.speed.workloads import DT, OU, Size

__all__ = ["scan"]

jax.config.update("jax_enable_x64", True)


def scan(size: Size, precision: str) -> Callable[[], Any]:
    """Return a run in "float64" or "float32", states of shape (steps, paths)."""
    dtype = jnp.dtype(precision)

    @jax.jit
    def solve(key: Any) -> Any:
        def step(x: Any, key: Any) -> tuple[Any, Any]:
            noise = jax.random.normal(key, (size.paths,), dtype)
            x = x + OU.kappa * (OU.mu - x) * DT + OU.scale * noise
            return x, x

        start = jnp.full((size.paths,), OU.x0, dtype)
        return jax.lax.scan(step, start, jax.random.split(key, size.steps))[1]

    key = jax.random.key(0)
    return lambda: solve(key).block_until_ready()
