"""The Ornstein-Uhlenbeck process: linear return to a mean, in any dimension."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.compiled.source import CoefficientSource
from stochtext.processes.gaussian import row_products
from stochtext.processes.linear.process import LinearProcess, check_steps

__all__ = ["OrnsteinUhlenbeck"]


class OrnsteinUhlenbeck(LinearProcess):
    """dX = kappa (mu - X) dt + sigma dW.

    Parameters
    ----------
    kappa : float or array_like of shape (d, d), optional
        Rate of return to the mean, per unit of time; any matrix, not only a symmetric one.
    mu : float or array_like of shape (d,), optional
        Mean level.
    sigma : float or array_like of shape (d, d), optional
        Diffusion; for estimation only sigma sigma^T counts.
    dim : int, optional
        Number of coordinates of a family without values.

    Notes
    -----
    The transition is Gaussian with mean mu + exp(-kappa dt)(x - mu) and covariance
    int_0^dt exp(-kappa s) sigma sigma^T exp(-kappa^T s) ds, exact for every kappa,
    singular and unstable ones included.

    References
    ----------
    Uhlenbeck and Ornstein (1930), On the theory of the Brownian motion, Physical
    Review 36, 823-841. Gardiner (2009), Stochastic Methods, section 4.4.6.

    Examples
    --------
    >>> from stochtext.processes import OrnsteinUhlenbeck
    >>> process = OrnsteinUhlenbeck(kappa=2.0, mu=1.0, sigma=0.5)
    >>> process.drift([[0.0], [3.0]])
    array([[ 2.],
           [-4.]])
    >>> process.stationary_covariance()
    array([[0.0625]])
    >>> OrnsteinUhlenbeck().free_parameters
    ('kappa', 'mu', 'sigma')
    """

    type_name = "ornstein_uhlenbeck"

    def __init__(
        self,
        kappa: ArrayLike | None = None,
        mu: ArrayLike | None = None,
        sigma: ArrayLike | None = None,
        *,
        dim: int | None = None,
    ) -> None:
        super().__init__({"kappa": kappa, "mu": mu, "sigma": sigma}, dim, "time")

    @property
    def autonomous(self) -> bool:
        """The coefficients do not depend on t."""
        return True

    @property
    def _mu(self) -> FloatArray:
        return np.atleast_1d(np.asarray(self._params["mu"], dtype=np.float64))

    def _level_formula(self, t: Any, p: Mapping[str, Any]) -> list[Any]:
        return list(np.ravel(p["mu"]))

    def _drift(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return (self._mu - x) @ self._kappa.T

    def transition_moments(
        self,
        x: ArrayLike,
        dt: ArrayLike,
        t: ArrayLike = 0.0,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d) of the exact Gaussian transition.

        Parameters
        ----------
        x : array_like of shape (n, d)
            States at the start of the step.
        dt : float or array_like of shape (n,)
            Length of the step.
        t, clock_dt : float or array_like of shape (n,), optional
            Ignored: the coefficients do not depend on time.
        """
        self.require_specified()
        states = as_states("x", x, self.dim)
        phi, covariance = self._step(check_steps(dt, len(states)))
        return self._mu + row_products(phi, states - self._mu), covariance

    def stationary_mean(self) -> FloatArray:
        """Return the stationary mean mu, shape (d,)."""
        self._stable("stationary mean")
        return self._mu.copy()

    def stationary_density(self, x: ArrayLike) -> FloatArray:
        """Return the Gaussian stationary density at states x, shape (n,)."""
        from scipy.stats import multivariate_normal

        covariance = self.stationary_covariance()
        states = as_states("x", x, self.dim)
        density = multivariate_normal(self._mu, covariance).pdf(states)
        return np.asarray(density, dtype=np.float64).reshape(len(states))

    def machine_code(self, prefix: str = "") -> CoefficientSource:
        """Return the coefficients as source text for the compiler."""
        return self._linear_code(prefix, self._mu[None])
