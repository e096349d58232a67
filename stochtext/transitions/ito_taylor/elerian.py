"""The density of one Milstein step: a noncentral chi-square law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtr

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext.processes.base import Process
from stochtext.processes.compiled.tracing.expression import Expression
from stochtext.transitions.formulas.coefficients import LocalCoefficients, select
from stochtext.transitions.formulas.formula import FormulaDensity, same_rows
from stochtext.transitions.gaussian import cholesky_factors, standardise

__all__ = ["ElerianDensity"]

# q^2 below which the second root of the Milstein step is out of reach.
_FLAT = 1e-12


class ElerianDensity(FormulaDensity):
    """The law of one Milstein step, for noise that acts on each coordinate by itself.

    Notes
    -----
    The Milstein step is a quadratic in a standard normal Z,

        X(t + dt) = x + b dt + sigma sqrt(dt) (Z + q (Z^2 - 1) / 2),  q = sigma' sqrt(dt),

    so that X(t + dt) is a linear function of a noncentral chi-square variable with one degree
    of freedom. With e = (x_next - x - b dt) / (sigma sqrt(dt)) and w = 1 + q^2 + 2 q e, its
    density is

        exp(-((q + 2 e) / (1 + sqrt(w)))^2 / 2) (1 + exp(-2 sqrt(w) / q^2))
            / (abs(sigma) sqrt(2 pi dt w)),

    a form of Elerian's that neither overflows nor cancels, and that is Euler's density where
    sigma' = 0, in each row by itself. Where w < 0 the step cannot lead there and the log
    density is minus infinity. `pit` is exact too.

    In several dimensions coordinate j must have noise source j alone, with a diffusion that
    depends on no other coordinate.

    References
    ----------
    Elerian (1998), A note on the existence of a closed form conditional transition density for
    the Milstein scheme, Economics discussion paper 1998-W18, Nuffield College, Oxford.

    Examples
    --------
    >>> from stochtext.processes import CoxIngersollRoss
    >>> from stochtext.transitions import ElerianDensity
    >>> ElerianDensity().log_density(CoxIngersollRoss(0.8, 1.0, 0.4), [1.0], [1.1], 0.0, 0.1)
    array([0.7776855])
    """

    name = "elerian"

    def check(self, process: Process) -> None:
        """Refuse noise of several sources for one coordinate."""
        if (process.dim or 1) > 1 and process.noise == "general":
            raise InputError(
                "ElerianDensity needs a noise source of its own for each coordinate; "
                f"{type(process).__name__} has general noise. Use density='kessler'."
            )

    def log_density_formula(
        self, coefficients: LocalCoefficients, x_next: Sequence[Any], dt: Any
    ) -> Any:
        """Return log p(x_next | x, dt) as an entry."""
        self._check_noise(coefficients)
        total: Any = 0.0
        for j, after in enumerate(x_next):
            e, q = _standard(coefficients, j, after, dt)
            w = 1.0 + q * q + 2.0 * q * e
            root = np.sqrt(w)
            away = (q + 2.0 * e) / (1.0 + root)
            other = select(q * q < _FLAT, 0.0, np.log1p(np.exp(-2.0 * root / (q * q))))
            value = other - 0.5 * np.log(w) - 0.5 * away * away
            value = value - 0.5 * math.log(2.0 * math.pi)
            value = value - 0.5 * np.log(coefficients.rate[j][j] * dt)
            total = total + select(w < 0.0, -math.inf, value)
        return total

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return x + b dt and the variance a dt + (sigma sigma')^2 dt^2 / 2 of the step."""
        c, steps = self.coefficients(process, x, t, dt, clock_dt)
        self._check_noise(c)
        mean = np.column_stack([x + b * steps for x, b in zip(c.x, c.drift, strict=True)])
        covariance = np.zeros((len(steps), c.dim, c.dim))
        for j in range(c.dim):
            with np.errstate(all="ignore"):
                bend = c.diffusion[j][j] * c.diffusion_slope(j, j)
                covariance[:, j, j] = (c.rate[j][j] + 0.5 * bend**2 * steps) * steps
        return mean, covariance

    def residuals(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return (x_next - mean) over the standard deviation, shape (n, d)."""
        mean, covariance = self.moments(process, x, t, dt, clock_dt)
        following = same_rows(process, x_next, len(mean))
        return standardise(following - mean, cholesky_factors(covariance))

    def pit(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the distribution function of the Milstein step at x_next, shape (n, d).

        Given x the coordinates are independent, so that this is the Rosenblatt transform. It
        is 0 or 1 where the step cannot lead to x_next.
        """
        c, steps = self.coefficients(process, x, t, dt, clock_dt)
        self._check_noise(c)
        following = same_rows(process, x_next, len(steps))
        columns = []
        with np.errstate(all="ignore"):
            for j in range(c.dim):
                e, q = _standard(c, j, following[:, j], steps)
                up = np.sign(c.diffusion[j][j])
                columns.append(_distribution(up * e, up * q))
        return np.column_stack(columns)

    @staticmethod
    def _check_noise(c: LocalCoefficients) -> None:
        if len(c.diffusion[0]) != c.dim:
            raise InputError(
                "ElerianDensity needs as many noise sources as coordinates. Use density='kessler'."
            )
        for j in range(c.dim):
            for k in range(c.dim):
                entries = [] if j == k else [c.diffusion[j][k], c.diffusion_slope(j, k)]
                if not all(map(_is_zero, entries)):
                    raise InputError(
                        f"ElerianDensity needs a diffusion of coordinate {j} that depends on no "
                        f"other coordinate; this one depends on coordinate {k} or shares its "
                        "noise. Use density='kessler'."
                    )


def _is_zero(entry: Any) -> bool:
    return entry.is_number(0.0) if isinstance(entry, Expression) else bool(np.all(entry == 0.0))


def _standard(c: LocalCoefficients, j: int, after: Any, dt: Any) -> tuple[Any, Any]:
    """Return e and q of one coordinate."""
    root = np.sqrt(dt)
    e = (after - c.x[j] - c.drift[j] * dt) / (c.diffusion[j][j] * root)
    return e, c.diffusion_slope(j, j) * root


def _distribution(e: FloatArray, q: FloatArray) -> FloatArray:
    """Return P(Z + q (Z^2 - 1) / 2 <= e)."""
    # For q < 0 the mirrored step has q > 0.
    down = q < 0.0
    e, q = np.where(down, -e, e), np.abs(q)
    root = np.sqrt(np.maximum(1.0 + q * q + 2.0 * q * e, 0.0))
    upper, lower = (q + 2.0 * e) / (1.0 + root), -(1.0 + root) / q
    possible = 1.0 + q * q + 2.0 * q * e > 0.0
    below = np.where(possible, ndtr(upper) - ndtr(lower), 0.0)
    above = np.where(possible, ndtr(-upper) + ndtr(lower), 1.0)
    result = np.where(down, above, below)
    return np.where(np.isnan(e) | np.isnan(q), np.nan, result)
