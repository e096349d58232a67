"""`math`, `numpy` and some builtins as a traced function sees them: they take expressions too."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from stochtext.processes.compiled.tracing.expression import Expression, Untraceable
from stochtext.processes.compiled.tracing.rules import (
    MATH_RULES,
    NUMPY_RULES,
    applied,
    larger,
    smaller,
)

__all__ = ["BUILTINS", "MATH", "NUMPY", "holds_expression", "with_expressions"]


def holds_expression(value: Any) -> bool:
    """Whether a value is, or contains, an expression."""
    if isinstance(value, Expression):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(isinstance(v, Expression) for v in value.flat)
    if isinstance(value, list | tuple):
        return any(map(holds_expression, value))
    return isinstance(value, dict) and any(map(holds_expression, value.values()))


def _plain(value: Any) -> Any:
    """Return an array of numbers stored as objects as one of floats."""
    if isinstance(value, np.ndarray) and value.dtype == object and not holds_expression(value):
        return value.astype(np.float64)
    return value


def with_expressions(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that says which call cannot take expressions."""

    def call(*args: Any, **options: Any) -> Any:
        args = tuple(map(_plain, args))
        try:
            return original(*args, **options)
        except Untraceable:
            raise
        except Exception as error:
            if not any(map(holds_expression, (*args, options))):
                raise
            name = getattr(original, "__name__", "a function")
            raise Untraceable(f"{name} takes plain numbers only") from error

    return call


# -- functions of one or more numbers --------------------------------------------------------


