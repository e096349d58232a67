"""What is asked of a simulation, checked before anything is allocated."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError, ResourceLimitError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array, check_integer, check_positive

__all__ = ["Grid", "output_array", "starting_states"]


# Nodes of a refinement have addresses of 24 bits.
_MOST_SUBSTEPS = 2**23


@dataclass(frozen=True)
class Grid:
    """The steps of a simulation.

    Parameters
    ----------
    dt : float
        Time between two steps of the grid.
    n_steps : int
        Number of steps.
    n_substeps : int
        Steps of the scheme within one step of the grid.
    save_every : int
        Every so many steps of the grid the state is saved.
    t0 : float
        Time of step 0.
    relative : bool
        Whether the coefficients see the position in [0, 1] instead of the time.
    first_path : int
        Address of the first path's noise.
    first_step : int
        Number of steps that lie before the first state; ``t0`` is the time of step 0.
    """

    dt: float
    n_steps: int
    n_substeps: int
    save_every: int
    t0: float
    relative: bool
    first_path: int = 0
    first_step: int = 0

    @classmethod
    def checked(
        cls,
        dt: Any,
        n_steps: Any,
        n_substeps: Any,
        save_every: Any,
        t0: Any,
        clock: str,
        first_path: Any = 0,
        first_step: Any = 0,
    ) -> Grid:
        """Return a grid from unchecked arguments."""
        n_steps = check_integer("n_steps", n_steps)
        save_every = check_integer("save_every", save_every)
        if n_steps % save_every:
            raise InputError(
                f"`n_steps` must be a multiple of `save_every`, so that the last state is saved; "
                f"got {n_steps} and {save_every}."
            )
        start = as_float_array("t0", t0)
        if start.size != 1 or not math.isfinite(start.item()):
            raise InputError(f"`t0` must be a finite number; got {t0!r}.")
        first_step = check_integer("first_step", first_step, minimum=0)
        n_substeps = check_integer("n_substeps", n_substeps)
        if n_substeps > _MOST_SUBSTEPS:
            raise InputError(
                f"`n_substeps` must not exceed {_MOST_SUBSTEPS}, the addresses of noise within a "
                f"step; got {n_substeps}. Use a smaller `dt`."
            )
        if first_step and clock == "relative":
            raise InputError(
                "`first_step` needs a process on the clock 'time': on the relative clock a path "
                f"has to be simulated from its beginning to its end; got {first_step}."
            )
        return cls(
            check_positive("dt", dt),
            n_steps,
            n_substeps,
            save_every,
            start.item(),
            clock == "relative",
            check_integer("first_path", first_path, minimum=0),
            first_step,
        )

    @property
    def start(self) -> float:
        """Time of the first state."""
        return self.t0 + self.first_step * self.dt

    @property
    def n_scheme_steps(self) -> int:
        """Number of steps that the scheme takes."""
        return self.n_steps * self.n_substeps

    @property
    def per_save(self) -> int:
        """Steps of the scheme from one saved state to the next."""
        return self.save_every * self.n_substeps

    @property
    def n_saved(self) -> int:
        """Number of saved states, the first one included."""
        return self.n_steps // self.save_every + 1

    @property
    def step(self) -> float:
        """Length of a step of the scheme, in time."""
        return self.dt / self.n_substeps

    @property
    def clock_start(self) -> float:
        """Clock reading at step 0."""
        return 0.0 if self.relative else self.t0

    @property
    def clock_step(self) -> float:
        """Length of a step of the scheme on the clock of the process."""
        return 1.0 / self.n_scheme_steps if self.relative else self.step


def starting_states(x0: ArrayLike, n_paths: int | None, dim: int) -> FloatArray:
    """Return one starting state per path, shape (n_paths, dim).

    Parameters
    ----------
    x0 : array_like
        One state (a number, or (d,)), or one per path: (n_paths, d), or (n_paths,) for d = 1.
    n_paths : int or None
        None means as many as there are states.
    dim : int
        Number of coordinates.
    """
    states = as_float_array("x0", x0)
    if np.ndim(x0) == 0 and dim == 1:
        states = states.reshape(1, 1)
    elif states.ndim == 1:
        states = states.reshape(-1, 1) if dim == 1 else states.reshape(1, -1)
    if states.ndim != 2 or states.shape[1] != dim or len(states) == 0:
        raise InputError(
            f"`x0` must be one state of shape ({dim},) or one per path, shape (n_paths, {dim}); "
            f"got shape {np.shape(x0)}."
        )
    if not np.all(np.isfinite(states)):
        row = int(np.flatnonzero(~np.isfinite(states).all(axis=1))[0])
        raise InputError(f"`x0` must be finite; got {states[row].tolist()} for path {row}.")
    if n_paths is None:
        return states.copy()
    n_paths = check_integer("n_paths", n_paths)
    if len(states) not in (1, n_paths):
        raise InputError(
            f"`x0` has {len(states)} states, but `n_paths` is {n_paths}; give one state, or one "
            "per path."
        )
    _check_memory((n_paths, dim), np.dtype(np.float64), "simulate fewer paths at a time")
    return np.repeat(states, n_paths // len(states), axis=0)


def output_array(out: Any, shape: tuple[int, int, int], dtype: str = "float64") -> FloatArray:
    """Return the array that takes the states: ``out`` after checks, or a new one.

    Raises
    ------
    ResourceLimitError
        If a new array would not fit into the memory of this machine.
    InputError
        If ``out`` is of another shape or type, or cannot be written to.
    """
    if out is not None:
        fits = isinstance(out, np.ndarray) and out.shape == shape and out.dtype == np.dtype(dtype)
        if not fits or not out.flags.c_contiguous or not out.flags.writeable:
            given = (
                f"{out.dtype} of shape {out.shape}"
                if isinstance(out, np.ndarray)
                else type(out).__name__
            )
            raise InputError(
                f"`out` must be a writable C-contiguous {dtype} array of shape {shape} (paths, "
                f"saved states, coordinates); got {given}."
            )
        return out
    _check_memory(
        shape, np.dtype(dtype), "save less often with `save_every`, or pass a memory-mapped `out`"
    )
    return np.empty(shape, dtype=dtype)


def _check_memory(shape: tuple[int, ...], dtype: np.dtype[Any], advice: str) -> None:
    size = dtype.itemsize * math.prod(shape)
    memory = _physical_memory()
    if size > memory:
        raise ResourceLimitError(
            f"An array of shape {shape} would take {size} bytes, but this machine has {memory}; "
            f"{advice}."
        )


def _physical_memory() -> float:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return math.inf
