"""The local linearisation of Shoji and Ozaki."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import Process
from stochtext.processes.compiled.tracing.expression import Untraceable
from stochtext.transitions.formulas.coefficients import LocalCoefficients
from stochtext.transitions.formulas.formula import GaussianFormulaDensity
from stochtext.transitions.gaussian import GaussianDensity
from stochtext.transitions.linearised.exponential import phi_1, phi_2
from stochtext.transitions.linearised.local_linear import local_linear_moments

__all__ = ["ShojiOzakiDensity"]


class ShojiOzakiDensity(GaussianFormulaDensity):
    """Gaussian of the equation whose drift is linear along the step, by Itô's formula.

    Notes
    -----
    In one dimension, with the slope b' and M = sigma^2 b'' / 2 + d b / d t at the start and
    sigma held there,

        mean = x + b dt phi_1(b' dt) + M dt^2 phi_2(b' dt),
        variance = sigma^2 dt phi_1(2 b' dt),

    phi_1(z) = (exp(z) - 1) / z and phi_2(z) = (exp(z) - 1 - z) / z^2, which are evaluated by
    their series near b' = 0. It is exact for linear drift with constant diffusion. In several
    dimensions b' is the Jacobian, see `stochtext.transitions.linearised.local_linear`. The
    variance is positive wherever sigma is not zero, so that no row is undefined.

    References
    ----------
    Shoji and Ozaki (1998), Estimation for nonlinear stochastic differential equations by a
    local linearization method, Stochastic Analysis and Applications 16, 733-752.

    Examples
    --------
    >>> from stochtext.processes import DoubleWell
    >>> from stochtext.transitions import ShojiOzakiDensity
    >>> ShojiOzakiDensity().log_density(DoubleWell(1.0, 1.0, 0.7), [0.0], [0.1], 0.0, 0.05)
    array([0.71634664])
    """

    name = "shoji_ozaki"

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d) of the linearised step."""
        if (process.dim or 1) > 1:
            return local_linear_moments(process, x, t, dt, clock_dt)
        return super().moments(process, x, t, dt, clock_dt)

    def log_density(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return log p(x_next | x, dt), shape (n,)."""
        if (process.dim or 1) > 1:
            return GaussianDensity.log_density(self, process, x, x_next, t, dt, clock_dt)
        return super().log_density(process, x, x_next, t, dt, clock_dt)

    def log_density_formula(
        self, coefficients: LocalCoefficients, x_next: Sequence[Any], dt: Any
    ) -> Any:
        """Return log p(x_next | x, dt) as an entry, in one dimension."""
        if coefficients.dim > 1:
            raise Untraceable("the exponential of a matrix is no formula")
        return super().log_density_formula(coefficients, x_next, dt)

    def moments_formula(
        self, coefficients: LocalCoefficients, dt: Any
    ) -> tuple[list[Any], list[list[Any]]]:
        """Return mean and variance as entries, in one dimension."""
        c = coefficients
        z = c.drift_slope(0, 0) * dt
        step = c.drift[0] * dt * phi_1(z) + c.drift_bend(0) * dt * dt * phi_2(z)
        return [c.x[0] + step], [[c.rate[0][0] * dt * phi_1(2.0 * z)]]
