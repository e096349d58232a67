"""The derivative of the drift by central differences, for coefficients without derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import kernel
from stochtext.processes.compiled.called_back import drift

FLOAT = np.float64

__all__ = ["jacobian"]

_RELATIVE_STEP = 6e-6
_SMALLEST_STATE = 1e-3


@kernel
def jacobian(t: Any, x: Any, theta: Any, out: Any) -> None:
    """Write row j * d + k, the derivative of drift j by coordinate k."""
    d, lanes = x.shape
    above = np.empty((d, lanes), FLOAT)
    below = np.empty((d, lanes), FLOAT)
    moved = x.copy()
    for k in range(d):
        for i in range(lanes):
            moved[k, i] = x[k, i] + _RELATIVE_STEP * max(abs(x[k, i]), _SMALLEST_STATE)
        drift(t, moved, theta, above)
        for i in range(lanes):
            moved[k, i] = x[k, i] - _RELATIVE_STEP * max(abs(x[k, i]), _SMALLEST_STATE)
        drift(t, moved, theta, below)
        for i in range(lanes):
            moved[k, i] = x[k, i]
            width = 2.0 * _RELATIVE_STEP * max(abs(x[k, i]), _SMALLEST_STATE)
            for j in range(d):
                out[j * d + k, i] = (above[j, i] - below[j, i]) / width
