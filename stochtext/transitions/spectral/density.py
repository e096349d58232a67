"""The numerically exact transition density of one-dimensional diffusions."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtri, ndtri_exp

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, BoolArray, FloatArray
from stochtext._shared.validation import as_states, check_integer
from stochtext.processes.base import Process
from stochtext.transitions.base import TransitionDensity, checked_steps
from stochtext.transitions.spectral.coordinate import Coordinate
from stochtext.transitions.spectral.expansion import Expansion
from stochtext.transitions.spectral.panels import resolved_panels
from stochtext.transitions.spectral.reach import Coefficients, cut_domain

__all__ = ["SpectralDensity"]

#: exp(-lambda dt / 2) below which an eigenfunction no longer counts, as a logarithm.
_LAST_WAVE = 37.0
_MASS_TOLERANCE = 1e-7
_SCORE_TOLERANCE = 1e-5
_TAIL_NODES, _TAIL_WEIGHTS = np.polynomial.laguerre.laggauss(16)


class SpectralDensity(TransitionDensity):
    """The transition density of any one-dimensional diffusion, from its eigenfunctions.

    Parameters
    ----------
    order : int, default 16
        Order of the polynomials on a panel.
    max_nodes : int, default 2000
        Most nodes. Time grows with their third power: a tenth of a second for 500 nodes,
        some seconds for 2000.

    Notes
    -----
    The generator L f = b f' + a f'' / 2 is symmetric under the speed measure. Its
    eigenvalues lambda_n and eigenfunctions are computed once per parameter value, by elements
    of high order on panels that are halved until they resolve drift, diffusion and the
    fastest wave that counts; the domain is cut where the process does not get within the
    longest step. Then

        p(x' | x, dt) = m(x') sum_n exp(-lambda_n dt) f_n(x) f_n(x'),

    which is exact up to rounding: relative errors are near 1e-11 in the bulk, and where the
    terms cancel, in far tails, the density is the integral over two half steps, which are
    positive. What remains unresolved is NaN. ``error_estimate`` compares with a finer mesh.

    It is an oracle for other densities, and a density for coarse sampling. Steps that are
    short against the range of the data need many nodes: take `HermiteDensity` for them.
    An end of the domain that is reached reflects; a process that is absorbed or runs off to
    infinity is refused. Coefficients must not depend on time, which is checked at the data.

    Residuals are the standard normal quantiles of ``pit``, from the smaller tail.

    References
    ----------
    Wong (1964), The construction of a class of stationary Markoff processes, Proceedings of
    Symposia in Applied Mathematics 16, 264-276. Karlin and Taylor (1981), A Second Course in
    Stochastic Processes, chapter 15, section 13. Patera (1984), A spectral element method
    for fluid dynamics, Journal of Computational Physics 54, 468-488.

    Examples
    --------
    >>> from stochtext.processes import DoubleWell
    >>> from stochtext.transitions import SpectralDensity
    >>> process = DoubleWell(1.0, 1.0, 0.7)
    >>> SpectralDensity().log_density(process, [[1.0]], [[1.02]], 0.0, 0.05).round(6)
    array([0.977463])
    """

    name = "spectral"

    def __init__(self, order: int = 16, max_nodes: int = 2000) -> None:
        self.order = check_integer("order", order, minimum=6)
        self.max_nodes = check_integer("max_nodes", max_nodes, minimum=100)
        self._latest: tuple[Process, tuple[float, ...], Expansion] | None = None

    @property
    def options(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {"order": self.order, "max_nodes": self.max_nodes}

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_latest": None}

    def log_density(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return log p(x_next | x, dt), shape (n,).

        Minus infinity outside the domain, NaN where rounding errors may exceed 1e-5 of the
        density.

        Raises
        ------
        InputError
            If the process cannot be expanded; the message says why.
        """
        steps = _Steps(self, process, x, x_next, t, dt)
        out = steps.outside(-np.inf, -np.inf)
        rows = steps.inside
        out[rows] = steps.expansion.log_density(steps.y[rows], steps.y_next[rows], steps.dt[rows])
        return out

    def error_estimate(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
    ) -> FloatArray:
        """Return how much the log density changes on a finer mesh of higher order, shape (n,)."""
        finer = SpectralDensity(self.order + 5, 2 * self.max_nodes)
        first = self.log_density(process, x, x_next, t, dt)
        with np.errstate(invalid="ignore"):
            change = np.abs(finer.log_density(process, x, x_next, t, dt) - first)
        return np.where(np.isneginf(first), 0.0, change)

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, 1) and variance (n, 1, 1), NaN where they are not resolved."""
        steps = _Steps(self, process, x, x, t, dt)
        mean, variance = steps.expansion.moments(steps.y, steps.dt)
        return mean[:, None], variance[:, None, None]

    def residuals(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the standard normal quantiles of ``pit``, shape (n, 1).

        Far in a tail they come from the density beyond x_next, by Gauss and Laguerre.
        """
        steps = _Steps(self, process, x, x_next, t, dt)
        out = steps.outside(-np.inf, np.inf)
        rows = steps.inside
        lower, upper, *errors = steps.expansion.tails(
            steps.y[rows], steps.y_next[rows], steps.dt[rows]
        )
        with np.errstate(invalid="ignore"):
            scores = np.where(lower < upper, ndtri(lower), -ndtri(upper))
        smaller, error = np.minimum(lower, upper), np.where(lower < upper, *errors)
        whole = np.abs(lower + upper - 1.0) < _MASS_TOLERANCE
        scores[~whole] = np.nan
        far = ~(error < _SCORE_TOLERANCE * smaller) & whole
        if far.any():
            scores[far] = _far_scores(steps, np.flatnonzero(rows)[far])
        out[rows] = scores
        return out[:, None]

    def _expansion(self, process: Process, key: tuple[float, ...]) -> Expansion:
        if self._latest is not None:
            known, its_key, expansion = self._latest
            if known is process and its_key == key:
                return expansion
        low, high, shortest, longest = key
        coordinate, coefficients = Coordinate(*process.domain[0]), _coefficients_of(process)
        ends = cut_domain(coefficients, coordinate, (low, high), longest)
        fastest = 2.0 * _LAST_WAVE / shortest
        panels = resolved_panels(
            coefficients, coordinate, ends, fastest, self.order, self.max_nodes
        )
        expansion = Expansion(panels, coordinate, coefficients, fastest)
        self._latest = (process, key, expansion)
        return expansion


