"""What a plain function depends on, as a key: equal keys, the same function with the same numbers.

Law of this file: a function is known only if everything that it reads outside of its arguments
is a number, text, an array, a container of these, or code of the numerical libraries. For any
other there is no key, and nothing is remembered about it.
"""

from __future__ import annotations

import builtins
import dis
from collections.abc import Callable, Hashable
from functools import lru_cache
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

__all__ = ["function_key"]

_LIBRARIES = ("builtins", "cmath", "math", "numpy", "scipy")
_NUMBERS = (bool, int, float, complex, str, bytes, type(None), np.generic)
_LARGEST_ARRAY = 10_000
# With these a function reads what its names do not tell.
_REFLECTION = {"__import__", "eval", "exec", "getattr", "globals", "locals", "open", "vars"}


class _Unknown(Exception):
    """The function reads something that may change unseen."""


def function_key(function: Callable[..., Any]) -> Hashable:
    """Return a key of the function object and of all it reads, or None.

    Parameters
    ----------
    function : callable
        Its arguments are given to it in every call: their defaults do not count.

    Returns
    -------
    hashable or None
        Keys are equal only for the same object, and only while the numbers that it takes from
        its closure and from global names are the same. The key holds the function, so that no
        other object can take its place in memory.
    """
    try:
        return _key_of_function(function, (), outermost=True)
    except (_Unknown, RecursionError):
        return None


def _key_of_function(function: Any, above: tuple[Any, ...], outermost: bool = False) -> Hashable:
    if type(function).__module__.startswith("numba."):
        function = getattr(function, "py_func", function)
    if not isinstance(function, FunctionType) or set(vars(function)) - {"__wrapped__"}:
        raise _Unknown
    if any(function is other for other in above):
        return above.index(function)
    inside = (*above, function)
    read: list[Any] = [cell.cell_contents for cell in _filled(function)]
    for name in _global_names(function.__code__):
        if name in function.__globals__:
            read.append(function.__globals__[name])
        elif name in _REFLECTION or not hasattr(builtins, name):
            raise _Unknown
    if not outermost:
        read += [function.__defaults__, function.__kwdefaults__]
    return (function, function.__code__, tuple(_key_of(value, inside) for value in read))


def _filled(function: FunctionType) -> tuple[Any, ...]:
    cells = function.__closure__ or ()
    for cell in cells:
        try:
            _ = cell.cell_contents
        except ValueError:
            raise _Unknown from None
    return cells


@lru_cache(maxsize=512)
def _names_in(code: CodeType) -> tuple[str, ...] | None:
    """Return the global names that code reads, None where it imports something unknown."""
    names: dict[str, None] = {}
    for step in dis.get_instructions(code):
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            names[str(step.argval)] = None
        elif step.opname == "IMPORT_NAME" and not _is_library(step.argval):
            return None
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            others = _names_in(inner)
            if others is None:
                return None
            names.update(dict.fromkeys(others))
    return tuple(names)


def _global_names(code: CodeType) -> tuple[str, ...]:
    names = _names_in(code)
    if names is None:
        raise _Unknown
    return names


def _key_of(value: Any, above: tuple[Any, ...]) -> Hashable:
    """Return the key of something that a function reads, by content."""
    if type(value) in _NUMBERS or isinstance(value, np.generic):
        return (type(value), repr(value))
    if type(value) is np.ndarray and value.dtype.kind in "fiubc" and value.size <= _LARGEST_ARRAY:
        return (np.ndarray, value.dtype.str, value.shape, value.tobytes())
    if type(value) in (list, tuple):
        return (type(value), tuple(_key_of(part, above) for part in value))
    if type(value) is dict:
        parts = ((_key_of(k, above), _key_of(v, above)) for k, v in value.items())
        return (dict, tuple(parts))
    if isinstance(value, ModuleType) and _is_library(value.__name__):
        return (ModuleType, value.__name__)
    if _of_a_library(value):
        return _Held(value)
    return _key_of_function(value, above)


def _of_a_library(value: Any) -> bool:
    """Whether it is a function or class of a numerical library, not a method of some object."""
    if isinstance(value, np.ufunc):
        # A ufunc of objects only calls a Python function.
        return len(value.types) > 1
    if isinstance(value, BuiltinFunctionType):
        return isinstance(value.__self__, ModuleType) and _is_library(value.__module__)
    if isinstance(value, FunctionType):
        return _is_library(value.__globals__.get("__name__"))
    if isinstance(value, type) or type(value).__name__ == "_ArrayFunctionDispatcher":
        return _is_library(value.__module__)
    return False


def _is_library(name: object) -> bool:
    return isinstance(name, str) and name.split(".")[0] in _LIBRARIES


class _Held:
    """An object that equals itself only."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)
