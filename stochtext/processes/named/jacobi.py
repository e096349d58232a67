"""Diffusions on an interval: Jacobi (Wright-Fisher), and Kessler and Sørensen's.

Law of this file: both transition densities are series in Jacobi polynomials.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import betaln, gammaln, ndtri, xlogy

from stochtext._shared.typing import FloatArray
from stochtext.processes.closed_forms import KnownStationaryLaw, KnownTransition
from stochtext.processes.named.euler_regression import euler_regression
from stochtext.processes.named.jacobi_series import jacobi_tails, log_jacobi_transition
from stochtext.processes.named.linear_drift import LinearDriftMoments
from stochtext.processes.named.scalar import ScalarFormula

__all__ = ["Jacobi", "KesslerSorensen"]

#: Rounding error above which a distribution function is not given ...
_CDF_TOLERANCE = 1e-9
#: ... and share of the smaller tail above which a normal score is not given.
_SCORE_TOLERANCE = 1e-4


class _JacobiTransition(KnownTransition):
    """A transition whose tails are series, of which subclasses give the sums and their errors."""

    @abstractmethod
    def _tails(
        self, x: FloatArray, x_next: FloatArray, dt: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return lower and upper tail and the rounding error of both."""

    def _transition_cdf(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        lower, _, error = self._tails(x, x_next, dt)
        return np.where(error < _CDF_TOLERANCE, np.clip(lower, 0.0, 1.0), np.nan)

    def _normal_scores(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        lower, upper, error = self._tails(x, x_next, dt)
        scores = np.where(lower < upper, ndtri(lower), -ndtri(upper))
        resolved = error < _SCORE_TOLERANCE * np.minimum(lower, upper)
        return np.where(resolved, scores, np.nan)


class Jacobi(ScalarFormula, _JacobiTransition, LinearDriftMoments, KnownStationaryLaw):
    """dX = kappa (mu - X) dt + sigma sqrt(X (1 - X)) dW, on the interval from 0 to 1.

    Parameters
    ----------
    kappa : float, optional
        Rate of return to the mean, per unit of time, not negative.
    mu : float, optional
        Mean level, between 0 and 1.
    sigma : float, optional
        Diffusion, per root of a unit of time, not negative.

    Notes
    -----
    The ends are not reached for 2 kappa mu >= sigma^2 and 2 kappa (1 - mu) >= sigma^2. The
    stationary law, for kappa > 0, 0 < mu < 1 and sigma > 0, is a beta law with parameters
    2 kappa mu / sigma^2 and 2 kappa (1 - mu) / sigma^2. The transition density is that law
    times a series in Jacobi polynomials with eigenvalues n (kappa + (n - 1) sigma^2 / 2).
    Where the series cannot be summed to six digits, far in a tail or for a short step,
    ``transition_density`` and ``transition_cdf`` are NaN: the terms that cancel are too large.

    References
    ----------
    Wong (1964), The construction of a class of stationary Markoff processes, Proceedings of
    Symposia in Applied Mathematics 16, 264-276. Karlin and Taylor (1981), A Second Course in
    Stochastic Processes, chapter 15, section 13.

    Examples
    --------
    >>> from stochtext.processes import Jacobi
    >>> process = Jacobi(kappa=1.0, mu=0.5, sigma=0.5)
    >>> process.drift([[0.2]])
    array([[0.3]])
    >>> process.stationary_covariance().round(6)
    array([[0.027778]])
    """

    type_name = "jacobi"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "kappa": (0.0, np.inf),
        "mu": (0.0, 1.0),
        "sigma": (0.0, np.inf),
    }

    def __init__(
        self,
        kappa: float | None = None,
        mu: float | None = None,
        sigma: float | None = None,
    ) -> None:
        super().__init__({"kappa": kappa, "mu": mu, "sigma": sigma})

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The state is a share."""
        return ((0.0, 1.0),)

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["kappa"] * (p["mu"] - x[0])]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"] * np.sqrt(x[0] * (1.0 - x[0]))]

    def _coefficients(self) -> tuple[float, float, float, float, float]:
        kappa, mu, sigma = self._numbers("kappa", "mu", "sigma")
        return kappa * mu, -kappa, 0.0, sigma**2, -(sigma**2)

    def _beta(self) -> tuple[float, float]:
        """Return the parameters of the stationary beta law."""
        kappa, mu, sigma = self._numbers("kappa", "mu", "sigma")
        self._need(
            kappa > 0 and 0 < mu < 1 and sigma > 0,
            "a stationary law and a transition density",
            "kappa > 0, 0 < mu < 1 and sigma > 0",
        )
        return 2.0 * kappa * mu / sigma**2, 2.0 * kappa * (1.0 - mu) / sigma**2

    def _log_transition(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        return log_jacobi_transition(*self._beta(), float(self._params["sigma"]), x, x_next, dt)

    def _tails(
        self, x: FloatArray, x_next: FloatArray, dt: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        return jacobi_tails(*self._beta(), float(self._params["sigma"]), x, x_next, dt)

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        a, b = self._beta()
        return np.asarray(xlogy(a - 1.0, x) + xlogy(b - 1.0, 1.0 - x) - betaln(a, b))

    def _stationary_moments(self) -> tuple[float, float]:
        a, b = self._beta()
        mean = a / (a + b)
        return mean, mean * (1.0 - mean) / (a + b + 1.0)

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the weighted least-squares drift; nothing for data at the ends."""
        state = x[:, 0]
        if not np.all((state > 0) & (state < 1)):
            return {}
        size = np.sqrt(state * (1.0 - state))
        design = np.column_stack([1.0 / size, -state / size])
        (level, kappa), sigma = euler_regression(design, (x_next[:, 0] - state) / size, dt)
        kappa = max(kappa, 0.01 / float(np.mean(dt)))
        return {"kappa": kappa, "mu": min(max(level / kappa, 0.01), 0.99), "sigma": sigma}


class KesslerSorensen(ScalarFormula, _JacobiTransition, KnownStationaryLaw):
    """dX = -theta tan(X) dt + sigma dW, on the interval from -pi/2 to pi/2.

    Parameters
    ----------
    theta : float, optional
        Strength of the return to zero, per unit of time, not negative.
    sigma : float, optional
        Diffusion, per root of a unit of time, not negative.

    Notes
    -----
    The ends are not reached for 2 theta >= sigma^2; otherwise they reflect. The stationary
    density is proportional to cos(x)^(2 theta / sigma^2). (1 + sin X) / 2 is the Jacobi
    process with kappa = theta + sigma^2 / 2, mu = 1/2 and the same sigma, which gives the
    transition density.

    References
    ----------
    Kessler and Sørensen (1999), Estimating equations based on eigenfunctions for a
    discretely observed diffusion process, Bernoulli 5, 299-314, example 2.3.

    Examples
    --------
    >>> from stochtext.processes import KesslerSorensen
    >>> process = KesslerSorensen(theta=1.0, sigma=1.0)
    >>> process.stationary_density([[0.0]]).round(6)
    array([0.63662])
    """

    type_name = "kessler_sorensen"
    _bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "theta": (0.0, np.inf),
        "sigma": (0.0, np.inf),
    }

    def __init__(self, theta: float | None = None, sigma: float | None = None) -> None:
        super().__init__({"theta": theta, "sigma": sigma}, noise="additive")

    @property
    def domain(self) -> tuple[tuple[float, float], ...]:
        """The state is an angle between minus and plus a right angle."""
        return ((-np.pi / 2, np.pi / 2),)

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [-p["theta"] * np.tan(x[0])]

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"]]

    def _ratio(self) -> float:
        theta, sigma = self._numbers("theta", "sigma")
        self._need(sigma > 0, "a stationary law and a transition density", "sigma > 0")
        return theta / sigma**2

    def _log_transition(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> FloatArray:
        shape = self._ratio() + 0.5
        # (1 + sin x) / 2 without cancellation at either end.
        share, share_next = (np.sin(0.5 * (z + np.pi / 2)) ** 2 for z in (x, x_next))
        with np.errstate(divide="ignore"):
            slope = np.log(0.5 * np.cos(x_next))
        sigma = float(self._params["sigma"])
        return log_jacobi_transition(shape, shape, sigma, share, share_next, dt) + slope

    def _tails(
        self, x: FloatArray, x_next: FloatArray, dt: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        shape = self._ratio() + 0.5
        share, share_next = (np.sin(0.5 * (z + np.pi / 2)) ** 2 for z in (x, x_next))
        return jacobi_tails(shape, shape, float(self._params["sigma"]), share, share_next, dt)

    def _log_stationary(self, x: FloatArray) -> FloatArray:
        ratio = self._ratio()
        constant = gammaln(ratio + 1.0) - gammaln(ratio + 0.5) - 0.5 * np.log(np.pi)
        return np.asarray(xlogy(2.0 * ratio, np.cos(x)) + constant)

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the least-squares drift of an Euler step; nothing for data at the ends."""
        if not np.all(np.abs(x) < np.pi / 2):
            return {}
        (theta,), sigma = euler_regression(-np.tan(x), x_next[:, 0] - x[:, 0], dt)
        return {"theta": max(theta, 0.0), "sigma": sigma}
