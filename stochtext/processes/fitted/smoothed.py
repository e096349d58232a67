"""Processes whose coefficients are kernel averages over observed transitions.

The process holds the transitions and answers by regression at the state asked
for; where there are no transitions nearby it answers NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array, as_states, check_choice, check_positive
from stochtext.processes.base import Process
from stochtext.processes.fitted.continuation import Continued
from stochtext.processes.fitted.local_polynomial import KERNELS, LocalPolynomial, basis_size

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["KernelProcess"]

# Below this effective number of transitions a local average says nothing.
_MINIMUM_COUNT = 10
# In one coordinate, more transitions than this are answered from a table of
# direct fits whose spacing makes the interpolation error far smaller than noise.
_TABLE_FROM = 2000
_NODES_PER_BANDWIDTH = 16
_MAXIMUM_NODES = 4096
_POSITIVE_SHARE = 1e-3


class KernelProcess(Continued):
    """A diffusion with local polynomial drift and covariance rate.

    Parameters
    ----------
    points : array_like of shape (N, d)
        States before each step.
    increments : array_like of shape (N, d)
        Change of the state over each step.
    dt : array_like of shape (N,)
        Length of each step, in units of time.
    residuals : array_like of shape (N, d)
        Increments less what the drift explains, scaled so that the mean of
        e e' / dt is the covariance rate.
    bandwidth : array_like of shape (d,)
        In the units of the coordinates.
    degree : {0, 1, 2}
        Degree of the local polynomial of the drift. The covariance rate is local
        linear (local constant for degree 0) in one coordinate and local constant in
        more, where only non-negative weights keep it positive definite.
    kernel : {"gaussian", "epanechnikov"}
    multiplicity : array_like of shape (N,), optional
        How many times each transition counts.
    shrinkage : float, optional
        The covariance rate of a state counts the pooled one as this many further
        transitions; default 0 for d = 1 and 2 (d + 1) for more coordinates.
    continuation : Process, optional
        Gives the coefficients where there is no local estimate; NaN without it.

    Notes
    -----
    Drift: regression of dX / dt on X with weights dt. Covariance rate: regression
    of e e' / dt on X. A state with fewer than max(10, 2 p) effective transitions,
    p being the number of local parameters, has no local estimate.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.processes.fitted.smoothed import KernelProcess
    >>> x = np.linspace(-1, 1, 201)[:, None]
    >>> noise = np.where(np.arange(201) % 2, 0.3, -0.3)[:, None]
    >>> process = KernelProcess(x, -0.1 * x, np.full(201, 0.1), noise, bandwidth=0.2)
    >>> process.drift([0.5]).round(6).tolist()
    [[-0.5]]
    """

    type_name: ClassVar[str] = "kernel"

    def __init__(
        self,
        points: ArrayLike,
        increments: ArrayLike,
        dt: ArrayLike,
        residuals: ArrayLike,
        *,
        bandwidth: ArrayLike,
        degree: int = 1,
        kernel: str = "gaussian",
        multiplicity: ArrayLike | None = None,
        shrinkage: float | None = None,
        continuation: Process | None = None,
    ) -> None:
        self.points = as_states("points", points, None)
        n, d = self.points.shape
        super().__init__(dim=d, continuation=continuation)
        self._last: dict[str, tuple[FloatArray, FloatArray]] = {}
        self.increments = _sized("increments", increments, (n, d))
        self.dt = _sized("dt", dt, (n,))
        self.residuals = _sized("residuals", residuals, (n, d))
        self.bandwidth = _sized("bandwidth", np.broadcast_to(bandwidth, (d,)), (d,))
        if not np.all(self.bandwidth > 0) or not np.all(self.dt > 0):
            raise InputError("`bandwidth` and `dt` of a KernelProcess must be positive.")
        if degree not in (0, 1, 2):
            raise InputError(f"`degree` must be 0, 1 or 2; got {degree!r}.")
        self.degree = int(degree)
        self.kernel = check_choice("kernel", kernel, KERNELS)
        ones = np.ones(n) if multiplicity is None else multiplicity
        self.multiplicity = _sized("multiplicity", ones, (n,))
        default = 0.0 if d == 1 else 2.0 * (d + 1)
        given = default if shrinkage is None else shrinkage
        self.shrinkage = check_positive("shrinkage", given, zero=True)

    @property
    def is_tabulated(self) -> bool:
        """Whether answers are interpolated between direct fits on a fine grid."""
        return self._table is not None

    @property
    def minimum_count(self) -> float:
        """Effective number of transitions that a local estimate needs."""
        return max(_MINIMUM_COUNT, 2 * basis_size(self.dim, self.degree))

    @cached_property
    def pooled_covariance(self) -> FloatArray:
        """Covariance rate of all transitions together, shape (d, d)."""
        scaled = self.residuals * (self.multiplicity / self.dt)[:, None]
        return scaled.T @ self.residuals / self.multiplicity.sum()

    def drift_regression(self, degree: int | None = None) -> LocalPolynomial:
        """Return the regression of dX / dt on X, by default of the fitted degree."""
        return LocalPolynomial(
            self.points, self.multiplicity * self.dt, self.multiplicity, self.bandwidth,
            self.degree if degree is None else degree, self.kernel,
        )  # fmt: skip

    def covariance_regression(self, degree: int | None = None) -> LocalPolynomial:
        """Return the regression of e e' / dt on X, by default of the fitted degree."""
        fitted = min(self.degree, 1) if self.dim == 1 else 0
        return LocalPolynomial(
            self.points, self.multiplicity, self.multiplicity, self.bandwidth,
            fitted if degree is None else degree, self.kernel,
        )  # fmt: skip

    def local_drift(self, x: ArrayLike) -> FloatArray:
        """Return the drift at states, shape (n, d); NaN where there are no data."""
        states = as_states("x", x, self.dim)
        if self._table is None:
            return self._remembered("drift", states, self._direct_drift)
        return self._table.drift(states)

    def local_covariance(self, x: ArrayLike) -> FloatArray:
        """Return the covariance rate at states, shape (n, d, d); NaN where there are no data."""
        states = as_states("x", x, self.dim)
        if self._table is None:
            return self._remembered("covariance", states, self._direct_covariance)
        return self._table.covariance(states)

    def _settings(self) -> dict[str, Any]:
        return {"degree": self.degree, "kernel": self.kernel, "shrinkage": self.shrinkage}

    def _arrays(self) -> dict[str, FloatArray]:
        names = ("points", "increments", "dt", "residuals", "bandwidth", "multiplicity")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def _restore(
        cls,
        settings: Mapping[str, Any],
        arrays: Mapping[str, FloatArray],
        continuation: Process | None,
    ) -> Self:
        given: dict[str, Any] = {**arrays, **settings}
        return cls(**given, continuation=continuation)

    def __repr__(self) -> str:
        width = ", ".join(f"{h:.4g}" for h in self.bandwidth)
        return (
            f"KernelProcess({len(self.points)} transitions, dim={self.dim}, "
            f"degree={self.degree}, kernel={self.kernel!r}, bandwidth=({width}))"
        )

    @cached_property
    def _table(self) -> _Table | None:
        if self.dim > 1 or len(self.points) <= _TABLE_FROM:
            return None
        reach = 2 * self.bandwidth[0]
        low, high = self.points.min() - reach, self.points.max() + reach
        size = int(np.ceil((high - low) / self.bandwidth[0] * _NODES_PER_BANDWIDTH))
        if size > _MAXIMUM_NODES:
            return None
        nodes = np.linspace(low, high, size)
        states = nodes[:, None]
        return _Table(
            nodes, self._direct_drift(states)[:, 0], self._direct_covariance(states)[:, 0, 0]
        )

    def _remembered(
        self, which: str, states: FloatArray, fit: Callable[[FloatArray], FloatArray]
    ) -> FloatArray:
        """Return a fit, the last one again if the states are the same: fits are dear."""
        last = self._last.get(which)
        if last is None or not np.array_equal(last[0], states):
            last = self._last[which] = states.copy(), fit(states)
        return last[1].copy()

    def _direct_drift(self, states: FloatArray) -> FloatArray:
        fit = self.drift_regression().fit(states, self.increments / self.dt[:, None])
        return np.where(fit.count[:, None] >= self.minimum_count, fit.value, np.nan)

    def _direct_covariance(self, states: FloatArray) -> FloatArray:
        d = self.dim
        products = covariance_responses(self.residuals, self.dt)
        fit = self.covariance_regression().fit(states, products)
        value = fit.value
        if d == 1 and self.degree > 0:
            value = _positive(value, self.covariance_regression(0).fit(states, products).value)
        matrix = unfold_symmetric(value, d)
        if self.shrinkage > 0:
            count, prior = fit.count[:, None, None], self.shrinkage
            local = np.where(count > 0, matrix, 0.0)
            matrix = (count * local + prior * self.pooled_covariance) / (count + prior)
        matrix[fit.count < self.minimum_count] = np.nan
        return matrix


