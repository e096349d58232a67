"""What is simulated and what is fitted to it.

Null designs are simulated exactly from the family that is fitted; alternatives are what an
Ornstein-Uhlenbeck process is fitted to. All intervals are 0.25 unless a line says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import expm, solve_continuous_lyapunov

from stochtext import CoxIngersollRoss, LinearSDE, ParametricSDE, Trajectories

DT = 0.25
Simulate = Callable[[np.random.Generator, int], Trajectories]


@dataclass(frozen=True)
class Design:
    """What draws a panel of n transitions, and what is fitted to it."""

    simulate: Simulate
    estimator: Callable[[], Any]


def vasicek(kappa: float, level: float, variance: float, dt: float) -> Simulate:
    """Return stationary paths of dX = kappa (level - X) dt + variance**0.5 dW."""

    def simulate(rng: np.random.Generator, n: int) -> Trajectories:
        decay = math.exp(-kappa * dt)
        spread = math.sqrt(variance / (2 * kappa))
        x = np.empty(n + 1)
        x[0] = rng.standard_normal()
        noise = math.sqrt(1 - decay**2) * rng.standard_normal(n)
        for k in range(n):
            x[k + 1] = decay * x[k] + noise[k]
        return Trajectories((level + spread * x)[:, None], dt=dt)

    return simulate


def planar(rng: np.random.Generator, n: int) -> Trajectories:
    """Return a stationary path of a two-dimensional Ornstein-Uhlenbeck process."""
    kappa, covariance = np.array([[1.0, 0.3], [0.0, 0.6]]), np.array([[1.0, 0.4], [0.4, 1.0]])
    decay, law = expm(-kappa * DT), solve_continuous_lyapunov(kappa, covariance)
    root = np.linalg.cholesky(law - decay @ law @ decay.T)
    noise = rng.standard_normal((n, 2)) @ root.T
    x = np.empty((n + 1, 2))
    x[0] = np.linalg.cholesky(law) @ rng.standard_normal(2)
    for k in range(n):
        x[k + 1] = decay @ x[k] + noise[k]
    return Trajectories(x, dt=DT)


def short_panel(rng: np.random.Generator, n: int) -> Trajectories:
    """Return thirty short paths at irregular times, n steps in all."""
    lengths = np.round(np.linspace(0.4, 1.6, 30) * n / 30).astype(int)
    values, times = [], []
    for length in lengths:
        steps = rng.uniform(0.1, 0.4, length)
        x = np.empty(length + 1)
        x[0] = math.sqrt(0.5) * rng.standard_normal()
        for k, h in enumerate(steps):
            decay = math.exp(-h)
            x[k + 1] = decay * x[k] + math.sqrt((1 - decay**2) / 2) * rng.standard_normal()
        values.append(x[:, None])
        times.append(np.concatenate([[0.0], np.cumsum(steps)]))
    return Trajectories(values, times=times)


def square_root(rng: np.random.Generator, n: int) -> Trajectories:
    """Return a stationary path of dX = (1 - X) dt + (X / 2)**0.5 dW from its exact law."""
    variance, decay = 0.5, math.exp(-DT)
    scale = 2 / (variance * (1 - decay))
    x = np.empty(n + 1)
    x[0] = rng.gamma(2 / variance) * variance / 2
    for k in range(n):
        x[k + 1] = rng.noncentral_chisquare(4 / variance, 2 * scale * x[k] * decay) / (2 * scale)
    return Trajectories(x[:, None], dt=DT)


def double_well(rng: np.random.Generator, n: int) -> Trajectories:
    """Return a path of dX = (X - X**3) dt + 0.7 dW, twenty Euler steps an interval."""
    h = DT / 20
    noise = 0.7 * math.sqrt(h) * rng.standard_normal((n + 40, 20))
    path, x = [], 1.0
    for row in noise.tolist():
        for step in row:
            x += (x - x**3) * h + step
        path.append(x)
    return Trajectories(np.array(path[39:])[:, None], dt=DT)


def with_jumps(rng: np.random.Generator, n: int) -> Trajectories:
    """Return an Ornstein-Uhlenbeck path with 0.1 jumps of variance 4 a unit of time."""
    decay = math.exp(-DT)
    count = rng.poisson(0.1 * DT, n)
    jump = 2 * np.sqrt(count) * rng.standard_normal(n)
    noise = math.sqrt((1 - decay**2) / 2) * rng.standard_normal(n) + jump
    return _driven(decay, noise, math.sqrt(0.5) * rng.standard_normal())


def stochastic_volatility(rng: np.random.Generator, n: int) -> Trajectories:
    """Return an autoregression whose noise is scaled by exp(v), v an autoregression of 0.9."""
    decay = math.exp(-DT)
    v = np.empty(n)
    v[0] = 0.3 / math.sqrt(1 - 0.81) * rng.standard_normal()
    for k in range(1, n):
        v[k] = 0.9 * v[k - 1] + 0.3 * rng.standard_normal()
    noise = math.sqrt((1 - decay**2) / 2) * rng.standard_normal(n) * np.exp(v)
    return _driven(decay, noise, 0.0)


def hidden_mean(rng: np.random.Generator, n: int) -> Trajectories:
    """Return a path that returns to a hidden mean, an autoregression of 0.95: not Markov."""
    pull, x = math.exp(-0.5), np.zeros(n + 1)
    mean = 0.3 / math.sqrt(1 - 0.95**2) * rng.standard_normal()
    for k in range(n):
        mean = 0.95 * mean + 0.3 * rng.standard_normal()
        x[k + 1] = mean + pull * (x[k] - mean) + 0.5 * rng.standard_normal()
    return Trajectories(x[:, None], dt=DT)


def _driven(decay: float, noise: np.ndarray, start: float) -> Trajectories:
    x = np.empty(len(noise) + 1)
    x[0] = start
    for k, step in enumerate(noise):
        x[k + 1] = decay * x[k] + step
    return Trajectories(x[:, None], dt=DT)


def exact_cir() -> Any:
    """Return the exact fit of the square-root process."""
    return ParametricSDE(CoxIngersollRoss())


def approximate_cir() -> Any:
    """Return a fit of the square-root process that takes milliseconds."""
    return ParametricSDE(CoxIngersollRoss(), density="kessler")


# Vasicek's values for interest rates as in Hong and Li (2005) after Pritsker (1998), years.
NULLS: dict[str, Design] = {
    "OU, text": Design(vasicek(1.0, 0.0, 1.0, DT), LinearSDE),
    "OU, low persistence": Design(vasicek(0.85837, 0.089102, 0.002185, 1 / 250), LinearSDE),
    "OU, high persistence": Design(vasicek(0.214592, 0.089102, 0.000546, 1 / 250), LinearSDE),
    "CIR": Design(square_root, exact_cir),
    "OU, d = 2": Design(planar, LinearSDE),
    "panel of 30, irregular": Design(short_panel, LinearSDE),
}
FULL: dict[str, Design] = {
    "OU, text": NULLS["OU, text"],
    "CIR (Kessler's density)": Design(square_root, approximate_cir),
    "panel of 30, irregular": NULLS["panel of 30, irregular"],
}
ALTERNATIVES: dict[str, Design] = {
    "double well": Design(double_well, LinearSDE),
    "CIR": Design(square_root, LinearSDE),
    "jumps": Design(with_jumps, LinearSDE),
    "stochastic volatility": Design(stochastic_volatility, LinearSDE),
    "hidden mean": Design(hidden_mean, LinearSDE),
}
