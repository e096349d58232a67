"""The transition density by simulation: Pedersen's estimate with diffusion bridges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_states, check_choice, check_integer
from stochtext.processes.base import Process, per_state
from stochtext.simulation.noise import noise_key
from stochtext.transitions.base import TransitionDensity, checked_steps
from stochtext.transitions.simulated.forward_mixture import forward_mixture, mixture_scores

__all__ = ["SimulatedDensity"]

_PROPOSALS = {"modified_bridge": "modified", "residual_bridge": "residual"}
#: Bridges that are weighed at a time.
_CHUNK = 2**22
#: Forward paths of a transition for each of its bridges, and how many go on at a time.
_FORWARD = 8
_FORWARD_CHUNK = 2**18


class SimulatedDensity(TransitionDensity):
    """An estimate of the transition density by simulated bridges, in any dimension.

    Parameters
    ----------
    n_paths : int, default 128
        Bridges per transition.
    n_substeps : int, default 16
        Euler steps per transition; 1 is `EulerDensity`.
    method : {"modified_bridge", "residual_bridge"}, default "modified_bridge"
        How the bridges are proposed. The residual bridge follows the drift first: better for
        long steps.
    antithetic : bool, default True
        Whether the paths come in pairs with opposite noise.
    extrapolate : bool, default False
        Whether log p is extrapolated from ``n_substeps`` and twice as many to infinitely
        many (Richardson), which removes the leading error of Euler's scheme.
    random_state : int, default 0
        Seed. All parameter values have the same noise, so that the likelihood is as smooth
        in them as the coefficients are.

    Notes
    -----
    The mean weight of the bridges estimates the density of Euler's scheme with
    ``n_substeps`` steps without bias, whatever ``n_paths`` is; that density differs from the
    process's own by an error of the order of dt / n_substeps. Its logarithm is biased: by
    minus half the squared standard error of the row, to leading order. A row with
    ``standard_error`` 0.1 loses 0.005; over n rows the loss is half the sum of the squared
    standard errors, and its change with the parameters is what biases estimates.

    ``moments``, ``pit`` and ``residuals`` come from eight times as many paths, simulated
    forwards up to the last substep, which is taken as the Gaussian that it is. More rows do
    not make them more precise: ``pit`` has a standard error of up to
    0.5 / sqrt(8 ``n_paths``), and residuals beyond 3 are rough. Residuals are the standard
    normal quantiles of ``pit``, from the smaller tail. Forward paths that leave the domain of
    the process are reflected at its ends; bridges that do have weight zero. ``extrapolate``
    concerns the density only.

    References
    ----------
    Pedersen (1995), A new approach to maximum likelihood estimation for stochastic
    differential equations based on discrete observations, Scandinavian Journal of Statistics
    22, 55-71. Durham and Gallant (2002), Numerical techniques for maximum likelihood
    estimation of continuous-time diffusion processes, Journal of Business and Economic
    Statistics 20, 297-316.

    Examples
    --------
    >>> from stochtext.processes import OrnsteinUhlenbeck
    >>> from stochtext.transitions import ExactDensity, SimulatedDensity
    >>> step = OrnsteinUhlenbeck(1.0, 0.5, 0.6), [[1.0]], [[0.9]], 0.0, 0.1
    >>> density = SimulatedDensity(extrapolate=True)
    >>> error = density.log_density(*step) - ExactDensity().log_density(*step)
    >>> bool(abs(error[0]) < 1e-3 + 3 * density.standard_error(*step)[0])
    True
    """

    name = "simulated"

    def __init__(
        self,
        n_paths: int = 128,
        n_substeps: int = 16,
        method: str = "modified_bridge",
        antithetic: bool = True,
        extrapolate: bool = False,
        random_state: int = 0,
    ) -> None:
        self.n_paths = check_integer("n_paths", n_paths, minimum=2)
        self.n_substeps = check_integer("n_substeps", n_substeps)
        self.method = check_choice("method", method, tuple(_PROPOSALS))
        self.antithetic = bool(antithetic)
        self.extrapolate = bool(extrapolate)
        self.random_state = check_integer("random_state", random_state, minimum=0)
        if self.antithetic and self.n_paths % 2:
            raise InputError(
                f"With `antithetic` paths come in pairs: `n_paths` must be even; got {n_paths}."
            )

    @property
    def options(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {
            "n_paths": self.n_paths,
            "n_substeps": self.n_substeps,
            "method": self.method,
            "antithetic": self.antithetic,
            "extrapolate": self.extrapolate,
            "random_state": self.random_state,
        }

    def log_density(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the log of the estimate of p(x_next | x, dt), shape (n,).

        Minus infinity where x_next lies outside the domain or every bridge left it.

        Raises
        ------
        SchemeError
            If the noise does not reach every direction.
        """
        return self._estimate(process, x, x_next, t, dt, clock_dt)[0]

    def standard_error(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the Monte Carlo standard error of each log density, shape (n,).

        It is the relative standard error of the density (delta method); NaN where the density
        is zero, and for a single pair of paths. Arguments are those of ``log_density``.
        """
        return self._estimate(process, x, x_next, t, dt, clock_dt)[1]

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d) over simulated paths."""
        means, covariances = [], []
        for mean, covariance in self._mixtures(process, x, t, dt, clock_dt):
            centre = mean.mean(axis=1)
            away = mean - centre[:, None]
            between = np.einsum("nki,nkj->nij", away, away) / away.shape[1]
            means.append(centre)
            covariances.append(covariance.mean(axis=1) + between)
        return np.concatenate(means), np.concatenate(covariances)

    def residuals(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return the standard normal quantiles of ``pit``, shape (n, d)."""
        following = as_states("x_next", x_next, process.dim)
        parts, first = [], 0
        for mean, covariance in self._mixtures(process, x, t, dt, clock_dt):
            parts.append(mixture_scores(mean, covariance, following[first : first + len(mean)]))
            first += len(mean)
        return np.concatenate(parts)

    def _mixtures(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None,
    ) -> Iterator[tuple[FloatArray, FloatArray]]:
        states, start, steps = checked_steps(process, x, t, dt)
        clock = steps if clock_dt is None else per_state("clock_dt", clock_dt, len(states))
        n_paths = _FORWARD * self.n_paths
        key, each = noise_key(self.random_state), max(1, _FORWARD_CHUNK // n_paths)
        for first in range(0, max(len(states), 1), each):
            rows = slice(first, first + each)
            yield forward_mixture(
                process, states[rows], start[rows], steps[rows], clock[rows],
                n_paths=n_paths, n_substeps=self.n_substeps, antithetic=self.antithetic,
                key=key, first_path=first * n_paths,
            )  # fmt: skip

    def _estimate(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None,
    ) -> tuple[FloatArray, FloatArray]:
        states, start, steps = checked_steps(process, x, t, dt)
        following = as_states("x_next", x_next, process.dim)
        if following.shape != states.shape:
            raise InputError(
                f"`x` and `x_next` must have the same shape; got {states.shape} and "
                f"{following.shape}."
            )
        clock = steps if clock_dt is None else per_state("clock_dt", clock_dt, len(states))
        low, high = np.array(process.domain).T
        inside = np.all((following >= low) & (following <= high), axis=1)
        inside &= np.isfinite(following).all(axis=1)
        value = np.where(np.isnan(following).any(axis=1), np.nan, -np.inf)
        error = np.full(len(states), np.nan)
        each = max(1, _CHUNK // self.n_paths)
        for first in range(0, len(states), each):
            rows = first + np.flatnonzero(inside[first : first + each])
            if rows.size:
                part = (states[rows], following[rows], start[rows], steps[rows], clock[rows])
                value[rows], error[rows] = self._of_rows(process, part, first * self.n_paths)
        return value, error

    def _of_rows(
        self, process: Process, part: tuple[FloatArray, ...], first_path: int
    ) -> tuple[FloatArray, FloatArray]:
        value, influence = self._of_substeps(process, part, self.n_substeps, first_path)
        if self.extrapolate:
            finer, its_influence = self._of_substeps(process, part, 2 * self.n_substeps, first_path)
            with np.errstate(invalid="ignore"):
                value, influence = 2.0 * finer - value, 2.0 * its_influence - influence
            value = np.where(np.isneginf(finer), -np.inf, value)
        if self.antithetic:
            influence = 0.5 * (influence[:, 0::2] + influence[:, 1::2])
        n = influence.shape[1]
        spread = influence.std(axis=1, ddof=1) if n > 1 else np.full(len(value), np.nan)
        return value, spread / np.sqrt(n)

    def _of_substeps(
        self, process: Process, part: tuple[FloatArray, ...], n_substeps: int, first_path: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return the log mean weight of each row, and the weights over their mean."""
        from stochtext.simulation.bridge_weights import bridge_log_weights
        from stochtext.simulation.threads import available_threads

        states, following, start, steps, clock = part
        log_weights = bridge_log_weights(
            process, states, following, start, steps, clock_dt=clock,
            n_inner=n_substeps, n_draws=self.n_paths, key=noise_key(self.random_state),
            proposal=_PROPOSALS[self.method], antithetic=self.antithetic,
            first_path=first_path, n_threads=available_threads(None),
        )  # fmt: skip
        largest = log_weights.max(axis=1, keepdims=True)
        shift = np.where(np.isfinite(largest), largest, 0.0)
        weights = np.exp(log_weights - shift)
        mean = weights.mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.log(mean) + shift[:, 0], weights / mean[:, None]
