"""Milstein's correction by central differences, for coefficients without derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import kernel
from stochtext.processes.compiled.called_back import diffusion

FLOAT = np.float64

__all__ = ["correction"]

# A central difference with this relative step has an error near 1e-10.
_RELATIVE = 6e-6
_SMALLEST = 1e-3


@kernel
def correction(t: Any, x: Any, theta: Any, out: Any) -> None:
    """Write the rows that ``CoefficientSource`` describes."""
    d, lanes = x.shape
    diagonal = out.shape[0] == d
    m = 1
    while not diagonal and m * m * d < out.shape[0]:
        m += 1
    rows = d if diagonal else d * m
    sigma = np.empty((rows, lanes), FLOAT)
    above = np.empty((rows, lanes), FLOAT)
    below = np.empty((rows, lanes), FLOAT)
    moved = np.empty((d, lanes), FLOAT)
    reach = np.empty(lanes, FLOAT)
    diffusion(t, x, theta, sigma)
    for p in range(m):
        for i in range(lanes):
            size = 0.0
            place = 0.0
            for j in range(d):
                size = max(size, abs(sigma[j if diagonal else j * m + p, i]))
                place = max(place, abs(x[j, i]))
            reach[i] = _RELATIVE * max(place, _SMALLEST) / size if size > 0.0 else 0.0
        for j in range(d):
            for i in range(lanes):
                moved[j, i] = x[j, i] + reach[i] * sigma[j if diagonal else j * m + p, i]
        diffusion(t, moved, theta, above)
        for j in range(d):
            for i in range(lanes):
                moved[j, i] = x[j, i] - reach[i] * sigma[j if diagonal else j * m + p, i]
        diffusion(t, moved, theta, below)
        for row in range(rows):
            for i in range(lanes):
                slope = (above[row, i] - below[row, i]) / (2.0 * reach[i])
                out[p * rows + row, i] = slope if reach[i] > 0.0 else 0.0
