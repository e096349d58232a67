"""The Pearson diffusions: linear drift, quadratic squared diffusion.

Law of this file: moments come from linear equations, stationary laws from ``PearsonLaw``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.closed_forms import KnownStationaryLaw
from stochtext.processes.named.euler_regression import euler_regression
from stochtext.processes.named.linear_drift import LinearDriftMoments
from stochtext.processes.named.pearson_law import PearsonLaw, pearson_interval
from stochtext.processes.named.scalar import ScalarFormula

__all__ = ["ModifiedCoxIngersollRoss", "Pearson"]


class Pearson(ScalarFormula, LinearDriftMoments, KnownStationaryLaw):
    """dX = -theta (X - mu) dt + sqrt(2 theta (a X^2 + b X + c)) dW.

    Parameters
    ----------
    theta : float, optional
        Rate of return to the mean, per unit of time, not negative.
    mu : float, optional
        Mean level, in units of X; a mu^2 + b mu + c must be positive.
    a, b, c : float, optional
        The quadratic, without unit, in units of X and in its square.

    Notes
    -----
    The process lives on the interval around mu on which the quadratic is positive. For
    theta > 0 the stationary law is normal (a = b = 0), gamma (a = 0), beta (a < 0), or, for
    a > 0, inverse gamma, F or skew t as the quadratic has one, two or no real roots. Its
    variance is (a mu^2 + b mu + c) / (1 - a) for a < 1 and infinite otherwise.

    References
    ----------
    Forman and Sørensen (2008), The Pearson diffusions: a class of statistically tractable
    diffusion processes, Scandinavian Journal of Statistics 35, 438-465, equation 2.1.

    Examples
    --------
    >>> from stochtext.processes import Pearson
    >>> process = Pearson(theta=1.0, mu=0.0, a=0.2, b=0.0, c=0.8)
    >>> process.covariance([[1.0]])
    array([[[2.]]])
    >>> process.stationary_covariance()
    array([[1.]])
    >>> Pearson(theta=1.0, mu=0.5, a=-1.0, b=1.0, c=0.0).domain
    ((0.0, 1.0),)
    """

    type_name = "pearson"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"theta": (0.0, np.inf)}

    def __init__(
        self,
        theta: float | None = None,
        mu: float | None = None,
        a: float | None = None,
        b: float | None = None,
        c: float | None = None,
    ) -> None:
        super().__init__({"theta": theta, "mu": mu, "a": a, "b": b, "c": c})
        if self.is_specified and self._interval() is None:
            raise InputError(
                f"The squared diffusion of a Pearson process must be positive at its mean: "
                f"a mu^2 + b mu + c > 0; got {self!r}."
            )

    def _interval(self) -> tuple[float, float] | None:
        return pearson_interval(*self._numbers("mu", "a", "b", "c"))

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The interval around the mean on which the squared diffusion is positive."""
        if not self.is_specified:
            return ((-np.inf, np.inf),)
        return (self._interval() or (-np.inf, np.inf),)

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["theta"] * (p["mu"] - x[0])]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        quadratic = (p["a"] * x[0] + p["b"]) * x[0] + p["c"]
        return [np.sqrt(2.0 * p["theta"] * quadratic)]

    def _coefficients(self) -> tuple[float, float, float, float, float]:
        theta, mu, a, b, c = self._numbers("theta", "mu", "a", "b", "c")
        return theta * mu, -theta, 2.0 * theta * c, 2.0 * theta * b, 2.0 * theta * a

    def _law(self) -> PearsonLaw:
        theta, mu, a, b, c = self._numbers("theta", "mu", "a", "b", "c")
        self._need(theta > 0, "a stationary law", "theta > 0")
        return PearsonLaw(mu, a, b, c)

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        return self._law().log_density(x)

    def _stationary_moments(self) -> tuple[float, float]:
        law = self._law()
        spread = (law.a * law.mu + law.b) * law.mu + law.c
        return law.mu, spread / (1.0 - law.a) if law.a < 1 else np.inf

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares drift of an Euler step, and the normal case a = b = 0."""
        state = x[:, 0]
        design = np.column_stack([np.ones(len(state)), -state])
        (level, theta), sigma = euler_regression(design, x_next[:, 0] - state, dt)
        theta = max(theta, 0.01 / float(np.mean(dt)))
        c = 0.5 * sigma**2 / theta
        return {"theta": theta, "mu": level / theta, "a": 0.0, "b": 0.0, "c": c}


class ModifiedCoxIngersollRoss(ScalarFormula, LinearDriftMoments, KnownStationaryLaw):
    """dX = -kappa X dt + sigma sqrt(1 + X^2) dW.

    Parameters
    ----------
    kappa : float, optional
        Rate of return to zero, per unit of time, not negative.
    sigma : float, optional
        Diffusion at zero, per root of a unit of time, not negative.

    Notes
    -----
    The Pearson process with mu = b = 0 and a = c = sigma^2 / (2 kappa). With
    n = 1 + 2 kappa / sigma^2 the stationary law is Student's t with n degrees of freedom,
    divided by sqrt(n); its variance is finite for 2 kappa > sigma^2.

    References
    ----------
    Iacus (2008), Simulation and Inference for Stochastic Differential Equations, section
    1.13. Forman and Sørensen (2008), The Pearson diffusions, Scandinavian Journal of
    Statistics 35, 438-465, case 3.

    Examples
    --------
    >>> from stochtext.processes import ModifiedCoxIngersollRoss
    >>> process = ModifiedCoxIngersollRoss(kappa=1.0, sigma=1.0)
    >>> process.covariance([[2.0]]).round(12)
    array([[[5.]]])
    >>> process.stationary_density([[0.0]]).round(6)
    array([0.63662])
    """

    type_name = "modified_cox_ingersoll_ross"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "kappa": (0.0, np.inf),
        "sigma": (0.0, np.inf),
    }

    def __init__(self, kappa: float | None = None, sigma: float | None = None) -> None:
        super().__init__({"kappa": kappa, "sigma": sigma})

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [-(p["kappa"] * x[0])]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * np.sqrt(1.0 + x[0] * x[0])]

    def _coefficients(self) -> tuple[float, float, float, float, float]:
        kappa, sigma = self._numbers("kappa", "sigma")
        return 0.0, -kappa, sigma**2, 0.0, sigma**2

    def _ratio(self) -> float:
        kappa, sigma = self._numbers("kappa", "sigma")
        self._need(min(kappa, sigma) > 0, "a stationary law", "kappa > 0 and sigma > 0")
        return 0.5 * sigma**2 / kappa

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        ratio = self._ratio()
        return PearsonLaw(0.0, ratio, 0.0, ratio).log_density(x)

    def _stationary_moments(self) -> tuple[float, float]:
        ratio = self._ratio()
        return 0.0, ratio / (1.0 - ratio) if ratio < 1 else np.inf

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the weighted least-squares drift of an Euler step."""
        size = np.sqrt(1.0 + x[:, 0] ** 2)
        step = (x_next[:, 0] - x[:, 0]) / size
        (kappa,), sigma = euler_regression((-x[:, 0] / size)[:, None], step, dt)
        return {"kappa": max(kappa, 0.01 / float(np.mean(dt))), "sigma": sigma}
