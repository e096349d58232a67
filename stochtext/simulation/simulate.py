"""Paths of a process, as a panel of trajectories."""

from __future__ import annotations

import os
import warnings
from typing import Any

import numpy as np

from stochtext._shared.exceptions import (
    InputError,
    SchemeError,
    SimulationError,
    SimulationWarning,
    UnspecifiedParameterError,
)
from stochtext._shared.typing import ArrayLike, FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_choice, check_integer
from stochtext.processes.base import Process
from stochtext.simulation.grid import Grid, output_array, starting_states
from stochtext.simulation.levy_areas import area_terms
from stochtext.simulation.schemes import Scheme, scheme_named
from stochtext.trajectories.panel import Trajectories

__all__ = ["simulate"]

_CHECKED_STARTS = 16


def simulate(
    process: Process,
    x0: ArrayLike,
    *,
    dt: float,
    n_steps: int,
    n_paths: int | None = None,
    scheme: str = "euler",
    n_substeps: int = 1,
    save_every: int = 1,
    random_state: RandomState = None,
    out: FloatArray | None = None,
    n_threads: int | None = None,
    on_explosion: str = "nan",
    t0: float = 0.0,
) -> Trajectories:
    """Simulate paths of a process.

    Parameters
    ----------
    process : Process
        What to simulate; all parameters must have values.
    x0 : array_like of shape (d,) or (n_paths, d)
        Where the paths start: one state for all, or one each. For d = 1 a number or
        (n_paths,) will do.
    dt : float
        Time between two steps.
    n_steps : int
        Number of steps; on a relative clock they cover the whole trajectory.
    n_paths : int, optional
        Number of paths; by default as many as ``x0`` has states.
    scheme : {"euler", "milstein"}, default "euler"
        Discretisation, see ``stochtext.simulation.SCHEMES``.
    n_substeps : int, default 1
        Steps of the scheme within one step ``dt``.
    save_every : int, default 1
        Save every so many steps; must divide ``n_steps``.
    random_state : int, SeedSequence, Generator or None
        Seed. Path k has the same noise whatever the number of paths and threads.
    out : ndarray of shape (n_paths, n_steps // save_every + 1, d), optional
        C-contiguous float64 array that receives the states; the result views it
        read-only. After an explosion it holds NaN.
    n_threads : int, optional
        Threads for compiled processes; by default one per available processor.
    on_explosion : {"nan", "raise"}, default "nan"
        Whether a path that leaves the floating-point range is cut at its last finite
        state, with a warning, or stops everything with an error.
    t0 : float, default 0.0
        Time of the first state.

    Returns
    -------
    Trajectories
        One trajectory a path. ``metadata["exploded_at"]`` is the time at which a path
        became non-finite, NaN for the others.

    Raises
    ------
    UnspecifiedParameterError
        If a parameter has no value.
    SchemeError
        If the scheme cannot handle the noise of the process.
    SimulationError
        If a path becomes non-finite and ``on_explosion="raise"``, or before its second
        saved state.
    ResourceLimitError
        If the result would not fit into memory; nothing has been allocated then.
    InputError
        If another argument cannot be used.

    Warns
    -----
    SimulationWarning
        If paths became non-finite; says how many.
    PerformanceWarning
        If functions written by the user do not compile.

    Notes
    -----
    Euler-Maruyama: X' = X + b dt + sigma dW. Milstein adds the sum over noise sources p, q
    of (sigma_p . grad) sigma_q I(p, q), with derivatives by central differences and, for
    general noise, Lévy areas by a Fourier series with Gaussian tail.

    Processes without machine code (fitted ones, and user functions that numba cannot
    compile) are stepped in NumPy with the same noise.

    References
    ----------
    Kloeden and Platen (1992), Numerical Solution of Stochastic Differential Equations,
    sections 10.2 and 10.3.

    Examples
    --------
    >>> from stochtext.processes import OrnsteinUhlenbeck
    >>> from stochtext.simulation import simulate
    >>> process = OrnsteinUhlenbeck(kappa=1.0, mu=0.5, sigma=0.6)
    >>> panel = simulate(process, 0.0, dt=0.1, n_steps=50, n_paths=3, random_state=1)
    >>> panel.n_trajectories, panel.n_transitions
    (3, 150)
    """
    dim = _checked_dim(process)
    chosen = scheme_named(scheme)
    chosen.check(process)
    check_choice("on_explosion", on_explosion, ("nan", "raise"))
    grid = Grid.checked(dt, n_steps, n_substeps, save_every, t0, process.clock)
    states = starting_states(x0, n_paths, dim)
    if chosen.name == "milstein":
        _check_own_coordinates(process, states, grid.clock_start)
    threads = _n_threads(n_threads)
    shape = (len(states), grid.n_saved, dim)
    paths = output_array(out, shape)
    exploded = _run(process, chosen, states, grid, random_state, threads, paths)
    if on_explosion == "raise" and np.any(exploded >= 0):
        raise SimulationError(_first_explosion(exploded, grid))
    return _as_panel(paths, exploded, grid)


