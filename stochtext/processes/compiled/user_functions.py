"""Functions of the user that numba compiles as they are, kept for the modules that call them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any

import numba

__all__ = ["keep_user_function", "user_function"]

_MOST = 256
_places = count()
_kept: dict[int, Any] = {}


def keep_user_function(function: Callable[..., Any]) -> int:
    """Compile a function when it is needed, and return the number under which it is kept."""
    plain = getattr(function, "py_func", function)
    place = next(_places)
    _kept[place] = numba.njit(plain, error_model="numpy", nogil=True)
    # What is forgotten here lives on in the machine code that was made of it.
    for old in list(_kept)[:-_MOST]:
        del _kept[old]
    return place


def user_function(place: int) -> Any:
    """Return the function that was kept under this number."""
    return _kept[place]
