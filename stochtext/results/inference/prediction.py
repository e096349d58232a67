"""Estimates of a curve at given states, with their uncertainty or the reason for its absence."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_fraction

__all__ = ["CurveEstimate"]


class CurveEstimate:
    """Drift or covariance rate at given states.

    Parameters
    ----------
    estimate : ndarray of shape (n, d) or (n, d, d)
    se : ndarray of the same shape
        Standard errors; NaN where there is no honest one.
    columns : tuple of str
        Names of the coordinates.
    reason : str or None
        Why standard errors or estimates are NaN.
    centre : ndarray, optional
        Centre of the intervals if it is not the estimate (bias correction).
    df : float, optional
        Degrees of freedom of the t quantile; the normal one by default.
    """

    def __init__(
        self,
        estimate: FloatArray,
        se: FloatArray,
        *,
        columns: tuple[str, ...],
        reason: str | None = None,
        centre: FloatArray | None = None,
        df: float | None = None,
    ) -> None:
        self.estimate = estimate
        self.se = se
        self.columns = columns
        self.reason = reason
        self.df = df
        self.centre = estimate if centre is None else centre

    def conf_int(self, alpha: float = 0.05) -> FloatArray:
        """Return pointwise intervals of level 1 - alpha.

        Returns
        -------
        ndarray of shape (n, d, 2) or (n, d, d, 2)
            Lower and upper ends on the last axis.
        """
        level = 1 - check_fraction("alpha", alpha) / 2
        quantile = stats.norm.ppf(level) if self.df is None else stats.t.ppf(level, self.df)
        half = quantile * self.se
        return np.stack([self.centre - half, self.centre + half], axis=-1)

    def summary_frame(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return one row per point and component.

        Returns
        -------
        DataFrame
            Columns ``mean, mean_se, mean_ci_lower, mean_ci_upper``; index levels
            ``point`` and ``component`` (a column name, or two for a covariance).
        """
        interval = self.conf_int(alpha)
        rows, cols = np.tril_indices(len(self.columns))
        names = list(self.columns)
        if self.estimate.ndim == 3:
            names = [f"{names[i]}, {names[j]}" for i, j in zip(rows, cols, strict=True)]
        points = range(len(self.estimate))
        return pd.DataFrame(
            {
                "mean": self._listed(self.estimate),
                "mean_se": self._listed(self.se),
                "mean_ci_lower": self._listed(interval[..., 0]),
                "mean_ci_upper": self._listed(interval[..., 1]),
            },
            index=pd.MultiIndex.from_product([points, names], names=["point", "component"]),
        )

    @staticmethod
    def _listed(values: FloatArray) -> FloatArray:
        """Components of a drift, or the lower triangle of a covariance rate, by point."""
        if values.ndim == 2:
            return values.ravel()
        rows, cols = np.tril_indices(values.shape[1])
        return values[:, rows, cols].ravel()

    def __repr__(self) -> str:
        note = f"\n{self.reason}" if self.reason else ""
        return f"{self.summary_frame()}{note}"
