"""The Gaussian with the moments of the diffusion itself, by cubature and Runge-Kutta."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.typing import ArrayLike, BoolArray, FloatArray, IntArray
from stochtext._shared.validation import check_integer
from stochtext.processes.base import Process, per_state
from stochtext.transitions.base import checked_steps
from stochtext.transitions.cubature.moments import rk4_moments
from stochtext.transitions.gaussian import GaussianDensity

__all__ = ["CubatureDensity"]

# Substeps are this long against the time scale of the drift; the error of one is below 1e-4.
_LONGEST = 0.3
_MOST_SUBSTEPS = 96
# Row counts of substeps come from few numbers, so that rows go together.
_COUNTS = np.array([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96])


class CubatureDensity(GaussianDensity):
    """N(m, P) with mean and covariance from their differential equations.

    Parameters
    ----------
    n_substeps : int or "auto", default "auto"
        Runge-Kutta steps a transition is cut into; "auto" takes so many, for each
        transition, that a substep is at most .3 of the time scale of the drift.

    Notes
    -----
    ``m' = E b(X)``, ``P' = E [b(X) (X - m)'] + its transpose + E a(X)`` with X ~ N(m, P);
    expectations by the spherical cubature rule of 2 d points, which is exact for linear
    drifts, and time steps of the classical Runge-Kutta method. It works for every process
    and takes no derivatives. The time scale for "auto" is one over the norm of the drift's
    differences over one standard deviation of the step. Where the density is far from a
    Gaussian (a step across the barrier of a double well) its shape is missed.

    References
    ----------
    Sarkka and Sarmavuori (2013), Gaussian filtering and smoothing for continuous-discrete
    dynamic systems, Signal Processing 93, 500-510.
    Arasaratnam and Haykin (2009), Cubature Kalman filters, IEEE Transactions on Automatic
    Control 54, 1254-1269.

    Examples
    --------
    >>> from stochtext.processes import OrnsteinUhlenbeck
    >>> from stochtext.transitions import CubatureDensity
    >>> mean, covariance = CubatureDensity().moments(OrnsteinUhlenbeck(1.0, 0.5, 0.6), [[1.0]], 0.0, 0.1)
    >>> mean.round(4), covariance.round(4)
    (array([[0.9524]]), array([[[0.0326]]]))
    """  # noqa: E501

    name = "cubature"

    def __init__(self, n_substeps: int | str = "auto") -> None:
        self.n_substeps = (
            n_substeps if n_substeps == "auto" else check_integer("n_substeps", n_substeps)
        )

    @property
    def options(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {} if self.n_substeps == "auto" else {"n_substeps": self.n_substeps}

    def moments(
        self,
        process: Process,
        x: ArrayLike,
        t: ArrayLike,
        dt: ArrayLike,
        clock_dt: ArrayLike | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return mean (n, d) and covariance (n, d, d) of X(t + dt) given X(t) = x.

        A row whose covariance stops being positive definite is tried again with four
        times the substeps before it is NaN.
        """
        states, start, steps = checked_steps(process, x, t, dt)
        pace = steps if clock_dt is None else per_state("clock_dt", clock_dt, len(states))
        count = self._substeps(process, states, start, steps)
        mean = np.full(states.shape, np.nan)
        covariance = np.full((*states.shape, states.shape[1]), np.nan)
        todo = np.arange(len(states))
        for _ in range(3):
            for substeps in np.unique(count[todo]):
                rows = todo[count[todo] == substeps]
                mean[rows], covariance[rows] = rk4_moments(
                    process.drift, process.covariance, states[rows], start[rows], steps[rows],
                    int(substeps), pace[rows],
                )  # fmt: skip
            fine = np.isfinite(mean).all(axis=1) & _positive(covariance)
            todo = np.flatnonzero(~fine)
            if not todo.size:
                break
            count[todo] *= 4
        return mean, covariance

    def _substeps(self, process: Process, x: FloatArray, t: FloatArray, dt: FloatArray) -> IntArray:
        if self.n_substeps != "auto":
            return np.full(len(x), int(self.n_substeps))
        variance = np.diagonal(process.covariance(x, t), axis1=1, axis2=2) * dt[:, None]
        width = np.sqrt(np.maximum(np.nan_to_num(variance), 1e-300))
        slopes = np.empty((*x.shape, x.shape[1]))
        for k in range(x.shape[1]):
            arm = np.zeros_like(x)
            arm[:, k] = width[:, k]
            ahead, behind = process.drift(x + arm, t), process.drift(x - arm, t)
            slopes[:, :, k] = (ahead - behind) / (2.0 * width[:, [k]])
        size = np.sqrt(np.nan_to_num(slopes, posinf=0.0, neginf=0.0) ** 2).reshape(len(x), -1)
        stiffness = np.sqrt((size**2).sum(axis=1)) * dt
        needed = np.clip(np.ceil(stiffness / _LONGEST), 1, _MOST_SUBSTEPS)
        return _COUNTS[np.searchsorted(_COUNTS, needed)]


def _positive(covariance: FloatArray) -> BoolArray:
    """Whether each covariance is finite and positive on its diagonal."""
    diagonal = np.diagonal(covariance, axis1=1, axis2=2)
    finite = np.isfinite(covariance).all(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        return np.asarray(finite & (diagonal > 0.0).all(axis=1))
