"""Standardised residuals and probability integral transforms of a fit."""

from __future__ import annotations

from dataclasses import dataclass

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.trajectories.panel import Trajectories
from stochtext.transitions.base import TransitionDensity

__all__ = ["Residuals", "residuals_of"]


@dataclass(frozen=True)
class Residuals:
    """One row per transition.

    Attributes
    ----------
    resid : ndarray of shape (n, d)
        L^{-1} (X(t + dt) - E[X(t + dt) | X(t)]) with L the lower Cholesky factor of
        the conditional covariance: standard normal if the model is right and Gaussian.
    pit : ndarray of shape (n, d)
        Rosenblatt transform in column order: uniform if the model is right.
    trajectory : ndarray of int of shape (n,)
    x : ndarray of shape (n, d)
        State from which each step started.
    """

    resid: FloatArray
    pit: FloatArray
    trajectory: IntArray
    x: FloatArray


def residuals_of(
    panel: Trajectories, process: Process, transition: TransitionDensity, clock: str
) -> Residuals:
    """Return the residuals of ``process`` on the transitions of ``panel``."""
    steps = panel.transitions(clock=clock)
    arguments = (process, steps.x, steps.x_next, steps.t, steps.dt)
    return Residuals(
        transition.residuals(*arguments, clock_dt=steps.clock_dt),
        transition.pit(*arguments, clock_dt=steps.clock_dt),
        steps.trajectory,
        steps.x,
    )
