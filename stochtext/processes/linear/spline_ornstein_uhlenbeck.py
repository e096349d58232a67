"""An Ornstein-Uhlenbeck process whose mean moves along a natural cubic spline."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array
from stochtext.processes.compiled.source import CoefficientSource
from stochtext.processes.gaussian import row_products
from stochtext.processes.linear.mean_basis import NaturalSpline
from stochtext.processes.linear.moving_mean import MovingMean
from stochtext.processes.linear.transition import moving_along_spline
from stochtext.processes.parameters import parameter_value

__all__ = ["SplineOrnsteinUhlenbeck"]


class SplineOrnsteinUhlenbeck(MovingMean):
    r"""dX = kappa (m(u) - X) dt + sigma dW with m the spline through ``levels`` at ``knots``.

    Parameters
    ----------
    kappa : float or array_like of shape (d, d), optional
        Rate of return to the moving mean, per unit of time.
    levels : array_like of shape (q, d), optional
        Mean at each knot; shape (q,) for d = 1.
    sigma : float or array_like of shape (d, d), optional
        Diffusion; for estimation only sigma sigma^T counts.
    knots : array_like of shape (q,)
        Increasing clock readings, at least two.
    clock : {"relative", "time"}, default "relative"
        Whether u is the position in the trajectory, from 0 to 1, or time itself.
    dim : int, optional
        Number of coordinates of a family without values.

    Notes
    -----
    m is the natural cubic spline: twice differentiable, with third derivatives that jump
    at the knots, and straight beyond the first and the last one. The transition is
    Gaussian. With u + rho s the clock within a step of length h, m^(j) its derivatives at
    the start and J_j = int_0^h exp(-kappa (h - s)) s^(j-1) / (j-1)! ds, the mean of
    X(t + h) given X(t) = x is

    .. math:: \Phi x + (I - \Phi)\, m(u) + \sum_{j=1}^{3} L_j(h)\,\rho^j m^{(j)}(u)
              + \sum_{k} L_3(\tau_k)\,\rho^3\,\Delta_k, \qquad
              L_j(h) = \frac{h^j}{j!} I - J_j(h),

    where the last sum runs over the knots within the step, Delta_k is the jump of the
    third derivative and tau_k the time left after the knot.

    Examples
    --------
    >>> from stochtext.processes import SplineOrnsteinUhlenbeck
    >>> process = SplineOrnsteinUhlenbeck(1.0, [0.0, 1.0, 0.0], 0.5, knots=[0.0, 0.5, 1.0])
    >>> process.mean_level([0.0, 0.25, 0.5])
    array([[0.    ],
           [0.6875],
           [1.    ]])
    """

    type_name = "spline_ornstein_uhlenbeck"

    def __init__(
        self,
        kappa: ArrayLike | None = None,
        levels: ArrayLike | None = None,
        sigma: ArrayLike | None = None,
        *,
        knots: ArrayLike,
        clock: str = "relative",
        dim: int | None = None,
    ) -> None:
        self._basis = NaturalSpline(_checked_knots(knots))
        rows = parameter_value("levels", levels)
        if rows is not None and (np.ndim(rows) not in (1, 2) or len(rows) != self._basis.size):
            raise InputError(
                f"`levels` must have shape (q, d), one row for each of the {self._basis.size} "
                f"knots; got {np.shape(rows)}."
            )
        if np.ndim(rows) == 1:
            rows = as_float_array("levels", rows)[:, None]
        super().__init__({"kappa": kappa, "levels": rows, "sigma": sigma}, dim, clock)

    @property
    def mean_basis(self) -> NaturalSpline:
        """The functions that the mean is a sum of."""
        return self._basis

    @property
    def knots(self) -> FloatArray:
        """The knots, shape (q,)."""
        return self._basis.knots

    def _settings(self) -> dict[str, Any]:
        return {**super()._settings(), "knots": list(self._basis.places), "clock": self.clock}

    def _shape_of(self, name: str, dim: int) -> tuple[int, ...]:
        return (self._basis.size, dim) if name == "levels" else super()._shape_of(name, dim)

    @property
    def formulas_key(self) -> Hashable:
        """The class, its knots, and the shapes that its formulas are traced with."""
        return (super().formulas_key, self._basis.places)

    @property
    def _levels(self) -> FloatArray:
        return np.asarray(self._params["levels"], dtype=np.float64)

    def _mean(self, t: FloatArray) -> FloatArray:
        return row_products(self._levels.T[None], self._basis.derivatives(t)[0])

    def _level_formula(self, t: Any, p: Mapping[str, Any]) -> list[Any]:
        start = t - self._basis.places[0]
        # max(z, 0) without a decision: a trace of one formula knows no branches.
        ramps = [0.5 * (t - k + abs(t - k)) for k in self._basis.places]
        total: list[Any] = [0.0] * len(p["levels"][0])
        for k, row in enumerate(p["levels"]):
            weight = float(self._basis.pieces[0, 0, k]) + float(self._basis.pieces[0, 1, k]) * start
            for ramp, jump in zip(ramps, self._basis.jumps[:, k], strict=True):
                weight = weight + float(jump) / 6.0 * ramp * ramp * ramp
            total = [value + weight * level for value, level in zip(total, row, strict=True)]
        return total

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return row_products(self._kappa[None], self._mean(t) - x)

    def _moved(self, start: FloatArray, rate: FloatArray, steps: FloatArray) -> FloatArray:
        return moving_along_spline(self._kappa, self._levels, self._basis, start, rate, steps)

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the values of a constant mean, and levels that are all alike."""
        values = super().start_values(x, x_next, dt)
        levels = np.tile(np.atleast_1d(values.pop("mu")), (self._basis.size, 1))
        return {**values, "levels": levels}

    def machine_code(self, prefix: str = "") -> CoefficientSource:
        """Return the coefficients as source text for the compiler."""
        levels, basis = self._levels, self._basis
        line = basis.pieces[0, :2] @ levels
        cubes = basis.jumps @ levels / 6.0
        return self._linear_code(prefix, np.vstack([line, cubes]), knots=self.knots)


def _checked_knots(knots: ArrayLike) -> tuple[float, ...]:
    places = as_float_array("knots", knots)
    if places.ndim != 1 or len(places) < 2 or not np.isfinite(places).all():
        raise InputError(f"`knots` must be two or more finite numbers; got {knots!r}.")
    if np.any(np.diff(places) <= 0):
        raise InputError(f"`knots` must increase; got {knots!r}.")
    return tuple(float(k) for k in places)