def _elementwise(original: Callable[..., Any], rule: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that follows ``rule`` where expressions are, else the original."""

    def one(*values: Any) -> Any:
        return rule(*values) if holds_expression(values) else original(*values)

    def call(*args: Any, **options: Any) -> Any:
        if not holds_expression(args):
            return original(*map(_plain, args), **options)
        if options:
            raise Untraceable(f"{original.__name__} with options ({', '.join(options)})")
        if all(isinstance(v, Expression) or np.ndim(v) == 0 for v in args):
            return rule(*args)
        arrays = [np.asarray(v, dtype=object) for v in args]
        return np.frompyfunc(one, len(args), 1)(*arrays)

    return call


maximum = _elementwise(np.maximum, larger)
minimum = _elementwise(np.minimum, smaller)


def _clip(x: Any, low: Any = None, high: Any = None) -> Any:
    x = x if low is None else maximum(x, low)
    return x if high is None else minimum(x, high)


# -- whole arrays ----------------------------------------------------------------------------


def _as_objects(original: Callable[..., Any]) -> Callable[..., Any]:
    """Make an array of floats one of objects, so that expressions can be put into it."""

    def make(*args: Any, **options: Any) -> Any:
        wanted = options.pop("dtype", None)
        if wanted is None and len(args) > 1 and not np.isscalar(args[1]):
            *rest, last = args
            if isinstance(last, type | np.dtype):
                args, wanted = tuple(rest), last
        kind = np.dtype(float if wanted is None else _real_type(wanted)).kind
        if holds_expression(args) or holds_expression(options):
            if kind != "f":
                raise Untraceable(
                    f"it turns a value that depends on t, x or parameters into {np.dtype(wanted)}"
                )
            return np.asarray(original(*args, dtype=object, **options), dtype=object)
        result = original(*map(_plain, args), **options, **({"dtype": wanted} if wanted else {}))
        return result.astype(object) if result.dtype.kind == "f" else result

    return make


def _real_type(kind: Any) -> Any:
    return float if kind is _Float or kind is object else kind


def _stacked(original: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        result = with_expressions(original)(*args, **options)
        return result.astype(object) if getattr(result, "dtype", None) == np.float64 else result

    return call


def _norm(x: Any, ord: Any = None, axis: Any = None) -> Any:  # noqa: A002
    if not holds_expression(x):
        return np.linalg.norm(_plain(x), ord, axis)
    if axis is not None or ord not in (None, 2, 1, np.inf) or (ord and np.ndim(x) != 1):
        raise Untraceable("np.linalg.norm with these options")
    entries = list(np.asarray(x, dtype=object).flat)
    if ord == 1:
        return builtins.sum(abs(v) for v in entries)
    if ord == np.inf:
        return reduce(maximum, [abs(v) for v in entries])
    return NUMPY["sqrt"](builtins.sum(v * v for v in entries))


def _extremum(original: Callable[..., Any], two: Callable[..., Any]) -> Callable[..., Any]:
    def call(x: Any, axis: Any = None, **options: Any) -> Any:
        if not holds_expression(x):
            return original(_plain(x), axis=axis, **options)
        if options:
            raise Untraceable(f"{original.__name__} with options ({', '.join(options)})")
        array = np.asarray(x, dtype=object)
        if axis is None:
            return reduce(two, array.flat)
        return reduce(two, np.moveaxis(array, axis, 0))

    return call


def _sum(x: Any, axis: Any = None, **options: Any) -> Any:
    if not holds_expression(x):
        return np.sum(_plain(x), axis=axis, **options)
    return np.sum(np.asarray(x, dtype=object), axis=axis, **options)


def _python_extremum(
    original: Callable[..., Any], better: Callable[[Any, Any], Any]
) -> Callable[..., Any]:
    """Return ``max`` or ``min``: the first of equal values, comparisons as Python makes them."""

    def call(*args: Any, **options: Any) -> Any:
        values = list(args[0]) if len(args) == 1 else list(args)
        if options or not holds_expression(values):
            return original(*args, **options)
        best = values[0]
        for value in values[1:]:
            if holds_expression((best, value)):
                best = applied("select", better(value, best), value, best)
            else:
                best = original(best, value)
        return best

    return call


def _float(value: Any = 0.0) -> Any:
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.flat[0]
    return +value if isinstance(value, Expression) else float(value)


class _FloatType(type):
    """The type of `_Float`: calling it makes no object of it, and expressions pass for floats."""

    def __call__(cls, value: Any = 0.0) -> Any:
        return _float(value)

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, float | Expression)


class _Float(float, metaclass=_FloatType):
    """What `float` is in a traced function; as a type of arrays NumPy takes it for objects."""


def _fsum(values: Any) -> Any:
    return builtins.sum(values)


def _math_function(name: str) -> Callable[..., Any]:
    original = getattr(math, name)
    rule = MATH_RULES[name]

    def call(*values: Any) -> Any:
        values = tuple(_scalar(value) for value in values)
        return rule(*values) if holds_expression(values) else original(*values)

    return call


def _scalar(value: Any) -> Any:
    return value.flat[0] if isinstance(value, np.ndarray) and value.size == 1 else value


def _prod(values: Any, *, start: Any = 1) -> Any:
    return reduce(lambda a, b: a * b, values, start)


def _dist(p: Any, q: Any) -> Any:
    return _norm([a - b for a, b in zip(p, q, strict=True)])


def _ldexp(x: Any, exponent: int) -> Any:
    return x * 2.0**exponent if holds_expression(x) else math.ldexp(x, exponent)


#: What stands for the functions of `math`, by name.
MATH: dict[str, Any] = {
    **{name: _math_function(name) for name in MATH_RULES if hasattr(math, name)},
    "fsum": _fsum,
    "prod": _prod,
    "dist": _dist,
    "ldexp": _ldexp,
}

_MAKERS = (
    *("zeros", "ones", "empty", "full", "array", "asarray", "asfarray", "ascontiguousarray"),
    *("eye", "identity", "zeros_like", "ones_like", "empty_like", "full_like", "linspace"),
    *("arange", "asanyarray"),
)
_STACKERS = (
    *("diag", "stack", "vstack", "hstack", "column_stack", "concatenate", "outer", "atleast_1d"),
    *("atleast_2d", "block", "tile", "repeat", "kron"),
)

#: What stands for the functions of `numpy`, by name.
NUMPY: dict[str, Any] = {
    **{n: _elementwise(getattr(np, n), r) for n, r in NUMPY_RULES.items() if hasattr(np, n)},
    **{name: _as_objects(getattr(np, name)) for name in _MAKERS if hasattr(np, name)},
    **{name: _stacked(getattr(np, name)) for name in _STACKERS},
    "clip": _elementwise(np.clip, _clip),
    "max": _extremum(np.max, maximum),
    "amax": _extremum(np.amax, maximum),
    "min": _extremum(np.min, minimum),
    "amin": _extremum(np.amin, minimum),
    "sum": _sum,
    "norm": _norm,
    "float64": _Float,
    "double": _Float,
}

#: What stands for Python's own functions.
BUILTINS: dict[str, Any] = {
    "max": _python_extremum(builtins.max, lambda new, best: new > best),
    "min": _python_extremum(builtins.min, lambda new, best: new < best),
    "float": _Float,
}
