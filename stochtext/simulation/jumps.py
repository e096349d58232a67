"""Paths of diffusions with jumps, all of them one step at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError, SimulationError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import as_float_array, check_integer, check_positive
from stochtext.processes.jumps.jump_diffusion import JumpDiffusion
from stochtext.trajectories.panel import Trajectories

__all__ = ["simulate_jumps"]


def simulate_jumps(
    process: JumpDiffusion,
    x0: Any,
    *,
    dt: float,
    n_steps: int,
    n_paths: int | None = None,
    n_substeps: int = 1,
    random_state: RandomState = None,
    t0: float = 0.0,
) -> Trajectories:
    """Simulate a jump diffusion: Euler-Maruyama steps and a Poisson number of jumps in each.

    Parameters
    ----------
    process : JumpDiffusion
    x0 : array_like of shape (d,) or (n_paths, d)
        Where the paths start.
    dt : float
        Time between two states.
    n_steps : int
    n_paths : int, optional
        By default as many as ``x0`` has states.
    n_substeps : int, default 1
        Euler steps within ``dt``; jumps fall at the end of theirs.
    random_state : int, Generator, SeedSequence or None
        The numbers of a path depend on how many paths there are.
    t0 : float, default 0.0
        Time of the first state.

    Returns
    -------
    Trajectories

    Raises
    ------
    SimulationError
        If a path leaves the floating-point range.

    Notes
    -----
    The number of jumps in a substep h is Poisson(jump_rate h), and given k of them their
    sum is N(k m, k C): several jumps in one step add up.

    Examples
    --------
    >>> from stochtext.processes import BrownianMotion, JumpDiffusion
    >>> from stochtext.simulation import simulate_jumps
    >>> process = JumpDiffusion(BrownianMotion(0.0, 0.1), 2.0, [1.0], [[0.5]])
    >>> simulate_jumps(process, 0.0, dt=0.1, n_steps=50, n_paths=3, random_state=1).n_transitions
    150
    """
    if not isinstance(process, JumpDiffusion):
        raise InputError(f"`process` must be a JumpDiffusion; got {type(process).__name__}.")
    h = check_positive("dt", dt) / check_integer("n_substeps", n_substeps, minimum=1)
    steps = check_integer("n_steps", n_steps, minimum=1)
    x = _starts(x0, n_paths, process.dim or 1)
    rng = generator(random_state, "jump diffusion")
    factor = np.asarray(process.params["jump_factor"])
    paths = np.empty((len(x), steps + 1, x.shape[1]))
    paths[:, 0] = x
    for k in range(steps):
        for sub in range(n_substeps):
            t = t0 + (k + sub / n_substeps) * dt
            sigma = process.diffusion(x, t)
            noise = rng.standard_normal((len(x), sigma.shape[2]))
            number = rng.poisson(process.jump_rate * h, len(x))
            sizes = rng.standard_normal(x.shape)
            x = x + process.drift(x, t) * h + np.sqrt(h) * np.einsum("njm,nm->nj", sigma, noise)
            x += number[:, None] * process.jump_mean
            x += np.sqrt(number)[:, None] * (sizes @ factor.T)
        paths[:, k + 1] = x
    if not np.all(np.isfinite(x)):
        raise SimulationError(
            "A path of the jump diffusion left the floating-point range; use more `n_substeps`, "
            "or check that the drift restores."
        )
    lengths = np.full(len(x), steps + 1)
    return Trajectories.from_flat(paths.reshape(-1, x.shape[1]), lengths, dt=float(dt), start=t0)


def _starts(x0: Any, n_paths: int | None, dim: int) -> FloatArray:
    given = as_float_array("x0", x0)
    if given.ndim == 0 or (given.ndim == 1 and dim > 1) or given.shape == (1,):
        given = given.reshape(1, -1)
    states = given.reshape(-1, 1) if given.ndim == 1 else given
    if states.ndim != 2 or states.shape[1] != dim or not np.all(np.isfinite(states)):
        raise InputError(f"`x0` must be finite with {dim} column(s); got shape {given.shape}.")
    if n_paths is None or len(states) == n_paths:
        return states.copy()
    if len(states) > 1:
        raise InputError(f"`x0` has {len(states)} states but n_paths={n_paths}.")
    return np.repeat(states, check_integer("n_paths", n_paths, minimum=1), axis=0)
