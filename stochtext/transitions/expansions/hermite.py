"""Aït-Sahalia's closed-form expansion of the transition density in one dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import check_integer
from stochtext.processes.base import Process
from stochtext.transitions.base import TransitionDensity, checked_steps
from stochtext.transitions.expansions.expansion import expansion_of
from stochtext.transitions.expansions.expansion_likelihood import ExpansionLikelihood, usable
from stochtext.transitions.expansions.panels import Panels, panel_edges
from stochtext.transitions.formulas.formula import same_rows
from stochtext.transitions.likelihood import TransitionLikelihood

__all__ = ["HermiteDensity"]

_HIGHEST = 4
# Rows at a time in the integrals over the end of a step.
_CHUNK = 512


class HermiteDensity(TransitionDensity):
    r"""The expansion of the log density of one step in powers of the step, in one dimension.

    Parameters
    ----------
    order : {1, 2, 3, 4}, default 3
        Highest power K of the step in the log density. Its error at given states is of the
        order of dt^(K + 1).

    Notes
    -----
    For processes whose drift b and diffusion sigma do not depend on time and are formulas.
    With the Lamperti coordinate y(x) = int dx / sigma, which has unit diffusion and the drift
    mu = b / sigma - sigma' / 2, and z = y(x') - y(x),

        log p(x' | x) = -log(2 pi dt sigma(x')^2) / 2 - z^2 / (2 dt) + int_y(x)^y(x') mu dy
                        + C_1 dt + C_2 dt^2 / 2 + ... + C_K dt^K / K!

    This is the expansion of Aït-Sahalia (2002, equation 2.14) written for the logarithm as in
    Aït-Sahalia (2008, theorem 1), so that no density is negative. The C_k satisfy his
    recursion; they are computed from its solution, the cumulants of int lambda over a Brownian
    bridge from y(x) to y(x') with lambda = -(mu^2 + mu') / 2 (Dacunha-Castelle and
    Florens-Zmirou, 1986, lemma 2; derivatives are in y, at points s and t of the way):

    - C_1 = int lambda ds,
    - C_2 / 2! = int s (1 - s) lambda'' ds / 2,
    - C_3 / 3! = int s^2 (1 - s)^2 lambda'''' ds / 8
      + int_{s<t} s (1 - t) lambda'(s) lambda'(t) ds dt,
    - C_4 / 4! = int s^3 (1 - s)^3 lambda^(6) ds / 48 + the next term of the covariance.

    No coefficient is expanded in x' - x, so that the order holds for states that are far
    apart too, and the Lamperti integral is never needed in closed form: all integrals are
    taken along the line from x to x' by Gauss-Legendre rules of 8 points (relative error about
    1e-10 unless the line comes near a point where the coefficients are singular), and the
    derivatives are exact. The gradient in the parameters is exact as well.

    The expansion does not integrate to one; `normalisation` gives its integral. `moments`,
    `residuals` and `pit` are those of the normalised expansion, by numerical integration to a
    relative error of about 1e-8; where that is not reached they are NaN.

    It fails for long steps (for an Ornstein-Uhlenbeck process from kappa dt of about 1 on), in
    far tails, and beside a boundary that is reached. Where a term of second or higher power
    exceeds one in size, the terms say nothing about the sum; the log density is NaN there.
    Use a smaller order, "simulated" or "spectral" then. Outside the domain of the process it
    is minus infinity.

    References
    ----------
    Aït-Sahalia (1999), Transition densities for interest rate and other nonlinear diffusions,
    Journal of Finance 54, 1361-1395; (2002), Maximum likelihood estimation of discretely sampled
    diffusions: a closed-form approximation approach, Econometrica 70, 223-262; (2008),
    Closed-form likelihood expansions for multivariate diffusions, Annals of Statistics 36,
    906-937. Dacunha-Castelle and Florens-Zmirou (1986), Estimation of the coefficients of a
    diffusion from discrete observations, Stochastics 19, 263-284.

    Examples
    --------
    >>> from stochtext.processes import CoxIngersollRoss
    >>> from stochtext.transitions import HermiteDensity
    >>> process = CoxIngersollRoss(0.8, 1.0, 0.4)
    >>> HermiteDensity(order=3).log_density(process, [[1.0]], [[1.1]], 0.0, 0.1).round(5)
    array([0.79159])
    """

    name = "hermite"

    def __init__(self, order: int = 3) -> None:
        self.order = check_integer("order", order)
        if order > _HIGHEST:
            raise InputError(f"`order` must be 1, 2, 3 or 4; got {order!r}.")

    @property
    def options(self) -> dict[str, Any]:
        """The order."""
        return {"order": self.order}

    def log_density(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return log p(x_next | x, dt), shape (n,).

        It is NaN where the expansion is of no use, and minus infinity outside the domain.
        """
        states, steps = self._checked(process, x, t, dt)
        following = same_rows(process, x_next, len(steps))[:, 0]
        expansion = expansion_of(process, self.order)
        return usable(
            process,
            following,
            *expansion.log_density(process.to_vector(), states, following, steps),
        )

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
        """Return the likelihood of all rows, as machine code with the exact gradient.

        Parameters
        ----------
        family : Process
        x, x_next : array_like of shape (n, 1)
        t, dt, clock_dt : array_like of shape (n,)
        weight : array_like of shape (n,), optional

        Returns
        -------
        TransitionLikelihood
        """
        expansion = expansion_of(family, self.order)
        states, _, steps = checked_steps(family, x, t, dt)
        following = same_rows(family, x_next, len(steps))[:, 0]
        return ExpansionLikelihood(expansion, family, states[:, 0], following, steps, weight)

    def normalisation(
        self, process: Process, x: ArrayLike, t: ArrayLike, dt: ArrayLike
    ) -> FloatArray:
        """Return the integral of the expansion over x_next, shape (n,).

        Parameters
        ----------
        process : Process
        x : array_like of shape (n, 1)
        t, dt : float or array_like of shape (n,)

        Returns
        -------
        ndarray of shape (n,)
            One for a density; NaN where it is not known to a relative error of 1e-8.
        """
        parts = self._panels(process, *self._checked(process, x, t, dt))
        return np.concatenate([np.zeros(0), *(panels.mass for panels in parts)])

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, 1) and covariance (n, 1, 1) of the normalised expansion."""
        parts = self._panels(process, *self._checked(process, x, t, dt))
        pairs = [panels.moments() for panels in parts]
        mean = np.concatenate([np.zeros(0), *(pair[0] for pair in pairs)])
        variance = np.concatenate([np.zeros(0), *(pair[1] for pair in pairs)])
        return mean[:, None], variance[:, None, None]

    def residuals(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return (x_next - mean) / standard deviation, shape (n, 1)."""
        mean, variance = self.moments(process, x, t, dt, clock_dt)
        return (same_rows(process, x_next, len(mean)) - mean) / np.sqrt(variance[:, :, 0])

    def pit(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the distribution function of the normalised expansion, shape (n, 1)."""
        states, steps = self._checked(process, x, t, dt)
        following = same_rows(process, x_next, len(steps))[:, 0]
        result = np.empty(len(steps))
        for k, panels in enumerate(self._panels(process, states, steps)):
            part = slice(k * _CHUNK, (k + 1) * _CHUNK)
            result[part] = panels.distribution(following[part])
        return result[:, None]

    def _checked(
        self, process: Process, x: ArrayLike, t: ArrayLike, dt: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        expansion_of(process, self.order)  # refuses what has no expansion
        states, start, steps = checked_steps(process, x, t, dt)
        with np.errstate(all="ignore"):
            rate = process.covariance(states, start)[:, 0, 0]
        bad = np.flatnonzero(~((rate > 0.0) & np.isfinite(rate)))
        if bad.size:
            raise DegenerateDataError(
                f"The diffusion at the start of the step in row {bad[0]}, x = "
                f"{states[bad[0], 0]:.6g}, is zero or not finite; the expansion needs noise there."
            )
        return states[:, 0], steps

    def _panels(self, process: Process, x: FloatArray, dt: FloatArray) -> list[Panels]:
        expansion, theta = expansion_of(process, self.order), process.to_vector()

        def diffusion(at: FloatArray) -> FloatArray:
            with np.errstate(all="ignore"):
                return process.diffusion(at[:, None])[:, 0, 0]

        def density(
            x: FloatArray, x_next: FloatArray, dt: FloatArray
        ) -> tuple[FloatArray, FloatArray]:
            return expansion.log_density(theta, x, x_next, dt)

        shift = process.drift(x[:, None])[:, 0] * dt
        most = 4.0 * np.abs(diffusion(x)) * np.sqrt(dt)
        low, high = process.domain[0]
        center = x + np.clip(shift, -most, most)
        center = np.clip(center, 0.5 * (x + low), 0.5 * (x + high))
        edges = panel_edges(diffusion, center, dt, (low, high))
        parts = [slice(k, k + _CHUNK) for k in range(0, len(x), _CHUNK)]
        return [Panels(density, x[part], dt[part], edges[part]) for part in parts]
