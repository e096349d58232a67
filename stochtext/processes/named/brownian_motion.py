"""Brownian motion with drift, in any dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import per_state
from stochtext.processes.gaussian import lower_root, row_products
from stochtext.processes.gaussian_transition import GaussianTransition
from stochtext.processes.linear.process import check_steps
from stochtext.processes.named.rate_and_factor import RateAndFactor

__all__ = ["BrownianMotion"]


class BrownianMotion(RateAndFactor, GaussianTransition):
    """dX = mu dt + sigma dW.

    Parameters
    ----------
    mu : float or array_like of shape (d,), optional
        Drift, in units of X per unit of time.
    sigma : float or array_like of shape (d, m), optional
        Diffusion, in units of X per root of a unit of time; for estimation only
        sigma sigma^T counts. Fewer noise sources than coordinates are allowed.
    dim : int, optional
        Number of coordinates of a family without values.

    Notes
    -----
    X(t + dt) given X(t) = x is normal with mean x + mu dt and covariance
    sigma sigma^T dt. The normals of an exact step are the Brownian increments divided
    by sqrt(dt), so the exact path is the strong solution on the path of the schemes.

    References
    ----------
    Karatzas and Shreve (1991), Brownian Motion and Stochastic Calculus, section 2.9.

    Examples
    --------
    >>> from stochtext.processes import BrownianMotion
    >>> process = BrownianMotion(mu=0.5, sigma=2.0)
    >>> process.drift([[0.0], [3.0]])
    array([[0.5],
           [0.5]])
    >>> process.conditional_covariance([[0.0]], dt=0.25)
    array([[[1.]]])
    >>> BrownianMotion().with_dim(2).free_parameters
    ('mu[0]', 'mu[1]', 'sigma[0,0]', 'sigma[1,0]', 'sigma[1,1]')
    """

    type_name = "brownian_motion"

    @staticmethod
    def _noise_type(dim: int | None) -> str:
        return "additive"

    @staticmethod
    def _drift_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["mu"]] if len(x) == 1 else list(p["mu"])

    @staticmethod
    def _diffusion_formula(t: Any, x: Sequence[Any], p: Mapping[str, Any]) -> Sequence[Any]:
        return [p["sigma"]] if len(x) == 1 else [list(row) for row in p["sigma"]]

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
        steps = check_steps(dt, len(states))
        rate = self._sigma @ self._sigma.T
        if len(steps) and np.all(steps == steps[0]):
            # One matrix seen n times: whoever factorises it can do so once.
            covariance = np.broadcast_to(rate * steps[0], (len(steps), *rate.shape))
        else:
            covariance = rate * steps[:, None, None]
        return states + self._mu * steps[:, None], covariance

    def exact_step(
        self,
        x: FloatArray,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None,
        normals: FloatArray,
    ) -> FloatArray:
        """Return x + mu dt + sigma sqrt(dt) z.

        Parameters and result are those of `Process.exact_step`.
        """
        steps = per_state("dt", dt, len(x))[:, None]
        return x + self._mu * steps + row_products(self._sigma[None], normals) * np.sqrt(steps)

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return the maximum likelihood values."""
        step = x_next - x
        mu = step.sum(axis=0) / dt.sum()
        error = (step - mu * dt[:, None]) / np.sqrt(dt)[:, None]
        factor = lower_root((error.T @ error / len(x))[None])[0]
        if x.shape[1] == 1:
            return {"mu": float(mu[0]), "sigma": float(factor[0, 0])}
        return {"mu": mu, "sigma": factor}
