"""Kernel moments in one coordinate for kernels that end: a walk over sorted neighbours."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["compact_moments"]

_SOURCE = "stochtext.processes.fitted.smoothing.sorted_sums"


def compact_moments(
    points: FloatArray,
    columns: FloatArray,
    response: FloatArray,
    at: FloatArray,
    degree: int,
    kernel: str,
    squared: bool = True,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return Gram matrices, right-hand sides, Gram matrices of squared weights, and spread.

    Parameters
    ----------
    points : ndarray of shape (N,)
        In bandwidths, increasing.
    columns : ndarray of shape (N, 2)
        Weight and spread of each point.
    response : ndarray of shape (N, r)
    at : ndarray of shape (k,)
        In bandwidths.
    degree : {0, 1, 2}
    kernel : {"epanechnikov", "quartic"}
    squared : bool
        Whether the Gram matrices of squared weights are wanted; they are zero otherwise.

    Returns
    -------
    gram, right, squares, spread : shapes (k, p, p), (k, p, r), (k, p, p), (k,)
    """
    k, p = len(at), degree + 1
    sums, squares = np.zeros((k, 2 * degree + 1)), np.zeros((k, 2 * degree + 2))
    right = np.zeros((k, p, response.shape[1]))
    first = np.searchsorted(points, at - 1.0, side="left")
    end = np.searchsorted(points, at + 1.0, side="right")
    _function()(
        np.ascontiguousarray(points), np.ascontiguousarray(columns),
        np.ascontiguousarray(response), np.ascontiguousarray(at), first, end,
        kernel == "quartic", squared, sums, right, squares,
    )  # fmt: skip
    place = np.add.outer(np.arange(p), np.arange(p))
    return sums[:, place], right, squares[:, place], squares[:, -1].copy()


@cache
def _function() -> Any:
    from numba import types

    from stochtext._shared.compilation.generated import compiled_module, machine_function

    number, place = types.float64, types.int64
    row, table = number[::1], number[:, ::1]
    signature = types.void(
        row, table, table, row, place[::1], place[::1], types.boolean, types.boolean, table,
        number[:, :, ::1], table,
    )  # fmt: skip
    return machine_function(compiled_module("sorted_sums", [_SOURCE]), "sum_in_reach", signature)
