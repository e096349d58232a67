"""Paths of processes with a known answer, simulated when asked for.

Law: the same arguments give the same numbers on every machine.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.random import generator, seed_sequence
from stochtext._shared.typing import RandomState
from stochtext._shared.validation import check_integer, check_positive
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.processes.named.double_well import DoubleWell
from stochtext.simulation.simulate import simulate
from stochtext.trajectories.panel import Trajectories

__all__ = ["load_double_well", "load_ornstein_uhlenbeck"]

_SUBSTEPS = 20


def load_double_well(
    n_steps: int = 20_000,
    dt: float = 0.05,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    sigma: float = 0.7,
    random_state: RandomState = 0,
) -> Trajectories:
    """Simulate one long path of a double-well process.

    Parameters
    ----------
    n_steps : int, default 20000
        Number of transitions.
    dt : float, default 0.05
        Sampling interval.
    alpha, beta, sigma : float
        Parameters of dX = (alpha X - beta X^3) dt + sigma dW. With the defaults the
        wells are at -1 and 1 and the path changes between them about every 14 units of
        time.
    random_state : int or Generator, default 0
        Seed.

    Returns
    -------
    Trajectories
        One trajectory of n_steps + 1 states, sampled every 20 Euler-Maruyama steps.
        It starts in the right-hand well.

    Examples
    --------
    >>> from stochtext.datasets import load_double_well
    >>> path = load_double_well(n_steps=100)
    >>> path.n_trajectories, path.n_transitions, path.dt
    (1, 100, 0.05)
    """
    process = DoubleWell(
        alpha=check_positive("alpha", alpha),
        beta=check_positive("beta", beta),
        sigma=check_positive("sigma", sigma),
    )
    return simulate(
        process,
        np.array([np.sqrt(alpha / beta)]),
        dt=check_positive("dt", dt),
        n_steps=check_integer("n_steps", n_steps),
        n_substeps=_SUBSTEPS,
        random_state=random_state,
    )


def load_ornstein_uhlenbeck(
    n_trajectories: int = 40,
    n_steps: int = 100,
    dt: float = 0.1,
    *,
    kappa: float = 1.0,
    mu: float = 0.0,
    sigma: float = 1.0,
    random_state: RandomState = 0,
) -> Trajectories:
    """Simulate a panel of stationary Ornstein-Uhlenbeck paths.

    Parameters
    ----------
    n_trajectories : int, default 40
        Number of paths.
    n_steps : int, default 100
        Transitions of each path.
    dt : float, default 0.1
        Sampling interval.
    kappa, mu, sigma : float
        Parameters of dX = kappa (mu - X) dt + sigma dW.
    random_state : int or Generator, default 0
        Seed.

    Returns
    -------
    Trajectories
        Paths of n_steps + 1 states, sampled every 20 Euler-Maruyama steps; the first
        state is drawn from the stationary law, normal with mean mu and variance
        sigma^2 / (2 kappa).

    Examples
    --------
    >>> from stochtext.datasets import load_ornstein_uhlenbeck
    >>> panel = load_ornstein_uhlenbeck(n_trajectories=3, n_steps=10)
    >>> panel.lengths.tolist()
    [11, 11, 11]
    """
    count = check_integer("n_trajectories", n_trajectories)
    process = OrnsteinUhlenbeck(
        kappa=check_positive("kappa", kappa), mu=float(mu), sigma=check_positive("sigma", sigma)
    )
    root = seed_sequence(random_state)
    spread = np.sqrt(sigma**2 / (2 * kappa))
    starts = mu + spread * generator(root, "start").standard_normal((count, 1))
    return simulate(
        process,
        starts,
        dt=check_positive("dt", dt),
        n_steps=check_integer("n_steps", n_steps),
        n_paths=count,
        n_substeps=_SUBSTEPS,
        random_state=root,
    )
