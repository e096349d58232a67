"""Conditional moments of processes with linear drift and quadratic squared diffusion.

Law of this file: it knows five coefficients and no process.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from scipy.linalg import expm

from stochtext._shared.typing import FloatArray
from stochtext.processes.closed_forms import KnownMoments

__all__ = ["LinearDriftMoments"]


class LinearDriftMoments(KnownMoments):
    """dX = (alpha + beta X) dt + sqrt(c0 + c1 X + c2 X^2) dW: moments solve linear equations.

    Notes
    -----
    With mean m and variance v: m' = alpha + beta m and
    v' = (2 beta + c2) v + c0 + c1 m + c2 m^2, a linear system in (1, m, m^2, v), solved by a
    matrix exponential (Forman and Sørensen 2008, section 2).
    """

    @abstractmethod
    def _coefficients(self) -> tuple[float, float, float, float, float]:
        """Return alpha, beta, c0, c1 and c2."""

    def _conditional_mean(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        return self._solved(x, dt)[0]

    def _conditional_variance(self, x: FloatArray, dt: FloatArray) -> FloatArray:
        return self._solved(x, dt)[1]

    def _solved(self, x: FloatArray, dt: FloatArray) -> tuple[FloatArray, FloatArray]:
        alpha, beta, c0, c1, c2 = self._coefficients()
        system = np.array(
            [
                [0.0, 0.0, 0.0, 0.0],
                [alpha, beta, 0.0, 0.0],
                [0.0, 2.0 * alpha, 2.0 * beta, 0.0],
                [c0, c1, c2, 2.0 * beta + c2],
            ]
        )
        lengths, which = np.unique(dt, return_inverse=True)
        flow = expm(system * lengths[:, None, None])[which]
        mean = flow[:, 1, 0] + flow[:, 1, 1] * x
        variance = flow[:, 3, 0] + (flow[:, 3, 1] + flow[:, 3, 2] * x) * x
        return mean, variance
