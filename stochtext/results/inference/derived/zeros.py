"""Zeros of a drift and the eigenvalues there."""

from __future__ import annotations

import numpy as np
from scipy import optimize

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.support import Support

__all__ = ["eigenvalues_at", "matched_zeros", "stability_of", "zeros_of_drift"]

_GRID = 2001
_STARTS = 64
_SAME = 1e-3
_ROUNDING = 1e-13


def zeros_of_drift(process: Process, support: Support, t: float) -> FloatArray:
    """Return the zeros of the drift inside the support, shape (k, d), by the first coordinate.

    Parameters
    ----------
    process : Process
    support : Support
    t : float
        Position on the clock.

    Notes
    -----
    In one coordinate every change of sign on 2001 states is refined; in several, Newton's
    method runs from 64 scattered states, so that a zero with a small basin may be missed.
    """
    if support.dim == 1:
        line = support.line(0, _GRID)[:, 0]
        zeros = _crossings(process, line, t)
        refined = np.array([_refined(process, *pair, t) for pair in zeros]).reshape(-1, 1)
        return np.where(np.abs(refined) < _ROUNDING * np.ptp(line), 0.0, refined)
    lower, upper, _ = support.limits
    share = generator(0, "starts of fixed points").uniform(size=(_STARTS, support.dim))
    starts = np.vstack([support.center[None], lower + share * (upper - lower)])
    found: list[FloatArray] = []
    for start in starts[support.contains(starts)]:
        zero = _newton(process, start, t)
        if zero is None or not support.contains(zero[None])[0]:
            continue
        if all(np.abs((zero - other) / (upper - lower)).max() > _SAME for other in found):
            found.append(zero)
    found.sort(key=lambda zero: tuple(zero))
    return np.array(found).reshape(-1, support.dim)


def matched_zeros(
    process: Process, support: Support, t: float, fitted: FloatArray, stable: FloatArray
) -> FloatArray:
    """Return the zero of another process that belongs to each fitted one, NaN where none does.

    In one coordinate it is the nearest one with the same direction of the drift (``stable``:
    it falls), not further away than half the way to the next fitted zero; in several what
    Newton's method finds from the fitted one.
    """
    if support.dim > 1:
        return np.array([_followed(process, zero, t) for zero in fitted]).reshape(fitted.shape)
    lower, upper, _ = support.limits
    line = np.linspace(lower[0], upper[0], _GRID)
    pairs = _crossings(process, line, t)
    matched = np.full(fitted.shape, np.nan)
    if not pairs:
        return matched
    own = np.array([_secant(process, *pair, t) for pair in pairs])
    falls = np.array([eigenvalues_at(process, x[None], t)[0].real < 0 for x in own])
    edges = np.concatenate([[-np.inf], 0.5 * (fitted[1:, 0] + fitted[:-1, 0]), [np.inf]])
    for k, zero in enumerate(fitted[:, 0]):
        near = (own > edges[k]) & (own <= edges[k + 1]) & (falls == stable[k])
        if near.any():
            matched[k, 0] = own[near][np.argmin(np.abs(own[near] - zero))]
    return matched


def eigenvalues_at(process: Process, x: FloatArray, t: float) -> np.ndarray:
    """Return the eigenvalues of the drift's Jacobian at a state, the largest real part first."""
    d = len(x)
    scale = np.maximum(np.abs(x), 1e-2)
    step = 1e-5 * scale
    moved = np.vstack([x + np.diag(step), x - np.diag(step)])
    drift = process.drift(moved, t)
    jacobian = ((drift[:d] - drift[d:]) / (2 * step[:, None])).T
    if not np.isfinite(jacobian).all():
        return np.full(d, np.nan + 0j)
    values = np.linalg.eigvals(jacobian)
    return np.asarray(values[np.argsort(-values.real, kind="stable")]).astype(complex)


def stability_of(values: np.ndarray) -> str:
    """Return what the eigenvalues say: stable or unstable node or focus, or saddle."""
    if not np.isfinite(values).all():
        return "unknown"
    turning = "focus" if np.abs(values.imag).max() > 1e-8 * np.abs(values).max() else "node"
    if values.real.max() < 0:
        return f"stable {turning}"
    return f"unstable {turning}" if values.real.min() > 0 else "saddle"


def _crossings(process: Process, line: FloatArray, t: float) -> list[tuple[float, float]]:
    drift = process.drift(line[:, None], t)[:, 0]
    sign = np.sign(drift)
    exact = np.flatnonzero(sign == 0)
    pairs = [(float(line[k]), float(line[k])) for k in exact]
    change = np.flatnonzero(sign[:-1] * sign[1:] < 0)
    pairs += [(float(line[k]), float(line[k + 1])) for k in change]
    return sorted(pairs)


def _refined(process: Process, low: float, high: float, t: float) -> float:
    if low == high:
        return low
    return float(optimize.brentq(lambda x: float(process.drift([[x]], t)[0, 0]), low, high))


def _secant(process: Process, low: float, high: float, t: float) -> float:
    if low == high:
        return low
    below, above = process.drift([[low], [high]], t)[:, 0]
    return float(low - below * (high - low) / (above - below))


def _newton(process: Process, start: FloatArray, t: float) -> FloatArray | None:
    found = optimize.root(lambda x: process.drift(x[None], t)[0], start)
    return np.asarray(found.x) if found.success else None


def _followed(process: Process, zero: FloatArray, t: float) -> FloatArray:
    found = _newton(process, zero, t)
    return np.full(len(zero), np.nan) if found is None else found
