"""Standardised residuals and probability integral transforms of a fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.processes.base import Process
from stochtext.results.covariate_rows import row_by_row
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


class _Later(Residuals):
    """Residuals computed when they are first asked for: many fits are never judged."""

    _given: dict[str, Any]
    _known: dict[str, FloatArray]

    def __init__(
        self, panel: Trajectories, process: Process, transition: TransitionDensity, clock: str
    ) -> None:
        given = {"panel": panel, "process": process, "transition": transition, "clock": clock}
        object.__setattr__(self, "_given", given)
        object.__setattr__(self, "_known", {})

    def _of(self, name: str) -> FloatArray:
        if name not in self._known:
            g = self._given
            steps = g["panel"].transitions(clock=g["clock"])
            function = getattr(g["transition"], {"resid": "residuals"}.get(name, name))

            def evaluate(process: Process, rows: Any) -> FloatArray:
                parts = (part[rows] for part in (steps.x, steps.x_next, steps.t, steps.dt))
                return np.asarray(function(process, *parts, clock_dt=steps.clock_dt[rows]))

            self._known[name] = row_by_row(g["process"], g["panel"], steps.trajectory, evaluate)
        return np.asarray(self._known[name])

    @property
    def resid(self) -> FloatArray:
        """Standardised residuals, shape (n, d)."""
        return self._of("resid")

    @property
    def pit(self) -> FloatArray:
        """Rosenblatt transforms, shape (n, d)."""
        return self._of("pit")

    @property
    def trajectory(self) -> IntArray:
        """Position of the trajectory of each transition, shape (n,)."""
        panel = self._given["panel"]
        return np.repeat(np.arange(panel.n_trajectories), panel.lengths - 1)

    @property
    def x(self) -> FloatArray:
        """State from which each step started, shape (n, d)."""
        return np.asarray(self._given["panel"].transitions().x)


def residuals_of(
    panel: Trajectories, process: Process, transition: TransitionDensity, clock: str
) -> Residuals:
    """Return the residuals of ``process`` on the transitions of ``panel``, computed when asked."""
    return _Later(panel, process, transition, clock)
