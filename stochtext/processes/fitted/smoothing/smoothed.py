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
from stochtext.processes.fitted.bins.curve_table import CurveTable, Nodes
from stochtext.processes.fitted.continuation import Continued
from stochtext.processes.fitted.smoothing.binned_regression import binned_sums, fit_nodes
from stochtext.processes.fitted.smoothing.kernels import KERNELS, kernel_sd
from stochtext.processes.fitted.smoothing.local_polynomial import (
    LocalFit,
    LocalPolynomial,
    basis_size,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["KernelProcess"]

# Below this effective number of transitions a local average says nothing.
_MINIMUM_COUNT = 10
# In one or two coordinates, more transitions than this are binned and answered from a
# table whose spacing makes the error far smaller than a hundredth of the standard error.
_TABLE_FROM = {1: 2000, 2: 5000}
_NODES_PER_SD = {1: 24, 2: 14}
_MOST_NODES = {1: 8192, 2: 400}
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
    kernel : {"gaussian", "epanechnikov", "quartic"}
    multiplicity : array_like of shape (N,), optional
        How many times each transition counts.
    shrinkage : float, optional
        The covariance rate of a state counts the pooled one as this many further
        transitions; default 0 for d = 1 and 2 (d + 1) for more coordinates.
    continuation : Process, optional
        Gives the coefficients where there is no local estimate; NaN without it.
    noise : array_like of shape (N, d), optional
        Noise of each increment, where the residuals are corrected for the sampling
        interval and differ from it; default the residuals.

    Notes
    -----
    Drift: regression of dX / dt on X with weights dt. Covariance rate: regression
    of e e' / dt on X. A state with fewer than max(10, 2 p) effective transitions,
    p being the number of local parameters, has no local estimate.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.processes.fitted.smoothing.smoothed import KernelProcess
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
        noise: ArrayLike | None = None,
    ) -> None:
        self.points = as_states("points", points, None)
        n, d = self.points.shape
        super().__init__(dim=d, continuation=continuation)
        self._last: dict[str, tuple[FloatArray, FloatArray]] = {}
        self.increments = _sized("increments", increments, (n, d))
        self.dt = _sized("dt", dt, (n,))
        self.residuals = _sized("residuals", residuals, (n, d))
        self.noise_of_increments = (
            self.residuals if noise is None else _sized("noise", noise, (n, d))
        )
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
        """Whether answers are interpolated between fits to binned transitions on a fine grid."""
        return self.nodes is not None

    @cached_property
    def nodes(self) -> Nodes | None:
        """Nodes on which many transitions are binned; None where they are used one by one."""
        if self.dim > 2 or len(self.points) <= _TABLE_FROM[self.dim]:
            return None
        sd = self.bandwidth * kernel_sd(self.kernel)
        return Nodes.around(
            self.points, 2 * self.bandwidth, sd / _NODES_PER_SD[self.dim], _MOST_NODES[self.dim]
        )

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
        fitted = self._covariance_degrees[0]
        return LocalPolynomial(
            self.points, self.multiplicity, self.multiplicity, self.bandwidth,
            fitted if degree is None else degree, self.kernel,
        )  # fmt: skip

    def local_drift(self, x: ArrayLike) -> FloatArray:
        """Return the drift at states, shape (n, d); NaN where there are no data."""
        states = as_states("x", x, self.dim)
        if self._drift_table is not None:
            return self._drift_table(states)
        return self._remembered("drift", states, self._direct_drift)

    def local_covariance(self, x: ArrayLike) -> FloatArray:
        """Return the covariance rate at states, shape (n, d, d); NaN where there are no data."""
        states = as_states("x", x, self.dim)
        if self._covariance_table is not None:
            entries = self._covariance_table(states)
            return unfold_symmetric(np.exp(entries) if self.dim == 1 else entries, self.dim)
        return self._remembered("covariance", states, self._direct_covariance)

    def _settings(self) -> dict[str, Any]:
        return {"degree": self.degree, "kernel": self.kernel, "shrinkage": self.shrinkage}

    def _arrays(self) -> dict[str, FloatArray]:
        names = ("points", "increments", "dt", "residuals", "bandwidth", "multiplicity")
        arrays = {name: getattr(self, name) for name in names}
        if self.noise_of_increments is not self.residuals:
            arrays["noise"] = self.noise_of_increments
        return arrays

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
    def _drift_table(self) -> CurveTable | None:
        if self.nodes is None:
            return None
        rates = self.increments / self.dt[:, None]
        sums = binned_sums(self.drift_regression(), rates, self.nodes)
        value, count = fit_nodes(sums, self.nodes, self.bandwidth, self.degree, self.kernel)
        value[count < self.minimum_count] = np.nan
        return CurveTable(self.nodes, value)

    @cached_property
    def _covariance_table(self) -> CurveTable | None:
        if self.nodes is None:
            return None
        products = covariance_responses(self.residuals, self.dt)
        sums = binned_sums(self.covariance_regression(), products, self.nodes)
        fits = [
            fit_nodes(sums, self.nodes, self.bandwidth, degree, self.kernel)
            for degree in self._covariance_degrees
        ]
        matrix = self._matrices(
            [value.reshape(-1, value.shape[-1]) for value, _ in fits], fits[0][1].ravel()
        )
        j, k = np.triu_indices(self.dim)
        entries = matrix[:, j, k].reshape(*self.nodes.shape, len(j))
        # Interpolated logarithms, or linear shares, stay positive (definite).
        if self.dim == 1:
            return CurveTable(self.nodes, np.log(entries))
        return CurveTable(self.nodes, entries, convex=True)

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
        products = covariance_responses(self.residuals, self.dt)
        fits: list[LocalFit] = [
            self.covariance_regression(degree).fit(states, products)
            for degree in self._covariance_degrees
        ]
        return self._matrices([fit.value for fit in fits], fits[0].count)

    @property
    def _covariance_degrees(self) -> tuple[int, ...]:
        """The fitted degree, and a constant where that is not positive."""
        return (1, 0) if self.dim == 1 and self.degree > 0 else (0,)

    def _matrices(self, values: list[FloatArray], count: FloatArray) -> FloatArray:
        """Return positive, shrunken covariance rates; NaN where there are too few data."""
        value = values[0] if len(values) == 1 else _positive(*values)
        matrix = unfold_symmetric(value, self.dim)
        if self.shrinkage > 0:
            weight, prior = count[:, None, None], self.shrinkage
            local = np.where(weight > 0, matrix, 0.0)
            matrix = (weight * local + prior * self.pooled_covariance) / (weight + prior)
        matrix[count < self.minimum_count] = np.nan
        return matrix


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
