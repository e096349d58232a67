"""The Strang splitting pseudo-likelihood for additive noise in any number of dimensions."""

from __future__ import annotations

from itertools import product
from typing import Any, NamedTuple

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray
from stochtext._shared.validation import as_float_array
from stochtext.processes.base import Process
from stochtext.transitions.base import TransitionDensity, checked_steps
from stochtext.transitions.formulas.formula import same_rows
from stochtext.transitions.gaussian import cholesky_factors, gaussian_log_density, standardise
from stochtext.transitions.likelihood import DifferenceLikelihood, TransitionLikelihood
from stochtext.transitions.linearised.local_linear import linear_step
from stochtext.transitions.splitting.drift_split import DriftSplit, drift_split
from stochtext.transitions.splitting.flow import Field, flow

__all__ = ["StrangDensity"]

# Up to this dimension moments are taken on a grid of 7 nodes a coordinate.
_LARGEST_GRID = 3


class _Step(NamedTuple):
    """What a step of the splitting needs: the Gaussian in its middle and the outer flow."""

    field: Field
    mean: FloatArray
    covariance: FloatArray
    half: FloatArray


class StrangDensity(TransitionDensity):
    """Half a step of the nonlinear flow, an Ornstein-Uhlenbeck step, half a step of the flow.

    Parameters
    ----------
    center : array_like of shape (d,), optional
        Where the drift is linearised. By default at the fixed point that Newton's method finds
        from the origin, and at the origin itself if it finds none.

    Notes
    -----
    For dX = b(X) dt + sigma dW with constant sigma, in any number of dimensions. The drift is
    split into b(x) = A (x - c) + N(x) with A the Jacobian of b at c. With f the flow of
    dy/ds = N(y) over half a step h / 2, and the exact Ornstein-Uhlenbeck step between,

        X' = f(c + exp(A h) (f(x) - c) + xi),   xi ~ N(0, Q(h)),

    so that f^-1(X') is Gaussian, and

        log p(x' | x) = log N(f^-1(x'); c + exp(A h) (f(x) - c), Q(h)) + log abs det D f^-1(x').

    It is a density: it integrates to one over the states that f reaches, and is zero (its
    logarithm minus infinity) at others. For linear drift it is exact. The mean of one step has
    an error of the order of h^3. Estimates are consistent for h -> 0 and n h -> infinity, and
    asymptotically normal and efficient if n h^2 -> 0 too.

    The flow and its inverse are solved numerically to a relative error of about 1e-12, the
    determinant by Liouville's formula. `residuals` are those of f^-1(x'), which are exactly
    white and Gaussian under this density; `pit` is their normal distribution function. For
    d = 1 that is the distribution function of x', as f is increasing; for d > 1 the Rosenblatt
    transform of f^-1(x'). `moments` integrates f over the Gaussian, on a grid of Gauss-Hermite
    nodes up to d = 3 and by the cubature rule of degree three above.

    Gradients of its likelihood are central differences.

    References
    ----------
    Pilipovic, Samson and Ditlevsen (2024), Parameter estimation in nonlinear multivariate
    stochastic differential equations based on splitting schemes, Annals of Statistics 52,
    842-867. Strang (1968), On the construction and comparison of difference schemes, SIAM
    Journal on Numerical Analysis 5, 506-517.

    Examples
    --------
    >>> from stochtext.processes import DoubleWell
    >>> from stochtext.transitions import StrangDensity
    >>> process = DoubleWell(1.0, 1.0, 0.7)
    >>> StrangDensity().log_density(process, [[1.0]], [[0.9]], 0.0, 0.05).round(5)
    array([0.74967])
    """

    name = "strang"

    def __init__(self, center: ArrayLike | None = None) -> None:
        self.center: FloatArray | None = None
        if center is not None:
            self.center = np.atleast_1d(as_float_array("center", center))
            if self.center.ndim != 1 or not np.all(np.isfinite(self.center)):
                raise InputError(f"`center` must be one finite state, shape (d,); got {center!r}.")
        self._compiled = False

    @property
    def options(self) -> dict[str, Any]:
        """The center, if one was given."""
        return {} if self.center is None else {"center": self.center.tolist()}

    def log_density(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return log p(x_next | x, dt), shape (n,).

        It is minus infinity at states that the splitting cannot reach, and NaN where a flow
        could not be followed.
        """
        step = self._step(process, x, t, dt)
        following = same_rows(process, x_next, len(step.half))
        before, log_determinant = flow(step.field, following, -step.half)
        reached = np.all(np.isfinite(before), axis=1)
        residual = np.where(np.isfinite(before), before - step.mean, 0.0)
        value = gaussian_log_density(residual, step.covariance)
        missed = np.where(np.any(np.isinf(before), axis=1), -np.inf, np.nan)
        known = np.all(np.isfinite(step.mean), axis=1)
        return np.where(known, np.where(reached, value + log_determinant, missed), np.nan)

    def likelihood(
        self,
        family: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
        weight: ArrayLike | None = None,
    ) -> TransitionLikelihood:
        """Return the likelihood of all rows, its gradient by central differences.

        Parameters
        ----------
        family : Process
        x, x_next : array_like of shape (n, d)
        t, dt, clock_dt : array_like of shape (n,)
        weight : array_like of shape (n,), optional

        Returns
        -------
        TransitionLikelihood
        """
        drift_split(family)  # refuses what cannot be split
        compiled = StrangDensity(self.center)
        compiled._compiled = True
        return DifferenceLikelihood(compiled, family, x, x_next, t, dt, clock_dt, weight)

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d) of the end of the step."""
        step = self._step(process, x, t, dt)
        factors = cholesky_factors(step.covariance)
        points, weights = _normal_nodes(step.mean.shape[1])
        starts = [step.mean + factors @ point for point in points]
        ends = np.stack([flow(step.field, start, step.half)[0] for start in starts])
        ends = np.where(np.isfinite(ends), ends, np.nan)
        mean = np.einsum("p,pnd->nd", weights, ends)
        away = ends - mean
        return mean, np.einsum("p,pni,pnj->nij", weights, away, away)

    def residuals(
        self,
        process: Process,
        x: ArrayLike,
        x_next: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> FloatArray:
        """Return L^-1 (f^-1(x_next) - mean) with Q(h) = L L', shape (n, d)."""
        step = self._step(process, x, t, dt)
        following = same_rows(process, x_next, len(step.half))
        before, _ = flow(step.field, following, -step.half)
        before = np.where(np.isfinite(before), before, np.nan)
        return standardise(before - step.mean, cholesky_factors(step.covariance))

    def _step(self, process: Process, x: ArrayLike, t: ArrayLike, dt: ArrayLike) -> _Step:
        process.require_specified()
        split, theta = drift_split(process), process.to_vector()
        states, _, steps = checked_steps(process, x, t, dt)
        center = self._center(split, theta)
        matrix = split.jacobian(center, theta)
        if not np.isfinite(matrix).all():
            raise InputError(
                f"The drift of {type(process).__name__} has no finite Jacobian at "
                f"{center.tolist()}, where it should be linearised; give another `center`."
            )

        def field(y: FloatArray) -> tuple[FloatArray, FloatArray]:
            drift, divergence = split.drift_and_divergence(y, theta, self._compiled)
            return drift - (y - center) @ matrix.T, divergence - np.trace(matrix)

        lengths, which = np.unique(steps, return_inverse=True)
        shape = (len(lengths), *matrix.shape)
        rate = np.broadcast_to(process.covariance(center[None])[0], shape)
        linear = linear_step(np.broadcast_to(matrix, shape), rate, lengths)
        start, _ = flow(field, states, 0.5 * steps)
        start = np.where(np.isfinite(start), start, np.nan)
        mean = center + np.einsum("njk,nk->nj", linear.phi[which], start - center)
        return _Step(field, mean, linear.covariance[which], 0.5 * steps)

    def _center(self, split: DriftSplit, theta: FloatArray) -> FloatArray:
        if self.center is None:
            return split.fixed_point(theta)
        if self.center.shape != (split.dim,):
            raise InputError(
                f"`center` must have {split.dim} coordinates, as the process; got "
                f"{self.center.tolist()}."
            )
        return self.center


def _normal_nodes(dim: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes (p, d) and weights (p,) of the standard normal distribution."""
    if dim > _LARGEST_GRID:
        points = np.sqrt(dim) * np.concatenate([np.eye(dim), -np.eye(dim)])
        return points, np.full(2 * dim, 0.5 / dim)
    nodes, weights = np.polynomial.hermite_e.hermegauss(7)
    points = np.array(list(product(nodes, repeat=dim)))
    masses = np.array([np.prod(each) for each in product(weights, repeat=dim)])
    return points, masses / masses.sum()