class _Steps:
    """Checked steps in the coordinate of the panels, and the expansion that covers them."""

    def __init__(
        self,
        density: SpectralDensity,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
    ) -> None:
        process.require_specified()
        if process.dim != 1:
            raise InputError(
                f"The spectral density is for one dimension; {process!r} has {process.dim}."
            )
        states, start, self.dt = checked_steps(process, x, t, dt)
        self.x, self.x_next = states[:, 0], as_states("x_next", x_next, 1)[:, 0]
        if len(self.x) != len(self.x_next):
            raise InputError(
                f"`x` and `x_next` must have as many rows; got {len(self.x)} and "
                f"{len(self.x_next)}."
            )
        self._coordinate = Coordinate(*process.domain[0])
        bad = np.flatnonzero(~self._coordinate.inside(self.x))
        if bad.size:
            raise InputError(
                f"`x` of the spectral density must lie inside the domain, not at its ends; got "
                f"{self.x[bad[0]]} in row {bad[0]}."
            )
        _check_time(process, states, start)
        self.inside: BoolArray = self._coordinate.inside(self.x_next)
        self.y = self._coordinate.of(self.x)
        self.y_next = np.full(len(self.x), np.nan)
        self.y_next[self.inside] = self._coordinate.of(self.x_next[self.inside])
        self.expansion = density._expansion(process, self._key())

    def _key(self) -> tuple[float, ...]:
        if not len(self.y):
            raise InputError("There are no transitions.")
        known = np.concatenate([self.y, self.y_next[self.inside]])
        ends = (float(known.min()), float(known.max()))
        return (*ends, float(self.dt.min()), float(self.dt.max()))

    def outside(self, below: float, above: float) -> FloatArray:
        """Return what holds where x_next lies outside the domain: NaN on an end or for NaN."""
        low, high = self._coordinate.low, self._coordinate.high
        out = np.full(len(self.x), np.nan)
        out[(self.x_next < low) | (self.x_next == -np.inf)] = below
        out[(self.x_next > high) | (self.x_next == np.inf)] = above
        return out


def _far_scores(steps: _Steps, rows: FloatArray) -> FloatArray:
    """Return normal scores from the density between x_next and infinity."""
    y, end, dt = steps.y[rows], steps.y_next[rows], steps.dt[rows]
    sign = np.where(end > y, 1.0, -1.0)

    def log_mass(points: FloatArray) -> FloatArray:
        each = points.shape[1] if points.ndim == 2 else 1
        at = points.ravel()
        covered = steps.expansion.covers(at)
        out = np.full(len(at), -np.inf)
        starts, lengths = np.repeat(y, each), np.repeat(dt, each)
        out[covered] = steps.expansion.log_density(
            starts[covered], at[covered], lengths[covered]
        ) + np.log(steps._coordinate.slope(at[covered]))
        return out.reshape(points.shape)

    with np.errstate(all="ignore"):
        here = log_mass(end)
        step = 1e-3 * np.abs(end - y)
        decline = (here - log_mass(end + sign * step)) / step
        nodes = end[:, None] + (sign / decline)[:, None] * _TAIL_NODES
        ratio = np.exp(log_mass(nodes) - here[:, None] + _TAIL_NODES) @ _TAIL_WEIGHTS
        log_tail = here + np.log(ratio / decline)
    return np.where(log_tail < -2.0, sign * -ndtri_exp(np.minimum(log_tail, 0.0)), np.nan)


def _coefficients_of(process: Process) -> Coefficients:
    def coefficients(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        states = np.ascontiguousarray(x).reshape(-1, 1)
        return process.drift(states)[:, 0], process.covariance(states)[:, 0, 0]

    return coefficients


def _check_time(process: Process, states: FloatArray, start: FloatArray) -> None:
    """Refuse coefficients that depend on time; what a process does not declare is tried out."""
    if process.autonomous or not len(states):
        return
    few = states[:: max(1, len(states) // 50)]
    for coefficient in (process.drift, process.covariance):
        first = coefficient(few, 0.0)
        for time in (0.37, float(start.min()), float(start.max()) + 1.0):
            if not np.array_equal(first, coefficient(few, time), equal_nan=True):
                raise InputError(
                    f"The coefficients of {type(process).__name__} depend on time; the spectral "
                    "density needs a process that is homogeneous in time."
                )
