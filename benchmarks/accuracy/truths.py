"""Processes whose drift and covariance rate are known, and draws from their stationary laws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from stochtext import CKLS, SDE, DoubleWell, Trajectories, simulate
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.processes import OrnsteinUhlenbeck, Process

__all__ = ["SYSTEMS", "System", "draws", "panel_of"]

#: Longest step of the simulations; the schemes are of weak order two where the noise allows.
FINE_STEP = 0.002
_CENTRAL = (0.01, 0.99)


@dataclass(frozen=True)
class System:
    """A process, and how it is observed.

    Attributes
    ----------
    formula : str
    process : Process
        The truth; its parameters are what the parametric fit estimates.
    dt : float
    start : callable
        From a random generator and a number of paths to states (n, d), before the burn-in.
    n_paths, n_steps : int
        Of one data set.
    burn_in : float
        Time before the first observation.
    scheme : str
        What simulates it, with steps of at most .002.
    density : str
        Transition density of the parametric fit.
    degree, diffusion_degree : int
        Monomials offered to the sparse fit.
    bandwidths : tuple of float
        Where the oracle looks, in standard deviations of the states.
    unequal : Process, optional
        The same with every entry of a constant covariance rate free, where ``process`` has one
        number for all of them.
    """

    formula: str
    process: Process
    dt: float
    start: Callable[[np.random.Generator, int], FloatArray]
    n_paths: int = 100
    n_steps: int = 100
    burn_in: float = 10.0
    scheme: str = "srk"
    density: str = "shoji_ozaki"
    degree: int = 3
    diffusion_degree: int = 2
    bandwidths: tuple[float, ...] = (0.08, 0.12, 0.18, 0.27, 0.4, 0.6, 0.9)
    unequal: Process | None = None

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return int(self.process.dim or 1)

    @property
    def constant_covariance(self) -> bool:
        """Whether the covariance rate does not depend on the state."""
        return self.process.noise == "additive"


def panel_of(system: System, seed: int, n_paths: int | None = None) -> Trajectories:
    """Return one data set: stationary paths, observed every ``dt``."""
    m = n_paths or system.n_paths
    first = _settled(system, m, seed, system.burn_in)
    return _run(system, first, system.dt, system.n_steps, seed + 1)


@cache
def draws(name: str, n: int = 1000) -> FloatArray:
    """Return ``n`` stationary states inside the central 98 % of every coordinate."""
    system = SYSTEMS[name]
    states = _settled(system, 2 * n, 999, 2.0 * system.burn_in)
    low, high = np.quantile(states, _CENTRAL, axis=0)
    return states[((states >= low) & (states <= high)).all(axis=1)][:n]


def _settled(system: System, n: int, seed: int, burn_in: float) -> FloatArray:
    first = system.start(generator(seed, "start"), n)
    return _run(system, first, burn_in / 20, 20, seed).to_array()[:, -1]


def _run(system: System, first: FloatArray, dt: float, n_steps: int, seed: int) -> Trajectories:
    return simulate(
        system.process, first, dt=dt, n_steps=n_steps, scheme=system.scheme,
        n_substeps=int(np.ceil(dt / FINE_STEP - 1e-9)), random_state=seed,
    )  # fmt: skip


def _wells(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.choice([-1.0, 1.0], (n, 1))


def _normal(dim: int) -> Callable[[np.random.Generator, int], FloatArray]:
    return lambda rng, n: rng.standard_normal((n, dim))


def _parabola(t: Any, x: Any, level: float, fall: float) -> Any:
    """Return sqrt(max(level - fall x^2, .001)): the noise ends where the wells end."""
    return np.sqrt(np.maximum(level - fall * x * x, 1e-3))


def _cubic_drift(t: Any, x: Any, alpha: float, beta: float) -> Any:
    return alpha * x - beta * x * x * x


def _circle_drift(t: Any, x: Any, r: float, k: float, w: float) -> Any:
    rest = r - k * (x[0] * x[0] + x[1] * x[1])
    return np.array([x[0] * rest - w * x[1], x[1] * rest + w * x[0]])


def _crossed_noise(t: Any, x: Any, s: float, q: float) -> Any:
    first, second = np.sqrt(s + q * x[1] * x[1]), np.sqrt(s + q * x[0] * x[0])
    return np.array([[first, 0.0 * first], [0.0 * first, second]])


def _duffing_drift(t: Any, x: Any, alpha: float, beta: float, delta: float) -> Any:
    return np.array([x[1], -(beta * x[0] * x[0] * x[0] - alpha * x[0] + delta * x[1])])


def _van_der_pol_drift(t: Any, x: Any, mu: float, k: float) -> Any:
    return np.array([x[1], mu * (1.0 - x[0] * x[0]) * x[1] - k * x[0]])


def _linear_cubic_drift(t: Any, x: Any, c: float, w: float, k: float) -> Any:
    cube = x[0] * x[0] * x[0], x[1] * x[1] * x[1]
    return np.array([w * cube[1] - c * cube[0], -w * cube[0] - c * cube[1], -k * x[2]])


def _two(t: Any, x: Any, s: float) -> Any:
    return np.array([s + 0.0 * x[0], s + 0.0 * x[1]])


def _three(t: Any, x: Any, s: float) -> Any:
    return np.array([s + 0.0 * x[0], s + 0.0 * x[1], s + 0.0 * x[2]])


def _two_free(t: Any, x: Any, a: float, b: float, c: float) -> Any:
    zero = 0.0 * x[0]
    return np.array([[a + zero, zero], [b + zero, c + zero]])


def _three_free(t: Any, x: Any, a: float, b: float, c: float, e: float, f: float, g: float) -> Any:
    zero = 0.0 * x[0]
    return np.array(
        [[a + zero, zero, zero], [b + zero, c + zero, zero], [e + zero, f + zero, g + zero]]
    )


def _with_free_covariance(drift: Any, params: dict[str, float], s: float, dim: int) -> SDE:
    """Return the process with noise s I as one with a free lower triangle."""
    if dim == 2:
        factor, free = _two_free, {"a": s, "b": 0.0, "c": s}
    else:
        factor, free = _three_free, {"a": s, "b": 0.0, "c": s, "e": 0.0, "f": 0.0, "g": s}
    return SDE(drift, factor, dim=dim, noise="general", params={**params, **free})


def _eight_dimensional() -> OrnsteinUhlenbeck:
    """Return an Ornstein-Uhlenbeck process with rates .3 to 2 and a rotating part."""
    rng = np.random.default_rng(5)
    axes = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    skew = rng.normal(size=(8, 8)) / 3
    kappa = axes @ np.diag(np.linspace(0.3, 2.0, 8)) @ axes.T + 0.3 * (skew - skew.T)
    sigma = np.linalg.cholesky(axes.T @ np.diag(np.linspace(0.5, 1.5, 8)) @ axes)
    return OrnsteinUhlenbeck(kappa, np.zeros(8), sigma)


_PLANE = (0.2, 0.3, 0.45, 0.65, 1.0)

SYSTEMS: dict[str, System] = {
    "double well, additive": System(
        "dX = 4 (X - X^3) dt + dW", DoubleWell(4.0, 4.0, 1.0), 0.04, _wells, diffusion_degree=0
    ),
    "double well, multiplicative": System(
        "dX = 4 (X - X^3) dt + sqrt(max(4 - 1.25 X^2, .001)) dW",
        SDE(
            _cubic_drift, _parabola,
            params={"alpha": 4.0, "beta": 4.0, "level": 4.0, "fall": 1.25},
        ),
        0.04, _wells,
    ),
    "Wang 2-D": System(
        "dX = (X (1 - R) - Y) dt + sqrt(1 + Y^2) dW1, dY = (Y (1 - R) + X) dt + sqrt(1 + X^2) dW2, "
        "R = X^2 + Y^2",
        SDE(
            _circle_drift, _crossed_noise, dim=2, noise="general",
            params={"r": 1.0, "k": 1.0, "w": 1.0, "s": 1.0, "q": 1.0},
        ),
        0.04, _normal(2), scheme="weak2", bandwidths=_PLANE,
    ),
    "Duffing": System(
        "dX = Y dt + dW1, dY = -(X^3 - X + .35 Y) dt + dW2",
        SDE(
            _duffing_drift, _two, dim=2, noise="additive",
            params={"alpha": 1.0, "beta": 1.0, "delta": 0.35, "s": 1.0},
        ),
        0.04, _normal(2), diffusion_degree=0, bandwidths=_PLANE,
        unequal=_with_free_covariance(
            _duffing_drift, {"alpha": 1.0, "beta": 1.0, "delta": 0.35}, 1.0, 2
        ),
    ),
    "OU, d = 8": System(
        "dX = -K X dt + S dW, K with rates .3 to 2 and a rotation, S S' full",
        _eight_dimensional(), 0.1, _normal(8), scheme="exact", density="exact",
        degree=1, diffusion_degree=0, bandwidths=(1.5, 2.5, 4.0, 8.0),
    ),
    "CKLS": System(
        "dX = (1 - X) dt + .5 X^.75 dW", CKLS(1.0, -1.0, 0.5, 0.75), 0.1,
        lambda rng, n: np.ones((n, 1)), density="shoji_ozaki",
    ),
    "Van der Pol": System(
        "dX = V dt + .5 dW1, dV = ((1 - X^2) V - X) dt + .5 dW2",
        SDE(
            _van_der_pol_drift, _two, dim=2, noise="additive",
            params={"mu": 1.0, "k": 1.0, "s": 0.5},
        ),
        0.04, _normal(2), diffusion_degree=0, bandwidths=_PLANE,
        unequal=_with_free_covariance(_van_der_pol_drift, {"mu": 1.0, "k": 1.0}, 0.5, 2),
    ),
    "linear-cubic oscillator": System(
        "dX = (2 Y^3 - .1 X^3) dt + .5 dW1, dY = (-2 X^3 - .1 Y^3) dt + .5 dW2, "
        "dZ = -.3 Z dt + .5 dW3",
        SDE(
            _linear_cubic_drift, _three, dim=3, noise="additive",
            params={"c": 0.1, "w": 2.0, "k": 0.3, "s": 0.5},
        ),
        0.04, _normal(3), diffusion_degree=0, bandwidths=(0.3, 0.45, 0.65, 1.0, 1.5),
        unequal=_with_free_covariance(_linear_cubic_drift, {"c": 0.1, "w": 2.0, "k": 0.3}, 0.5, 3),
    ),
}  # fmt: skip
