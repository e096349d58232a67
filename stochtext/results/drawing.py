"""The plots of every fit: curves with intervals, drift field, residual diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.validation import as_states

if TYPE_CHECKING:
    from collections.abc import Callable

    from stochtext.processes.base import Process
    from stochtext.processes.support import Support
    from stochtext.results.inference.curves.prediction import CurveEstimate
    from stochtext.results.record import FitRecord
    from stochtext.results.residuals import Residuals

__all__ = ["DrawnResults"]


class DrawnResults:
    """What results draw; a subclass has the numbers."""

    if TYPE_CHECKING:
        record: FitRecord
        process: Process
        support: Support
        get_drift: Callable[..., CurveEstimate]
        get_covariance: Callable[..., CurveEstimate]
        _fitted_residuals: Callable[[], Residuals]

    def plot_drift(self, x: Any = None, component: int = 0, ax: Any = None) -> Any:
        """Draw the drift along one coordinate, with its interval where there is one."""
        from stochtext.plotting.curves import plot_drift

        return self._plot_curve(plot_drift, self.get_drift, x, component, ax)

    def plot_diffusion(self, x: Any = None, component: int = 0, ax: Any = None) -> Any:
        """Draw the covariance rate along one coordinate, with its interval."""
        from stochtext.plotting.curves import plot_covariance

        return self._plot_curve(plot_covariance, self.get_covariance, x, component, ax)

    def plot_phase(self, components: tuple[int, int] = (0, 1), ax: Any = None) -> Any:
        """Draw the drift field over two coordinates, the others at their mean."""
        from stochtext.plotting.fields import plot_field

        if self.record.dim < 2:
            raise InputError(
                "A phase portrait needs at least two coordinates; use plot_drift for one."
            )
        return plot_field(self.process.drift, self.support, components=components, ax=ax)

    def plot_diagnostics(self, ax: Any = None) -> Any:
        """Draw residual diagnostics of the fitted data: PIT, Q-Q, autocorrelations.

        Parameters
        ----------
        ax : array_like of four Axes, optional
            Where to draw; a new figure by default.

        Returns
        -------
        Figure
        """
        from stochtext.plotting.diagnostics import plot_residual_diagnostics

        residuals = self._fitted_residuals()
        return plot_residual_diagnostics(
            residuals.resid, residuals.pit, residuals.trajectory, axes=ax
        )

    def _plot_curve(self, draw: Any, curve_at: Any, x: Any, component: int, ax: Any) -> Any:
        line = self.support.line(component) if x is None else as_states("x", x, self.record.dim)
        curve = curve_at(line)
        pick = (slice(None), *(component,) * (curve.estimate.ndim - 1))
        interval = curve.conf_int()[pick]
        lower, upper = interval[:, 0], interval[:, 1]
        known = bool(np.isfinite(lower).any())
        axes = draw(
            line[:, component], curve.estimate[pick], lower if known else None,
            upper if known else None, ax=ax,
        )  # fmt: skip
        axes.set_xlabel(self.record.columns[component])
        return axes
