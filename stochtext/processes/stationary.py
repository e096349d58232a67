"""The stationary law of a one-dimensional process, by quadrature of its speed measure.

Law of this file: it knows drift, diffusion and domain of a process and nothing else of it.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process

__all__ = ["StationaryLaw", "stationary_law"]

#: Half width of the region in the stretched coordinate: exp(+-60) on a half line.
_REACH = 60.0
_PANELS = 480
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
#: A panel on which the log density varies by more than this is halved ...
_VARIATION = 3.0
#: ... if it is not below exp(-60) of the maximum everywhere.
_NEGLIGIBLE = 60.0
_MAX_ROUNDS = 60
_NEAREST = 1e-10


class _Stretch:
    """The domain as the image of the whole line, equidistant in the order of magnitude."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self.kind = (np.isfinite(low), np.isfinite(high))

    def state(self, y: FloatArray) -> FloatArray:
        """Return the state at stretched coordinate y."""
        if self.kind == (True, True):
            share = 1.0 / (1.0 + np.exp(-np.abs(y))) * np.where(y > 0, 1.0, np.exp(-np.abs(y)))
            return self.low + (self.high - self.low) * share
        if self.kind == (True, False):
            return self.low + np.exp(y)
        if self.kind == (False, True):
            return self.high - np.exp(-y)
        return np.sinh(y)

    def log_slope(self, y: FloatArray) -> FloatArray:
        """Return log dx/dy."""
        if self.kind == (True, True):
            spread = np.log(self.high - self.low)
            return spread - np.abs(y) - 2.0 * np.log1p(np.exp(-np.abs(y)))
        if self.kind == (True, False):
            return y
        if self.kind == (False, True):
            return -y
        return np.logaddexp(y, -y) - np.log(2.0)

    def coordinate(self, x: FloatArray) -> FloatArray:
        """Return the stretched coordinate of a state inside the domain."""
        if self.kind == (True, True):
            return np.log(x - self.low) - np.log(self.high - x)
        if self.kind == (True, False):
            return np.log(x - self.low)
        if self.kind == (False, True):
            return -np.log(self.high - x)
        return np.arcsinh(x)


