"""Checks at the door: behind them arrays are trusted."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray

__all__ = [
    "as_float_array",
    "as_states",
    "check_choice",
    "check_fraction",
    "check_integer",
    "check_positive",
    "per_state",
]


def check_choice(name: str, value: Any, choices: tuple[str, ...] | list[str]) -> str:
    """Return ``value`` if it is one of ``choices``."""
    if isinstance(value, str) and value in choices:
        return value
    allowed = ", ".join(repr(c) for c in choices)
    raise InputError(f"`{name}` must be one of {allowed}; got {value!r}.")


def check_positive(name: str, value: Any, *, zero: bool = False) -> float:
    """Return ``value`` as a finite float that is positive (or zero, if allowed)."""
    rule = "a finite number >= 0" if zero else "a finite number > 0"
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise InputError(f"`{name}` must be {rule}; got {value!r}.") from None
    if not np.isfinite(number) or number < 0 or (number == 0 and not zero):
        raise InputError(f"`{name}` must be {rule}; got {value!r}.")
    return number


def check_fraction(name: str, value: Any) -> float:
    """Return ``value`` as a float strictly between 0 and 1."""
    number = check_positive(name, value)
    if number >= 1:
        raise InputError(f"`{name}` must lie strictly between 0 and 1; got {value!r}.")
    return number


def check_integer(name: str, value: Any, *, minimum: int = 1) -> int:
    """Return ``value`` as an integer not below ``minimum``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < minimum:
        raise InputError(f"`{name}` must be an integer >= {minimum}; got {value!r}.")
    return int(value)


def as_float_array(name: str, value: Any) -> FloatArray:
    """Return ``value`` as a float64 array, refusing what numpy would quietly change."""
    if hasattr(value, "toarray") and hasattr(value, "tocsr"):
        raise InputError(f"`{name}` is a sparse matrix; dense data are required.")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InputError(f"`{name}` is not a rectangular array: {error}.") from None
    if np.iscomplexobj(array):
        raise InputError(f"Complex data not supported: `{name}` has dtype {array.dtype}.")
    if array.dtype.kind in "Mm":
        raise InputError(
            f"`{name}` must hold numbers; got dates of dtype {array.dtype}. Divide by a unit of "
            "time first."
        )
    if array.dtype.kind in "OSUV":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise InputError(
                f"`{name}` must hold numbers; got dtype {array.dtype}. "
                "Convert categories and strings first."
            ) from None
    return np.ascontiguousarray(array, dtype=np.float64)


def as_states(name: str, value: Any, dim: int | None) -> FloatArray:
    """Return states as an (n, dim) array.

    A scalar and, for ``dim = 1``, a one-dimensional array are states of one
    coordinate; for ``dim > 1`` a one-dimensional array of length ``dim`` is
    one state.
    """
    array = as_float_array(name, value)
    if array.ndim == 0:
        array = array.reshape(1, 1)
    elif array.ndim == 1:
        array = array.reshape(-1, 1) if dim in (None, 1) else array.reshape(1, -1)
    if array.ndim != 2 or (dim is not None and array.shape[1] != dim):
        expected = "(n, d)" if dim is None else f"(n, {dim})"
        raise InputError(f"`{name}` must have shape {expected}; got {np.shape(value)}.")
    return array


def per_state(name: str, value: ArrayLike, n: int) -> FloatArray:
    """Return ``value`` as one number per state: a scalar is repeated."""
    array = as_float_array(name, value)
    if np.ndim(value) == 0:
        return np.full(n, float(array.item()))
    if array.shape != (n,):
        raise InputError(
            f"`{name}` must be a number or hold one number per state, shape ({n},); "
            f"got shape {array.shape}."
        )
    return array
