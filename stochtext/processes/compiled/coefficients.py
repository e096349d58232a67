"""Drift and diffusion of a process as functions that simulation kernels can call.

Imported late, because it loads numba.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, cached_property, lru_cache
from types import ModuleType
from typing import Any

import numpy as np
from numba import types

from stochtext._shared.compilation.generated import compiled_module, machine_function
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.compiled.source import CoefficientSource

__all__ = ["CompiledCoefficients", "coefficient_type", "compile_coefficients", "number_type"]

_ROOM = "stochtext.processes.compiled"
_CALLBACK = ctypes.CFUNCTYPE(
    None, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64
)


def number_type(dtype: str) -> Any:
    """Return the type of the numbers in a kernel."""
    return {"float64": types.float64, "float32": types.float32}[dtype]


@cache
def _signature(dtype: str) -> Any:
    number = number_type(dtype)
    return types.void(types.float64, number[:, ::1], number[::1], number[:, ::1])


@cache
def coefficient_type(dtype: str) -> Any:
    """Return the type of a coefficient as the argument of a kernel."""
    return types.FunctionType(_signature(dtype))


@lru_cache(maxsize=256)
def _compiled(module: ModuleType, name: str, dtype: str) -> Any:
    return machine_function(module, name, _signature(dtype))


class CompiledCoefficients:
    """Functions ``coefficient(t, x, theta, out)`` of one process; see ``CoefficientSource``.

    Parameters
    ----------
    source : CoefficientSource
    dtype : {"float64", "float32"}
        Type of all numbers but t.
    """

    #: Whether each call asks Python.
    in_python = False

    def __init__(self, source: CoefficientSource, dtype: str) -> None:
        self.source = source
        self.dtype = dtype

    @property
    def theta(self) -> FloatArray:
        """All parameters."""
        return np.ascontiguousarray(self.source.theta, dtype=self.dtype)

    @property
    def noise_dim(self) -> int:
        """Number of noise sources m."""
        return self.source.noise_dim

    @property
    def diagonal(self) -> bool:
        """Whether each coordinate has a noise source of its own."""
        return self.source.diagonal

    @property
    def diffusion_rows(self) -> int:
        """Number of rows of the diffusion."""
        source = self.source
        return source.dim if source.diagonal else source.dim * source.noise_dim

    @cached_property
    def drift(self) -> Any:
        """The drift, with d rows."""
        return self._function("drift")

    @cached_property
    def diffusion(self) -> Any:
        """The diffusion, with ``diffusion_rows`` rows."""
        return self._function("diffusion")

    def derivative(self, name: str) -> tuple[Any, int]:
        """Return "correction" or "jacobian", exact if the source has it, and its rows."""
        return self._function(name), self.derivative_rows(name)

    def derivative_rows(self, name: str) -> int:
        """Return the number of rows of "correction" or "jacobian"."""
        if name == "jacobian":
            return self.source.dim**2
        return (1 if self.diagonal else self.noise_dim) * self.diffusion_rows

    @property
    def sources(self) -> tuple[str, ...]:
        """Modules of the package that belong to the text of the source."""
        missing = {"correction", "jacobian"} - self.source.provides
        differences = (f"{_ROOM}.numerical_{name}" for name in sorted(missing))
        return (*self.source.sources, *differences)

    def raise_error(self) -> None:
        """Raise what went wrong in Python code, if anything."""

    def _function(self, name: str) -> Any:
        return _compiled(self._module, name, self.dtype)

    @cached_property
    def _module(self) -> ModuleType:
        return compiled_module(
            f"coefficients_{self.dtype}",
            self.sources,
            self.source.text,
            FLOAT=f"np.{self.dtype}",
        )


class _AskedProcess(CompiledCoefficients):
    """The coefficients of a process that only has NumPy code, called once for all paths."""

    in_python = True

    def __init__(self, process: Process, noise_dim: int, dtype: str) -> None:
        self._process = process
        self.dtype = dtype
        self._error: BaseException | None = None
        dim = process.dim or 1
        diagonal = noise_dim == dim and (process.noise == "diagonal" or dim == 1)
        rows = dim if diagonal else dim * noise_dim
        # The kernel holds addresses only; the objects must live as long as this one.
        self._callbacks = [
            _CALLBACK(self._guarded(self._drift_rows, dim)),
            _CALLBACK(self._guarded(self._diffusion_rows, rows)),
        ]
        places = [ctypes.cast(call, ctypes.c_void_p).value or 0 for call in self._callbacks]
        theta = np.array([(p >> shift) & 0xFFFF for p in places for shift in (48, 32, 16, 0)])
        source = CoefficientSource(
            "", (f"{_ROOM}.called_back",), theta.astype(float), dim, noise_dim, diagonal
        )
        super().__init__(source, dtype)

    def raise_error(self) -> None:
        """Raise what the process raised."""
        if self._error is not None:
            raise self._error

    def _guarded(self, rows: Callable[..., FloatArray], n_rows: int) -> Callable[..., None]:
        number = np.dtype(self.dtype)

        def answer(t: float, states: int, out: int, count: int) -> None:
            x = _array_at(states, (self._process.dim or 1, count), number)
            result = _array_at(out, (n_rows, count), number)
            result[:] = np.nan
            alive = np.isfinite(x).all(axis=0)
            if self._error is None and alive.any():
                try:
                    result[:, alive] = rows(x[:, alive].T.astype(np.float64), t)
                except BaseException as error:  # an exception cannot cross machine code
                    self._error = error

        return answer

    def _drift_rows(self, x: FloatArray, t: float) -> FloatArray:
        with np.errstate(all="ignore"):
            return self._process.drift(x, t).T

    def _diffusion_rows(self, x: FloatArray, t: float) -> FloatArray:
        with np.errstate(all="ignore"):
            sigma = self._process.diffusion(x, t)
        if self.diagonal:
            return np.diagonal(sigma, axis1=1, axis2=2).T
        return sigma.reshape(len(x), -1).T


def _array_at(address: int, shape: tuple[int, int], number: np.dtype[Any]) -> Any:
    size = shape[0] * shape[1] * number.itemsize
    raw: Any = (ctypes.c_char * size).from_address(address)
    return np.frombuffer(raw, dtype=number).reshape(shape)


def compile_coefficients(
    process: Process, noise_dim: int, dtype: str = "float64"
) -> CompiledCoefficients:
    """Return the coefficients of a process for kernels.

    Parameters
    ----------
    process : Process
        With values for all parameters.
    noise_dim : int
        Number of noise sources m.
    dtype : {"float64", "float32"}, default "float64"
        Type of the numbers.
    """
    source = process.machine_code()
    if source is None:
        return _AskedProcess(process, noise_dim, dtype)
    return CompiledCoefficients(source, dtype)
