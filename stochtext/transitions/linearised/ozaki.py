"""The local linearisation of Ozaki, in one dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext.processes.base import Process
from stochtext.transitions.formulas.coefficients import LocalCoefficients
from stochtext.transitions.formulas.formula import GaussianFormulaDensity
from stochtext.transitions.linearised.exponential import phi_1

__all__ = ["OzakiDensity"]


class OzakiDensity(GaussianFormulaDensity):
    """Gaussian of the linear equation dX = K X dt + sigma dW that meets the drift's mean.

    Notes
    -----
    In one dimension, with b' the slope of the drift at the start and sigma held there,

        mean = x + b (exp(b' dt) - 1) / b',
        K = log(mean / x) / dt,
        variance = sigma^2 (exp(2 K dt) - 1) / (2 K).

    K exists only where the mean has the sign of x. In all other rows, such as those that start
    at x = 0, the density is not defined: `log_density` is NaN, a likelihood of rows of which
    one is such is infinite, and `residuals` and `pit` name the row in a DegenerateDataError.
    `ShojiOzakiDensity` has no such states and is the better choice.

    References
    ----------
    Ozaki (1992), A bridge between nonlinear time series models and nonlinear stochastic
    dynamical systems: a local linearization approach, Statistica Sinica 2, 113-135. Iacus
    (2008), Simulation and Inference for Stochastic Differential Equations, section 3.3.2.

    Examples
    --------
    >>> from stochtext.processes import DoubleWell
    >>> from stochtext.transitions import OzakiDensity
    >>> OzakiDensity().log_density(DoubleWell(1.0, 1.0, 0.7), [1.2, 0.0], [1.1, 0.1], 0.0, 0.05)
    array([0.82652646,        nan])
    """

    name = "ozaki"

    def check(self, process: Process) -> None:
        """Refuse a process of more than one coordinate."""
        if (process.dim or 1) != 1:
            raise InputError(
                f"OzakiDensity is for one dimension; {type(process).__name__} has {process.dim}. "
                "Use density='shoji_ozaki' or 'kessler', which are for any."
            )

    def moments_formula(
        self, coefficients: LocalCoefficients, dt: Any
    ) -> tuple[list[Any], list[list[Any]]]:
        """Return mean and variance as entries."""
        x = coefficients.x[0]
        step = coefficients.drift[0] * dt * phi_1(coefficients.drift_slope(0, 0) * dt)
        exponent = np.log1p(step / x)
        variance = coefficients.rate[0][0] * dt * phi_1(2.0 * exponent)
        return [x + step], [[variance]]
