"""What the order control says: a table, a sentence, a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.tables import Summary, frame_table, number, pairs_table
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_fraction

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["OrderControl"]

POOLED = "all coordinates"
# Below this share of order the verdict says that it is little.
MINOR = 0.2


class OrderControl:
    """Predictability of trajectories as written and with their states shuffled.

    All arrays hold the value of all coordinates pooled, then one a coordinate.

    Parameters
    ----------
    columns : sequence of str
        Names of the d coordinates.
    as_written, running_mean : ndarrays of shape (d + 1,)
        Held-out R2 of the last state, and of the mean of the trajectory so far.
    shuffled : ndarray of shape (n_permutations, d + 1)
        Held-out R2 of the last state in each shuffled copy.
    order_se, share_se : ndarrays of shape (d + 1,)
        Jackknife standard errors of ``order`` and ``share``.
    n_blocks : int
        Blocks of the jackknife.
    n_trajectories, n_transitions : int
    held_out : str
        What was held out, in words.
    reason : str, optional
        Why there are no standard errors.
    irregular : bool
        Whether the steps are of different lengths.

    Attributes
    ----------
    level : ndarray of shape (d + 1,)
        Mean of ``shuffled``: what is predicted without any order.
    order : ndarray of shape (d + 1,)
        ``as_written - level``: what is predicted by order only.
    share : ndarray of shape (d + 1,)
        ``order / as_written``; NaN where nothing is predicted.
    pvalues : ndarray of shape (d + 1,)
        Permutation p-values, one-sided.
    """

    def __init__(
        self,
        *,
        columns: tuple[str, ...],
        as_written: FloatArray,
        shuffled: FloatArray,
        running_mean: FloatArray,
        order_se: FloatArray,
        share_se: FloatArray,
        n_blocks: int,
        n_trajectories: int,
        n_transitions: int,
        held_out: str,
        reason: str | None = None,
        irregular: bool = False,
    ) -> None:
        self.columns = columns
        self.as_written = as_written
        self.shuffled = shuffled
        self.running_mean = running_mean
        self.order_se = order_se
        self.n_blocks = n_blocks
        self.n_trajectories = n_trajectories
        self.n_transitions = n_transitions
        self.held_out = held_out
        self.reason = reason
        self.irregular = irregular
        self.level: FloatArray = shuffled.mean(axis=0)
        self.order: FloatArray = as_written - self.level
        predicted = as_written > 0
        whole = np.where(predicted, as_written, np.nan)
        self.share: FloatArray = self.order / whole
        self.share_se: FloatArray = np.where(predicted, share_se, np.nan)
        copies = len(shuffled)
        self.pvalues: FloatArray = (1 + np.sum(shuffled >= as_written, axis=0)) / (1 + copies)

    @property
    def pvalue(self) -> float:
        """Permutation p-value of all coordinates together."""
        return float(self.pvalues[0])

    def detected(self, alpha: float = 0.05) -> bool:
        """Return whether the order of the states matters at level ``alpha``."""
        return bool(self.pvalue <= check_fraction("alpha", alpha))

    def to_frame(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return one row for all coordinates, then one a coordinate.

        Parameters
        ----------
        alpha : float
            Intervals have level 1 - alpha.

        Returns
        -------
        DataFrame
            Columns ``as_written, shuffled, running_mean`` (held-out R2), ``order,
            order_ci_lower, order_ci_upper`` (the difference of the first two),
            ``share, share_ci_lower, share_ci_upper`` and ``pvalue``.
        """
        quantile = stats.t.ppf(1 - check_fraction("alpha", alpha) / 2, max(self.n_blocks - 1, 1))
        order_half, share_half = quantile * self.order_se, quantile * self.share_se
        return pd.DataFrame(
            {
                "as_written": self.as_written,
                "shuffled": self.level,
                "running_mean": self.running_mean,
                "order": self.order,
                "order_ci_lower": self.order - order_half,
                "order_ci_upper": self.order + order_half,
                "share": self.share,
                "share_ci_lower": self.share - share_half,
                "share_ci_upper": self.share + share_half,
                "pvalue": self.pvalues,
            },
            index=pd.Index([POOLED, *self.columns], name="coordinate"),
        )

    def verdict(self, alpha: float = 0.05) -> str:
        """Return in words how much is order and how much is only level."""
        if 1 / (1 + len(self.shuffled)) > alpha:
            return self._undecided(alpha)
        return self._order_in_words(alpha) if self.detected(alpha) else self._no_dynamics()

    def _undecided(self, alpha: float) -> str:
        copies = len(self.shuffled)
        return (
            f"No verdict: with {copies} shuffled copies p cannot fall below "
            f"{number(1 / (1 + copies), 2)}; use at least {int(np.ceil(1 / alpha)) - 1}. Held-out "
            f"R2 {number(self.as_written[0], 2)} as written, {number(self.level[0], 2)} shuffled."
        )

    def _no_dynamics(self) -> str:
        written, level = number(self.as_written[0], 2), number(self.level[0], 2)
        test = f"permutation p = {number(self.pvalue, 2)}"
        if self.level[0] <= 0:
            return (
                f"No detectable dynamics: the last state predicts nothing of the next (held-out "
                f"R2 {written}), nor does the level of the trajectory (R2 {level} with shuffled "
                f"states; {test})."
            )
        return (
            f"No detectable dynamics: with its states in random order the panel is as "
            f"predictable (held-out R2 {level}) as in the order given ({written}; {test}). "
            "A drift fitted to it describes the level of each trajectory, not a movement."
        )

    def _order_in_words(self, alpha: float) -> str:
        written, level = number(self.as_written[0], 2), number(self.level[0], 2)
        test = f"permutation p = {number(self.pvalue, 2)}"
        if self.as_written[0] <= 0:
            return (
                f"Detectable dynamics of no predictive use: the order matters ({test}), but the "
                f"last state predicts the next no better than the overall mean (held-out R2 "
                f"{written})."
            )
        if self.level[0] <= 0:
            return (
                f"Detectable dynamics: the order matters ({test}). The held-out R2 of {written} is "
                f"order (dynamics) throughout; the level of the trajectories alone predicts "
                f"nothing (R2 {level} with shuffled states)."
            )
        lead = (
            "Detectable dynamics" if self.share[0] >= MINOR else "Detectable dynamics, but little"
        )
        return (
            f"{lead}: the order matters ({test}). Of a held-out R2 of {written}, "
            f"{number(self.order[0], 2)} is order (dynamics): {self._share_in_words(alpha)}. The "
            f"other {level} is only the level of each trajectory: it is there with shuffled "
            f"states too.{self._past_in_words()}"
        )

    def summary(self, alpha: float = 0.05) -> Summary:
        """Return the tables for people, with ``as_text/as_html/as_latex/as_markdown``.

        Parameters
        ----------
        alpha : float
            Intervals have level 1 - alpha.
        """
        frame = self.to_frame(alpha)
        level = f"{100 * (1 - alpha):.3g}% CI"
        shown = pd.DataFrame(
            {
                "as written": frame["as_written"],
                "shuffled": frame["shuffled"],
                "past mean": frame["running_mean"],
                "order": frame["order"],
                level: _intervals(frame, "order"),
                "share": frame["share"],
                f"{level} ": _intervals(frame, "share"),
                "p-value": frame["pvalue"],
            }
        )
        head = pairs_table(
            [("Trajectories", self.n_trajectories), ("Transitions", self.n_transitions)],
            [("Shuffled copies", len(self.shuffled)), ("Held out", self.held_out)],
            "Order control: held-out R2 of the linear one-step prediction",
        )
        return Summary([head, frame_table(shown, digits=3)], self._notes(alpha))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the R2 as written against those of the shuffled copies.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure by default.
        """
        from stochtext.plotting.distributions import plot_order_control

        level = float(self.level[0])
        return plot_order_control(
            float(self.as_written[0]), self.shuffled[:, 0], level=level, ax=ax
        )

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def _past_in_words(self) -> str:
        past = self.running_mean[0]
        if past <= self.as_written[0]:
            return ""
        return (
            f" The mean of the trajectory so far predicts better than its last state (R2 "
            f"{number(past, 2)}), which no Markov model in these coordinates can use."
        )

    def _share_in_words(self, alpha: float) -> str:
        row = self.to_frame(alpha).iloc[0]
        share = f"{100 * row['share']:.0f} % of it"
        if np.isnan(row["share_ci_lower"]):
            return share
        lower, upper = (100 * row[f"share_ci_{end}"] for end in ("lower", "upper"))
        return f"{share} ({100 * (1 - alpha):.3g} % interval {lower:.0f} to {upper:.0f} %)"

    def _notes(self, alpha: float) -> list[str]:
        notes = [
            self.verdict(alpha),
            "shuffled: mean over copies whose states are permuted inside each trajectory; order = "
            "as written - shuffled; share = order / as written.",
            f"past mean: prediction from the mean of the trajectory so far, R2 "
            f"{number(self.running_mean[0], 2)}.",
            "States that were smoothed or overlap (moving averages, cumulative means, overlapping "
            "windows) have an order of their own making, shuffled or not: the control cannot "
            "see that and holds for separate units only.",
        ]
        if self.reason:
            notes.append(f"Intervals are NaN: {self.reason}.")
        else:
            notes.append(
                f"Intervals: jackknife over {self.n_blocks} trajectories, groups or blocks of "
                f"them, t({self.n_blocks - 1})."
            )
        if np.isnan(self.share).any():
            notes.append("share is NaN where nothing is predicted (R2 as written <= 0).")
        if self.reason is None and np.isnan(self.share_se).any():
            notes.append(
                "The interval of the share is NaN where R2 as written is not three standard "
                "errors above zero."
            )
        if self.irregular:
            notes.append("The steps differ in length; the control counts them all as one step.")
        return notes


def _intervals(frame: pd.DataFrame, name: str) -> list[str]:
    bounds = zip(frame[f"{name}_ci_lower"], frame[f"{name}_ci_upper"], strict=True)
    return [f"{number(low, 2)} .. {number(high, 2)}" for low, high in bounds]
