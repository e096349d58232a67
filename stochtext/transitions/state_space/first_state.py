"""The law of the first state, counted from the mean curve, and its adjoint."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.transitions.state_space.parameters import Parameters

__all__ = ["FirstBack", "first_covariance", "first_covariance_back", "stationary_covariance"]

STATIONARY = ("stationary", "unweighed")


class FirstBack(NamedTuple):
    """Gradients in kappa, a, B and the spread of the first state; zero where it has no part."""

    kappa: FloatArray
    rate: FloatArray
    effect: FloatArray
    spread: FloatArray


def first_covariance(p: Parameters, initial: str) -> FloatArray | None:
    """Return the covariance of the first state, with the trajectory's own mean below it.

    None where there is no stationary law.
    """
    d = len(p.kappa)
    if p.spread is not None:
        own: FloatArray | None = p.spread @ p.spread.T
    elif initial in STATIONARY:
        own = stationary_covariance(p.kappa, p.rate)
    else:
        own = np.zeros((d, d))
    if own is None or p.effect is None:
        return own
    effect = p.effect @ p.effect.T
    return np.block([[own + effect, effect], [effect, effect]])


def stationary_covariance(kappa: FloatArray, rate: FloatArray) -> FloatArray | None:
    """Return V with kappa V + V kappa' = a, or None where kappa is not stable."""
    if not np.linalg.eigvals(kappa).real.min() > 0:
        return None
    d = len(kappa)
    solution = np.linalg.solve(_lyapunov(kappa), rate.ravel()).reshape(d, d)
    return 0.5 * (solution + solution.T)


def first_covariance_back(p: Parameters, initial: str, bar: FloatArray) -> FirstBack:
    """Return the adjoint of :func:`first_covariance`, one row an owner.

    Notes
    -----
    With kappa' M + M kappa = V_bar the gradient in a is M, that in kappa is -2 M V.
    """
    d = len(p.kappa)
    own = bar[:, :d, :d]
    nothing = np.zeros_like(own)
    effect = nothing
    if p.effect is not None:
        effect = own + bar[:, :d, d:] + bar[:, d:, :d] + bar[:, d:, d:]
    if p.spread is not None:
        return FirstBack(nothing.copy(), nothing, effect, own)
    v = None
    if initial in STATIONARY:
        v = stationary_covariance(p.kappa, p.rate)
    if v is None:
        return FirstBack(nothing.copy(), nothing.copy(), effect, nothing)
    symmetric = 0.5 * (own + np.swapaxes(own, 1, 2))
    solved = np.linalg.solve(_lyapunov(p.kappa.T), symmetric.reshape(-1, d * d).T).T
    multiplier = np.asarray(solved.reshape(-1, d, d), dtype=np.float64)
    return FirstBack(-2.0 * multiplier @ v, multiplier, effect, nothing)


def _lyapunov(kappa: FloatArray) -> FloatArray:
    eye = np.eye(len(kappa))
    return np.kron(kappa, eye) + np.kron(eye, kappa)
