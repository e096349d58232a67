"""The operations that expressions are made of: their values for plain numbers and their text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["CONDITIONS", "HOISTED_TEXT", "LANE_TEXT", "OWN_FUNCTIONS", "folded", "value_of"]

#: Operations whose result is true or false.
CONDITIONS = frozenset({"lt", "le", "eq", "ne", "and", "or", "not"})

#: Functions of `elementary`, by operation; the text names them with the prefix of the process.
OWN_FUNCTIONS = {
    "exp": "exp",
    "expm1": "expm1",
    "log": "log",
    "log1p": "log1p",
    "tanh": "tanh",
    "sinh": "sinh",
    "cosh": "cosh",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "arctan": "arctan",
    "pow": "power",
}

#: Text in the loop over states.
LANE_TEXT = {
    "neg": "-{0}",
    "add": "{0} + {1}",
    "sub": "{0} - {1}",
    "mul": "{0} * {1}",
    "div": "{0} / {1}",
    "mod": "{0} % {1}",
    "floordiv": "{0} // {1}",
    "abs": "abs({0})",
    "sqrt": "math.sqrt({0})",
    "floor": "np.floor({0})",
    "ceil": "np.ceil({0})",
    "trunc": "np.trunc({0})",
    "rint": "np.rint({0})",
    "lt": "{0} < {1}",
    "le": "{0} <= {1}",
    "eq": "{0} == {1}",
    "ne": "{0} != {1}",
    "and": "{0} & {1}",
    "or": "{0} | {1}",
    "not": "not {0}",
    "select": "{1} if {0} else {2}",
    "arcsin": "math.asin({0})",
    "arccos": "math.acos({0})",
    "arcsinh": "math.asinh({0})",
    "arccosh": "math.acosh({0})",
    "arctanh": "math.atanh({0})",
    "arctan2": "math.atan2({0}, {1})",
    "hypot": "math.hypot({0}, {1})",
    "copysign": "math.copysign({0}, {1})",
    "erf": "math.erf({0})",
    "erfc": "math.erfc({0})",
    "gamma": "math.gamma({0})",
    "lgamma": "math.lgamma({0})",
    "log2": "np.log2({0})",
    "log10": "np.log10({0})",
    "exp2": "np.exp2({0})",
    "cbrt": "np.cbrt({0})",
}


#: Text before the loop, for what does not depend on the state.
HOISTED_TEXT = {
    **LANE_TEXT,
    **{name: f"math.{name}({{0}})" for name in OWN_FUNCTIONS},
    "arctan": "math.atan({0})",
    "pow": "{0} ** {1}",
}


def _each(function: Callable[[float], float]) -> Callable[..., Any]:
    """Return a function of `math` for arrays; NaN where it has no value, infinity at a pole."""

    def value(x: float) -> float:
        try:
            return function(x)
        except (ValueError, OverflowError):
            return math.nan if math.isnan(x) or x < 0 else math.inf

    return np.vectorize(value, otypes=[float])


_VALUES: dict[str, Callable[..., Any]] = {
    "neg": np.negative,
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "floordiv": np.floor_divide,
    "pow": np.power,
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
    "not": np.logical_not,
    "select": np.where,
    "erf": _each(math.erf),
    "erfc": _each(math.erfc),
    "gamma": _each(math.gamma),
    "lgamma": _each(math.lgamma),
}


def value_of(operation: str, operands: Sequence[Any]) -> Any:
    """Return the value of an operation on floats or arrays, NaN or infinite where it has none."""
    function = _VALUES.get(operation) or getattr(np, operation)
    with np.errstate(all="ignore"):
        return function(*operands)


def folded(operation: str, numbers: Sequence[float]) -> float:
    """Return the value of an operation on plain numbers."""
    return float(value_of(operation, [np.float64(number) for number in numbers]))
