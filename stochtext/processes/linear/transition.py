"""The Gaussian transition of dX = kappa (m(t) - X) dt + sigma dW, for any matrix kappa.

Law of this file: arrays in, arrays out; steps of equal length are computed once.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.processes.gaussian import row_products
from stochtext.processes.linear.mean_basis import NaturalSpline
from stochtext.processes.linear.moments import linear_moments

__all__ = [
    "knots_within",
    "moving_along_spline",
    "moving_mean",
    "one_step",
    "phi_functions",
    "transition_covariance",
    "transition_matrix_and_covariance",
]

# Matrices are exponentiated in groups of this many: memory stays small for irregular steps.
_GROUP = 4096


def transition_covariance(kappa: float, sigma: float, dt: FloatArray) -> FloatArray:
    """Return the variance of a scalar transition, sigma^2 (1 - exp(-2 kappa dt)) / (2 kappa)."""
    exponent = -2.0 * kappa * dt
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        ratio = np.where(exponent == 0.0, 1.0, np.expm1(exponent) / exponent)
    return sigma**2 * dt * ratio


def transition_matrix_and_covariance(
    kappa: FloatArray, sigma: FloatArray, dt: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return exp(-kappa dt) and the covariance of the transition for each step length.

    Parameters
    ----------
    kappa : ndarray of shape (d, d)
    sigma : ndarray of shape (d, m)
    dt : ndarray of shape (k,)

    Returns
    -------
    phi : ndarray of shape (k, d, d)
    covariance : ndarray of shape (k, d, d)

    Notes
    -----
    See :mod:`stochtext.processes.linear.moments`.
    """
    pieces = []
    for start in range(0, len(dt), _GROUP):
        moments = linear_moments(kappa, sigma @ sigma.T, dt[start : start + _GROUP])
        pieces.append((moments.phi, moments.covariance))
    covariance = np.concatenate([q for _, q in pieces])
    symmetric = 0.5 * (covariance + np.swapaxes(covariance, 1, 2))
    return np.concatenate([p for p, _ in pieces]), symmetric


@lru_cache(maxsize=16)
def one_step(kappa: bytes, sigma: bytes, dt: float) -> tuple[FloatArray, FloatArray]:
    """Return exp(-kappa dt) and the covariance of one step length, each of shape (1, d, d).

    A simulation asks for the same step again and again; the square matrices come as the
    bytes of their float64 entries, by which the answers are remembered.
    """
    matrix, factor = (np.frombuffer(m, dtype=np.float64) for m in (kappa, sigma))
    d = round(np.sqrt(len(matrix)))
    law = transition_matrix_and_covariance(
        matrix.reshape(d, d), factor.reshape(d, d), np.array([dt])
    )
    for array in law:
        array.setflags(write=False)
    return law


@lru_cache(maxsize=16)
def _one_phi(kappa: bytes, d: int, dt: float, order: int) -> FloatArray:
    """Return ``phi_functions`` of one step length, remembered like ``one_step``."""
    matrix = np.frombuffer(kappa, dtype=np.float64).reshape(d, d)
    functions = phi_functions(matrix, np.array([dt]), order)
    functions.setflags(write=False)
    return functions


def phi_functions(kappa: FloatArray, dt: FloatArray, order: int) -> FloatArray:
    """Return phi_1(-kappa dt), ..., phi_order(-kappa dt), shape (order, k, d, d).

    Notes
    -----
    phi_j(Z) = int_0^1 exp((1 - s) Z) s^(j-1) / (j-1)! ds, read off one exponential of
    the block matrix with Z and then identities on the superdiagonal.

    References
    ----------
    Al-Mohy and Higham (2011), Computing the action of the matrix exponential,
    SIAM Journal on Scientific Computing 33, 488-511, theorem 2.1.
    """
    from scipy.linalg import expm

    d = len(kappa)
    block = np.zeros((len(dt), d * (order + 1), d * (order + 1)))
    block[:, :d, :d] = -kappa * dt[:, None, None]
    for j in range(order):
        block[:, d * j : d * (j + 1), d * (j + 1) : d * (j + 2)] = np.eye(d)
    exponential = expm(block)
    return np.stack([exponential[:, :d, d * j : d * (j + 1)] for j in range(1, order + 1)])


