"""Centre and scale the coordinates of a panel, with one mean and scale for all trajectories."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.transformer import PanelTransformer

__all__ = ["TrajectoryScaler"]


class TrajectoryScaler(PanelTransformer):
    """Standardise every coordinate over all states of the panel.

    Parameters
    ----------
    with_mean : bool, default True
        Subtract the mean.
    with_std : bool, default True
        Divide by the standard deviation. A constant coordinate is divided by 1.

    Attributes
    ----------
    mean_ : array of shape (d,)
        Mean of all rows (zeros without ``with_mean``).
    scale_ : array of shape (d,)
        What is divided by (ones without ``with_std``).
    constant_ : tuple of str
        Columns that do not vary.
    log_abs_det_jacobian_ : float
        ``log |det|`` of the map, -sum log scale. A density of the scaled data,
        plus this, is a density of the data.
    n_features_in_ : int
        Number of columns, d.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.trajectories.scaling import TrajectoryScaler
    >>> scaler = TrajectoryScaler().fit([np.array([0.0, 2.0]), np.array([4.0, 6.0, 8.0])])
    >>> float(scaler.mean_[0]), round(float(scaler.scale_[0]), 3)
    (4.0, 2.828)
    """

    def __init__(self, *, with_mean: bool = True, with_std: bool = True) -> None:
        self.with_mean = with_mean
        self.with_std = with_std

    def _fit_panel(self, panel: Trajectories) -> None:
        states = panel.values
        mean = states.mean(axis=0)
        variance = states.var(axis=0)
        # The bound on the rounding error of a variance that scikit-learn uses as well.
        noise = len(states) * np.finfo(np.float64).eps
        constant = variance <= noise * variance + (noise * mean) ** 2
        std = np.sqrt(np.where(constant, 1.0, variance))
        self.mean_: FloatArray = mean if self.with_mean else np.zeros_like(mean)
        self.scale_: FloatArray = std if self.with_std else np.ones_like(std)
        self.constant_ = tuple(
            name for name, still in zip(panel.columns, constant, strict=True) if still
        )
        self.log_abs_det_jacobian_ = -float(np.log(self.scale_).sum())

    def _map(self, states: FloatArray) -> FloatArray:
        return (states - self.mean_) / self.scale_

    def _unmap(self, features: FloatArray) -> FloatArray:
        return features * self.scale_ + self.mean_

    def _output_names(self) -> tuple[str, ...]:
        return self._input_names()
