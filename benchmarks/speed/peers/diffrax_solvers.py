"""diffrax: one path per call, ``vmap`` over paths, compiled, its fastest Brownian motion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffrax
import jax
import jax.numpy as jnp

from benchmarks.speed.workloads import DT, GBM, OU, Size

__all__ = ["euler_ou", "milstein_gbm"]

jax.config.update("jax_enable_x64", True)


def euler_ou(size: Size) -> Callable[[], Any]:
    """Return a run of Euler's method, states of shape (paths, steps)."""
    return _run(
        lambda t, y, args: OU.kappa * (OU.mu - y),
        lambda t, y, args: jnp.float64(OU.sigma),
        diffrax.Euler(),
        OU.x0,
        size,
    )


def milstein_gbm(size: Size) -> Callable[[], Any]:
    """Return a run of Milstein's method, states of shape (paths, steps)."""
    return _run(
        lambda t, y, args: GBM.mu * y,
        lambda t, y, args: GBM.sigma * y,
        diffrax.ItoMilstein(),
        GBM.x0,
        size,
    )


def _run(drift: Any, diffusion: Any, solver: Any, x0: float, size: Size) -> Callable[[], Any]:
    def path(key: Any) -> Any:
        noise = diffrax.UnsafeBrownianPath((), key)
        terms = diffrax.MultiTerm(diffrax.ODETerm(drift), diffrax.ControlTerm(diffusion, noise))
        return diffrax.diffeqsolve(
            terms,
            solver,
            t0=0.0,
            t1=size.steps * DT,
            dt0=DT,
            y0=jnp.float64(x0),
            saveat=diffrax.SaveAt(steps=True),
            stepsize_controller=diffrax.ConstantStepSize(),
            # What UnsafeBrownianPath asks for: no gradient through a stored path.
            adjoint=diffrax.DirectAdjoint(),
            # A last step of rounding length is allowed for.
            max_steps=size.steps + 2,
        ).ys

    solve = jax.jit(lambda key: jax.vmap(path)(jax.random.split(key, size.paths)))
    key = jax.random.key(0)
    return lambda: solve(key).block_until_ready()
