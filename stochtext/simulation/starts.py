"""What a simulation asks of the states that it starts from."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError, SchemeError, UnspecifiedParameterError
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.simulation.grid import Grid

__all__ = ["check_ends", "check_own_coordinates", "check_start", "checked_dim"]

_CHECKED_STARTS = 16
# What tan(pi / 2) and the like give instead of infinity is larger.
_LARGEST_COEFFICIENT = 1e12
# Paths have addresses of 32 bits.
_MOST_PATHS = 2**32


def checked_dim(process: Any) -> int:
    """Return the dimension of a process that can be simulated, or say what it lacks."""
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


def check_start(process: Process, states: FloatArray, grid: Grid) -> None:
    """Refuse states outside the domain of the process, and paths beyond the last address."""
    if grid.first_path + len(states) > _MOST_PATHS:
        raise InputError(
            f"`first_path` + `n_paths` must not exceed {_MOST_PATHS}; got {grid.first_path} and "
            f"{len(states)}. Use another `random_state` for further paths."
        )
    low, high = np.array(process.domain).T
    outside = ~((states >= low) & (states <= high)).all(axis=1)
    if outside.any():
        row = int(np.flatnonzero(outside)[0])
        raise InputError(
            f"`x0` must lie in the domain of {type(process).__name__}, "
            f"{' x '.join(f'[{a:g}, {b:g}]' for a, b in process.domain)}; got "
            f"{states[row].tolist()} for path {row}."
        )


def check_own_coordinates(scheme: str, process: Process, states: FloatArray, t: float) -> None:
    """Refuse diagonal noise in which one coordinate's noise depends on another coordinate."""
    if process.noise != "diagonal" or states.shape[1] == 1:
        return
    x = states[:_CHECKED_STARTS]
    # A product may vanish at the start, and a term at its time.
    spread = np.maximum(np.abs(x), 0.1)
    for place in (x, 1.3 * x + 0.37 * spread):
        for later in (0.0, 0.7):
            j = _foreign_coordinate(process, place, t + later)
            if j is not None:
                raise SchemeError(
                    f"The scheme {scheme!r} supports diagonal noise in which each coordinate's "
                    f"diffusion depends on that coordinate only, but in {type(process).__name__} "
                    f"another one depends on coordinate {j}; declare noise='general'."
                )


def _foreign_coordinate(process: Process, x: FloatArray, t: float) -> int | None:
    """Return a coordinate on which the diffusion of another one depends, if there is one."""
    with np.errstate(all="ignore"):
        here = np.diagonal(process.diffusion(x, t), axis1=1, axis2=2)
        for j in range(x.shape[1]):
            moved = x.copy()
            moved[:, j] += 0.01 * np.maximum(np.abs(x[:, j]), 0.1)
            change = np.diagonal(process.diffusion(moved, t), axis1=1, axis2=2) - here
            change[:, j] = 0.0
            if np.any(np.abs(change) > 1e-12 * np.maximum(np.abs(here), 1e-300)):
                return j
    return None


def check_ends(scheme: str, process: Process, states: FloatArray, t: float) -> None:
    """Refuse a process whose coefficients are not finite at an end of its domain."""
    for j, ends in enumerate(process.domain):
        for end in ends:
            if not np.isfinite(end):
                continue
            x = states[:1].copy()
            x[0, j] = end
            with np.errstate(all="ignore"):
                size = max(np.abs(process.drift(x, t)).max(), np.abs(process.diffusion(x, t)).max())
            if not size < _LARGEST_COEFFICIENT:
                raise SchemeError(
                    f"The scheme {scheme!r} needs drift and diffusion that are finite at the ends "
                    f"of the domain, but those of {type(process).__name__} are not at {end:g}; "
                    "use 'reflected_euler' with small steps, or another scheme."
                )
