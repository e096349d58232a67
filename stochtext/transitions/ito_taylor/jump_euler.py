"""The density of one Euler step with a Poisson number of Gaussian jumps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import gammaln, logsumexp, ndtr, ndtri
from scipy.stats import poisson

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states
from stochtext.processes.base import Process
from stochtext.processes.jumps.jump_diffusion import JumpDiffusion
from stochtext.transitions.base import TransitionDensity, checked_steps
from stochtext.transitions.gaussian import cholesky_factors, standardise

__all__ = ["JumpEulerDensity"]

_LEFT_OUT = 1e-14
_LOG_2PI = float(np.log(2 * np.pi))


class JumpEulerDensity(TransitionDensity):
    """Mixture over the number k of jumps: N(x + b dt + k m, a dt + k C), weights Poisson(r dt).

    Notes
    -----
    Any number of jumps may fall into one step; numbers whose joint probability is below
    1e-14 are left out. Residuals are normal scores of the probability integral transform.

    References
    ----------
    Merton, R. C. (1976), Option pricing when underlying stock returns are discontinuous,
    Journal of Financial Economics 3, 125-144, for the mixture.

    Examples
    --------
    >>> from stochtext.processes import BrownianMotion, JumpDiffusion
    >>> from stochtext.transitions import JumpEulerDensity
    >>> process = JumpDiffusion(BrownianMotion(0.0, 1.0), 0.0, [0.0], [[1.0]])
    >>> JumpEulerDensity().log_density(process, [[0.0]], [[0.0]], 0.0, 1.0).round(6)
    array([-0.918939])
    """

    name = "jump_euler"

    def log_density(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return log p(x_next | x, dt), shape (n,)."""
        terms = [
            weight - np.sum(0.5 * z**2 + log_scale, axis=1) - 0.5 * z.shape[1] * _LOG_2PI
            for weight, z, log_scale in _components(process, x, x_next, t, dt)
        ]
        value: FloatArray = logsumexp(np.stack(terms), axis=0)
        return value

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d) of the mixture."""
        jumps = _jump_diffusion(process)
        states, start, steps = checked_steps(process, x, t, dt)
        drift = process.drift(states, start) + jumps.jump_rate * jumps.jump_mean
        second = jumps.jump_covariance + np.outer(jumps.jump_mean, jumps.jump_mean)
        rate = process.covariance(states, start) + jumps.jump_rate * second
        return states + drift * steps[:, None], rate * steps[:, None, None]

    def residuals(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the normal scores of the Rosenblatt transform, shape (n, d)."""
        lower, upper = self._tails(process, x, x_next, t, dt)
        # Each tail keeps its precision: 1 - pit of a far jump would be rounded to zero.
        tiny = np.finfo(float).tiny
        return np.where(
            lower < 0.5, ndtri(np.maximum(lower, tiny)), -ndtri(np.maximum(upper, tiny))
        )

    def pit(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the Rosenblatt transform of x_next in the order of the components, (n, d)."""
        return np.clip(self._tails(process, x, x_next, t, dt)[0], 0.0, 1.0)

    def _tails(
        self, process: Process, x: ArrayLike, x_next: ArrayLike, t: ArrayLike, dt: ArrayLike
    ) -> tuple[FloatArray, FloatArray]:
        """Return lower and upper tail probabilities given the components before, (n, d)."""
        parts = list(_components(process, x, x_next, t, dt))
        logs = np.stack([weight for weight, _, _ in parts])
        z = np.stack([standard for _, standard, _ in parts])
        lower, upper = np.empty(z.shape[1:]), np.empty(z.shape[1:])
        for j in range(z.shape[2]):
            share = np.exp(logs - logsumexp(logs, axis=0))
            lower[:, j] = np.sum(share * ndtr(z[:, :, j]), axis=0)
            upper[:, j] = np.sum(share * ndtr(-z[:, :, j]), axis=0)
            scale = np.stack([log_scale[:, j] for _, _, log_scale in parts])
            logs = logs - 0.5 * z[:, :, j] ** 2 - scale
        return lower, upper


def _components(
    process: Process, x: ArrayLike, x_next: ArrayLike, t: ArrayLike, dt: ArrayLike
) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
    """Yield, by number of jumps, log weight (n,), standardised step and log scales (n, d)."""
    jumps = _jump_diffusion(process)
    states, start, steps = checked_steps(process, x, t, dt)
    following = as_states("x_next", x_next, process.dim)
    if following.shape != states.shape:
        raise InputError(
            f"`x` and `x_next` must have the same shape; got {states.shape} and {following.shape}."
        )
    expected = jumps.jump_rate * steps
    residual = following - states - process.drift(states, start) * steps[:, None]
    covariance = process.covariance(states, start) * steps[:, None, None]
    highest = int(poisson.isf(_LEFT_OUT, expected.max())) if expected.max() > 0 else 0
    for k in range(highest + 1):
        log_expected = np.log(expected) if k else 0.0
        weight = k * log_expected - expected - gammaln(k + 1)
        factors = cholesky_factors(covariance + k * jumps.jump_covariance)
        z = standardise(residual - k * jumps.jump_mean, factors)
        yield weight, z, np.log(np.diagonal(factors, axis1=1, axis2=2))


def _jump_diffusion(process: Process) -> JumpDiffusion:
    if not isinstance(process, JumpDiffusion):
        raise InputError(
            f"The density 'jump_euler' is for a JumpDiffusion; {type(process).__name__} has no "
            "jumps. Use 'euler'."
        )
    return process
