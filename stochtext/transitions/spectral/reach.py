"""How far a diffusion can get from given states: where its domain may be cut.

Law of this file: what is cut off cannot change a density by more than rounding errors do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.transitions.spectral.coordinate import Coordinate

__all__ = ["Coefficients", "cut_domain"]

#: Drift and covariance rate at states, both of shape (n,).
Coefficients = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

#: Log of the probability that is neglected, and of what must do at the end of a domain.
_NEGLECTED = 48.0
_TOLERATED = 30.0
_BLOCK = 64
_MAX_BLOCKS = 300
#: Longest step of a march, as a share of the spread over the longest time step.
_SHARE = 0.125
_LONGEST = 0.5


class _March:
    """Integrals along a line of coordinates: length, potential and log speed density."""

    def __init__(self, coefficients: Coefficients, coordinate: Coordinate, y: FloatArray) -> None:
        x, slope = coordinate.state(y), coordinate.slope(y)
        with np.errstate(all="ignore"):
            drift, rate = coefficients(x)
            good = np.isfinite(drift) & np.isfinite(rate) & (rate > 0) & coordinate.inside(x)
            pull, pace = drift / rate * slope, slope / np.sqrt(rate)
        self.usable = len(y) if good.all() else int(np.argmin(good))
        stop = self.usable
        self.y = y[:stop]
        self.length = _trapezoid(pace[:stop], self.y)
        potential = _trapezoid(pull[:stop], self.y)
        with np.errstate(all="ignore"):
            #: Log of the speed measure per unit of y.
            self.log_mass = 2.0 * potential + np.log(slope[:stop] / rate[:stop])
            #: Half of its log per unit of length.
            self.half = potential - 0.25 * np.log(rate[:stop])


def _trapezoid(value: FloatArray, y: FloatArray) -> FloatArray:
    steps = 0.5 * (value[1:] + value[:-1]) * np.diff(y)
    return np.concatenate([[0.0], np.cumsum(steps)])


def cut_domain(
    coefficients: Coefficients, coordinate: Coordinate, hull: tuple[float, float], dt: float
) -> tuple[float, float]:
    """Return the ends in y between which the process stays, starting in the hull, up to dt.

    Raises
    ------
    InputError
        If the diffusion is not positive in the hull, or an end of the domain may be reached
        and is no place where the process is reflected or stays away.

    Notes
    -----
    In units of length, dl = dx / sigma, the density is at most
    exp(-l^2 / (2 dt) - dt min V + h(end) - h(start)) / sqrt(2 pi dt) with the potential V of
    the generator and h half the log speed density; by reversibility it also falls with the
    speed density itself.
    """
    between = np.linspace(*hull, 8 * _BLOCK + 1).astype(np.float64)
    middle = _March(coefficients, coordinate, between)
    if middle.usable < len(between):
        raise InputError(
            f"The drift is not finite or the diffusion not positive at the state "
            f"{coordinate.state(between)[middle.usable]:.6g}, between the data; the spectral "
            "density needs both."
        )
    lowest = float(middle.log_mass.min())
    floor = _potential_floor(middle.length, middle.half, dt)
    ends = []
    for sign, last in ((-1.0, 0), (1.0, -1)):
        below = float(middle.log_mass[last]) - lowest
        ends.append(_outward(coefficients, coordinate, hull[last], sign, dt, below, floor))
    return ends[0], ends[1]


def _potential_floor(length: FloatArray, half: FloatArray, dt: float) -> float:
    """Return dt min V with V = (mu^2 + mu') / 2, not above zero and not below -20."""
    if length[-1] <= 0.0 or len(length) < 5:
        return 0.0
    with np.errstate(all="ignore"):
        drift = np.gradient(half, length)
        potential = 0.5 * (drift**2 + np.gradient(drift, length))
    known = potential[np.isfinite(potential)]
    return float(np.clip(dt * known.min(initial=0.0), -20.0, 0.0))


def _outward(
    coefficients: Coefficients,
    coordinate: Coordinate,
    start: float,
    sign: float,
    dt: float,
    below: float,
    floor: float,
) -> float:
    """Return the y at which enough probability is left behind on the way from ``start``."""
    at, length, half, log_mass, bound = start, 0.0, 0.0, 0.0, 0.0
    bounded = np.isfinite(coordinate.low) or np.isfinite(coordinate.high)
    for _ in range(_MAX_BLOCKS):
        _, rate = coefficients(coordinate.state(np.array([at])))
        slope = coordinate.slope(np.array([at]))
        step = float(_SHARE * np.sqrt(rate * dt)[0] / slope[0])
        step = min(step, _LONGEST) if bounded else step
        ahead = at + sign * step * np.arange(_BLOCK + 1, dtype=np.float64)
        march = _March(coefficients, coordinate, ahead)
        if march.usable < 2:
            break
        floor = min(floor, _potential_floor(np.abs(march.length), march.half, dt))
        far = length + np.abs(march.length)
        lost_half = half + march.half - march.half[0]
        lost_mass = log_mass + march.log_mass - march.log_mass[0]
        bound = np.maximum(far**2 / (2.0 * dt) - lost_half + floor, -lost_mass - below)
        enough = np.flatnonzero(bound > _NEGLECTED)
        if enough.size:
            return float(march.y[enough[0]])
        at, length, half = float(march.y[-1]), float(far[-1]), float(lost_half[-1])
        log_mass, bound = float(lost_mass[-1]), float(bound[-1])
        if march.usable <= _BLOCK:
            break
    if np.max(bound) < _TOLERATED:
        raise InputError(
            f"The process may run out to {coordinate.state(np.array([at]))[0]:.6g} within a step "
            f"of {dt:.6g}, where it would be cut off. A spectral density exists for processes "
            "that stay away from the ends of their domain or are reflected there."
        )
    return at
