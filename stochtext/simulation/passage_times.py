"""First passage times with the paths that never arrived: no statistic here forgets them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, BoolArray, FloatArray, IntArray
from stochtext._shared.validation import as_float_array, check_positive

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PassageTimes"]


@dataclass(frozen=True, eq=False)
class PassageTimes:
    """When paths first reached a barrier, as far as they were followed.

    Parameters
    ----------
    times : ndarray of shape (n_paths,)
        Time from the start to the barrier; NaN for a path that was not seen to arrive.
    side : ndarray of int of shape (n_paths,)
        1 for the upper barrier, -1 for the lower one, 0 for a path that did not arrive.
    followed : ndarray of shape (n_paths,)
        How long each path was followed: to its arrival, to ``max_time``, or to where it left
        the floating-point range.
    max_time : float
        How long a path was followed at most.
    n_lost : int
        Paths that left the floating-point range before they arrived.

    Notes
    -----
    Paths that did not arrive are censored. A mean of the times that were seen would be too
    small; what can be estimated is the survival function up to ``max_time``, and the area
    below it: the mean of min(T, max_time), called restricted mean (Irwin 1949).

    References
    ----------
    Kaplan and Meier (1958), Nonparametric estimation from incomplete observations, Journal of
    the American Statistical Association 53, 457-481. Irwin (1949), Journal of Hygiene 47,
    188-189.

    Examples
    --------
    >>> from stochtext.processes import OrnsteinUhlenbeck
    >>> from stochtext.simulation import first_passage_times
    >>> process = OrnsteinUhlenbeck(kappa=1.0, mu=0.0, sigma=1.0)
    >>> passages = first_passage_times(
    ...     process, 0.0, upper=1.0, dt=0.01, max_time=50.0, n_paths=4000, random_state=1
    ... )
    >>> mean, error = passages.restricted_mean()
    >>> 3.8 < mean < 4.2, error < 0.1
    (True, True)
    """

    times: FloatArray = field(repr=False)
    side: IntArray = field(repr=False)
    followed: FloatArray = field(repr=False)
    max_time: float
    n_lost: int = 0

    @property
    def n_paths(self) -> int:
        """Number of paths."""
        return len(self.times)

    @property
    def censored(self) -> BoolArray:
        """Which paths were not seen to arrive."""
        return self.side == 0

    def survival(self, times: ArrayLike | None = None) -> pd.DataFrame:
        """Return the Kaplan-Meier estimate of P(T > time).

        Parameters
        ----------
        times : array_like of shape (k,), optional
            Times between 0 and ``max_time``; by default 0 and every time of arrival.

        Returns
        -------
        DataFrame
            One row a time (the index) with the columns ``survival``, ``se`` (Greenwood's
            formula), ``at_risk`` (paths still followed, and not arrived, just before) and
            ``arrived`` (paths that have arrived by then).
        """
        import pandas as pd

        at, survival, variance, _, events = self._curve()
        if times is None:
            asked = np.concatenate([[0.0], at])
        else:
            asked = np.atleast_1d(as_float_array("times", times))
            if asked.ndim != 1 or not np.all((asked >= 0.0) & (asked <= self.max_time)):
                raise InputError(
                    f"`times` must be a list of numbers between 0 and `max_time` = "
                    f"{self.max_time:g}; got {times!r}."
                )
        before = np.searchsorted(at, asked, side="right")
        left = np.sort(self.followed)
        return pd.DataFrame(
            {
                "survival": np.concatenate([[1.0], survival])[before],
                "se": np.concatenate([[0.0], survival * np.sqrt(variance)])[before],
                "at_risk": self.n_paths - np.searchsorted(left, asked, side="left"),
                "arrived": np.concatenate([[0], np.cumsum(events)])[before],
            },
            index=pd.Index(asked, name="time"),
        )

    def restricted_mean(self, until: float | None = None) -> tuple[float, float]:
        """Return an estimate of the mean of min(T, until), and its standard error.

        Parameters
        ----------
        until : float, optional
            At most, and by default, ``max_time``. If every path has arrived by then the
            estimate is that of the mean of T.

        Returns
        -------
        estimate, standard_error : float
            NaN for the error of a single path.

        Notes
        -----
        The area below the Kaplan-Meier curve, with the variance of Kaplan and Meier (1958,
        section 6.2) times n / (n - 1) for n arrivals. Where every path was followed to its
        arrival or to ``until``, it is the mean of min(T, until).
        """
        end = self.max_time if until is None else check_positive("until", until)
        if end > self.max_time:
            raise InputError(
                f"`until` must not exceed `max_time` = {self.max_time:g}; got {end:g}."
            )
        if self.n_lost == 0:
            values = np.minimum(self.followed, end)
            error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
            return float(values.mean()), float(error)
        at, survival, _, at_risk, events = self._curve()
        seen = at < end
        knots = np.concatenate([[0.0], at[seen], [end]])
        levels = np.concatenate([[1.0], survival[seen]])
        pieces = np.diff(knots) * levels
        beyond = np.cumsum(pieces[::-1])[::-1][1:]
        n, left = events[seen], (at_risk - events)[seen]
        terms = beyond**2 * n / (at_risk[seen] * np.maximum(left, 1))
        arrived = n.sum()
        factor = arrived / (arrived - 1) if arrived > 1 else np.nan
        return float(pieces.sum()), float(np.sqrt(terms[left > 0].sum() * factor))

    def _curve(self) -> tuple[FloatArray, FloatArray, FloatArray, IntArray, IntArray]:
        """Return times of arrival, survival, Greenwood's sum, paths at risk, and arrivals."""
        at, counts = np.unique(self.times[~self.censored], return_counts=True)
        events = counts.astype(np.int64)
        gone = np.searchsorted(np.sort(self.followed), at, side="left").astype(np.int64)
        at_risk = self.n_paths - gone
        left = at_risk - events
        survival = np.cumprod(left / at_risk).astype(np.float64)
        # Where nobody is left the survival is zero, and the product with the sum too.
        variance: FloatArray = np.cumsum(
            np.where(left > 0, events / (at_risk * np.maximum(left, 1)), 0.0)
        )
        return at, survival, variance, at_risk, events

    def __str__(self) -> str:
        mean, error = self.restricted_mean()
        arrived = self.n_paths - int(self.censored.sum())
        return (
            f"{arrived} of {self.n_paths} paths arrived within {self.max_time:g}; mean of "
            f"min(T, {self.max_time:g}) = {mean:.4g} (standard error {error:.2g})"
        )
