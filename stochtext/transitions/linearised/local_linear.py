"""Multivariate local linearisation: the Gaussian law of a step whose drift is made linear in it.

Law of this file: nothing is divided by the Jacobian, so that it may be singular.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stochtext._shared.typing import ArrayLike, FloatArray, IntArray
from stochtext.processes.base import Process, per_state
from stochtext.transitions.base import checked_steps
from stochtext.transitions.formulas.coefficients import coefficients_at

__all__ = ["LinearStep", "linear_step", "local_linear_moments"]

# The Taylor series of a step with |J h| <= _LONGEST ends below the rounding error after _ORDER.
_ORDER = 14
_LONGEST = 0.5


class LinearStep:
    """What the linear equation dX = (J X + ...) dt + sigma dW makes of a step of length h.

    Attributes
    ----------
    phi : ndarray of shape (n, d, d)
        exp(J h).
    integral, second : ndarray of shape (n, d, d)
        int_0^h exp(J s) ds and int_0^h (h - s) exp(J s) ds: h phi_1(J h) and h^2 phi_2(J h).
    covariance : ndarray of shape (n, d, d)
        int_0^h exp(J s) a exp(J' s) ds.
    """

    def __init__(
        self, phi: FloatArray, integral: FloatArray, second: FloatArray, covariance: FloatArray
    ) -> None:
        self.phi = phi
        self.integral = integral
        self.second = second
        self.covariance = covariance


def linear_step(jacobian: FloatArray, rate: FloatArray, dt: FloatArray) -> LinearStep:
    """Return the matrices of a linear step, by Taylor series and doubling.

    Parameters
    ----------
    jacobian : ndarray of shape (n, d, d)
        J of each row, per unit of time.
    rate : ndarray of shape (n, d, d)
        Covariance rate a of each row.
    dt : ndarray of shape (n,)
        Lengths of the steps.

    Notes
    -----
    A step of half the length is doubled: with P(h) = exp(J h), I = h phi_1, S = h^2 phi_2,

        P(2h) = P P,   I(2h) = I + P I,   S(2h) = S + h I + P S,   Q(2h) = Q + P Q P'.

    Each row is halved as often as its own |J h| asks for, so that a row depends on no other.
    NaN in a row stays in that row.

    References
    ----------
    Van Loan (1978), Computing integrals involving the matrix exponential, IEEE Transactions on
    Automatic Control 23, 395-404; Higham (2008), Functions of Matrices, section 10.3.
    """
    size = np.max(np.sum(np.abs(jacobian), axis=2), axis=1) * dt
    known = np.isfinite(size)
    with np.errstate(divide="ignore"):
        halvings = np.ceil(np.log2(np.where(known, size, 0.0) / _LONGEST))
    count = np.where(known, np.maximum(halvings, 0.0), 0.0).astype(np.int64)
    h = (dt / 2.0**count)[:, None, None]
    step = _series(jacobian, rate, h)
    for done in range(int(np.max(count, initial=0))):
        rows = np.flatnonzero(count > done)
        _double(step, rows, h[rows] * 2.0**done)
    return step


def _series(jacobian: FloatArray, rate: FloatArray, h: FloatArray) -> LinearStep:
    power = np.broadcast_to(np.eye(jacobian.shape[1]), jacobian.shape)
    term = rate
    phi, integral, second = power.copy(), h * power, 0.5 * h * h * power
    covariance = h * term
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(1, _ORDER + 1):
            power = h / k * (jacobian @ power)
            product = jacobian @ term
            term = h / k * (product + np.swapaxes(product, 1, 2))
            phi += power
            integral += h / (k + 1) * power
            second += h * h / ((k + 1) * (k + 2)) * power
            covariance = covariance + h / (k + 1) * term
    return LinearStep(phi, integral, second, covariance)


def _double(step: LinearStep, rows: IntArray, h: FloatArray) -> None:
    """Replace the matrices of some rows by those of a step of 2h."""
    phi, integral, second = step.phi[rows], step.integral[rows], step.second[rows]
    covariance = step.covariance[rows]
    with np.errstate(over="ignore", invalid="ignore"):
        step.phi[rows] = phi @ phi
        step.integral[rows] = integral + phi @ integral
        step.second[rows] = second + h * integral + phi @ second
        step.covariance[rows] = covariance + phi @ covariance @ np.swapaxes(phi, 1, 2)


def local_linear_moments(
    process: Process,
    x: ArrayLike,
    t: ArrayLike,
    dt: ArrayLike,
    clock_dt: ArrayLike | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Return mean and covariance of a step whose drift is linearised at its start.

    Parameters
    ----------
    process : Process
    x : array_like of shape (n, d)
        States at the start of the step.
    t, dt : float or array_like of shape (n,)
        Start of the step on the clock of the process, and its length in time.
    clock_dt : float or array_like of shape (n,), optional
        Its length on the clock; as long as ``dt`` if not given.

    Returns
    -------
    mean : ndarray of shape (n, d)
    covariance : ndarray of shape (n, d, d)

    Notes
    -----
    By Itô's formula the drift along the path is b(x) + J (X - x) + M s up to terms that are
    smaller, with the Jacobian J and

        M_j = tr(a H_j) / 2 + d b_j / d t,

    H_j the second derivatives of b_j. With the diffusion held at its value at the start, the
    step is Gaussian with

        mean = x + h phi_1(J h) b + h^2 phi_2(J h) M,
        covariance = int_0^h exp(J s) a exp(J' s) ds.

    This is the exact law where the drift is linear in x and t and the diffusion constant, and
    in one dimension the density of Shoji and Ozaki. Derivatives are exact where the process has
    formulas, else central differences, with a relative error of about 1e-10 (second ones: 1e-7).

    References
    ----------
    Shoji and Ozaki (1998), A statistical method of estimation and simulation for systems of
    stochastic differential equations, Biometrika 85, 240-243; Ozaki (1992), A bridge between
    nonlinear time series models and nonlinear stochastic dynamical systems, Statistica Sinica
    2, 113-135.

    Examples
    --------
    >>> from stochtext.processes import OrnsteinUhlenbeck
    >>> from stochtext.transitions.linearised.local_linear import local_linear_moments
    >>> mean, covariance = local_linear_moments(
    ...     OrnsteinUhlenbeck(1.0, 0.5, 0.6), [[1.0]], 0.0, 0.1
    ... )
    >>> mean.round(6), covariance.round(6)
    (array([[0.952419]]), array([[[0.032628]]]))
    """
    states, start, steps = checked_steps(process, x, t, dt)
    pace: ArrayLike = 1.0
    if clock_dt is not None:
        pace = per_state("clock_dt", clock_dt, len(states)) / steps
    with np.errstate(all="ignore"):
        at = coefficients_at(process, states, start, pace)
        each = range(at.dim)
        jacobian = _table([[at.drift_slope(j, k) for k in each] for j in each], len(states))
        bend = _table([[at.drift_bend(j) for j in each]], len(states))[:, 0]
        rate, drift = _table(at.rate, len(states)), _table([at.drift], len(states))[:, 0]
        step = linear_step(jacobian, rate, steps)
        mean = states + np.einsum("njk,nk->nj", step.integral, drift)
        mean += np.einsum("njk,nk->nj", step.second, bend)
    return mean, 0.5 * (step.covariance + np.swapaxes(step.covariance, 1, 2))


def _table(rows: Sequence[Sequence[FloatArray]], n: int) -> FloatArray:
    """Return entries with one number a row of data as an array (n, rows, columns)."""
    table = np.empty((n, len(rows), len(rows[0])))
    for j, row in enumerate(rows):
        for k, entry in enumerate(row):
            table[:, j, k] = entry
    return table
