"""Estimates of a curve at given states, with their uncertainty or the reason for its absence."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import BoolArray, FloatArray, RandomState
from stochtext._shared.validation import check_choice, check_fraction
from stochtext.results.inference.curves.simultaneous import simultaneous_quantile

__all__ = ["BANDS", "CurveEstimate"]

BANDS = ("pointwise", "simultaneous")


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
    df : float or ndarray of the same shape, optional
        Degrees of freedom of the t quantile; the normal one by default.
    joint : callable, optional
        Returns the covariance of the errors at all states, shape (c, n, n) for the c
        components in the order of ``estimate``.
    """

    def __init__(
        self,
        estimate: FloatArray,
        se: FloatArray,
        *,
        columns: tuple[str, ...],
        reason: str | None = None,
        centre: FloatArray | None = None,
        df: float | FloatArray | None = None,
        joint: Callable[[], FloatArray] | None = None,
    ) -> None:
        self.estimate = estimate
        self.se = se
        self.columns = columns
        self.reason = reason
        self.df = df
        self._joint = joint
        self.centre = estimate if centre is None else centre

    def conf_int(
        self,
        alpha: float = 0.05,
        method: str = "pointwise",
        *,
        random_state: RandomState = 0,
    ) -> FloatArray:
        """Return intervals of level 1 - alpha.

        Parameters
        ----------
        alpha : float, default 0.05
        method : {"pointwise", "simultaneous"}, default "pointwise"
            At each state, or for all of them together: :meth:`simultaneous_band`.
        random_state : None, int, Generator or SeedSequence, default 0
            For ``"simultaneous"``.

        Returns
        -------
        ndarray of shape (n, d, 2) or (n, d, d, 2)
            Lower and upper ends on the last axis.
        """
        if check_choice("method", method, BANDS) == "simultaneous":
            return self.simultaneous_band(alpha, random_state=random_state)
        return self._pointwise(check_fraction("alpha", alpha))

    def _pointwise(self, alpha: float) -> FloatArray:
        level = 1 - alpha / 2
        quantile = stats.norm.ppf(level) if self.df is None else stats.t.ppf(level, self.df)
        half = quantile * self.se
        return np.stack([self.centre - half, self.centre + half], axis=-1)

    def simultaneous_band(
        self, alpha: float = 0.05, *, random_state: RandomState = 0
    ) -> FloatArray:
        """Return a band that holds the whole curve at these states with level 1 - alpha.

        Parameters
        ----------
        alpha : float
        random_state : None, int, Generator or SeedSequence, default 0

        Returns
        -------
        ndarray of shape (n, d, 2) or (n, d, d, 2)
            Lower and upper ends; NaN where there is no standard error, and such states
            are not among those that the band holds.

        Raises
        ------
        InputError
            Where the errors at different states are not known together.

        Notes
        -----
        The half-width is a multiple of the standard error: the quantile of the largest
        studentised error, by the wild bootstrap with Gaussian multipliers. Given the data,
        sums of influence times noise times multiplier are Gaussian, so the draws are taken
        from their joint law. Several components share alpha equally.

        References
        ----------
        Chernozhukov, V., Chetverikov, D. and Kato, K. (2014), Anti-concentration and
        honest, adaptive confidence bands, Annals of Statistics 42, 1787-1818.
        """
        check_fraction("alpha", alpha)
        if self._joint is None:
            raise InputError(
                "A simultaneous band needs the joint law of the errors at all states, which this "
                "estimate does not have. Use conf_int for pointwise intervals."
            )
        flat = self.se.reshape(len(self.se), -1)
        every = np.inf if self.df is None else self.df
        df = np.broadcast_to(every, self.se.shape).reshape(flat.shape)
        half = np.full_like(flat, np.nan)
        for j, covariance in enumerate(self._joint()):
            known = np.flatnonzero(np.isfinite(flat[:, j]))
            if known.size:
                own, least = covariance[np.ix_(known, known)], float(np.median(df[known, j]))
                quantile = simultaneous_quantile(own, alpha / flat.shape[1], random_state, least)
                half[:, j] = quantile * flat[:, j]
        width = half.reshape(self.se.shape)
        return np.stack([self.centre - width, self.centre + width], axis=-1)

    def among(self, places: BoolArray, reason: str | None) -> CurveEstimate:
        """Return the same with these states at some places of more, NaN at the others.

        Parameters
        ----------
        places : ndarray of bool of shape (m,)
            True as many times as there are states.
        reason : str or None
            Why there are NaN at the others.
        """

        def spread(values: FloatArray) -> FloatArray:
            full = np.full((len(places), *values.shape[1:]), np.nan)
            full[places] = values
            return full

        reasons = [r for r in (self.reason, None if places.all() else reason) if r]
        return CurveEstimate(
            spread(self.estimate), spread(self.se), columns=self.columns,
            reason="; ".join(reasons) or None, centre=spread(self.centre),
            df=spread(self.df) if isinstance(self.df, np.ndarray) else self.df,
            joint=None if self._joint is None else partial(_spread_joint, self._joint, places),
        )  # fmt: skip

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


def _spread_joint(joint: Callable[[], Iterable[FloatArray]], places: BoolArray) -> FloatArray:
    """Return joint covariances at some places of more, NaN at the others."""
    known = list(joint())
    full = np.full((len(known), len(places), len(places)), np.nan)
    for own, covariance in zip(full, known, strict=True):
        own[np.ix_(places, places)] = covariance
    return full
