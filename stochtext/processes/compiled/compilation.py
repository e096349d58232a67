"""The one binary interface between processes and simulation kernels.

``coefficient(t, x, theta, out)`` evaluates a coefficient on a batch of states: t is a number,
x has shape (n, d), theta holds all parameters flat, out has shape (n, k). Imported late,
because it loads numba.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numba
from numba import types

from stochtext._shared.typing import FloatArray

__all__ = [
    "COEFFICIENT",
    "CompiledCoefficients",
    "compile_user_function",
    "kernel",
]

_MATRIX = types.float64[:, ::1]
_SIGNATURE = types.void(types.float64, _MATRIX, types.float64[::1], _MATRIX)

#: Type of a coefficient as the argument of a kernel.
COEFFICIENT = types.FunctionType(_SIGNATURE)


class CompiledCoefficients(NamedTuple):
    """Drift and diffusion as machine code.

    ``out`` of the drift has d columns; ``out`` of the diffusion has d columns if
    ``diagonal`` (the diagonal of sigma), else d * m columns (sigma row by row).
    """

    drift: Any
    diffusion: Any
    theta: FloatArray
    diagonal: bool


def kernel(*signatures: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function for the given signatures, cached on disk, without the GIL.

    Where no directory can hold the cache, compilation is repeated in each process.
    No signature means: compile when called.
    """
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

    def decorate(function: Callable[..., Any]) -> Any:
        argument: Any = list(signatures) or None
        try:
            return numba.njit(argument, cache=True, **options)(function)
        except (RuntimeError, OSError):
            return numba.njit(argument, **options)(function)

    return decorate


def coefficient(function: Callable[..., Any]) -> Any:
    """Compile a function of the package that follows the interface."""
    return kernel(_SIGNATURE)(function)


@lru_cache(maxsize=128)
def compile_user_function(
    function: Callable[..., Any], arguments: str, dim: int, row_shape: tuple[int, ...]
) -> Any:
    """Compile a function of one state into a coefficient over a batch.

    Parameters
    ----------
    function : callable
        ``function(t, x, ...)``, returning one row.
    arguments : str
        Source of the arguments after t and x, in terms of ``theta``.
    dim : int
        Number of coordinates; x is a float if it is 1.
    row_shape : tuple of int
        Shape of what the function returns.
    """
    state = "x[i, 0]" if dim == 1 else "x[i]"
    rows, columns = ((*row_shape, 1, 1) if row_shape else (1, 1))[:2]
    store = (
        "for j in range(out.shape[1]): out[i, j] = row",
        f"for j in range({rows}): out[i, j] = row[j]",
        f"for j in range({rows}):\n"
        f"            for k in range({columns}): out[i, j * {columns} + k] = row[j][k]",
    )[len(row_shape)]
    source = (
        "def coefficient(t, x, theta, out):\n"
        "    for i in range(x.shape[0]):\n"
        f"        row = function(t, {state}{arguments})\n"
        f"        {store}\n"
    )
    namespace: dict[str, Any] = {"function": _jitted(function)}
    exec(source, namespace)  # the text above, with integers and parameter names only
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return numba.njit([_SIGNATURE], nogil=True, error_model="numpy")(namespace["coefficient"])


def _jitted(function: Callable[..., Any]) -> Any:
    plain = getattr(function, "py_func", function)
    return numba.njit(plain, error_model="numpy", nogil=True)
