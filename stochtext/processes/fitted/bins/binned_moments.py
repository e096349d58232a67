"""Moments of many transitions on a regular grid of nodes, from one pass over the data.

Each value is shared out linearly to the nodes around its state, so that smooth functions of
the state keep their sums up to second order in the distance of the nodes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = [
    "binned_moments_1d",
    "binned_moments_2d",
    "binned_powers_1d",
    "binned_squares_2d",
    "read_off_1d",
    "smooth_nodes",
]

_SOURCE = "stochtext.processes.fitted.bins.linear_binning"


def binned_moments_1d(
    x: FloatArray,
    responses: FloatArray,
    low: float,
    step: float,
    n_nodes: int,
    weight: FloatArray | None = None,
) -> FloatArray:
    """Return weighted sums of responses at nodes low, low + step, ...

    Parameters
    ----------
    x : ndarray of shape (n,)
        States; those outside the nodes are left out.
    responses : ndarray of shape (n, r)
    low, step : float
        First node and distance of neighbours, in the unit of the state.
    n_nodes : int
        At least two.
    weight : ndarray of shape (n,), optional

    Returns
    -------
    ndarray of shape (n_nodes, r + 1)
        The weight at each node, then its sums with each response.

    References
    ----------
    Fan, J. and Marron, J. S. (1994), Fast implementations of nonparametric curve
    estimators, Journal of Computational and Graphical Statistics 3, 35-56, section 3.
    """
    sums = np.zeros((n_nodes, responses.shape[1] + 1))
    given = np.empty(0) if weight is None else _plain(weight)
    _function("share_out_1d")(_plain(x), _plain(responses), given, float(low), float(step), sums)
    return sums


def binned_powers_1d(
    x: FloatArray,
    change: FloatArray,
    low: float,
    step: float,
    n_nodes: int,
    order: int,
    weight: FloatArray | None = None,
    sums: FloatArray | None = None,
) -> FloatArray:
    """Return weighted sums of the powers 0 to ``order`` of a change, shape (n_nodes, order + 1).

    The same as :func:`binned_moments_1d` of the powers, without building them. With ``sums``
    (n_nodes, order + 1) they are added to it, and it is returned: long data come in parts.
    """
    if sums is None:
        sums = np.zeros((n_nodes, order + 1))
    given = np.empty(0) if weight is None else _plain(weight)
    _function("share_powers_1d")(
        _plain(x), _plain(change), given, float(low), float(step), order, sums
    )
    return sums


def binned_moments_2d(
    x: FloatArray,
    responses: FloatArray,
    low: FloatArray,
    step: FloatArray,
    shape: tuple[int, int],
    weight: FloatArray | None = None,
) -> FloatArray:
    """Return weighted sums of responses (n, r) at the nodes of a plane, shape (*shape, r + 1).

    Parameters
    ----------
    x : ndarray of shape (n, 2)
    responses, weight
        As in :func:`binned_moments_1d`.
    low, step : ndarray of shape (2,)
    shape : tuple of int
        Number of nodes along each coordinate.
    """
    sums = np.zeros((*shape, responses.shape[1] + 1))
    given = np.empty(0) if weight is None else _plain(weight)
    _function("share_out_2d")(_plain(x), _plain(responses), given, _plain(low), _plain(step), sums)
    return sums


def binned_squares_2d(
    x: FloatArray,
    change: FloatArray,
    low: FloatArray,
    step: FloatArray,
    shape: tuple[int, int],
    weight: FloatArray | None = None,
) -> FloatArray:
    """Return weighted sums of 1, a, b, a^2, a b, b^2 of a change (a, b), shape (*shape, 6).

    The same as :func:`binned_moments_2d` of these responses, without building them.
    """
    sums = np.zeros((*shape, 6))
    given = np.empty(0) if weight is None else _plain(weight)
    _function("share_squares_2d")(_plain(x), _plain(change), given, _plain(low), _plain(step), sums)
    return sums


def smooth_nodes(sums: FloatArray, taps: FloatArray) -> FloatArray:
    """Return sums (r, n_nodes) smoothed along the nodes with an odd number of taps."""
    out = np.empty_like(sums)
    _function("smooth_rows")(_plain(sums), _plain(taps), out)
    return out


def read_off_1d(x: FloatArray, low: float, step: float, values: FloatArray) -> FloatArray:
    """Return values (n_nodes, r) at places x (n,) by cubic interpolation, shape (n, r)."""
    out = np.empty((len(x), values.shape[1]))
    _function("read_off_1d")(_plain(x), float(low), float(step), _plain(values), out)
    return out


def _plain(values: FloatArray) -> FloatArray:
    """Return what the compiled functions take: contiguous, and writeable though never written."""
    return np.require(values, dtype=np.float64, requirements=["C", "W"])


@cache
def _function(name: str) -> Any:
    from numba import types

    from stochtext._shared.compilation.generated import compiled_module, machine_function

    number, integer = types.float64, types.int64
    row, table, cube = number[::1], number[:, ::1], number[:, :, ::1]
    signatures = {
        "share_out_1d": types.void(row, table, row, number, number, table),
        "share_powers_1d": types.void(row, row, row, number, number, integer, table),
        "share_out_2d": types.void(table, table, row, row, row, cube),
        "share_squares_2d": types.void(table, table, row, row, row, cube),
        "read_off_1d": types.void(row, number, number, table, table),
        "smooth_rows": types.void(table, row, table),
    }
    return machine_function(compiled_module("linear_binning", [_SOURCE]), name, signatures[name])
