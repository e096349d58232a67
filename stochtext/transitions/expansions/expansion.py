"""The expansion of one family of processes: log densities of many steps, and their scores."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.transitions.expansions.local_functions import LocalFunctions, local_functions
from stochtext.transitions.expansions.quadrature import gauss_legendre, running_integrals
from stochtext.transitions.formulas.row_functions import RowFunctions, kept

__all__ = ["NODES", "Expansion", "expansion_of"]

#: Points on the line between the two states at which the local functions are evaluated.
NODES = 8
# Rows at a time: what belongs to them stays in the processor's cache.
_TILE = 256
_SOURCE = "stochtext.transitions.expansions.bridge_series"
_PARTS = ("along", "sigma", "along_pulled", "sigma_pulled")
# Fewer rows than this take less time than the compiler.
_WORTH_COMPILING = 50_000


class Expansion:
    """The expansion of a given order for one family.

    Parameters
    ----------
    functions : LocalFunctions
    order : {1, 2, 3, 4}
        Highest power of the step.
    """

    def __init__(self, functions: LocalFunctions, order: int) -> None:
        self._rows = RowFunctions("expansion", {part: getattr(functions, part) for part in _PARTS})
        self._count = len(functions.along)
        self._order = order

    def log_density(
        self, theta: FloatArray, x: FloatArray, x_next: FloatArray, dt: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the log density of each row, and the size of its largest term.

        NaN where the formulas have no value. The term is the largest one of a power of the
        step of two or more: the expansion is of use only where it is well below one.

        Parameters
        ----------
        theta : ndarray of shape (k,)
            Parameters, ordered as ``Process.to_vector()``.
        x, x_next, dt : ndarray of shape (n,)
        """
        compiled = self._rows.is_compiled or len(x) > _WORTH_COMPILING
        return self._tiled(compiled, theta, x, x_next, dt, None)

    def log_density_and_scores(
        self, theta: FloatArray, x: FloatArray, x_next: FloatArray, dt: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return what `log_density` does, and the gradient in theta (n, k) of each row."""
        scores = np.empty((len(x), len(theta)))
        value, largest = self._tiled(True, theta, x, x_next, dt, scores)
        return value, largest, scores

    def _tiled(
        self,
        compiled: bool,
        theta: FloatArray,
        x: FloatArray,
        x_next: FloatArray,
        dt: FloatArray,
        scores: FloatArray | None,
    ) -> tuple[FloatArray, FloatArray]:
        result, largest = np.empty(len(x)), np.empty(len(x))
        for start in range(0, len(x), _TILE):
            part = slice(start, start + _TILE)
            own = None if scores is None else scores[part]
            steps = (x[part], x_next[part], dt[part])
            self._tile(compiled, theta, *steps, result[part], largest[part], own)
        return result, largest

    def _tile(
        self,
        compiled: bool,
        theta: FloatArray,
        x: FloatArray,
        x_next: FloatArray,
        dt: FloatArray,
        result: FloatArray,
        largest: FloatArray,
        scores: FloatArray | None,
    ) -> None:
        n, count = len(x), self._count
        nodes, weights = gauss_legendre(NODES)
        # Row 0 holds the states, the others the adjoints of the functions at them.
        along, ends = np.empty((1 + count, n * NODES)), np.empty((2, 2 * n))
        along[0] = (x + nodes[:, None] * (x_next - x)).ravel()
        ends[0, :n], ends[0, n:] = x, x_next
        values, sigma = np.empty((count, n * NODES)), np.empty((1, 2 * n))
        self._rows.fill("along", along, theta, values, compiled)
        self._rows.fill("sigma", ends, theta, sigma, compiled)
        columns = np.ascontiguousarray(running_integrals(NODES).T)
        _bridge_series()(
            x, x_next, dt, sigma.reshape(2, n), ends[1].reshape(2, n), values, along[1:],
            self._order, weights, columns, result, largest,
        )  # fmt: skip
        if scores is not None:
            by_node, by_end = np.empty((len(theta), n * NODES)), np.empty((len(theta), 2 * n))
            self._rows.fill("along_pulled", along, theta, by_node, compiled)
            self._rows.fill("sigma_pulled", ends, theta, by_end, compiled)
            scores[:] = by_node.reshape(-1, NODES, n).sum(axis=1).T
            scores += by_end.reshape(-1, 2, n).sum(axis=1).T


@cache
def _bridge_series() -> Any:
    from numba import types

    from stochtext._shared.compilation.generated import compiled_module, machine_function

    row, table = types.float64[::1], types.float64[:, ::1]
    signature = types.void(
        row, row, row, table, table, table, table, types.int64, row, table, row, row
    )
    return machine_function(
        compiled_module("bridge_series", (_SOURCE,)), "bridge_series", signature
    )


def expansion_of(process: Process, order: int) -> Expansion:
    """Return the expansion of the family of a process, kept for later calls.

    Raises
    ------
    InputError
        If the process has several dimensions, depends on time or has no formulas.
    """
    return kept(
        process, ("expansion", order), lambda: Expansion(local_functions(process, order), order)
    )
