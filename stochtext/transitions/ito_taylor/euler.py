"""The Gaussian of one Euler-Maruyama step."""

from __future__ import annotations

from typing import Any

from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import Process
from stochtext.processes.named.polynomial import PolynomialDiffusion
from stochtext.transitions.base import checked_steps
from stochtext.transitions.formulas.coefficients import LocalCoefficients
from stochtext.transitions.formulas.formula import GaussianFormulaDensity
from stochtext.transitions.gaussian import GaussianDensity
from stochtext.transitions.ito_taylor.polynomial_likelihood import PolynomialEulerLikelihood
from stochtext.transitions.likelihood import TransitionLikelihood

__all__ = ["EulerDensity"]


class EulerDensity(GaussianFormulaDensity):
    """N(x + b(t, x) dt, a(t, x) dt): drift and covariance rate frozen over the step.

    Notes
    -----
    Its error vanishes with dt. For steps that are not short against the time scale of
    the process it biases estimates; see `ExactDensity` where it applies.

    References
    ----------
    Maruyama (1955), Continuous Markov processes and stochastic equations, Rendiconti
    del Circolo Matematico di Palermo 4, 48-90.

    Examples
    --------
    >>> from stochtext.processes import OrnsteinUhlenbeck
    >>> from stochtext.transitions import EulerDensity
    >>> EulerDensity().moments(OrnsteinUhlenbeck(1.0, 0.5, 0.6), [[1.0]], 0.0, 0.1)
    (array([[0.95]]), array([[[0.036]]]))
    """

    name = "euler"

    def moments_formula(
        self, coefficients: LocalCoefficients, dt: Any
    ) -> tuple[list[Any], list[list[Any]]]:
        """Return x + b dt and a dt as entries."""
        c = coefficients
        mean = [x + b * dt for x, b in zip(c.x, c.drift, strict=True)]
        return mean, [[entry * dt for entry in row] for row in c.rate]

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
        return GaussianDensity.log_density(self, process, x, x_next, t, dt, clock_dt)

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return x + b dt, shape (n, d), and a dt, shape (n, d, d)."""
        states, start, steps = checked_steps(process, x, t, dt)
        mean = states + process.drift(states, start) * steps[:, None]
        return mean, process.covariance(states, start) * steps[:, None, None]

    def likelihood(
        self,
        family: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> TransitionLikelihood:
        """Return the likelihood of all rows as a function of the parameters of a family."""
        if isinstance(family, PolynomialDiffusion) and family.dim != 1:
            # Formulas of many terms take longer to compile than to evaluate.
            return PolynomialEulerLikelihood(family, x, x_next, dt, weight)
        return super().likelihood(family, x, x_next, t, dt, clock_dt, weight)
