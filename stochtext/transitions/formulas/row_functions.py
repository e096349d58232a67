"""Lists of expressions as functions that fill one row of an array per expression.

Law of this file: what depends only on the family of a process is made once and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process

__all__ = ["RowFunctions", "kept"]

_MOST_KEPT = 64
_KEPT: dict[Hashable, Any] = {}

Kept = TypeVar("Kept")


def kept(process: Process, purpose: Hashable, make: Callable[[], Kept]) -> Kept:
    """Return what ``make`` gives for the family of a process, the same object for each call.

    Parameters
    ----------
    process : Process
        Equal ``formulas_key`` means the same family; without one nothing is kept.
    purpose : hashable
        What it is made for.
    make : callable
    """
    if process.formulas_key is None:
        return make()
    key = (process.formulas_key, purpose)
    if key not in _KEPT:
        made = make()
        while len(_KEPT) >= _MOST_KEPT:
            _KEPT.pop(next(iter(_KEPT)), None)
        _KEPT[key] = made
    return _KEPT[key]


class RowFunctions:
    """Named lists of expressions in the symbols x, theta of one graph.

    Parameters
    ----------
    name : str
        Start of the name of the compiled module.
    parts : mapping of str to sequence of Expression
    """

    def __init__(self, name: str, parts: Mapping[str, Sequence[Any]]) -> None:
        self._name = name
        self._parts = dict(parts)
        self._codes: dict[str, Any] = {}

    @property
    def is_compiled(self) -> bool:
        """Whether the machine code is there already."""
        return bool(self._codes)

    def fill(
        self, part: str, x: FloatArray, theta: FloatArray, out: FloatArray, compiled: bool
    ) -> None:
        """Set row r of ``out`` (rows, n) to expression r at the states ``x`` (d, n).

        Parameters
        ----------
        part : str
        x, theta, out : ndarray
            Float64 and contiguous.
        compiled : bool
            Whether machine code does it; NumPy needs no compilation and takes longer.
        """
        if compiled:
            if not self._codes:
                self._codes = self._compiled()
            self._codes[part](0.0, x, theta, out)
            return
        from stochtext.processes.compiled.tracing.evaluation import evaluated

        out[:] = evaluated(self._parts[part], np.zeros(x.shape[1]), x.T, theta).T

    def _compiled(self) -> dict[str, Any]:
        from numba import types

        from stochtext._shared.compilation.generated import compiled_module, machine_function
        from stochtext.processes.compiled.tracing.emission import Emission

        emission = Emission("")
        for part, rows in self._parts.items():
            emission.add(part, rows)
        module = compiled_module(self._name, emission.sources, emission.text(), FLOAT="np.float64")
        number = types.float64
        signature = types.void(number, number[:, ::1], number[::1], number[:, ::1])
        return {part: machine_function(module, part, signature) for part in self._parts}
