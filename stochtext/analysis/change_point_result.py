"""What the test for a change point says: a table, a sentence, a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.tables import Summary, frame_table, pairs_table
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_fraction
from stochtext.results.parametric import ParametricResults

__all__ = ["ChangePoint"]


class ChangePoint:
    """A test for a change of parameters, with the time at which it is most likely.

    Attributes
    ----------
    names : tuple of str
        Parameters that were allowed to change.
    statistic, pvalue : float
        Supremum of the squared norm of the standardised score path, and its p-value.
    time : float
        Estimated time of the change. It means something only if there is one; it has no
        standard error, as its distribution is not normal.
    times, path : ndarrays of shapes (n,) and (n, q)
        Starts of the transitions and the score path over them.
    before, after : ParametricResults
        Fits to both sides. Their intervals do not know that the time was estimated.
    """

    def __init__(
        self,
        *,
        names: tuple[str, ...],
        statistic: float,
        pvalue: float,
        time: float,
        times: FloatArray,
        path: FloatArray,
        before: ParametricResults,
        after: ParametricResults,
    ) -> None:
        self.names = names
        self.statistic = statistic
        self.pvalue = pvalue
        self.time = time
        self.times = times
        self.path = path
        self.before = before
        self.after = after

    def detected(self, alpha: float = 0.05) -> bool:
        """Return whether stability is rejected at level ``alpha``."""
        return bool(self.pvalue <= check_fraction("alpha", alpha))

    def to_frame(self) -> pd.DataFrame:
        """Return the parameters before and after, with their standard errors."""
        return pd.DataFrame(
            {
                "before": self.before.params,
                "before_se": self.before.bse,
                "after": self.after.params,
                "after_se": self.after.bse,
            }
        )

    def summary(self, alpha: float = 0.05) -> Summary:
        """Return the test, the parameters on both sides, and the verdict in words."""
        left = [("Allowed to change", ", ".join(self.names)), ("Time", f"{self.time:.6g}")]
        right = [("Statistic", f"{self.statistic:.4f}"), ("p-value", f"{self.pvalue:.4f}")]
        found = "changes" if self.detected(alpha) else "is not seen to change"
        notes = [
            f"At level {alpha:g} the law of motion {found}.",
            "The standard errors of both sides take the time of the change as known.",
        ]
        return Summary(
            [pairs_table(left, right, "Change point"), frame_table(self.to_frame())], notes
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the norm of the score path over time, with the estimated change.

        Returns
        -------
        Axes
        """
        from stochtext.plotting.figures import new_axes

        axes = new_axes(ax)
        axes.plot(self.times, np.linalg.norm(self.path, axis=1))
        axes.axvline(self.time, linestyle="--")
        axes.set_xlabel("time")
        axes.set_ylabel("norm of the score path")
        return axes

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()
