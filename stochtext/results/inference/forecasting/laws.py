"""The law of one sampling step, by which forecasts are drawn.

Law of this file: standard normals in, states out; the same normals give neighbouring states to
neighbouring parameters, so that forecasts of two parameter values can be compared draw by draw.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.results.inference.refits.replication import normals_per_step, step_from_normals
from stochtext.transitions.base import TransitionDensity

__all__ = ["ChainLaw", "PathLaw", "StepLaw", "law_of"]


class StepLaw(Protocol):
    """The law of X(t + dt) given X(t).

    Attributes
    ----------
    said : str
        What it is, in words.
    is_exact : bool
        Whether ``mean`` is that of the sampled law for a step of any length.
    """

    said: str
    is_exact: bool

    def width(self, process: Process) -> int:
        """Return how many standard normals one step of one path takes."""

    def step(
        self, process: Process, x: FloatArray, t: FloatArray, dt: FloatArray,
        clock_dt: FloatArray, z: FloatArray,
    ) -> FloatArray:  # fmt: skip
        """Return the next states, shape (n, d), from normals of shape (n, width)."""

    def mean(
        self, process: Process, x: FloatArray, t: FloatArray, dt: FloatArray, clock_dt: FloatArray
    ) -> FloatArray | None:
        """Return E[X(t + dt) | X(t) = x], shape (n, d), where it is known."""


class ChainLaw:
    """The Gaussian one-step law that weighed the data, step after step.

    Parameters
    ----------
    transition : TransitionDensity
    """

    said = "the Gaussian one-step law of the likelihood, step after step"
    is_exact = False

    def __init__(self, transition: TransitionDensity) -> None:
        self._transition = transition

    def width(self, process: Process) -> int:
        """Return d."""
        return process.dim or 1

    def step(
        self, process: Process, x: FloatArray, t: FloatArray, dt: FloatArray,
        clock_dt: FloatArray, z: FloatArray,
    ) -> FloatArray:  # fmt: skip
        """Return mean plus factor times normals."""
        mean, covariance = self._transition.moments(process, x, t, dt, clock_dt=clock_dt)
        return mean + np.einsum("nij,nj->ni", _factor(covariance), z)

    def mean(
        self, process: Process, x: FloatArray, t: FloatArray, dt: FloatArray, clock_dt: FloatArray
    ) -> FloatArray:
        """Return the mean of the one-step law."""
        return self._transition.moments(process, x, t, dt, clock_dt=clock_dt)[0]


class PathLaw:
    """The fitted process itself: its exact step, or Euler-Maruyama in ten substeps."""

    said = "the fitted process between observations"
    is_exact = True

    def width(self, process: Process) -> int:
        """Return the normals of an exact step, or of all substeps."""
        return normals_per_step(process)

    def step(
        self, process: Process, x: FloatArray, t: FloatArray, dt: FloatArray,
        clock_dt: FloatArray, z: FloatArray,
    ) -> FloatArray:  # fmt: skip
        """Return the states one sampling interval later."""
        return step_from_normals(process, x, t, dt, clock_dt, z)

    def mean(
        self, process: Process, x: FloatArray, t: FloatArray, dt: FloatArray, clock_dt: FloatArray
    ) -> FloatArray | None:
        """Return the mean of an exact Gaussian transition; None without one."""
        moments = process.transition_moments(x, dt, t, clock_dt)
        return None if moments is None else moments[0]


def law_of(process: Process, transition: TransitionDensity, errors: Any) -> StepLaw:
    """Return the law by which a fit is to be forecast.

    Parameters
    ----------
    process : Process
    transition : TransitionDensity
        What weighed the data.
    errors : CurveErrors or None
        Of fitted curves.

    Notes
    -----
    Coefficients that maximise Euler's density are those of one sampling interval: their chain
    is forecast. Where curves were corrected for the finite interval, and for all other
    densities, the coefficients are those of the process, which is forecast itself.
    """
    corrected = getattr(errors, "bias", None) is not None or getattr(errors, "_corrected", False)
    if transition.name == "euler" and not corrected:
        return ChainLaw(transition)
    return PathLaw()


def _factor(covariance: FloatArray) -> FloatArray:
    """Return lower Cholesky factors, NaN where a matrix has none."""
    try:
        return np.asarray(np.linalg.cholesky(covariance))
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(np.nan_to_num(covariance))
        good = np.isfinite(covariance).all(axis=(1, 2)) & (values[:, 0] > -1e-12 * values[:, -1])
        root = vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :]
        return np.where(good[:, None, None], root, np.nan)
