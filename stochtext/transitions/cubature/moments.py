"""Mean and covariance of a diffusion after one step, from the equations of its moments.

Law of this file: no derivative of a coefficient is taken, and a row whose covariance stops
being positive definite becomes NaN; nothing is repaired.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stochtext._shared.typing import ArrayLike, FloatArray

__all__ = ["nan_cholesky", "rk4_moments"]

Coefficient = Callable[[FloatArray, FloatArray], FloatArray]


def rk4_moments(
    drift: Coefficient,
    covariance: Coefficient,
    x: FloatArray,
    t: ArrayLike,
    dt: ArrayLike,
    n_substeps: int = 1,
    clock_dt: ArrayLike | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Integrate the moments of dX = b dt + sigma dW over one step.

    Parameters
    ----------
    drift : callable
        ``drift(x, t)`` of shape (n, d) at states (n, d) and clock readings (n,).
    covariance : callable
        ``covariance(x, t)``, the covariance rate, of shape (n, d, d).
    x : ndarray of shape (n, d)
    t, dt : array_like of shape (n,)
        Start on the clock and length of each step.
    n_substeps : int
        Runge-Kutta steps a transition is cut into.
    clock_dt : array_like of shape (n,), optional
        Length of each step on the clock; that in time by default.

    Returns
    -------
    mean : ndarray of shape (n, d)
    covariance : ndarray of shape (n, d, d)
        NaN in rows where it stopped being positive definite.

    Notes
    -----
    With X ~ N(m, P) between the observations, ``m' = E b(X)`` and
    ``P' = E [b(X) (X - m)'] + E [(X - m) b(X)'] + E a(X)``; the expectations are taken by the
    2 d points of the spherical cubature rule, the equations solved by the classical
    Runge-Kutta method of order four.
    """
    n = len(x)
    start = np.array(np.broadcast_to(np.asarray(t, dtype=np.float64), (n,)))
    h = np.broadcast_to(np.asarray(dt, dtype=np.float64), (n,)) / n_substeps
    pace = h if clock_dt is None else np.broadcast_to(np.asarray(clock_dt), (n,)) / n_substeps
    mean, moment = np.array(x, dtype=np.float64), np.zeros((n, x.shape[1], x.shape[1]))
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        for step in range(n_substeps):
            rates = _Rates(drift, covariance, start + step * pace, first=step == 0)
            mean, moment = _runge_kutta(rates, mean, moment, h, pace)
    return mean, moment


def nan_cholesky(matrix: FloatArray) -> FloatArray:
    """Return lower Cholesky factors, NaN where a matrix is not positive definite.

    Parameters
    ----------
    matrix : ndarray of shape (n, d, d)
    """
    factor = np.zeros_like(matrix)
    with np.errstate(invalid="ignore", divide="ignore"):
        for j in range(matrix.shape[-1]):
            rest = matrix[:, j:, j] - np.einsum("nik,nk->ni", factor[:, j:, :j], factor[:, j, :j])
            pivot = np.sqrt(np.where(rest[:, :1] > 0.0, rest[:, :1], np.nan))
            factor[:, j:, j] = rest / pivot
    return factor


class _Rates:
    """Time derivatives of mean and covariance."""

    def __init__(
        self, drift: Coefficient, covariance: Coefficient, t: FloatArray, first: bool
    ) -> None:
        self.drift, self.covariance, self.t, self.first = drift, covariance, t, first

    def at(
        self, mean: FloatArray, moment: FloatArray, later: FloatArray | float, start: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the derivatives at a mean and a covariance, zero before the first step."""
        n, d = mean.shape
        t = self.t + later
        if start and self.first:
            return self.drift(mean, t), self.covariance(mean, t)
        arms = np.sqrt(d) * nan_cholesky(moment).transpose(0, 2, 1)
        points = np.concatenate([mean[:, None] + arms, mean[:, None] - arms], axis=1)
        states, times = points.reshape(-1, d), np.repeat(t, 2 * d)
        finite = np.isfinite(states).all(axis=1)
        b, a = np.full((len(states), d), np.nan), np.full((len(states), d, d), np.nan)
        if finite.any():
            b[finite] = self.drift(states[finite], times[finite])
            a[finite] = self.covariance(states[finite], times[finite])
        rates = b.reshape(n, 2 * d, d)
        cross = np.einsum("nki,nkj->nij", rates[:, :d] - rates[:, d:], arms) / (2 * d)
        spread = a.reshape(n, 2 * d, d, d).mean(axis=1)
        return rates.mean(axis=1), cross + cross.transpose(0, 2, 1) + spread


def _runge_kutta(
    rates: _Rates, mean: FloatArray, moment: FloatArray, h: FloatArray, pace: FloatArray
) -> tuple[FloatArray, FloatArray]:
    one, two = h[:, None], h[:, None, None]
    m1, p1 = rates.at(mean, moment, 0.0, start=True)
    m2, p2 = rates.at(mean + one / 2 * m1, moment + two / 2 * p1, pace / 2)
    m3, p3 = rates.at(mean + one / 2 * m2, moment + two / 2 * p2, pace / 2)
    m4, p4 = rates.at(mean + one * m3, moment + two * p3, pace)
    mean = mean + one / 6 * (m1 + 2 * m2 + 2 * m3 + m4)
    return mean, moment + two / 6 * (p1 + 2 * p2 + 2 * p3 + p4)
