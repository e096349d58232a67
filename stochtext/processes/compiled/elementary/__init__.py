"""Elementary functions that loops can vectorise: no call of a library, no branch.

Law of the room: every function documents its largest error in units in the last place (ulp) of
the result, found by comparing with arithmetic of 250 bits, and is right for NaN, infinite,
subnormal and signed-zero arguments. Names ending in 64 are for float64, in 32 for float32, which
is computed in float64 and rounded once. A function whose name ends in ``far64`` or ``far32`` is
for any argument and does not vectorise.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["sources_of"]

_FILES = {
    "exponential": ("exp", "expm1", "tanh", "sinh", "cosh", "power"),
    "logarithm": ("log", "log1p", "power"),
    "powers": ("power",),
    "trigonometric": (
        *("sin", "cos", "tan", "sin_far", "cos_far", "tan_far"),
        "periodic_limit",
    ),
    "arctangent": ("arctan",),
}


def sources_of(functions: Iterable[str]) -> tuple[str, ...]:
    """Return the modules that generated code needs for functions of this room.

    Parameters
    ----------
    functions : iterable of str
        Names without their precision: "exp", "expm1", "log", "log1p", "tanh", "sinh", "cosh",
        "sin", "cos", "tan", "arctan", "power", "sin_far", "cos_far", "tan_far".
    """
    wanted = set(functions)
    return tuple(f"{__name__}.{file}" for file, inside in _FILES.items() if wanted & set(inside))
