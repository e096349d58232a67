"""Where a search starts: values given, guesses from the data, and starts spread around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext.estimators.parametric.checks import REDUNDANT
from stochtext.estimators.sample import TransitionSample
from stochtext.processes.base import Process
from stochtext.processes.written.user_defined import SDE

__all__ = ["free_entries", "limits_of", "rebounded", "spread_starts", "started"]

# Starts are spread by this factor of the scale of a parameter, one standard deviation.
SPREAD = 1.0
# Transitions that a guess is made from.
ENOUGH = 16384


def started(
    process: Process,
    sample: TransitionSample,
    start: Mapping[str, Any] | None,
    fixed: Iterable[str],
) -> Process:
    """Return the family with a value for every parameter: given, or guessed from the data.

    Raises
    ------
    InputError
        If a value is neither given nor can be guessed.
    """
    family = process.with_dim(sample.dim)
    if start:
        family = family.with_params(**start)
    missing = [name for name, value in family.params.items() if value is None]
    held = [name for name in missing if name in set(fixed)]
    if held:
        raise InputError(
            f"`fixed` holds {', '.join(held)}, which has no value: give it in the process or "
            "as start={'name': value}."
        )
    if missing:
        # Rows far apart are enough for a guess: every k-th transition, whole.
        some = slice(None, None, -(-sample.n // ENOUGH))
        guess = _guessed(family, sample.x[some], sample.x_next[some], sample.dt[some])
        unknown = [name for name in missing if name not in guess]
        if unknown:
            raise InputError(
                f"{type(family).__name__} needs starting values for {', '.join(unknown)}: "
                "give them in the process or as start={'name': value}."
            )
        family = family.with_params(**{name: guess[name] for name in missing})
    return family


def _guessed(
    family: Process, x: FloatArray, x_next: FloatArray, dt: FloatArray
) -> Mapping[str, Any]:
    """Return the guess of the process; data without noise in some direction are refused."""
    try:
        return family.start_values(x, x_next, dt)
    except np.linalg.LinAlgError:
        raise DegenerateDataError(REDUNDANT) from None


def free_entries(names: list[str], fixed: Iterable[str]) -> IntArray:
    """Return the positions of the entries that are not held."""
    held = {fixed} if isinstance(fixed, str) else set(fixed)
    _check_names("fixed", held, names)
    keep = [k for k, name in enumerate(names) if not {name, name.partition("[")[0]} & held]
    if not keep:
        raise InputError("`fixed` holds every parameter; nothing is left to estimate.")
    return np.array(keep)


def rebounded(family: Process, own: Mapping[str, tuple[float, float]]) -> Process:
    """Return a user-written process with the bounds of its parameters replaced."""
    whole = {name: pair for name, pair in own.items() if name in family.params}
    return family.with_bounds(whole) if whole and isinstance(family, SDE) else family


def limits_of(
    names: list[str], family: Process, own: Mapping[str, tuple[float, float]]
) -> FloatArray:
    """Return (low, high) of each entry: the user's bounds, or those of the process."""
    _check_names("bounds", own, names)
    pairs = []
    for name, natural in zip(names, family.bounds(), strict=True):
        pair = own.get(name, own.get(name.partition("[")[0], natural))
        if len(pair) != 2 or not pair[0] < pair[1]:
            raise InputError(f"`bounds` of {name} must be (low, high) with low < high; got {pair}.")
        pairs.append(tuple(pair))
    return np.array(pairs, dtype=np.float64)


def spread_starts(
    centre: FloatArray,
    scale: FloatArray,
    limits: FloatArray,
    n_starts: int,
    random_state: RandomState,
) -> list[FloatArray]:
    """Return the guess and further starts around it.

    Parameters
    ----------
    centre : ndarray of shape (k,)
    scale : ndarray of shape (k,)
        Size of each parameter.
    limits : ndarray of shape (k, 2)
    n_starts : int
    random_state : int, Generator, SeedSequence or None

    Notes
    -----
    A parameter that must be positive is multiplied by exp(z), one between two finite
    bounds is drawn uniformly, any other has its size times z added; z is standard normal.
    """
    starts = [centre]
    if n_starts == 1:
        return starts
    low, high = limits.T
    positive = (low >= 0.0) & np.isinf(high) & (centre > 0.0)
    between = np.isfinite(low) & np.isfinite(high)
    for k in range(1, n_starts):
        z = SPREAD * generator(random_state, "starting values", k).standard_normal(len(centre))
        moved = np.where(positive, centre * np.exp(z), centre + scale * z)
        u = generator(random_state, "uniform starting values", k).uniform(size=len(centre))
        with np.errstate(invalid="ignore"):
            moved = np.where(between, low + u * (high - low), moved)
        starts.append(np.clip(moved, low, high))
    return starts


def _check_names(argument: str, given: Iterable[str], names: list[str]) -> None:
    unknown = set(given) - set(names) - {name.partition("[")[0] for name in names}
    if unknown:
        raise InputError(
            f"`{argument}` names {sorted(unknown)}, which are not parameters; there are {names}."
        )
