"""The transition density of the Jacobi diffusion as a series of orthogonal polynomials.

Law of this file: a number that the series does not determine is NaN.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc, betaincc, betaln, xlogy

from stochtext._shared.typing import FloatArray

__all__ = ["jacobi_tails", "log_jacobi_transition"]

_MAX_TERMS = 3000
#: Relative error above which a sum with cancelling terms is not given.
_TOLERANCE = 1e-6


def log_jacobi_transition(
    a: float, b: float, sigma: float, x: FloatArray, x_next: FloatArray, dt: FloatArray
) -> FloatArray:
    """Return the log transition density of dX = kappa (mu - X) dt + sigma sqrt(X (1 - X)) dW.

    Parameters
    ----------
    a, b : float
        Parameters of the stationary beta law, positive.
    sigma : float
        Diffusion, positive.
    x, x_next, dt : ndarray of shape (n,)
        States in [0, 1] and lengths of the steps.

    Returns
    -------
    ndarray of shape (n,)
        NaN where rounding errors exceed a millionth of the density.

    Notes
    -----
    p = w(x') sum_n exp(-lambda_n dt) f_n(x) f_n(x') with the beta density w, its orthonormal
    polynomials f_n, and lambda_n = n (n - 1 + a + b) sigma^2 / 2 (Wong 1964). The
    polynomials come from their three-term recurrence (Gautschi 2004, section 1.5).
    """
    total, size, complete = _summed(a, b, sigma, x, x_next, dt, tails=False)
    resolved = (total > 0) & (size * np.finfo(float).eps < _TOLERANCE * total) & complete
    log_weight = xlogy(a - 1.0, x_next) + xlogy(b - 1.0, 1.0 - x_next) - betaln(a, b)
    return np.where(resolved, np.log(np.where(resolved, total, 1.0)) + log_weight, np.nan)


def jacobi_tails(
    a: float, b: float, sigma: float, x: FloatArray, x_next: FloatArray, dt: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return P(X(t + dt) <= x_next) and P(X(t + dt) > x_next) of the same process.

    Parameters are those of ``log_jacobi_transition``.

    Returns
    -------
    lower, upper, error : ndarray of shape (n,)
        Both tails, and a bound of the rounding error of both, infinite where the series has
        not been summed to its end.

    Notes
    -----
    By the differential equation of f_n, the integral of w f_n up to x' is
    -sigma^2 x' (1 - x') w(x') f_n'(x') / (2 lambda_n).
    """
    total, size, complete = _summed(a, b, sigma, x, x_next, dt, tails=True)
    log_flux = xlogy(a, x_next) + xlogy(b, 1.0 - x_next) - betaln(a, b)
    flux = 0.5 * sigma**2 * np.exp(log_flux)
    lower = betainc(a, b, x_next) - flux * total
    upper = betaincc(a, b, x_next) + flux * total
    error = (flux * size + 1.0) * np.finfo(float).eps
    return lower, upper, error if complete else np.full(len(x), np.inf)


def _summed(
    a: float, b: float, sigma: float, x: FloatArray, x_next: FloatArray, dt: FloatArray, tails: bool
) -> tuple[FloatArray, FloatArray, bool]:
    """Return the series of the density or of the tails, its rounding error over eps, its end."""
    total, size = np.zeros(len(x)), np.zeros(len(x))
    here, there = _Polynomials(a, b, x), _Polynomials(a, b, x_next)
    slowest = float(dt.min(initial=np.inf))
    negligible = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for n in range(_MAX_TERMS):
            rate = 0.5 * sigma**2 * n * (n - 1.0 + a + b)
            end = there.slope / rate if tails and n else there.value * (not tails)
            term = np.exp(-rate * dt) * here.value * end
            total, size = total + term, size + np.abs(term) * (1.0 + n)
            quiet = np.all(np.abs(term) <= 1e-18 * np.abs(total))
            negligible = negligible + 1 if quiet and (n or not tails) else 0
            # Terms may vanish one by one by symmetry, not eight in a row.
            if negligible == 8 or rate * slowest > 745.0:
                return total, size, True
            here.advance(n)
            there.advance(n)
    return total, size, False


class _Polynomials:
    """The orthonormal polynomials and their slopes d/dx at x in [0, 1], one degree at a time."""

    def __init__(self, a: float, b: float, x: FloatArray) -> None:
        self._law, self._z = (a, b), 2.0 * x - 1.0
        self.value, self._before = np.ones(len(x)), np.zeros(len(x))
        self.slope, self._slope_before = np.zeros(len(x)), np.zeros(len(x))

    def advance(self, n: int) -> None:
        """Go from degree n to n + 1."""
        centre, side, above = _recurrence(n, *self._law)
        value = ((self._z - centre) * self.value - side * self._before) / above
        rise = (self._z - centre) * self.slope + 2.0 * self.value - side * self._slope_before
        self._before, self._slope_before = self.value, self.slope
        self.value, self.slope = value, rise / above


def _recurrence(n: int, a: float, b: float) -> tuple[float, float, float]:
    """Return c_n, s_n and s_(n + 1) of z f_n = s_(n+1) f_(n+1) + c_n f_n + s_n f_(n-1)."""
    # Jacobi weight (1 - z)^alpha (1 + z)^beta on [-1, 1].
    alpha, beta = b - 1.0, a - 1.0
    twice = 2.0 * n + alpha + beta
    if n == 0:
        centre = (beta - alpha) / (alpha + beta + 2.0)
    else:
        centre = (beta - alpha) * (beta + alpha) / (twice * (twice + 2.0))
    return centre, _side(n, alpha, beta), _side(n + 1, alpha, beta)


def _side(n: int, alpha: float, beta: float) -> float:
    if n == 0:
        return 0.0
    twice = 2.0 * n + alpha + beta
    if n == 1:
        square = 4.0 * (1.0 + alpha) * (1.0 + beta) / (twice**2 * (twice + 1.0))
    else:
        square = (
            4.0 * n * (n + alpha) * (n + beta) * (n + alpha + beta)
            / (twice**2 * (twice + 1.0) * (twice - 1.0))
        )  # fmt: skip
    return float(np.sqrt(square))
