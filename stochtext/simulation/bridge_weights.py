"""Importance weights of diffusion bridges, for many pairs of states at once.

Imported late, because it loads numba.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import types

from stochtext._shared.compilation.generated import compiled_module, machine_function
from stochtext._shared.exceptions import InputError, SchemeError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.processes.compiled.coefficients import coefficient_type, compile_coefficients
from stochtext.simulation.threads import run_tasks

__all__ = ["bridge_log_weights", "log_mean_weights"]

_LANES = 128
_LANES_IN_PYTHON = 2**14
# Steps of bridges in one task.
_TASK = 2**22
# Paths have addresses of 32 bits.
_MOST_PATHS = 2**32
_SINGULAR = 1e-13


def bridge_log_weights(
    process: Process,
    x: FloatArray,
    x_next: FloatArray,
    t: FloatArray,
    dt: FloatArray,
    *,
    n_inner: int,
    n_draws: int,
    key: np.uint64,
    clock_dt: FloatArray | None = None,
    proposal: str = "modified",
    antithetic: bool = False,
    first_path: int = 0,
    n_threads: int = 1,
    paths: FloatArray | None = None,
) -> FloatArray:
    """Return log weights whose mean weight estimates the density of x_next given x.

    Parameters
    ----------
    process : Process
        With values for all parameters.
    x, x_next : ndarray of shape (n, d)
        States at the start and at the end of each transition.
    t : ndarray of shape (n,)
        Start of each transition on the clock of the process.
    dt : ndarray of shape (n,)
        Length of each transition in units of time.
    n_inner : int
        Steps of a bridge.
    n_draws : int
        Bridges of each transition.
    key : uint64
        From ``noise_key``. Bridge k of transition i has the noise of path
        first_path + i * n_draws + k, whatever the parameters of the process: the estimate is
        as smooth in them as the coefficients are.
    clock_dt : ndarray of shape (n,), optional
        Length of each transition on the clock of the process; by default ``dt``.
    proposal : {"modified", "residual"}, default "modified"
        As in ``simulate_bridge``.
    antithetic : bool, default False
        Whether the bridges 2k and 2k + 1 have opposite noise.
    first_path : int, default 0
        Address of the first bridge.
    n_threads : int, default 1
        Threads; the result does not depend on it.
    paths : ndarray of shape (n * n_draws, n_inner + 1, d), optional
        Receives the bridges; NaN from where one was lost to the state before the end.

    Returns
    -------
    ndarray of shape (n, n_draws)
        -inf for a bridge that left the domain of the process or the floating-point range.

    Raises
    ------
    SchemeError
        If the noise does not reach every direction at the start of a transition.
    InputError
        If there are more bridges than addresses of noise.
    """
    n, d = x.shape
    _check_addresses(n, n_draws, first_path)
    coefficients = compile_coefficients(process, _noise_dim(process, x, t))
    lanes_at_most = _LANES_IN_PYTHON if coefficients.in_python else _LANES
    clock = np.column_stack([t, (dt if clock_dt is None else clock_dt) / n_inner])
    tiles = _tiles(clock, n_draws, lanes_at_most, process.autonomous)
    lanes = int(np.diff(tiles).max())
    rows = (int(coefficients.diagonal), coefficients.diffusion_rows)
    choices = (antithetic, proposal == "residual", lanes, paths is not None)
    sizes = np.array([*rows, n_inner, n_draws, first_path, *choices], dtype=np.int64)
    log_weights = np.empty(n * n_draws)
    kept = np.empty((0, 0, d)) if paths is None else paths
    run = _run_function()
    arguments = (
        coefficients.drift,
        coefficients.diffusion,
        coefficients.theta,
        np.ascontiguousarray(np.array(process.domain).T),
        sizes,
        key,
        clock,
        np.ascontiguousarray(dt / n_inner),
        np.ascontiguousarray(x),
        np.ascontiguousarray(x_next),
    )

    def run_range(first: int, stop: int) -> None:
        run(*arguments, tiles[first:stop], log_weights, kept)

    each = max(1, _TASK // (n_inner * lanes))
    tasks = [(k, min(k + each, len(tiles))) for k in range(0, len(tiles), each)]
    threads = 1 if coefficients.in_python else n_threads
    run_tasks(run_range, tasks, threads, "bridging")
    coefficients.raise_error()
    result = log_weights.reshape(n, n_draws)
    _explain_if_singular(process, x, t, result)
    return result


def log_mean_weights(
    log_weights: FloatArray, antithetic: bool = False
) -> tuple[FloatArray, FloatArray]:
    """Return the logarithm of the mean weight, and its standard error.

    Parameters
    ----------
    log_weights : ndarray of shape (n, n_draws)
    antithetic : bool, default False
        Whether columns 2k and 2k + 1 had opposite noise; then their means are independent,
        not they themselves.

    Returns
    -------
    log_mean : ndarray of shape (n,)
        -inf where all weights are zero.
    standard_error : ndarray of shape (n,)
        By the delta method: the relative standard error of the mean weight. NaN with fewer
        than two independent weights, or where all are zero.
    """
    largest = log_weights.max(axis=1, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0)
    weights = np.exp(log_weights - shift)
    if antithetic:
        weights = 0.5 * (weights[:, 0::2] + weights[:, 1::2])
    n = weights.shape[1]
    mean = weights.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        log_mean = np.log(mean) + shift[:, 0]
        if n < 2:
            return log_mean, np.full(len(weights), np.nan)
        return log_mean, weights.std(axis=1, ddof=1) / (np.sqrt(n) * mean)


def _check_addresses(n: int, n_draws: int, first_path: int) -> None:
    if first_path + n * n_draws > _MOST_PATHS:
        raise InputError(
            f"{n} transitions with {n_draws} bridges each, from path {first_path} on, need more "
            f"than the {_MOST_PATHS} addresses of noise; use fewer bridges."
        )


def _noise_dim(process: Process, x: FloatArray, t: FloatArray) -> int:
    if process.noise_dim is not None:
        return process.noise_dim
    return process.diffusion(x[:1], t[:1]).shape[2]


def _tiles(clock: FloatArray, n_draws: int, lanes: int, autonomous: bool) -> IntArray:
    """Return first bridge and end of each tile; a tile has one clock unless nobody reads it."""
    n = len(clock)
    changes = np.zeros(n - 1, dtype=bool)
    if not autonomous:
        changes = (clock[1:] != clock[:-1]).any(axis=1)
    firsts = np.concatenate([[0], np.flatnonzero(changes) + 1]) * n_draws
    stops = np.append(firsts[1:], n * n_draws)
    pieces = -(-(stops - firsts) // lanes)
    which = np.repeat(np.arange(len(firsts)), pieces)
    inside = np.arange(len(which)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin = firsts[which] + inside * lanes
    return np.column_stack([begin, np.minimum(begin + lanes, stops[which])]).astype(np.int64)


def _explain_if_singular(
    process: Process, x: FloatArray, t: FloatArray, log_weights: FloatArray
) -> None:
    """Refuse a singular covariance rate, where no density can be estimated this way."""
    lost = np.flatnonzero(~np.isfinite(log_weights).any(axis=1))
    if lost.size == 0:
        return
    covariance = process.covariance(x[lost], t[lost])
    usable = np.isfinite(covariance).all(axis=(1, 2))
    spectrum = np.linalg.eigvalsh(covariance[usable])
    singular = spectrum[:, 0] <= _SINGULAR * spectrum[:, -1]
    if singular.any():
        row = int(lost[usable][np.argmax(singular)])
        raise SchemeError(
            f"Bridges need noise in every direction, but the covariance rate of "
            f"{type(process).__name__} at the state {x[row].tolist()} (row {row}) is singular."
        )


@cache
def _run_function() -> Any:
    kernels = "stochtext.simulation.kernels"
    module = compiled_module(
        "bridges", [f"{kernels}.noise", f"{kernels}.bridges"], FLOAT="np.float64"
    )
    number, coefficient = types.float64, coefficient_type("float64")
    signature = types.void(
        coefficient,
        coefficient,
        number[::1],
        number[:, ::1],
        types.int64[::1],
        types.uint64,
        number[:, ::1],
        number[::1],
        number[:, ::1],
        number[:, ::1],
        types.int64[:, ::1],
        number[::1],
        number[:, :, ::1],
    )
    return machine_function(module, "run_bridges", signature)
