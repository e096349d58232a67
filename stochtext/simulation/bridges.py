"""Paths of a process between two given states, with the weights that make them the process's own.

Law of this file: a proposal is never passed off as a path of the process; its weight stands by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from stochtext._shared.exceptions import InputError, SimulationError
from stochtext._shared.typing import ArrayLike, FloatArray, RandomState
from stochtext._shared.validation import (
    as_states,
    check_choice,
    check_integer,
    check_positive,
)
from stochtext.processes.base import Process
from stochtext.simulation.grid import Grid, output_array
from stochtext.simulation.noise import noise_key
from stochtext.simulation.starts import checked_dim
from stochtext.simulation.threads import available_threads
from stochtext.trajectories.panel import Trajectories

__all__ = ["PROPOSALS", "Bridges", "simulate_bridge"]

#: Where the mean of a proposal goes: straight to the end, or along the drift and then there.
PROPOSALS = ("modified", "residual")


@dataclass(frozen=True, eq=False)
class Bridges:
    """Weighted paths from one state to another.

    Parameters
    ----------
    paths : Trajectories
        The proposals that have a weight. Their ids are their numbers among the n_paths
        proposals, ``metadata["log_weight"]`` their log weights.
    log_weights : ndarray of shape (n_paths,)
        Log of Euler density of the path over density of the proposal, which is the density
        of the end point on average; -inf for a proposal that left the domain of the process
        or the floating-point range.
    log_density : float
        Logarithm of the mean weight: an estimate of log p(x1 | x0, duration) for the process
        discretised by Euler and Maruyama in ``n_steps`` steps.
    log_density_se : float
        Its Monte Carlo standard error, by the delta method.
    """

    paths: Trajectories
    log_weights: FloatArray = field(repr=False)
    log_density: float
    log_density_se: float

    @property
    def n_lost(self) -> int:
        """Number of proposals without weight."""
        return int(np.sum(np.isneginf(self.log_weights)))

    @property
    def weights(self) -> FloatArray:
        """Weights of the n_paths proposals, adding up to one."""
        weights = np.exp(self.log_weights - self.log_weights.max())
        return weights / weights.sum()

    @property
    def effective_sample_size(self) -> float:
        """Number of equally weighted paths worth as much: 1 / sum of squared weights."""
        return float(1.0 / np.sum(self.weights**2))


def simulate_bridge(
    process: Process,
    x0: ArrayLike,
    x1: ArrayLike,
    *,
    duration: float,
    n_steps: int,
    n_paths: int,
    t0: float = 0.0,
    proposal: str = "modified",
    random_state: RandomState = None,
    antithetic: bool = False,
    first_path: int = 0,
    n_threads: int | None = None,
) -> Bridges:
    """Simulate paths that start at x0 and end at x1, and estimate the transition density.

    Parameters
    ----------
    process : Process
        All parameters must have values; the covariance rate a must not be singular.
    x0, x1 : array_like of shape (d,)
        Where the paths start and end; for d = 1 a number will do.
    duration : float
        Time from start to end.
    n_steps : int
        Steps of a path. On a relative clock they cover the whole trajectory.
    n_paths : int
        Number of proposals.
    t0 : float, default 0.0
        Time of the start.
    proposal : {"modified", "residual"}, default "modified"
        Modified diffusion bridge, or residual bridge, which follows the drift first: better
        where the drift bends the way from x0 to x1.
    random_state : int, SeedSequence, Generator or None
        Seed. Path k has the same noise whatever the process and the number of paths.
    antithetic : bool, default False
        Whether the paths 2k and 2k + 1 have opposite noise.
    first_path : int, default 0
        Address of the noise: paths first_path, first_path + 1, ...
    n_threads : int, optional
        Threads for compiled processes; by default one per available processor.

    Returns
    -------
    Bridges

    Raises
    ------
    SchemeError
        If the noise does not reach every direction.
    SimulationError
        If no proposal has a weight.
    ResourceLimitError
        If the paths would not fit into memory; nothing has been allocated then.
    InputError
        If another argument cannot be used.

    Notes
    -----
    With step h and T the duration, the modified diffusion bridge is

        X' = X + (x1 - X) / (T - t) h + N(0, (T - t - h) / (T - t) a(t, X) h),

    and the weight of a path is the product of the Euler densities N(X + b h, a h) of its
    steps, the last one into x1 included, over the densities of the proposal (Durham and
    Gallant 2002, section 3). The mean weight is an unbiased estimate of the transition
    density of the Euler scheme, which tends to that of the process for many steps. Weighted
    by ``Bridges.weights``, the paths are those of the process given both ends. The residual
    bridge does the same for the distance from the curve dy = b dt (Whitaker et al. 2017,
    section 3).

    A proposal that leaves the domain of the process has weight zero.

    References
    ----------
    Durham and Gallant (2002), Numerical techniques for maximum likelihood estimation of
    continuous-time diffusion processes, Journal of Business and Economic Statistics 20,
    297-316. Whitaker, Golightly, Boys and Sherlock (2017), Improved bridge constructs for
    stochastic differential equations, Statistics and Computing 27, 885-900.

    Examples
    --------
    >>> from stochtext.processes import OrnsteinUhlenbeck
    >>> from stochtext.simulation import simulate_bridge
    >>> process = OrnsteinUhlenbeck(kappa=1.0, mu=0.5, sigma=0.6)
    >>> bridges = simulate_bridge(
    ...     process, 0.0, 1.0, duration=0.5, n_steps=50, n_paths=100, random_state=1
    ... )
    >>> ends = bridges.paths.to_array()[:, [0, -1], 0]
    >>> ends.min(axis=0).tolist(), ends.max(axis=0).tolist()
    ([0.0, 1.0], [0.0, 1.0])
    """
    from stochtext.simulation.bridge_weights import bridge_log_weights, log_mean_weights

    dim = checked_dim(process)
    n_paths = check_integer("n_paths", n_paths)
    n_steps = check_integer("n_steps", n_steps)
    check_choice("proposal", proposal, PROPOSALS)
    step = check_positive("duration", duration) / n_steps
    grid = Grid.checked(step, n_steps, 1, 1, t0, process.clock, first_path)
    if antithetic and (n_paths % 2 or grid.first_path % 2):
        raise InputError(
            "With `antithetic` paths come in pairs: `n_paths` and `first_path` must be even; got "
            f"{n_paths} and {grid.first_path}."
        )
    start, end = _one_state("x0", x0, process, dim), _one_state("x1", x1, process, dim)
    paths = output_array(None, (n_paths, n_steps + 1, dim))
    log_weights = bridge_log_weights(
        process,
        start,
        end,
        np.array([grid.clock_start]),
        np.array([float(duration)]),
        n_inner=n_steps,
        n_draws=n_paths,
        key=noise_key(random_state),
        clock_dt=np.array([grid.clock_step * n_steps]),
        proposal=proposal,
        antithetic=bool(antithetic),
        first_path=grid.first_path,
        n_threads=available_threads(n_threads),
        paths=paths,
    )
    log_density, error = log_mean_weights(log_weights, bool(antithetic))
    return Bridges(
        _panel(paths, log_weights[0], grid), log_weights[0], float(log_density[0]), float(error[0])
    )


def _one_state(name: str, value: ArrayLike, process: Process, dim: int) -> FloatArray:
    states = as_states(name, value, dim)
    if len(states) != 1 or not np.isfinite(states).all():
        raise InputError(f"`{name}` must be one finite state of shape ({dim},); got {value!r}.")
    low, high = np.array(process.domain).T
    if not np.all((states >= low) & (states <= high)):
        raise InputError(
            f"`{name}` must lie in the domain of {type(process).__name__}, "
            f"{' x '.join(f'[{a:g}, {b:g}]' for a, b in process.domain)}; got "
            f"{states[0].tolist()}."
        )
    return states


def _panel(paths: FloatArray, log_weights: FloatArray, grid: Grid) -> Trajectories:
    kept = np.flatnonzero(np.isfinite(log_weights))
    if kept.size == 0:
        raise SimulationError(
            f"None of the {len(log_weights)} bridges stayed in the domain of the process and in "
            "the floating-point range. Use more `n_steps`, or check the coefficients between "
            "`x0` and `x1`."
        )
    states = paths if len(kept) == len(paths) else paths[kept]
    return Trajectories.from_flat(
        states.reshape(-1, paths.shape[2]),
        np.full(len(kept), grid.n_saved),
        dt=grid.dt,
        start=grid.start,
        ids=kept,
        metadata={"log_weight": log_weights[kept]},
        copy=False,
        finite=True,
    )
