"""The package's own candidates, through its public functions only."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import stochtext as st
from benchmarks.speed.workloads import DT, GBM, OU, Size

__all__ = [
    "double_well",
    "final_only",
    "gbm",
    "ornstein_uhlenbeck",
    "stored",
    "tanh_by_name",
    "two_dimensional",
]

_SEED = 1


def ornstein_uhlenbeck() -> Any:
    """Return the Ornstein-Uhlenbeck process of the workloads."""
    return st.OrnsteinUhlenbeck(kappa=OU.kappa, mu=OU.mu, sigma=OU.sigma)


def gbm() -> Any:
    """Return geometric Brownian motion as a user writes it."""
    return st.SDE(_gbm_drift, _gbm_diffusion, params={"mu": GBM.mu, "sigma": GBM.sigma})


def double_well() -> Any:
    """Return dX = (X - X^3) dt + 0.5 dW."""
    return st.DoubleWell(alpha=1.0, beta=1.0, sigma=0.5)


def tanh_by_name() -> Any:
    """Return dX = -tanh(X) dt + 0.5 dW with ``math.tanh`` written by the user."""
    return st.SDE(_tanh_drift, _tanh_diffusion, params={"sigma": 0.5}, noise="additive")


def two_dimensional() -> Any:
    """Return a process in two dimensions with a full diffusion matrix that moves with the state."""
    return st.SDE(_planar_drift, _planar_diffusion, dim=2, noise="general")


def stored(
    process: Any, x0: Any, size: Size, *, every: int = 1, dtype: str = "float64", **options: Any
) -> Callable[[], np.ndarray]:
    """Return a run that writes every so many steps into an array made beforehand."""
    dim = np.atleast_1d(x0).shape[-1]
    out = np.zeros((size.paths, size.steps // every + 1, dim), dtype=dtype)
    arguments: dict[str, Any] = {
        "dt": DT,
        "n_steps": size.steps,
        "n_paths": size.paths,
        "save_every": every,
        "random_state": _SEED,
        "n_threads": 1,
        **({} if dtype == "float64" else {"dtype": dtype}),
        **options,
    }

    def run() -> np.ndarray:
        st.simulate(process, x0, out=out, **arguments)
        return out

    return run


def final_only(process: Any, x0: Any, size: Size, **options: Any) -> Callable[[], np.ndarray]:
    """Return a run that keeps the first and the last state only."""
    return stored(process, x0, size, every=size.steps, **options)


def _gbm_drift(t, x, mu):
    return mu * x


def _gbm_diffusion(t, x, sigma):
    return sigma * x


def _tanh_drift(t, x):
    return -math.tanh(x)


def _tanh_diffusion(t, x, sigma):
    return sigma


def _planar_drift(t, x):
    return np.array([-x[0] + 0.5 * x[1], -0.5 * x[0] - x[1]])


def _planar_diffusion(t, x):
    return np.array(
        [
            [0.3 + 0.05 * x[0], 0.1 * x[1]],
            [0.1 * x[0], 0.3 + 0.05 * x[1]],
        ]
    )
