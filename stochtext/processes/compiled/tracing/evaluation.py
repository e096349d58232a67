"""Expressions evaluated by NumPy, to compare a trace with the function that it came from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.compiled.tracing.expression import Expression, reachable
from stochtext.processes.compiled.tracing.operations import value_of

__all__ = ["evaluated"]


def evaluated(
    rows: Sequence[Expression], t: FloatArray, x: FloatArray, theta: FloatArray
) -> FloatArray:
    """Return the value of each row at each state.

    Parameters
    ----------
    rows : sequence of Expression
    t : ndarray of shape (n,)
    x : ndarray of shape (n, d)
    theta : ndarray of shape (n_parameters,)

    Returns
    -------
    ndarray of shape (n, len(rows))
    """
    symbols: dict[str, Callable[..., Any]] = {
        "t": lambda: t,
        "x": lambda j: x[:, j],
        "theta": lambda k: theta[k],
    }
    values: dict[int, Any] = {}
    for node in reachable(rows):
        if node.operation == "constant":
            value: Any = node.value
        elif node.operation == "symbol":
            value = symbols[node.value[0]](*node.value[1:])
        else:
            value = value_of(node.operation, [values[o.number] for o in node.operands])
        values[node.number] = value
    result = np.empty((len(x), len(rows)))
    for k, row in enumerate(rows):
        result[:, k] = values[row.number]
    return result
