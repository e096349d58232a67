r"""Scale and speed of a process of one coordinate, on a grid.

Law of this file: it knows drift, covariance rate and domain of a process and where the data
were, and nothing else. With E' = 2 b / a the scale density is exp(-E) and the speed density
exp(E) / a (Karlin and Taylor 1981, chapter 15, section 3).
"""

from __future__ import annotations

import copy
from functools import cached_property

import numpy as np
from scipy.integrate import cumulative_simpson

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.support import Support

__all__ = ["SpeedMeasure"]

NO_RETURN = "there is no stationary law: the process does not return from one of its ends"
_NODES = 4001
_HALF = 2001
_FAR = 45.0
_WIDENINGS = 40
_PIECES = 401


class SpeedMeasure:
    """Scale and speed on a grid that holds nearly all of the speed.

    Parameters
    ----------
    process : Process
        Of one coordinate.
    support : Support
        Where the data were.
    t : float, default 0.0
        Position on the clock at which coefficients are frozen.
    """

    def __init__(self, process: Process, support: Support, t: float = 0.0) -> None:
        self._process, self._t = process, t
        self._domain = process.domain[0]
        lower, upper, _ = support.limits
        low, high = float(lower[0]), float(upper[0])
        ends = self._coordinate(np.array([low, high]))
        self._width = float(np.ptp(ends)) or 1.0
        self._inner = float(ends[0]), float(ends[1])
        self._ends = self._widened(*self._inner)
        self._borrowed = False

    def of_draw(self, process: Process) -> SpeedMeasure:
        """Return the measure of a similar process, on the same grid where it will do."""
        twin = copy.copy(self)
        for name in ("reason", "_y", "_exponent", "_log_total"):
            twin.__dict__.pop(name, None)
        twin._process, twin._borrowed = process, True
        return twin

    def _own_ends(self) -> bool:
        """Look for ends of its own if they were those of another process."""
        if not self._borrowed:
            return False
        self._ends, self._borrowed = self._widened(*self._inner), False
        return True

    @cached_property
    def reason(self) -> str | None:
        """Why there is no stationary law; None if there is one."""
        return self._law()

    def _law(self) -> str | None:
        """Integrate the speed density, or return why it cannot be."""
        y = np.linspace(*self._ends, _NODES)
        slope = self._slope_of(y)
        drift, rate = self._coefficients(self._state(y))
        with np.errstate(all="ignore"):
            force = 2.0 * drift / rate * np.exp(slope)
            exponent = cumulative_simpson(force, x=y, initial=0.0)
            log_speed = exponent - np.log(rate) + slope
        known = bool(np.isfinite(log_speed).all())
        if not known or max(log_speed[0], log_speed[-1]) > log_speed.max() - _FAR / 2:
            return self._law() if self._own_ends() else NO_RETURN
        self._y, self._exponent = y, exponent
        total = cumulative_simpson(np.exp(log_speed - log_speed.max()), x=y)[-1]
        self._log_total = float(np.log(total) + log_speed.max())
        return None

    @property
    def integrable(self) -> bool:
        """Whether there is a stationary law."""
        return self.reason is None

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log stationary density at states of shape (n,); NaN without a law."""
        if not self.integrable:
            return np.full(len(x), np.nan)
        y = self._coordinate(x)
        exponent = np.interp(y, self._y, self._exponent)
        inside = (y >= self._y[0]) & (y <= self._y[-1])
        with np.errstate(all="ignore"):
            value = exponent - np.log(self._coefficients(x)[1]) - self._log_total
        return np.where(inside, value, -np.inf)

    def mean_passage(self, start: float, target: float) -> float:
        """Return the mean time from one state to another; NaN where it is not finite."""
        s, g = self._coordinate(np.array([start, target]))
        end = self._ends[0] if target > start else self._ends[1]
        sign = 1.0 if target > start else -1.0
        if not sign * (s - end) > 0:
            return np.nan
        # From the closed end to the start, and from there to the target.
        y = np.concatenate([np.linspace(end, s, _HALF), np.linspace(s, g, _HALF)[1:]])
        parts = slice(0, _HALF), slice(_HALF - 1, None)
        log_speed, exponent, slope = self._along(y, parts)
        if not np.isfinite(log_speed).all() or log_speed[0] > log_speed[parts[0]].max() - _FAR / 2:
            return self.mean_passage(start, target) if self._own_ends() else np.nan
        # Both densities are scaled so that neither overflows; the scales cancel.
        top = exponent.max()
        with np.errstate(over="ignore", invalid="ignore"):
            speed, scale = np.exp(log_speed - top), np.exp(top - exponent + slope)
            behind = _cumulated(speed, y, parts)
            own = slice(_HALF - 1, None)
            total = cumulative_simpson((scale * behind)[own], x=sign * y[own])[-1]
        return float(2.0 * total)

    def mean_exit(self, start: float, low: float, high: float) -> float:
        """Return the mean time until the process leaves an interval."""
        ends = self._coordinate(np.array([low, high]))
        y = np.linspace(ends[0], ends[1], _NODES)
        x = self._state(y)
        drift, rate = self._coefficients(x)
        slope = np.exp(self._slope_of(y))
        exponent = cumulative_simpson(2.0 * drift / rate * slope, x=y, initial=0.0)
        top = exponent.max()
        scale, speed = np.exp(-(exponent - top)) * slope, np.exp(exponent - top) / rate * slope
        reach = cumulative_simpson(scale, x=y, initial=0.0)
        below = cumulative_simpson(speed, x=y, initial=0.0)
        spent = cumulative_simpson(scale * below, x=y, initial=0.0)
        s = self._coordinate(np.array([start]))[0]
        share = np.interp(s, y, reach) / reach[-1]
        return float(2.0 * (share * spent[-1] - np.interp(s, y, spent)))

    def _along(
        self, y: FloatArray, parts: tuple[slice, slice]
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return log speed density, exponent and log dx / dy at nodes of two regular parts."""
        slope = self._slope_of(y)
        drift, rate = self._coefficients(self._state(y))
        with np.errstate(all="ignore"):
            exponent = _cumulated(2.0 * drift / rate * np.exp(slope), y, parts, signed=True)
            return exponent - np.log(rate) + slope, exponent, slope

    # -- grid ------------------------------------------------------------------------------

    def _widened(self, low: float, high: float) -> tuple[float, float]:
        """Return ends beyond which the speed is negligible, if there are such."""
        left = self._reach(low, high, -1.0)
        return left, self._reach(low, high, 1.0)

    def _reach(self, low: float, high: float, sign: float) -> float:
        """Walk outward in growing steps until the speed has fallen far enough."""
        y = np.linspace(low, high, _PIECES)
        inside = self._log_speeds(y)
        top, end = float(np.nanmax(inside)), high if sign > 0 else low
        level = float(inside[-1] if sign > 0 else inside[0])
        step = self._width / 4
        for _ in range(_WIDENINGS):
            piece = np.linspace(end, end + sign * step, 33)
            moved = self._log_speeds(piece)
            if not np.isfinite(moved).all():
                break
            fallen = level + (moved - moved[0]) < top - _FAR
            if fallen.any():
                return float(piece[np.argmax(fallen)])
            top = max(top, float((level + moved - moved[0]).max()))
            level += float(moved[-1] - moved[0])
            end, step = end + sign * step, step * 1.2
        return end

    def _log_speeds(self, y: FloatArray) -> FloatArray:
        """Return the log speed density along a walk, zero exponent at its first state."""
        slope = self._slope_of(y)
        drift, rate = self._coefficients(self._state(y))
        with np.errstate(all="ignore"):
            force = 2.0 * drift / rate * np.exp(slope)
            steps = 0.5 * (force[1:] + force[:-1]) * np.diff(y)
            exponent = np.concatenate([[0.0], np.cumsum(steps)])
            return np.asarray(exponent - np.log(rate) + slope)

    def _coefficients(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        states = x.reshape(-1, 1)
        with np.errstate(all="ignore"):
            drift = self._process.drift(states, self._t)[:, 0]
            rate = self._process.covariance(states, self._t)[:, 0, 0]
        return drift, rate

    # -- the domain as the image of the line -------------------------------------------------

    def _state(self, y: FloatArray) -> FloatArray:
        low, high = self._domain
        if np.isfinite(low) and np.isfinite(high):
            return np.asarray(low + (high - low) / (1.0 + np.exp(-y)))
        if np.isfinite(low):
            return np.asarray(low + np.exp(y))
        return np.asarray(high - np.exp(-y) if np.isfinite(high) else y)

    def _coordinate(self, x: FloatArray) -> FloatArray:
        low, high = self._domain
        with np.errstate(all="ignore"):
            if np.isfinite(low) and np.isfinite(high):
                return np.asarray(np.log(x - low) - np.log(high - x))
            if np.isfinite(low):
                return np.asarray(np.log(x - low))
            return np.asarray(-np.log(high - x) if np.isfinite(high) else x)

    def _slope_of(self, y: FloatArray) -> FloatArray:
        """Return log dx / dy."""
        low, high = self._domain
        if np.isfinite(low) and np.isfinite(high):
            return np.asarray(np.log(high - low) - np.abs(y) - 2.0 * np.log1p(np.exp(-np.abs(y))))
        if np.isfinite(low):
            return y
        return np.asarray(-y if np.isfinite(high) else np.zeros_like(y))


def _cumulated(
    values: FloatArray, y: FloatArray, parts: tuple[slice, slice], *, signed: bool = False
) -> FloatArray:
    """Return the integral from the first node on, over regular parts that share a node."""
    # Simpson's rule wants increasing nodes; a signed integral gets the sign of the path back.
    sign = 1.0 if y[-1] > y[0] else -1.0
    found = np.zeros(len(y))
    for part in parts:
        grown = cumulative_simpson(values[part], x=sign * y[part], initial=0.0)
        found[part] = found[part][0] + (sign * grown if signed else grown)
    return found
