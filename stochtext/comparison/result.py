"""What a comparison says: a table of scores, tested differences, a sentence, a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.tables import Summary, frame_table, number
from stochtext._shared.typing import IntArray, RandomState
from stochtext._shared.validation import check_fraction
from stochtext.comparison.means import (
    MeanEstimate,
    clustered_mean,
    newey_west_lags,
    newey_west_mean,
)
from stochtext.comparison.model_set import model_confidence_set
from stochtext.comparison.rules import Rule
from stochtext.comparison.stacking import stacking_weights

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Comparison"]

NESTED = (
    "Held-out differences are between models as fitted to part of the data: for nested models "
    "they favour the smaller one. Test a restriction by the likelihood ratio of fits to the same "
    "data, results.lr_test(restricted)."
)
UNADJUSTED = (
    "diff = score minus that of the best model, on the same transitions; p-values are not adjusted "
    "for the number of models nor for the choice of the best."
)


class Comparison:
    """Held-out scores of several models on the same transitions.

    Parameters
    ----------
    scores : DataFrame of shape (n, k)
        Score of each held-out forecast, one column a model, larger is better; the index
        holds the id of the trajectory.
    cluster : ndarray of int of shape (n,), or None
        Cluster of each transition; None for one path in order of time.
    held_out : str
        What was held out, in words.
    n_trajectories : int
    n_outside : Series
        Per model, the test transitions that start outside the support of the
        training data. They are scored like all others.
    fit_seconds : Series
        Mean time of one fit of each model.
    remarks : sequence of str
        Further sentences of the summary.
    rule : Rule, optional
        What the scores are; default the log density one step ahead.

    Attributes
    ----------
    best : str
        The model with the highest score.
    reasons : Series
        Per model, why an error or an interval is NaN.
    """

    def __init__(
        self,
        scores: pd.DataFrame,
        cluster: IntArray | None,
        *,
        held_out: str,
        n_trajectories: int,
        n_outside: pd.Series,
        fit_seconds: pd.Series,
        remarks: tuple[str, ...] = (),
        rule: Rule | None = None,
    ) -> None:
        self.scores = scores
        self.rule = rule or Rule()
        self.cluster = cluster
        self.held_out = held_out
        self.n_trajectories = n_trajectories
        self.n_outside = n_outside
        self.fit_seconds = fit_seconds
        self.remarks = remarks
        self._scores = {name: self._mean(scores[name].to_numpy()) for name in scores}
        values = [self._scores[name].value for name in scores]
        # NaN comes last, -inf before it; equal scores keep the order that was given.
        order = np.argsort(-np.nan_to_num(values, nan=-np.inf, neginf=-1e300), kind="stable")
        self._order = [scores.columns[k] for k in order]
        self.best: str = self._order[0]
        self.reasons = pd.Series(
            {name: self._reason(name) for name in self._order}, dtype=object, name="reason"
        )

    @property
    def log_density(self) -> pd.DataFrame:
        """The scores, where they are log densities.

        Raises
        ------
        InputError
            If the models were scored otherwise.
        """
        if not self.rule.is_density:
            raise InputError(
                f"The models were scored by {self.rule.name!r}, not by log densities; use "
                "`scores`, or compare(scoring='log')."
            )
        return self.scores

    def to_frame(self, alpha: float = 0.05) -> pd.DataFrame:
        """Return one row a model, best first.

        Parameters
        ----------
        alpha : float
            Intervals have level 1 - alpha.

        Returns
        -------
        DataFrame
            Columns ``rank, score, se, diff, diff_se, ci_lower, ci_upper, pvalue,
            fit_seconds``; ``diff`` and what follows it are about the difference
            from the best model.
        """
        check_fraction("alpha", alpha)
        rows = []
        for rank, name in enumerate(self._order, start=1):
            score, gap = self._scores[name], self._gap(name)
            lower, upper = gap.conf_int(alpha)
            rows.append(
                (rank, score.value, score.se, gap.value, gap.se, lower, upper, gap.pvalue,
                 float(self.fit_seconds[name]))
            )  # fmt: skip
        columns = ["rank", "score", "se", "diff", "diff_se", "ci_lower", "ci_upper", "pvalue",
                   "fit_seconds"]  # fmt: skip
        return pd.DataFrame(rows, index=pd.Index(self._order, name="model"), columns=columns)

    def difference(self, first: str, second: str, alpha: float = 0.05) -> pd.Series:
        """Return the tested difference of two models, score of ``first`` minus ``second``.

        Returns
        -------
        Series
            ``diff, diff_se, ci_lower, ci_upper, pvalue``.
        """
        check_fraction("alpha", alpha)
        self._check_known(first, second)
        gap = self._difference(first, second)
        values = (gap.value, gap.se, *gap.conf_int(alpha), gap.pvalue)
        return pd.Series(
            values, index=["diff", "diff_se", "ci_lower", "ci_upper", "pvalue"],
            name=f"{first} - {second}",
        )  # fmt: skip

    def diebold_mariano(self, first: str, second: str) -> pd.Series:
        """Test that two models forecast equally well, with trajectories as clusters.

        Parameters
        ----------
        first, second : str

        Returns
        -------
        Series
            ``statistic`` (positive where ``first`` is better), ``df``, ``pvalue``
            (two-sided), ``n`` and ``reason`` where there is no p-value.

        Notes
        -----
        The mean difference of the scores over its standard error, clustered by trajectory or
        group and compared with t(M - 1); for one path Newey-West with at least ``horizon`` - 1
        lags. Its size is that of the differences in the table.

        References
        ----------
        Diebold, F. X. and Mariano, R. S. (1995), Comparing predictive accuracy, Journal of
        Business and Economic Statistics 13, 253-263.
        """
        self._check_known(first, second)
        gap = self._difference(first, second)
        statistic = gap.value / gap.se if np.isfinite(gap.se) else np.nan
        return pd.Series(
            [statistic, gap.df, gap.pvalue, len(self.scores), gap.reason],
            index=["statistic", "df", "pvalue", "n", "reason"], name=f"{first} - {second}",
            dtype=object,
        )  # fmt: skip

    def model_confidence_set(
        self,
        alpha: float = 0.1,
        *,
        method: str = "studentized",
        n_boot: int = 1000,
        random_state: RandomState = 0,
    ) -> pd.DataFrame:
        """Return which models belong to the set that holds the best one with level 1 - alpha.

        See :func:`stochtext.comparison.model_confidence_set`; ``method="arch"`` needs that
        package (``pip install 'stochtext[inference]'``).
        """
        return model_confidence_set(
            self.scores, self.cluster, alpha, method=method, n_boot=n_boot,
            random_state=random_state,
        )  # fmt: skip

    def stacking_weights(self) -> pd.DataFrame:
        """Return the weights of the mixture of models with the best held-out log density.

        See :func:`stochtext.comparison.stacking_weights`.
        """
        return stacking_weights(self.log_density, self.cluster)

    def _check_known(self, *names: str) -> None:
        for name in names:
            if name not in self._scores:
                known = ", ".join(map(repr, self._order))
                raise InputError(f"There is no model {name!r} in this comparison: {known}.")

    def verdict(self, alpha: float = 0.05) -> str:
        """Return in words which model is best and which ones are not told apart from it."""
        frame = self.to_frame(alpha)
        others = frame.index[1:]
        score = frame["score"].iloc[0]
        lead = f"{self.best} has the highest held-out score ({number(score)} {self.rule.unit})."
        pvalue = dict(zip(frame.index, frame["pvalue"].to_numpy(), strict=True))
        worse = [n for n in others if pvalue[n] < alpha]
        unknown = [n for n in others if np.isnan(pvalue[n])]
        level = [n for n in others if n not in worse and n not in unknown]
        parts = [lead]
        if worse:
            listed = ", ".join(
                f"{n} ({number(frame.at[n, 'diff'], 3)}, p = {number(pvalue[n], 2)})" for n in worse
            )
            parts.append(f"Significantly worse: {listed}.")
        if level:
            listed = ", ".join(f"{n} (p = {number(pvalue[n], 2)})" for n in level)
            parts.append(f"Not distinguishable from it with these data: {listed}.")
        if unknown:
            parts.append(f"Not tested: {', '.join(f'{n} ({self.reasons[n]})' for n in unknown)}.")
        return " ".join(parts)

    def summary(self, alpha: float = 0.05) -> Summary:
        """Return the table for people, with ``as_text/as_html/as_latex/as_markdown``.

        Parameters
        ----------
        alpha : float
            Intervals have level 1 - alpha.
        """
        frame = self.to_frame(alpha)
        shown = frame.drop(columns="rank").rename(
            columns={"diff_se": "se of diff", "pvalue": "p-value", "fit_seconds": "fit [s]",
                     "ci_lower": f"[{alpha / 2:.3g}", "ci_upper": f"{1 - alpha / 2:.3g}]"}
        )  # fmt: skip
        shown["outside"] = [int(self.n_outside[name]) for name in shown.index]
        return Summary([frame_table(shown, self.rule.title)], self._notes(alpha))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the differences from the best model with their intervals.

        Parameters
        ----------
        ax : Axes, optional
            Where to draw; a new figure by default.
        """
        from stochtext.plotting.comparison import plot_comparison

        axes = plot_comparison(self.to_frame(), ax=ax)
        if self.rule != Rule():
            axes.set_xlabel(f"difference in {self.rule.short}, with interval")
        return axes

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def _mean(self, values: Any, scale: float | None = None) -> MeanEstimate:
        if self.cluster is None:
            lags = max(newey_west_lags(len(values)), self.rule.horizon - 1)
            return newey_west_mean(values, lags, scale)
        return clustered_mean(values, self.cluster, scale)

    def _gap(self, name: str) -> MeanEstimate:
        if name == self.best:
            value = 0.0 if np.isfinite(self._scores[name].value) else np.nan
            return MeanEstimate(value, np.nan, 1.0, "the reference of the differences")
        return self._difference(name, self.best)

    def _difference(self, first: str, second: str) -> MeanEstimate:
        for name in (first, second):
            score = self._scores[name]
            if not np.isfinite(score.value):
                return MeanEstimate(np.nan, np.nan, 1.0, f"{name}: {score.reason}")
        values = self.scores[[first, second]].to_numpy()
        gap = values[:, 0] - values[:, 1]
        size = float(np.abs(values).max())
        estimate = self._mean(gap, size)
        if np.abs(gap).max() <= 1e-9 * size:
            return estimate._replace(reason=f"the {self._word} are those of {second}")
        return estimate

    @property
    def _word(self) -> str:
        return "densities" if self.rule.is_density else "scores"

    @property
    def _counted(self) -> str:
        return "transitions" if self.rule.horizon == 1 else "forecasts"

    def _reason(self, name: str) -> str | None:
        return self._scores[name].reason or (None if name == self.best else self._gap(name).reason)

    def _notes(self, alpha: float) -> list[str]:
        n = len(self.scores)
        if self.cluster is None:
            lags = max(newey_west_lags(n), self.rule.horizon - 1)
            errors = f"Newey-West standard errors with {lags} lags, t({n - 1})"
        else:
            m = len(np.unique(self.cluster))
            errors = f"standard errors clustered over {m} trajectories or groups, t({m - 1})"
        notes = [
            self.verdict(alpha),
            f"Held out: {self.held_out}, {n} {self._counted}; {errors}.",
            UNADJUSTED,
            NESTED,
        ]
        if self.n_outside.any():
            notes.append(
                "outside: test transitions that start where the training data never were; they "
                "are scored by the model's rule of extrapolation and none is left out."
            )
        notes += [f"{name}: NaN because {why}." for name, why in self.reasons.items() if why]
        return [*notes, *self.remarks]