def _checked_dim(process: Any) -> int:
    if not isinstance(process, Process):
        raise InputError(
            f"`process` must be a Process, such as OrnsteinUhlenbeck(...) or the `process_` of a "
            f"fitted estimator; got {type(process).__name__}."
        )
    process.require_specified()
    if process.dim is None:
        raise UnspecifiedParameterError(
            f"{type(process).__name__} has no dimension yet; give its parameters values."
        )
    return process.dim


def _check_own_coordinates(process: Process, states: FloatArray, t: float) -> None:
    """Refuse diagonal noise in which one coordinate's noise depends on another coordinate."""
    if process.noise != "diagonal" or states.shape[1] == 1:
        return
    x = states[:_CHECKED_STARTS]
    with np.errstate(all="ignore"):
        here = np.diagonal(process.diffusion(x, t), axis1=1, axis2=2)
        for j in range(x.shape[1]):
            moved = x.copy()
            moved[:, j] += 0.01 * np.maximum(np.abs(x[:, j]), 0.1)
            change = np.diagonal(process.diffusion(moved, t), axis1=1, axis2=2) - here
            change[:, j] = 0.0
            if np.any(np.abs(change) > 1e-12 * np.maximum(np.abs(here), 1e-300)):
                raise SchemeError(
                    "The scheme 'milstein' supports diagonal noise in which each coordinate's "
                    f"diffusion depends on that coordinate only, but in {type(process).__name__} "
                    f"another one depends on coordinate {j}; declare noise='general'."
                )


def _n_threads(n_threads: int | None) -> int:
    if n_threads is not None:
        return check_integer("n_threads", n_threads)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _run(
    process: Process,
    scheme: Scheme,
    states: FloatArray,
    grid: Grid,
    random_state: RandomState,
    n_threads: int,
    paths: FloatArray,
) -> IntArray:
    from stochtext.simulation.compiled_stepping import run_compiled
    from stochtext.simulation.noise import noise_key
    from stochtext.simulation.vectorised_stepping import run_vectorised

    key = noise_key(random_state)
    noise_dim = process.diffusion(states[:1], grid.clock_start).shape[2]
    # With additive noise all corrections of the Milstein scheme are zero.
    milstein = scheme.name == "milstein" and process.noise != "additive"
    areas = milstein and process.noise == "general" and noise_dim > 1
    terms = area_terms(grid.step) if areas else 0
    compiled = process.compiled()
    if compiled is None:
        return run_vectorised(
            process,
            states,
            grid,
            key,
            noise_dim=noise_dim,
            milstein=milstein,
            terms=terms,
            out=paths,
        )
    return run_compiled(
        compiled,
        states,
        grid,
        key,
        noise_dim=noise_dim,
        milstein=milstein,
        terms=terms,
        n_threads=n_threads,
        out=paths,
    )


def _first_explosion(exploded: IntArray, grid: Grid) -> str:
    lost = np.flatnonzero(exploded >= 0)
    first = lost[np.argmin(exploded[lost])]
    return (
        f"{len(lost)} of {len(exploded)} paths became non-finite, the first one path {first} at "
        f"time {grid.t0 + exploded[first] * grid.step:.6g}. Use a smaller `dt` or more "
        "`n_substeps`, or check that the process has finite coefficients there."
    )


def _as_panel(paths: FloatArray, exploded: IntArray, grid: Grid) -> Trajectories:
    lost = exploded >= 0
    lengths = np.where(lost, (exploded - 1) // grid.per_save + 1, grid.n_saved)
    metadata = {"exploded_at": np.where(lost, grid.t0 + exploded * grid.step, np.nan)}
    if np.any(lengths < 2):
        raise SimulationError(
            f"Path {int(np.argmin(lengths))} has no second state to save. "
            + _first_explosion(exploded, grid)
        )
    if np.any(lost):
        warnings.warn(
            f"{_first_explosion(exploded, grid)} They are cut at the last finite state.",
            SimulationWarning,
            stacklevel=3,
        )
        kept = np.arange(grid.n_saved) < lengths[:, None]
        values = paths[kept]
    else:
        values = paths.reshape(-1, paths.shape[2])
    spacing = grid.dt * grid.save_every
    place: dict[str, Any] = {"dt": spacing}
    if grid.t0 != 0.0:
        grid_times = grid.t0 + spacing * np.arange(grid.n_saved, dtype=np.float64)
        place = {"times": np.concatenate([grid_times[:length] for length in lengths])}
    return Trajectories.from_flat(values, lengths, metadata=metadata, copy=False, **place)
