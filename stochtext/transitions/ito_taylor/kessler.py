"""The Gaussian whose moments are Itô-Taylor expansions of second order."""

from __future__ import annotations

from typing import Any

from stochtext.transitions.formulas.coefficients import LocalCoefficients, product
from stochtext.transitions.formulas.formula import GaussianFormulaDensity

__all__ = ["KesslerDensity"]


class KesslerDensity(GaussianFormulaDensity):
    """Gaussian with mean and covariance expanded to second order in dt, in any dimension.

    Notes
    -----
    With the generator L = b grad + tr(a H) / 2 + d / d t and the Jacobian J of b, the mean and
    the second moment are expanded to order dt^2:

        mean = x + m,  m = b dt + (L b) dt^2 / 2,
        covariance = a dt + (2 b b' + J a + a J' + L a) dt^2 / 2 - m m'.

    The covariance is not truncated again, so that it holds some terms of order dt^3 and dt^4.
    For long steps it can be negative. The density is not defined there: `log_density` is NaN
    in such a row and a likelihood with one infinite; `residuals` and `pit` name the row in a
    DegenerateDataError.

    References
    ----------
    Kessler (1997), Estimation of an ergodic diffusion from discrete observations, Scandinavian
    Journal of Statistics 24, 211-229, section 3.

    Examples
    --------
    >>> from stochtext.processes import CoxIngersollRoss
    >>> from stochtext.transitions import KesslerDensity
    >>> mean, covariance = KesslerDensity().moments(
    ...     CoxIngersollRoss(0.8, 1.0, 0.4), [[1.5]], 0.0, 0.1
    ... )
    >>> mean.round(6), covariance.round(6)
    (array([[1.4616]]), array([[[0.021885]]]))
    """

    name = "kessler"

    def moments_formula(
        self, coefficients: LocalCoefficients, dt: Any
    ) -> tuple[list[Any], list[list[Any]]]:
        """Return mean and covariance as entries."""
        c, d = coefficients, coefficients.dim
        # The products of b alone cancel between the second moment and the squared mean.
        half = [0.5 * c.drift_change(j) for j in range(d)]
        mean = [c.x[j] + (c.drift[j] + half[j] * dt) * dt for j in range(d)]
        slopes = [[c.drift_slope(j, k) for k in range(d)] for j in range(d)]
        covariance: list[list[Any]] = []
        for j in range(d):
            row = []
            for k in range(j + 1):
                second = c.rate_change(j, k)
                for i in range(d):
                    second = second + product(slopes[j][i], c.rate[i][k])
                    second = second + product(c.rate[j][i], slopes[k][i])
                third = c.drift[j] * half[k] + half[j] * c.drift[k] + half[j] * half[k] * dt
                row.append((c.rate[j][k] + (0.5 * second - third * dt) * dt) * dt)
            covariance.append(row)
        return mean, covariance
