"""The functions phi_1 and phi_2 of exponential integrators, for arrays and for expressions."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext.transitions.formulas.coefficients import select

__all__ = ["phi_1", "phi_2"]

# Below it the series, whose first seven terms end below the rounding error.
_SMALL = 0.02
_TERMS = 6


def phi_1(z: Any) -> Any:
    """Return (exp(z) - 1) / z, which is 1 at z = 0."""
    return select(abs(z) < _SMALL, _series(z, 1), np.expm1(z) / z)


def phi_2(z: Any) -> Any:
    """Return (exp(z) - 1 - z) / z^2, which is 1/2 at z = 0."""
    return select(abs(z) < _SMALL, _series(z, 2), (np.expm1(z) - z) / (z * z))


def _series(z: Any, order: int) -> Any:
    """Return the sum of z^k / (k + order)!."""
    coefficients = [1.0]
    for k in range(2, order + _TERMS + 1):
        coefficients.append(coefficients[-1] / k)
    wanted = coefficients[order - 1 :]
    total: Any = wanted[-1]
    for coefficient in wanted[-2::-1]:
        total = total * z + coefficient
    return total