class _Table:
    """Cubic interpolation of direct fits in one coordinate; NaN spreads to its neighbours."""

    def __init__(self, nodes: FloatArray, drift: FloatArray, covariance: FloatArray) -> None:
        self._start, self._step = nodes[0], nodes[1] - nodes[0]
        self._drift, self._covariance = drift, covariance

    def drift(self, states: FloatArray) -> FloatArray:
        return self._interpolate(states[:, 0], self._drift)[:, None]

    def covariance(self, states: FloatArray) -> FloatArray:
        return self._interpolate(states[:, 0], self._covariance)[:, None, None]

    def _interpolate(self, x: FloatArray, values: FloatArray) -> FloatArray:
        position = (x - self._start) / self._step
        inside = (position >= 1) & (position <= len(values) - 2)
        position = np.where(inside, position, 1.0)
        cell = np.minimum(position.astype(np.int64), len(values) - 3)
        s = position - cell
        result = (
            values[cell - 1] * (-s * (s - 1) * (s - 2) / 6)
            + values[cell] * ((s + 1) * (s - 1) * (s - 2) / 2)
            + values[cell + 1] * (-(s + 1) * s * (s - 2) / 2)
            + values[cell + 2] * ((s + 1) * s * (s - 1) / 6)
        )
        return np.where(inside, result, np.nan)


def covariance_responses(residuals: FloatArray, dt: FloatArray) -> FloatArray:
    """Return the distinct entries of e e' / dt, shape (N, d (d + 1) / 2)."""
    j, k = np.triu_indices(residuals.shape[1])
    return residuals[:, j] * residuals[:, k] / dt[:, None]


def unfold_symmetric(entries: FloatArray, dim: int) -> FloatArray:
    """Return symmetric matrices from their distinct entries, shape (n, d, d)."""
    j, k = np.triu_indices(dim)
    matrix = np.empty((len(entries), dim, dim))
    matrix[:, j, k] = entries
    matrix[:, k, j] = entries
    return matrix


def _positive(linear: FloatArray, constant: FloatArray) -> FloatArray:
    """Return the local linear variance, or the local constant one where that is not positive."""
    return np.where(linear > _POSITIVE_SHARE * constant, linear, constant)


def _sized(name: str, value: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    array = as_float_array(name, value)
    if array.shape != shape:
        raise InputError(f"`{name}` must have shape {shape}; got {array.shape}.")
    return array
