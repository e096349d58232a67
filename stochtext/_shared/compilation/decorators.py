"""How the package's functions are turned into machine code. Imported late: it loads numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["formula", "inlined", "kernel", "routine"]

# Without error_model="numpy" every division carries a branch, and no loop with one vectorises.
# No fast-math flag: contraction is written out with `fma`, so that vector code, scalar code and
# remainders of loops give the same bits.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "nogil": True}


def formula(function: Callable[..., Any]) -> Any:
    """Make a function of numbers that is copied into its callers before they are compiled.

    It costs no compilation of its own. Arrays must not be among its arguments: each copy
    would count references to them.
    """
    return numba.njit(function, inline="always", **_OPTIONS)


def inlined(function: Callable[..., Any]) -> Any:
    """Make a small function that LLVM puts into its callers, so that their loops vectorise."""
    return numba.njit(function, forceinline=True, **_OPTIONS)


def routine(function: Callable[..., Any]) -> Any:
    """Make a function that kernels call; it is compiled with them and has no cache of its own."""
    return numba.njit(function, **_OPTIONS)


def kernel(function: Callable[..., Any]) -> Any:
    """Make a function that Python calls, or that is passed to one, kept on disk where possible."""
    try:
        return numba.njit(function, cache=True, **_OPTIONS)
    except (RuntimeError, OSError):  # its file is not on disk, or no folder can hold the cache
        return numba.njit(function, **_OPTIONS)
