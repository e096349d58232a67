"""What processes with linear drift and constant diffusion have in common."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array, check_integer
from stochtext.processes.base import per_state
from stochtext.processes.compiled.source import CoefficientSource
from stochtext.processes.gaussian_transition import GaussianTransition
from stochtext.processes.linear.transition import (
    one_step,
    transition_covariance,
    transition_matrix_and_covariance,
)
from stochtext.processes.parameters import parameter_value

if TYPE_CHECKING:
    from typing_extensions import Self

    from stochtext.processes.compiled.tracing.formulas import TracedFormulas

__all__ = ["LinearProcess", "check_steps"]

_NO_KNOTS = np.empty(0)

_TEXT = """
@kernel
def {prefix}drift(t, x, theta, out):
    wide_vectors()
    linear_drift(t, x, theta, {terms}, {knots}, out)


@kernel
def {prefix}diffusion(t, x, theta, out):
    wide_vectors()
    constant_rows(theta, out)


@kernel
def {prefix}jacobian(t, x, theta, out):
    linear_jacobian(theta, out)
"""


def check_steps(dt: ArrayLike, n: int) -> FloatArray:
    """Return the length of each of n steps, all positive and finite."""
    steps = per_state("dt", dt, n)
    bad = np.flatnonzero(~(np.isfinite(steps) & (steps > 0)))
    if bad.size:
        raise InputError(f"`dt` must be positive and finite; got {steps[bad[0]]} in row {bad[0]}.")
    return steps


class LinearProcess(GaussianTransition):
    """A process with linear drift -kappa X + ... and constant diffusion sigma.

    The common part of the Ornstein-Uhlenbeck processes: what depends on kappa
    and sigma only. ``_shape_of(name, d)`` gives the shape of a parameter in d > 1
    dimensions.
    """

    _cholesky_parameters = ("sigma",)

    def __init__(self, values: Mapping[str, Any], dim: int | None, clock: str) -> None:
        params = {name: parameter_value(name, value) for name, value in values.items()}
        dim = self._common_dim(params, dim)
        params = {name: self._fitting(name, value, dim) for name, value in params.items()}
        super().__init__(dim=dim, noise="additive", noise_dim=dim, params=params, clock=clock)

    def with_dim(self, dim: int) -> Self:
        """Return the same family in ``dim`` dimensions; a fixed dimension must agree."""
        dim = check_integer("dim", dim)
        if self.dim is not None:
            return super().with_dim(dim)
        return type(self)(**{**self._params, **self._settings(), "dim": dim})

    def _replace(self, params: Mapping[str, Any]) -> Self:
        return type(self)(**{**params, **self._settings()})

    def _settings(self) -> dict[str, Any]:
        unspecified_dim = self.dim is not None and not self.is_specified
        return {"dim": self.dim} if unspecified_dim else {}

    def _shape_of(self, name: str, dim: int) -> tuple[int, ...]:
        if dim == 1:
            return ()
        return (dim,) if name == "mu" else (dim, dim)

    def _parameter_shape(self, name: str) -> tuple[int, ...]:
        return self._shape_of(name, self.dim or 1)

    def _parameter_bounds(self) -> Mapping[str, tuple[float, float]]:
        return {"sigma": (0.0, np.inf)} if (self.dim or 1) == 1 else {}

    def _common_dim(self, params: Mapping[str, Any], dim: int | None) -> int | None:
        sizes = {
            name: 1 if np.ndim(value) == 0 else int(np.shape(value)[-1])
            for name, value in params.items()
            if value is not None
        }
        if dim is not None:
            sizes["dim"] = check_integer("dim", dim)
        if len(set(sizes.values())) > 1:
            said = ", ".join(f"{name} has {size}" for name, size in sizes.items())
            raise InputError(
                f"The parameters of {type(self).__name__} disagree about the dimension: {said}. "
                "Give scalars for one coordinate; for d coordinates matrices (d, d) and a "
                "mean of length d."
            )
        return next(iter(sizes.values()), None)

    def _fitting(self, name: str, value: Any, dim: int | None) -> Any:
        if value is None or dim is None:
            return value
        shape = self._shape_of(name, dim)
        if shape == () and np.size(value) == 1:
            value = float(np.reshape(value, ()))
        if np.shape(value) != shape:
            raise InputError(
                f"`{name}` of {type(self).__name__} must have shape {shape} in {dim} "
                f"dimension(s); got {np.shape(value)}."
            )
        if name == "sigma" and dim == 1 and value < 0:
            raise InputError(f"`sigma` must be a number >= 0; got {value!r}.")
        return value

    def start_values(self, x: FloatArray, x_next: FloatArray, dt: FloatArray) -> dict[str, Any]:
        """Return scalar mean reversion around the sample mean, and the residual diffusion."""
        d, mean = x.shape[1], x.mean(axis=0)
        step, away = x_next - x, (mean - x) * dt[:, None]
        slope = float(np.sum(step * away) / max(np.sum(away * away), 1e-300))
        rate = min(max(slope, 0.01 / float(np.mean(dt))), 1.0 / float(np.mean(dt)))
        error = (step - rate * away) / np.sqrt(dt)[:, None]
        factor = np.linalg.cholesky(np.atleast_2d(error.T @ error / len(x)))
        if d == 1:
            return {"kappa": rate, "mu": float(mean[0]), "sigma": float(factor[0, 0])}
        return {"kappa": rate * np.eye(d), "mu": mean, "sigma": factor}

    # -- coefficients as matrices ----------------------------------------------------------

    @property
    def _kappa(self) -> FloatArray:
        return np.atleast_2d(np.asarray(self._params["kappa"], dtype=np.float64))

    @property
    def _sigma(self) -> FloatArray:
        return np.atleast_2d(np.asarray(self._params["sigma"], dtype=np.float64))

    def _diffusion(self, x: FloatArray, t: FloatArray) -> FloatArray:
        return np.broadcast_to(self._sigma, (len(x), *self._sigma.shape)).copy()

    def _step(self, dt: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return exp(-kappa dt) and the transition covariance of each row."""
        if len(dt) and np.all(dt == dt[0]):
            lengths, which = dt[:1], np.zeros(len(dt), dtype=np.int64)
        else:
            lengths, which = np.unique(dt, return_inverse=True)
        if self.dim == 1:
            kappa, sigma = self._params["kappa"], self._params["sigma"]
            with np.errstate(over="ignore"):
                phi = np.exp(-kappa * lengths)[:, None, None]
            covariance = transition_covariance(kappa, sigma, lengths)[:, None, None]
        elif len(lengths) == 1:
            phi, covariance = one_step(self._kappa.tobytes(), self._sigma.tobytes(), lengths[0])
        else:
            phi, covariance = transition_matrix_and_covariance(self._kappa, self._sigma, lengths)
        if len(lengths) == 1:
            # One matrix seen n times: whoever factorises it can do so once.
            shape = (len(dt), *phi.shape[1:])
            return np.broadcast_to(phi[0], shape), np.broadcast_to(covariance[0], shape)
        return phi[which], covariance[which]

    def _stable(self, wanted: str) -> None:
        self.require_specified()
        slowest = float(np.linalg.eigvals(self._kappa).real.min())
        if slowest <= 0:
            raise InputError(
                f"There is no {wanted}: kappa has an eigenvalue with real part {slowest:.6g}, "
                "and a stationary law needs all of them positive."
            )

    def stationary_covariance(self) -> FloatArray:
        """Return the stationary covariance S, solving kappa S + S kappa^T = sigma sigma^T.

        Returns
        -------
        ndarray of shape (d, d)

        Raises
        ------
        InputError
            If an eigenvalue of kappa has no positive real part.
        """
        self._stable("stationary covariance")
        if self.dim == 1:
            return self._sigma**2 / (2.0 * self._kappa)
        from scipy.linalg import solve_continuous_lyapunov

        solution = solve_continuous_lyapunov(self._kappa, self._sigma @ self._sigma.T)
        return 0.5 * (solution + solution.T)

    def autocovariance(self, lag: ArrayLike) -> FloatArray:
        """Return Cov(X(t + lag), X(t)) = exp(-kappa lag) S of the stationary process.

        Parameters
        ----------
        lag : float or array_like of shape (k,)
            Non-negative time differences.

        Returns
        -------
        ndarray of shape (k, d, d)
        """
        covariance = self.stationary_covariance()
        lags = np.atleast_1d(as_float_array("lag", lag))
        if lags.ndim != 1 or not np.all(lags >= 0):
            raise InputError("`lag` must be a number or a list of numbers, all >= 0.")
        from scipy.linalg import expm

        return expm(-self._kappa * lags[:, None, None]) @ covariance

    def _level_formula(self, t: Any, p: Mapping[str, Any]) -> list[Any] | None:
        """Return the d coordinates of the level that the process returns to, or None.

        ``t`` is a symbol, ``p`` maps names to symbols and arrays of symbols.
        """
        return None

    def formulas(self) -> TracedFormulas | None:
        """Return drift and diffusion as expressions of t, x and the free parameters."""
        from stochtext.processes.compiled.tracing.formulas import linear_formulas

        return linear_formulas(self._level_formula, self.dim or 1, self._parameter_vector)

    @property
    def formulas_key(self) -> Hashable:
        """The class, and the shapes that its formulas are traced with."""
        vector = self._parameter_vector
        return (type(self), self.dim, tuple(vector.shapes.items()), vector.places, self.clock)

    def _linear_code(
        self, prefix: str, mean: FloatArray, knots: FloatArray = _NO_KNOTS
    ) -> CoefficientSource:
        """Return the source for a mean with these coefficients.

        They are those of the powers of t, and with ``knots`` those of 1, t - knots[0] and
        max(t - knot, 0)^3 for each knot.
        """
        self.require_specified()
        d = len(self._kappa)
        sigma = self._sigma
        return CoefficientSource(
            text=_TEXT.format(prefix=prefix, terms=len(mean), knots=len(knots)),
            sources=("stochtext.processes.compiled.linear",),
            theta=np.concatenate([self._kappa.ravel(), mean.ravel(), knots, sigma.ravel()]),
            dim=d,
            noise_dim=d,
            diagonal=d == 1,
            provides=frozenset({"jacobian"}),
            constant_diffusion=True,
        )
