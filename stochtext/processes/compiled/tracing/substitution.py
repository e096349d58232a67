"""Copies of plain Python functions that see stand-ins where they use `math` and `numpy`."""

from __future__ import annotations

import builtins
import dis
import functools
import math
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from stochtext.processes.compiled.tracing.expression import Untraceable
from stochtext.processes.compiled.tracing.stand_ins import BUILTINS, MATH, NUMPY, with_expressions

__all__ = ["substituted"]


def substituted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copy of a function that can be run on expressions.

    Names that it reads from its module and its closure are replaced: modules and functions of
    `math` and `numpy`, and in turn all plain Python functions. The function itself stays.
    """
    return _Substitution().of(function)


def _known_functions() -> dict[int, Any]:
    """Return the stand-ins by the identity of what they stand for."""
    known: dict[int, Any] = {}
    for module, table in ((np.linalg, {"norm": NUMPY["norm"]}), (np, NUMPY), (math, MATH)):
        for name, stand_in in table.items():
            if hasattr(module, name):
                known[id(getattr(module, name))] = stand_in
    return known


_KNOWN = _known_functions()
_CALL = "__call__"


class _Module:
    """A module whose functions are replaced when they are read."""

    def __init__(self, module: types.ModuleType, substitution: _Substitution) -> None:
        self._module = module
        self._substitution = substitution

    def __getattr__(self, name: str) -> Any:
        if self._module is np and name == "random":
            raise Untraceable("it draws random numbers")
        return self._substitution.of(getattr(self._module, name))


class _Substitution:
    """One copy of each function and module, also where functions call each other in a circle."""

    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}
        self._builtins = {**vars(builtins), **BUILTINS, "__import__": self._import}

    def of(self, value: Any) -> Any:
        """Return the stand-in or copy of a value, or the value if it needs none."""
        if isinstance(value, types.FunctionType | types.ModuleType):
            copy = self._copies.get(id(value))
            if copy is None:
                if isinstance(value, types.ModuleType):
                    copy = _Module(value, self)
                else:
                    copy = self._function(value)
                self._copies[id(value)] = copy
            return copy
        if id(value) in _KNOWN:
            return _KNOWN[id(value)]
        return self._other_callable(value)

    def _other_callable(self, value: Any) -> Any:
        plain = getattr(value, "py_func", None)
        if isinstance(plain, types.FunctionType):
            return self.of(plain)
        if isinstance(value, functools.partial):
            return functools.partial(self.of(value.func), *value.args, **value.keywords)
        if isinstance(value, types.MethodType):
            return types.MethodType(self.of(value.__func__), value.__self__)
        if callable(value) and type(value).__module__ == "numpy":
            return with_expressions(value)
        call = getattr(type(value), _CALL, None)
        if isinstance(call, types.FunctionType) and not isinstance(value, type):
            return types.MethodType(self.of(call), value)
        return value

    def _function(self, function: types.FunctionType) -> Any:
        if id(function) in _KNOWN:
            return _KNOWN[id(function)]
        owner = str(function.__module__ or "").partition(".")[0]
        if owner in ("numpy", "scipy", "numba"):
            return with_expressions(function)
        if _catches(function.__code__):
            raise Untraceable("it catches exceptions, which no value on a symbol raises")
        names: dict[str, Any] = {"__builtins__": self._builtins}
        cells = tuple(types.CellType() for _ in function.__closure__ or ())
        copy = types.FunctionType(
            function.__code__, names, function.__name__, function.__defaults__, cells
        )
        copy.__kwdefaults__ = function.__kwdefaults__
        # Known before its names are read: it may call itself.
        self._copies[id(function)] = copy
        for name in _names_read(function.__code__):
            if name in function.__globals__:
                names[name] = self.of(function.__globals__[name])
        for own, cell in zip(cells, function.__closure__ or (), strict=True):
            try:
                own.cell_contents = self.of(cell.cell_contents)
            except ValueError:  # a name without a value stays one
                continue
        return copy

    def _import(self, name: str, *args: Any) -> Any:
        return self.of(builtins.__import__(name, *args))


def _catches(code: types.CodeType) -> bool:
    """Whether a function, or one defined inside it, has an ``except`` or ``with``."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    own = any(step.opname == "POP_EXCEPT" for step in dis.get_instructions(code))
    return own or any(map(_catches, inner))


def _names_read(code: types.CodeType) -> set[str]:
    """Return the names that a function and those defined inside it may read as globals."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names_read(constant)
    return names
