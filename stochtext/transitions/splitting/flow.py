"""The flow of an autonomous vector field, with the log determinant of its Jacobian."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["Field", "flow"]

#: ``field(y)`` gives the vector field (n, d) and its divergence (n,).
Field = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

_TOLERANCE = 1e-12
_MOST_STEPS = 2000
# A solution whose steps fall below this part of the way leaves every bound.
_SHORTEST = 1e-13

# Dormand and Prince's pair of orders 5 and 4.
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)


def flow(field: Field, y: FloatArray, time: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return where dy/ds = field(y) leads, and log |det| of the derivative of that map.

    Parameters
    ----------
    field : callable
    y : ndarray of shape (n, d)
    time : ndarray of shape (n,)
        How long to follow the field; negative for the inverse map.

    Returns
    -------
    end : ndarray of shape (n, d)
        Infinite in rows whose solution leaves every bound before that time; NaN where it
        could not be found in 2000 steps.
    log_determinant : ndarray of shape (n,)
        int_0^time div field(y(s)) ds, by Liouville's formula.

    References
    ----------
    Dormand and Prince (1980), A family of embedded Runge-Kutta formulae, Journal of
    Computational and Applied Mathematics 6, 19-26.
    """
    state = np.column_stack([y, np.zeros(len(y))])
    result = np.full(state.shape, np.nan)
    rows = np.flatnonzero(np.isfinite(state).all(axis=1))
    state, whole = state[rows], time[rows]
    gone, length = np.zeros(len(rows)), np.ones(len(rows))
    for _ in range(_MOST_STEPS):
        length = np.minimum(length, 1.0 - gone)
        trial, error = _step(field, state, (length * whole)[:, None])
        accepted = error <= 1.0
        state = np.where(accepted[:, None], trial, state)
        gone = np.where(accepted, gone + length, gone)
        with np.errstate(divide="ignore"):
            length = length * np.clip(0.9 * error**-0.2, 0.2, 5.0)
        done, lost = gone >= 1.0, length < _SHORTEST
        result[rows[done]] = state[done]
        result[rows[lost & ~done]] = np.inf
        left = ~(done | lost)
        rows, state, whole = rows[left], state[left], whole[left]
        gone, length = gone[left], length[left]
        if not rows.size:
            break
    return result[:, :-1], result[:, -1]


def _step(field: Field, state: FloatArray, h: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the state after a step, and its error in units of the tolerance."""
    slopes = [_slope(field, state)]
    after = state
    with np.errstate(over="ignore", invalid="ignore"):
        for stage in _STAGES:
            after = state + h * _sum(stage, slopes)
            slopes.append(_slope(field, after))
        size = 1.0 + np.maximum(np.abs(state), np.abs(after))
        error = np.max(np.abs(h * _sum(_ERROR, slopes)) / (_TOLERANCE * size), axis=1)
    finite = np.isfinite(after).all(axis=1)
    return after, np.where(finite & np.isfinite(error), error, np.inf)


def _sum(weights: tuple[float, ...], slopes: list[FloatArray]) -> FloatArray:
    total = weights[0] * slopes[0]
    for weight, slope in zip(weights[1:], slopes[1:], strict=True):
        if weight:
            total = total + weight * slope
    return total


def _slope(field: Field, state: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        values, divergence = field(np.ascontiguousarray(state[:, :-1]))
    return np.column_stack([values, divergence])
