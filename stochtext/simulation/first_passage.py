"""When paths first reach a barrier, without the delay of looking at a grid of times only."""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError, SchemeError, SimulationWarning
from stochtext._shared.typing import ArrayLike, FloatArray, IntArray, RandomState
from stochtext._shared.validation import as_float_array, check_integer, check_positive
from stochtext.processes.base import Process
from stochtext.simulation.grid import Grid, starting_states
from stochtext.simulation.noise import noise_key
from stochtext.simulation.passage_times import PassageTimes
from stochtext.simulation.schemes import Scheme, scheme_named
from stochtext.simulation.starts import check_own_coordinates, check_start, checked_dim
from stochtext.simulation.threads import available_threads, run_tasks

__all__ = ["first_passage_times"]

_LANES = 64
_LANES_IN_PYTHON = 2**14
# Paths of one task: enough to fill the lanes that others leave.
_TASK = 2**13
_LOST = 2


def first_passage_times(
    process: Process,
    x0: ArrayLike,
    *,
    lower: float | None = None,
    upper: float | None = None,
    dt: float,
    max_time: float,
    n_paths: int | None = None,
    component: int = 0,
    scheme: str = "euler",
    correction: bool = True,
    random_state: RandomState = None,
    t0: float = 0.0,
    first_path: int = 0,
    n_threads: int | None = None,
) -> PassageTimes:
    """Simulate when a coordinate first reaches a barrier.

    Parameters
    ----------
    process : Process
        What to simulate, on the clock "time"; all parameters must have values.
    x0 : array_like of shape (d,) or (n_paths, d)
        Where the paths start, strictly between the barriers.
    lower, upper : float, optional
        The barriers; at least one.
    dt : float
        Step of the scheme.
    max_time : float
        How long a path is followed at most.
    n_paths : int, optional
        Number of paths; by default as many as ``x0`` has states.
    component : int, default 0
        Which coordinate is watched.
    scheme : str, default "euler"
        One of ``stochtext.simulation.SCHEMES``, but for "exact".
    correction : bool, default True
        Whether to look between the steps. Without it a path arrives at the end of the first
        step that it finishes beyond a barrier, which is too late.
    random_state : int, SeedSequence, Generator or None
        Seed. The paths are those of ``simulate`` with the same seed, scheme and dt.
    t0 : float, default 0.0
        Time of the start, for processes that depend on it. Passage times count from the start.
    first_path : int, default 0
        Address of the noise: paths first_path, first_path + 1, ...
    n_threads : int, optional
        Threads for compiled processes; by default one per available processor.

    Returns
    -------
    PassageTimes

    Raises
    ------
    SchemeError
        If the scheme cannot handle the noise of the process.
    InputError
        If another argument cannot be used.

    Warns
    -----
    SimulationWarning
        If paths left the floating-point range before they arrived; they count as censored.

    Notes
    -----
    Given its values x and y at both ends of a step h, both on the inner side of the barrier c,
    the coordinate reaches c in between with probability exp(-2 (c - x) (c - y) / (a h)), where
    a is its covariance rate at the start of the step; then, and where y lies beyond c, the time
    is drawn from the law of a Brownian bridge's first passage, exactly: with s = u / (1 - u),
    u the part of the step, s is inverse Gaussian with mean (c - x) / abs(c - y) and shape
    (c - x)^2 / (a h). For the Euler scheme this is its passage in continuous time, so the
    error of expectations is O(h) instead of O(sqrt(h)) (Gobet 2000).

    Two barriers are treated as if each were the only one, and the earlier passage counts:
    an approximation with an error of order exp(-2 w^2 / (a h)), w their distance.

    References
    ----------
    Giraudo and Sacerdote (1999), An improved technique for the simulation of first passage
    times for diffusion processes, Communications in Statistics: Simulation and Computation 28,
    1135-1163. Gobet (2000), Weak approximation of killed diffusion using Euler schemes,
    Stochastic Processes and their Applications 87, 167-197. Michael, Schucany and Haas (1976),
    Generating random variates using transformations with multiple roots, The American
    Statistician 30, 88-90.

    Examples
    --------
    >>> from stochtext.processes import BrownianMotion
    >>> from stochtext.simulation import first_passage_times
    >>> passages = first_passage_times(
    ...     BrownianMotion(mu=1.0, sigma=0.5), 0.0, upper=1.0, dt=0.1, max_time=20.0,
    ...     n_paths=5000, random_state=1,
    ... )
    >>> int(passages.censored.sum())
    0
    >>> print(passages)
    5000 of 5000 paths arrived within 20; mean of min(T, 20) = ... (standard error 0.007)
    """
    dim = checked_dim(process)
    if process.clock == "relative":
        raise InputError(
            "First passage needs a process on the clock 'time': on the relative clock the "
            "coefficients depend on when the path ends."
        )
    chosen = _checked_scheme(scheme, process)
    step, horizon = check_positive("dt", dt), check_positive("max_time", max_time)
    # A last step that max_time cuts is simulated whole.
    n_steps = max(1, math.ceil(horizon / step * (1.0 - 1e-12)))
    grid = Grid.checked(step, n_steps, 1, n_steps, t0, process.clock, first_path)
    component = _checked_component(component, dim)
    states = starting_states(x0, n_paths, dim)
    check_start(process, states, grid)
    barriers = _checked_barriers(lower, upper, states[:, component])
    if chosen.own_coordinates:
        check_own_coordinates(chosen.name, process, states, grid.clock_start)
    times, sides = _run(
        process, chosen.form_for(process), states, grid, barriers, component, bool(correction),
        noise_key(random_state), available_threads(n_threads),
    )  # fmt: skip
    return _result(times, sides, horizon)


