"""An Ornstein-Uhlenbeck process whose mean moves along a polynomial in time or position."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array, check_integer
from stochtext.processes.compiled.source import CoefficientSource
from stochtext.processes.linear.mean_basis import Polynomials
from stochtext.processes.linear.moving_mean import MovingMean
from stochtext.processes.linear.transition import moving_mean, polynomial
from stochtext.processes.parameters import parameter_value

__all__ = ["TrendingOrnsteinUhlenbeck"]


class TrendingOrnsteinUhlenbeck(MovingMean):
    """dX = kappa (m(u) - X) dt + sigma dW with m(u) = sum_j trend[j] u^j.

    Parameters
    ----------
    kappa : float or array_like of shape (d, d), optional
        Rate of return to the moving mean, per unit of time.
    trend : array_like of shape (p + 1, d), optional
        Coefficients of the mean, constant term first; shape (p + 1,) for d = 1.
    sigma : float or array_like of shape (d, d), optional
        Diffusion; for estimation only sigma sigma^T counts.
    clock : {"relative", "time"}, default "relative"
        Whether u is the position in the trajectory, from 0 to 1, or time itself.
    degree : int, optional
        Degree p of a family whose trend has no values yet; default 1.
    dim : int, optional
        Number of coordinates of a family without values.

    Notes
    -----
    The transition is Gaussian. Within a step of length dt the clock moves evenly by
    ``clock_dt``, so the mean moves along the polynomial, and its integral against
    exp(-kappa (dt - s)) is evaluated in closed form with phi-functions.

    Examples
    --------
    >>> from stochtext.processes import TrendingOrnsteinUhlenbeck
    >>> process = TrendingOrnsteinUhlenbeck(kappa=1.0, trend=[0.0, 2.0], sigma=0.5)
    >>> process.drift([[0.0]], t=0.5)
    array([[1.]])
    """

    type_name = "trending_ornstein_uhlenbeck"

    def __init__(
        self,
        kappa: ArrayLike | None = None,
        trend: ArrayLike | None = None,
        sigma: ArrayLike | None = None,
        *,
        clock: str = "relative",
        degree: int | None = None,
        dim: int | None = None,
    ) -> None:
        rows = parameter_value("trend", trend)
        if rows is not None and (np.ndim(rows) not in (1, 2) or 0 in np.shape(rows)):
            raise InputError(f"`trend` must have shape (p + 1, d); got {np.shape(rows)}.")
        if np.ndim(rows) == 1:
            rows = as_float_array("trend", rows)[:, None]
        self._degree = self._degree_of(rows, degree)
        super().__init__({"kappa": kappa, "trend": rows, "sigma": sigma}, dim, clock)

    @staticmethod
    def _degree_of(rows: FloatArray | None, degree: int | None) -> int:
        if degree is not None:
            check_integer("degree", degree, minimum=0)
        if rows is None:
            return 1 if degree is None else degree
        if degree not in (None, len(rows) - 1):
            raise InputError(
                f"`degree` is {degree}, but `trend` has {len(rows)} rows; leave `degree` out."
            )
        return len(rows) - 1

    @property
    def degree(self) -> int:
        """Degree p of the moving mean."""
        return self._degree

    @property
    def mean_basis(self) -> Polynomials:
        """The functions that the mean is a sum of."""
        return Polynomials(self._degree)

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {**super()._settings(), "clock": self.clock}
        if self._params["trend"] is None:
            settings["degree"] = self._degree
        return settings

    def _replace(self, params: Mapping[str, Any]) -> TrendingOrnsteinUhlenbeck:
        settings = self._settings()
        if params["trend"] is not None:
            settings.pop("degree", None)
        else:
            settings["degree"] = self._degree
        return type(self)(**{**params, **settings})

    def _shape_of(self, name: str, dim: int) -> tuple[int, ...]:
        if name == "trend":
            return (self._degree + 1, dim)
        return super()._shape_of(name, dim)

    @property
    def _trend(self) -> FloatArray:
        return np.asarray(self._params["trend"], dtype=np.float64)

    def _mean(self, t: FloatArray) -> FloatArray:
        return polynomial(self._trend, t)

    def _level_formula(self, t: Any, p: Mapping[str, Any]) -> list[Any]:
        level = list(p["trend"][-1])
        for row in p["trend"][-2::-1]:
            level = [value * t + more for value, more in zip(level, row, strict=True)]
        return level

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return (polynomial(self._trend, t) - x) @ self._kappa.T

    def _moved(self, start: FloatArray, rate: FloatArray, steps: FloatArray) -> FloatArray:
        return moving_mean(self._kappa, self._trend, start, rate, steps)

    @property
    def _moves(self) -> bool:
        return self._degree > 0

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the values of a constant mean, and a trend that does not move."""
        values = super().start_values(x, x_next, dt)
        trend = np.zeros((self._degree + 1, x.shape[1]))
        trend[0] = values.pop("mu")
        return {**values, "trend": trend}

    def machine_code(self, prefix: str = "") -> CoefficientSource:
        """Return the coefficients as source text for the compiler."""
        return self._linear_code(prefix, self._trend)
