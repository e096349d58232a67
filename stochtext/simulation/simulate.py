"""Paths of a process, as a panel of trajectories."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from stochtext._shared.exceptions import (
    SimulationError,
    SimulationWarning,
)
from stochtext._shared.typing import ArrayLike, FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_choice
from stochtext.processes.base import Process
from stochtext.simulation.exact_steps import run_exact
from stochtext.simulation.grid import Grid, output_array, starting_states
from stochtext.simulation.noise import noise_key
from stochtext.simulation.schemes import Scheme, scheme_named
from stochtext.simulation.starts import (
    check_ends,
    check_own_coordinates,
    check_start,
    checked_dim,
)
from stochtext.simulation.threads import available_threads
from stochtext.trajectories.panel import Trajectories

__all__ = ["simulate"]


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
    antithetic: bool = False,
    first_path: int = 0,
    first_step: int = 0,
    dtype: str = "float64",
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
    scheme : str, default "euler"
        Discretisation: one of ``stochtext.simulation.SCHEMES``.
    n_substeps : int, default 1
        Steps of the scheme within one step ``dt``. The Brownian path is the same for any
        number at the times of the grid, and everywhere for twice as many. Lévy areas and the
        signs of "weak2" are not refined with it: they are drawn anew for each number.
    save_every : int, default 1
        Save every so many steps; must divide ``n_steps``.
    random_state : int, SeedSequence, Generator or None
        Seed. Path k has the same noise whatever the scheme, the number of paths and threads.
    out : ndarray of shape (n_paths, n_steps // save_every + 1, d), optional
        C-contiguous array of type ``dtype`` that receives the states; the result views it
        read-only. After an explosion it holds NaN.
    n_threads : int, optional
        Threads for compiled processes; by default one per available processor.
    on_explosion : {"nan", "raise"}, default "nan"
        Whether a path that leaves the floating-point range is cut at its last finite
        state, with a warning, or stops everything with an error.
    t0 : float, default 0.0
        Time of step 0.
    antithetic : bool, default False
        Whether the paths 2k and 2k + 1 have opposite noise, which takes from the variance
        of their mean.
    first_path, first_step : int, default 0
        Address of the noise: paths first_path, ... from step first_step on. A run may be cut
        into pieces, over paths or over time, which give the same numbers: the second piece
        starts with the last states of the first, the same ``t0``, and its number of steps.
    dtype : {"float64", "float32"}, default "float64"
        Type of the numbers in the arithmetic and in ``out``. The noise is that of float64,
        rounded. The result always holds float64; for float32 it is a copy.

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
    Euler-Maruyama: X' = X + b dt + sigma dW. The other schemes and their orders are in the
    guide. Derivatives that a scheme needs are derived from the formulas of the process; where
    it has none that can be read they are central differences.

    ``"truncated_euler"`` and ``"reflected_euler"`` keep to the ``domain`` of the process. The
    first one shows truncated states of a path that goes on from beyond the end, so it cannot be
    continued with ``first_step``. ``"exact"`` draws from the transition law, once a step of the
    grid. ``"srk"`` refines the integral of the Brownian path with it: with substeps it sees
    the path of the other schemes at the times of the grid, and its own between them. Where
    ``"implicit_euler"`` finds no root of its equation the path counts as non-finite.

    Processes without machine code (some fitted ones, and user functions that cannot be
    compiled) are asked once a step for all paths, with the same scheme and noise.

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
    dim = checked_dim(process)
    chosen = scheme_named(scheme)
    check_choice("on_explosion", on_explosion, ("nan", "raise"))
    check_choice("dtype", dtype, ("float64", "float32"))
    grid = Grid.checked(
        dt, n_steps, n_substeps, save_every, t0, process.clock, first_path, first_step
    )
    chosen.check(process, grid.first_step)
    states = starting_states(x0, n_paths, dim)
    check_start(process, states, grid)
    if chosen.hidden_state:
        check_ends(chosen.name, process, states, grid.clock_start)
    if chosen.own_coordinates:
        check_own_coordinates(chosen.name, process, states, grid.clock_start)
    threads = available_threads(n_threads)
    paths = output_array(out, (len(states), grid.n_saved, dim), dtype)
    if chosen.exact:
        exploded = run_exact(
            process, states, grid, noise_key(random_state), bool(antithetic), paths
        )
    else:
        exploded = _run(process, chosen, states, grid, random_state, antithetic, threads, paths)
    if chosen.hidden_state:
        np.clip(paths, *np.array(process.domain, dtype=paths.dtype).T, out=paths)
    if on_explosion == "raise" and np.any(exploded >= 0):
        raise SimulationError(_first_explosion(process, chosen, exploded, grid))
    return _as_panel(process, chosen, paths, exploded, grid)


def _run(
    process: Process,
    scheme: Scheme,
    states: FloatArray,
    grid: Grid,
    random_state: RandomState,
    antithetic: bool,
    n_threads: int,
    paths: FloatArray,
) -> IntArray:
    from stochtext.processes.compiled.coefficients import compile_coefficients
    from stochtext.simulation.long_paths import are_long, run_long
    from stochtext.simulation.tiles import run_tiles

    noise_dim = process.noise_dim
    if noise_dim is None:
        noise_dim = process.diffusion(states[:1], grid.clock_start).shape[2]
    scheme = scheme.form_for(process)
    coefficients = compile_coefficients(process, noise_dim, paths.dtype.name)
    settings: dict[str, Any] = {
        "limits": np.array(process.domain).T,
        "further": scheme.further_numbers(process, noise_dim, grid.step),
        "mirrored": bool(antithetic),
        "out": paths,
    }
    run: Any = run_long
    if not are_long(coefficients, grid, len(states)):
        run, settings["n_threads"] = run_tiles, n_threads
    return run(coefficients, scheme, states, grid, noise_key(random_state), **settings)


def _first_explosion(process: Process, scheme: Scheme, exploded: IntArray, grid: Grid) -> str:
    lost = np.flatnonzero(exploded >= 0)
    first = lost[np.argmin(exploded[lost])]
    advice = "check that the process has finite coefficients there"
    if np.isfinite(np.array(process.domain)).any() and not scheme.bounded:
        advice = "the schemes 'truncated_euler' and 'reflected_euler', which stay in the domain"
    return (
        f"{len(lost)} of {len(exploded)} paths became non-finite, the first one path {first} at "
        f"time {grid.start + exploded[first] * grid.step:.6g}. Use a smaller `dt` or more "
        f"`n_substeps`, or {advice}."
    )


def _as_panel(
    process: Process, scheme: Scheme, paths: FloatArray, exploded: IntArray, grid: Grid
) -> Trajectories:
    lost = exploded >= 0
    lengths = np.where(lost, (exploded - 1) // grid.per_save + 1, grid.n_saved)
    metadata = {"exploded_at": np.where(lost, grid.start + exploded * grid.step, np.nan)}
    if np.any(lengths < 2):
        raise SimulationError(
            f"Path {int(np.argmin(lengths))} has no second state to save. "
            + _first_explosion(process, scheme, exploded, grid)
        )
    if np.any(lost):
        said = _first_explosion(process, scheme, exploded, grid)
        warnings.warn(
            f"{said} They are cut at the last finite state.", SimulationWarning, stacklevel=3
        )
        values = paths[np.arange(grid.n_saved) < lengths[:, None]]
    else:
        values = paths.reshape(-1, paths.shape[2])
    return Trajectories.from_flat(
        values,
        lengths,
        dt=grid.dt * grid.save_every,
        start=grid.start,
        metadata=metadata,
        copy=False,
        finite=True,
    )