class StationaryLaw:
    """The stationary law of dX = b(X) dt + sigma(X) dW between two boundaries.

    Parameters
    ----------
    process : Process
        A specified one-dimensional process that does not depend on time.

    Attributes
    ----------
    mean, variance : float
        Moments; NaN or infinite where they do not exist.

    Notes
    -----
    The density is proportional to exp(int 2 b / sigma^2) / sigma^2, the speed density
    (Karlin and Taylor 1981, chapter 15, section 5). It is integrated panel by panel in a
    coordinate that is stretched towards both ends of the domain, where a power law
    becomes an exponential; what lies beyond the last panel is continued as one.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._stretch = _Stretch(*process.domain[0])
        self._edges = self._finite(np.linspace(-_REACH, _REACH, _PANELS + 1))
        self._peak = 0.0
        self._refine()
        self._log_total = 0.0
        total = self._total(0)
        if not np.isfinite(total) or total <= 0:
            raise self._none()
        self._log_total = float(np.log(total))
        self.mean = self._total(1)
        self.variance = self._total(2)

    def _none(self) -> InputError:
        return InputError(
            f"{self._process!r} has no stationary law: its speed density cannot be integrated "
            "over the domain, because the process runs to a boundary or does not return."
        )

    def log_density(self, x: FloatArray) -> FloatArray:
        """Return the log density at states x inside the domain, shape (n,)."""
        y = self._stretch.coordinate(np.asarray(x, dtype=np.float64))
        panel = np.clip(np.searchsorted(self._edges, y) - 1, 0, len(self._edges) - 2)
        half = 0.5 * (y - self._edges[panel])
        nodes = self._edges[panel][:, None] + half[:, None] * (1.0 + _NODES)
        part = (self._slope(nodes) @ _WEIGHTS) * half
        exponent = self._exponent[panel] + part - self._highest - self._log_total
        return np.asarray(exponent - np.log(self._rate(x)))

    # -- the speed density on panels ---------------------------------------------------------

    def _coefficients(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        with np.errstate(all="ignore"):
            states = x.reshape(-1, 1)
            drift = self._process.drift(states)[:, 0]
            rate = self._process.covariance(states)[:, 0, 0]
        return drift.reshape(x.shape), rate.reshape(x.shape)

    def _rate(self, x: FloatArray) -> FloatArray:
        return self._coefficients(x)[1]

    def _slope(self, y: FloatArray) -> FloatArray:
        """Return d/dy of int 2 b / sigma^2."""
        drift, rate = self._coefficients(self._stretch.state(y))
        with np.errstate(all="ignore"):
            return 2.0 * drift / rate * np.exp(self._stretch.log_slope(y))

    def _finite(self, edges: FloatArray) -> FloatArray:
        """Return the edges around the middle on which the coefficients are finite numbers."""
        x = self._stretch.state(edges)
        rate = self._rate(x)
        low, high = self._stretch.low, self._stretch.high
        good = np.isfinite(self._slope(edges)) & np.isfinite(rate) & (rate > 0)
        # Beside an end other than zero the distance to it drowns in the rounding of x.
        with np.errstate(invalid="ignore"):
            good &= (x > low) & ~(x - low < _NEAREST * abs(low))
            good &= (x < high) & ~(high - x < _NEAREST * abs(high))
        if not good.any():
            raise InputError(
                f"{self._process!r} has no stationary density: its diffusion is zero or not "
                "finite in the whole domain."
            )
        inner = np.flatnonzero(good)
        middle = inner[np.argmin(np.abs(edges[inner]))]
        bad = np.flatnonzero(~good)
        first = bad[bad < middle].max(initial=-1) + 1
        last = bad[bad > middle].min(initial=len(edges)) - 1
        if np.any(bad[(bad > first) & (bad < last)]) or last - first < 2:
            raise InputError(f"The coefficients of {self._process!r} are not finite in its domain.")
        return edges[first : last + 1]

    def _refine(self) -> None:
        for _ in range(_MAX_ROUNDS):
            self._evaluate()
            if self._peak in (self._edges[0], self._edges[-1]):
                raise self._none()
            flat = self._log_weight.max(axis=1) - self._log_weight.min(axis=1)
            turns = np.diff(np.sign(np.diff(self._log_weight, axis=1)), axis=1).min(axis=1) < 0
            near = self._log_weight.max(axis=1) > -_NEGLIGIBLE
            # The neighbours too: the maximum may lie between a panel's last node and its edge.
            near[1:] |= near[:-1].copy()
            near[:-1] |= near[1:].copy()
            split = np.flatnonzero((flat > _VARIATION) & (near | turns))
            if not split.size:
                return
            middle = 0.5 * (self._edges[split] + self._edges[split + 1])
            self._edges = np.insert(self._edges, split + 1, middle)
        raise InputError(
            f"The stationary density of {self._process!r} could not be resolved by quadrature."
        )

    def _origin(self) -> int:
        """Return the edge next to the highest point seen, from where rounding errors grow."""
        return int(np.argmin(np.abs(self._edges - self._peak)))

    def _evaluate(self) -> None:
        """Compute the log weight at edges and nodes of every panel, zero at its maximum."""
        half = 0.5 * np.diff(self._edges)
        nodes = self._edges[:-1, None] + half[:, None] * (1.0 + _NODES)
        slope = self._slope(nodes)
        steps = (slope @ _WEIGHTS) * half
        start = _outward_sums(steps, self._origin())
        inner = start[:-1, None] + half[:, None] * (slope @ _PARTIAL.T)
        y = np.column_stack([self._edges[:-1], nodes, self._edges[1:]])
        exponent = np.column_stack([start[:-1], inner, start[1:]])
        log_weight = exponent + self._stretch.log_slope(y)
        log_weight -= np.log(self._rate(self._stretch.state(y)))
        self._highest = float(log_weight.max())
        self._peak = float(y.flat[np.argmax(log_weight)])
        self._exponent, self._half, self._y = start[:-1], half, y
        self._log_weight = log_weight - self._highest

    # -- integrals ---------------------------------------------------------------------------

    def _total(self, power: int) -> float:
        """Return the integral of 1, x or (x - mean)^2 over the normalised weight."""
        x = self._stretch.state(self._y)
        value = {0: np.ones_like(x), 1: x}.get(power)
        if value is None:
            value = (x - self.mean) ** 2
        with np.errstate(all="ignore"):
            integrand = np.exp(self._log_weight - self._log_total) * value
        inside = float(np.sum((integrand[:, 1:-1] @ _WEIGHTS) * self._half))
        left = self._tail(integrand[0, 0], integrand[0, 1], self._y[0, 1] - self._y[0, 0])
        right = self._tail(integrand[-1, -1], integrand[-1, -2], self._y[-1, -1] - self._y[-1, -2])
        if not np.isfinite(left + right) and power == 1:
            return float("nan")
        return inside + left + right

    @staticmethod
    def _tail(end: float, inner: float, gap: float) -> float:
        """Return what lies beyond the end of an exponential decline, infinite without one."""
        if end == 0.0 or abs(end) < 1e-30 * max(abs(inner), 1e-270):
            return 0.0
        decline = np.log(abs(inner / end)) / gap if inner != 0.0 else -1.0
        return float(end / decline) if decline > 1e-8 else float("inf")


def _outward_sums(steps: FloatArray, origin: int) -> FloatArray:
    """Return the integral up to each edge, zero at the edge ``origin``."""
    right = np.cumsum(steps[origin:])
    left = -np.cumsum(steps[:origin][::-1])[::-1]
    return np.concatenate([left, [0.0], right])


def _partial_weights() -> FloatArray:
    """Return weights of int_{-1}^{node_i} f over the Legendre nodes, one row a node."""
    n = len(_NODES)
    vandermonde = np.polynomial.legendre.legvander(_NODES, n)
    # The discrete Legendre transform, then the integral of each polynomial.
    analysis = (vandermonde[:, :n] * _WEIGHTS[:, None]).T * (2.0 * np.arange(n) + 1.0)[:, None] / 2
    integrals = np.empty((n, n))
    integrals[:, 0] = _NODES + 1.0
    for k in range(1, n):
        integrals[:, k] = (vandermonde[:, k + 1] - vandermonde[:, k - 1]) / (2.0 * k + 1.0)
    return integrals @ analysis


_PARTIAL = _partial_weights()


def stationary_law(process: Process) -> StationaryLaw:
    """Return the stationary law of a one-dimensional process that does not depend on time.

    Parameters
    ----------
    process : Process
        With all parameter values.

    Returns
    -------
    StationaryLaw

    Raises
    ------
    InputError
        If the process has several coordinates, depends on time, or has no stationary law
        because its speed density is not integrable.

    Notes
    -----
    A boundary that the process reaches is taken to reflect it.

    Examples
    --------
    >>> from stochtext.processes import DoubleWell, stationary_law
    >>> law = stationary_law(DoubleWell(alpha=1.0, beta=1.0, sigma=0.7))
    >>> round(float(law.variance), 6)
    0.832233
    """
    process.require_specified()
    if process.dim != 1 or not process.autonomous:
        raise InputError(
            "`stationary_law` needs a process of one dimension whose coefficients do not depend "
            f"on time; got {process!r} with dim={process.dim}."
        )
    return StationaryLaw(process)