def _checked_scheme(name: str, process: Process) -> Scheme:
    scheme = scheme_named(name)
    if scheme.exact:
        raise SchemeError(
            f"First passage supports the schemes that step by drift and diffusion, but {name!r} "
            "steps by the transition law; use one of the others, such as 'euler'."
        )
    scheme.check(process)
    return scheme


def _checked_component(component: int, dim: int) -> int:
    component = check_integer("component", component, minimum=0)
    if component >= dim:
        raise InputError(f"`component` must be below {dim}, the dimension; got {component}.")
    return component


def _checked_barriers(lower: Any, upper: Any, starts: FloatArray) -> FloatArray:
    if lower is None and upper is None:
        raise InputError("Give a barrier: `lower`, `upper` or both.")
    barriers = np.array([-np.inf, np.inf])
    for k, (name, value) in enumerate((("lower", lower), ("upper", upper))):
        if value is None:
            continue
        number = as_float_array(name, value)
        if number.size != 1 or not np.isfinite(number).all():
            raise InputError(f"`{name}` must be a finite number or None; got {value!r}.")
        barriers[k] = number.item()
    beyond = ~((starts > barriers[0]) & (starts < barriers[1]))
    if beyond.any():
        row = int(np.argmax(beyond))
        raise InputError(
            f"`x0` must lie strictly between the barriers, {barriers[0]:g} and {barriers[1]:g}; "
            f"path {row} starts at {starts[row]:g}."
        )
    return barriers


def _run(
    process: Process,
    scheme: Scheme,
    states: FloatArray,
    grid: Grid,
    barriers: FloatArray,
    component: int,
    correction: bool,
    key: np.uint64,
    n_threads: int,
) -> tuple[FloatArray, IntArray]:
    from stochtext.processes.compiled.coefficients import compile_coefficients

    noise_dim = _noise_dim(process, states, grid.clock_start)
    coefficients = compile_coefficients(process, noise_dim)
    n_third, third = 0, coefficients.drift
    if scheme.derivative is not None:
        third, n_third = coefficients.derivative(scheme.derivative)
    further = scheme.further_numbers(process, noise_dim, grid.step)
    n = len(states)
    in_python = coefficients.in_python
    lanes = min(n, _LANES_IN_PYTHON if in_python else _LANES)
    arguments = (
        coefficients.drift,
        coefficients.diffusion,
        third,
        coefficients.theta,
        np.array([grid.clock_start, grid.clock_step, grid.step]),
        np.ascontiguousarray(np.array(process.domain).T),
        barriers,
    )
    fixed = (
        noise_dim,
        int(coefficients.diagonal),
        coefficients.diffusion_rows,
        n_third,
        further,
        grid.n_steps,
    )
    times, sides = np.empty(n), np.zeros(n, dtype=np.int64)
    run = _run_function(scheme)

    def run_range(first: int, stop: int) -> None:
        sizes = np.array(
            [*fixed, grid.first_path + first, lanes, component, correction], dtype=np.int64
        )
        part = slice(first, stop)
        run(*arguments, sizes, key, states[part], times[part], sides[part])

    each = max(lanes, _TASK)
    tasks = [(first, min(first + each, n)) for first in range(0, n, each)]
    run_tasks(run_range, tasks, 1 if in_python else n_threads, "waiting for arrivals")
    coefficients.raise_error()
    return times, sides


def _noise_dim(process: Process, states: FloatArray, t: float) -> int:
    if process.noise_dim is not None:
        return process.noise_dim
    return process.diffusion(states[:1], t).shape[2]


def _result(times: FloatArray, sides: IntArray, max_time: float) -> PassageTimes:
    late = times > max_time
    times[late], sides[late] = max_time, 0
    lost = sides == _LOST
    if lost.any():
        warnings.warn(
            f"{int(lost.sum())} of {len(times)} paths became non-finite before they reached a "
            "barrier, and count as censored then. Use a smaller `dt`, or another `scheme`.",
            SimulationWarning,
            stacklevel=3,
        )
        sides[lost] = 0
    seen = np.where(sides == 0, np.nan, times)
    return PassageTimes(seen, sides, times, max_time, int(lost.sum()))


@cache
def _run_function(scheme: Scheme) -> Any:
    from numba import types

    from stochtext._shared.compilation.generated import compiled_module, machine_function
    from stochtext.processes.compiled.coefficients import coefficient_type

    kernels = "stochtext.simulation.kernels"
    module = compiled_module(
        f"first_passage_{scheme.name}",
        [f"{kernels}.{part}" for part in ("noise", *scheme.kernel, "first_passage")],
        FLOAT="np.float64",
    )
    number, coefficient = types.float64, coefficient_type("float64")
    signature = types.void(
        coefficient,
        coefficient,
        coefficient,
        number[::1],
        number[::1],
        number[:, ::1],
        number[::1],
        types.int64[::1],
        types.uint64,
        number[:, ::1],
        number[::1],
        types.int64[::1],
    )
    return machine_function(module, "run_passages", signature)