def moving_mean(
    kappa: FloatArray, trend: FloatArray, clock: FloatArray, rate: FloatArray, dt: FloatArray
) -> FloatArray:
    """Return int_0^dt exp(-kappa (dt - s)) kappa m(clock + rate s) ds for each row.

    Parameters
    ----------
    kappa : ndarray of shape (d, d)
    trend : ndarray of shape (p + 1, d)
        m(u) = sum_j trend[j] u^j.
    clock, rate, dt : ndarray of shape (n,)
        Start on the clock, clock units per unit of time, and length of the step.

    Returns
    -------
    ndarray of shape (n, d)
        To be added to exp(-kappa dt) x.

    Notes
    -----
    By parts the integral is m(end) - exp(-kappa dt) m(start) - sum_j dt^j
    phi_j(-kappa dt) m_j with m_j = rate^j m^(j)(start): no inverse of kappa is needed.
    The term with exp(-kappa dt) is left to the caller, who has that matrix.
    """
    order = len(trend) - 1
    end = polynomial(trend, clock + rate * dt)
    if order == 0:
        return end
    lengths, which = np.unique(dt, return_inverse=True)
    if len(lengths) == 1:
        functions = _one_phi(kappa.tobytes(), len(kappa), lengths[0], order)
    else:
        functions = phi_functions(kappa, lengths, order)[:, which]
    derivative = trend
    for j in range(1, order + 1):
        derivative = derivative[1:] * np.arange(1, len(derivative))[:, None]
        moved = polynomial(derivative, clock) * ((rate * dt) ** j)[:, None]
        end = end - row_products(functions[j - 1], moved)
    return end


def moving_along_spline(
    kappa: FloatArray,
    levels: FloatArray,
    basis: NaturalSpline,
    clock: FloatArray,
    rate: FloatArray,
    dt: FloatArray,
) -> FloatArray:
    """Return the integral of :func:`moving_mean` for the spline with ``levels`` at its knots.

    Parameters
    ----------
    kappa : ndarray of shape (d, d)
    levels : ndarray of shape (q, d)
    basis : NaturalSpline
    clock, rate, dt : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (n, d)

    Notes
    -----
    By parts as in :func:`moving_mean`, with the polynomial in force at the start of the
    step; behind a knot tau before its end another cubic acts, which adds L_3(tau) rate^3
    times the jump of the third derivative, L_3(tau) = tau^3 (I / 6 - phi_3(-kappa tau)).
    """
    derivatives = basis.derivatives(clock)
    value = derivatives[0] @ levels
    functions, which = _spread_phi(kappa, dt)
    for j in range(1, 4):
        moved = (derivatives[j] @ levels) * ((rate * dt) ** j)[:, None]
        value = value + moved / (1, 1, 2, 6)[j] - row_products(functions[j - 1][which], moved)
    crossed, left = knots_within(basis.knots, clock, rate, dt)
    for k, knot_jump in enumerate(basis.jumps @ levels):
        rows = np.flatnonzero(crossed[:, k])
        if rows.size:
            tau = left[rows, k]
            cubes, place = _spread_phi(kappa, tau)
            moved = np.outer((rate[rows] * tau) ** 3, knot_jump)
            value[rows] += moved / 6.0 - row_products(cubes[2][place], moved)
    return value


def knots_within(
    knots: FloatArray, clock: FloatArray, rate: FloatArray, dt: FloatArray
) -> tuple[BoolArray, FloatArray]:
    """Return which knots lie strictly within each step, and the time left behind each.

    Returns
    -------
    crossed : ndarray of bool of shape (n, q)
    left : ndarray of shape (n, q)
    """
    before = knots[None, :] - clock[:, None]
    left = dt[:, None] - before / rate[:, None]
    return (before > 0) & (left > 0), left


def _spread_phi(kappa: FloatArray, dt: FloatArray) -> tuple[FloatArray, IntArray]:
    lengths, which = np.unique(dt, return_inverse=True)
    if len(lengths) == 1:
        return _one_phi(kappa.tobytes(), len(kappa), lengths[0], 3), np.zeros(1, dtype=np.int64)
    return phi_functions(kappa, lengths, 3), which


def polynomial(coefficients: FloatArray, u: FloatArray) -> FloatArray:
    """Return sum_j coefficients[j] u^j for each u, shape (n, d), by Horner's rule."""
    same = len(u) > 1 and bool(np.all(u == u[0]))
    points = u[:1, None] if same else u[:, None]
    value = np.tile(coefficients[-1], (len(points), 1))
    for row in coefficients[-2::-1]:
        value = value * points + row
    return np.repeat(value, len(u), axis=0) if same else value
