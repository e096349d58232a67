"""What the functions of `math` and `numpy` are for numbers of which one is an expression."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from stochtext.processes.compiled.tracing.expression import Expression, Untraceable

__all__ = ["MATH_RULES", "NUMPY_RULES", "applied", "larger", "smaller"]


def applied(operation: str, *values: Any) -> Any:
    """Return an operation on values of which at least one is an expression."""
    graph = next(v.graph for v in values if isinstance(v, Expression))
    result = graph.apply(operation, *values)
    if result is NotImplemented:
        raise Untraceable(f"{operation} of something that is no number")
    return result


def _named(operation: str) -> Callable[..., Any]:
    return lambda *values: applied(operation, *values)


def larger(a: Any, b: Any) -> Any:
    """Return the larger one, or NaN if one is NaN."""
    return applied("select", _or(_le(b, a), _is_nan(a)), a, b)


def smaller(a: Any, b: Any) -> Any:
    """Return the smaller one, or NaN if one is NaN."""
    return applied("select", _or(_le(a, b), _is_nan(a)), a, b)


def _fmax(a: Any, b: Any) -> Any:
    return applied("select", _or(_le(b, a), _is_nan(b)), a, b)


def _fmin(a: Any, b: Any) -> Any:
    return applied("select", _or(_le(a, b), _is_nan(b)), a, b)


def _le(a: Any, b: Any) -> Any:
    return applied("le", a, b)


def _is_nan(a: Any) -> Any:
    return applied("ne", a, a) if isinstance(a, Expression) else a != a


def _or(a: Any, b: Any) -> Any:
    return a | b if isinstance(a, Expression) else b | a


def _where(condition: Any, *sides: Any) -> Any:
    if len(sides) != 2:
        raise Untraceable("np.where without values")
    if isinstance(condition, Expression):
        return applied("select", condition if condition.is_condition else condition != 0.0, *sides)
    return sides[0] if condition else sides[1]


def _sign(x: Expression) -> Any:
    return applied(
        "select",
        x > 0.0,
        1.0,
        applied("select", x < 0.0, -1.0, applied("select", x == 0.0, 0.0, x)),
    )


def _heaviside(x: Any, at_zero: Any) -> Any:
    positive = applied("select", x > 0.0, 1.0, applied("select", x == 0.0, at_zero, x))
    return applied("select", x < 0.0, 0.0, positive)


def _is_close_to_nothing(x: Expression) -> Any:
    return abs(x) <= np.finfo(float).max


def _comparison(operation: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    return lambda a, b: applied(operation, *((b, a) if swapped else (a, b)))


_SHARED = (
    *("sqrt", "exp", "expm1", "log1p", "log2", "log10", "tanh", "sin", "cos", "tan", "sinh"),
    *("cosh", "floor", "ceil", "trunc", "hypot", "copysign", "exp2", "cbrt"),
)
_TWO_NAMES = {
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "atan2": "arctan2",
    "asinh": "arcsinh",
    "acosh": "arccosh",
    "atanh": "arctanh",
}


def _degrees(x: Any) -> Any:
    return x * (180.0 / math.pi)


def _radians(x: Any) -> Any:
    return x * (math.pi / 180.0)


def _log(x: Any, *base: Any) -> Any:
    value = applied("log", x) if isinstance(x, Expression) else math.log(x)
    return value / (_log(base[0])) if base else value


def _pow(x: Any, y: Any) -> Any:
    return applied("pow", x, y)


MATH_RULES: dict[str, Callable[..., Any]] = {
    **{name: _named(name) for name in (*_SHARED, "erf", "erfc", "gamma", "lgamma")},
    **{name: _named(full) for name, full in _TWO_NAMES.items()},
    "log": _log,
    "pow": _pow,
    "fabs": abs,
    "degrees": _degrees,
    "radians": _radians,
    "isnan": _is_nan,
    "isfinite": _is_close_to_nothing,
}
NUMPY_RULES: dict[str, Callable[..., Any]] = {
    **{name: _named(name) for name in (*_SHARED, "rint", "log")},
    **{full: _named(full) for full in _TWO_NAMES.values()},
    **{name: _named(full) for name, full in _TWO_NAMES.items()},
    "power": _pow,
    "pow": _pow,
    "float_power": _pow,
    "abs": abs,
    "absolute": abs,
    "fabs": abs,
    "negative": lambda x: -x,
    "positive": lambda x: x,
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x,
    "sign": _sign,
    "heaviside": _heaviside,
    "maximum": larger,
    "minimum": smaller,
    "fmax": _fmax,
    "fmin": _fmin,
    "where": _where,
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "true_divide": lambda a, b: a / b,
    "floor_divide": lambda a, b: a // b,
    "mod": lambda a, b: a % b,
    "remainder": lambda a, b: a % b,
    "isnan": _is_nan,
    "isfinite": _is_close_to_nothing,
    "less": _comparison("lt"),
    "less_equal": _comparison("le"),
    "greater": _comparison("lt", swapped=True),
    "greater_equal": _comparison("le", swapped=True),
    "equal": _comparison("eq"),
    "not_equal": _comparison("ne"),
    "logical_and": lambda a, b: a & b if isinstance(a, Expression) else b & a,
    "logical_or": _or,
    "logical_not": lambda a: ~a,
    "deg2rad": _radians,
    "radians": _radians,
    "rad2deg": _degrees,
    "degrees": _degrees,
    "real": lambda x: x,
}
