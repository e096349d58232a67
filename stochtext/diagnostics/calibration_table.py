"""A table of tests that says how each p-value was calibrated.

Law of the room: a p-value that cannot be honest is NaN, and its row says why.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import pandas as pd

from stochtext._shared.exceptions import ModelFileError

if TYPE_CHECKING:
    from stochtext._shared.tables import Summary

__all__ = ["GoodnessOfFit", "ResidualTest", "holm"]


@dataclass(frozen=True)
class ResidualTest:
    """One test of the residuals.

    Parameters
    ----------
    test : str
        Name of the test.
    statistic : float
        Its statistic.
    df : float
        Degrees of freedom of its law under the null.
    pvalue : float
        Upper tail probability; NaN if it could not be computed honestly.
    calibration : str
        Where the p-value comes from, such as ``"asymptotic"``.
    n : int
        Number of residual vectors (rows of the regression for ARCH-LM).
    meaning : str
        What a rejection means; for a NaN, why there is no number.
    """

    test: str
    statistic: float
    df: float
    pvalue: float
    calibration: str
    n: int
    meaning: str


@dataclass(frozen=True, repr=False)
class GoodnessOfFit:
    """Tests of the residuals of one fit.

    Parameters
    ----------
    tests : tuple of ResidualTest
        One row each.
    pairs : tuple of int
        Number of lag pairs within trajectories at lags 1, 2, ...
    n_trajectories : int
        Number of trajectories.
    alpha : float, default 0.05
        Level at which the summary speaks of a rejection.
    notes : tuple of str
        Sentences about how the p-values came about.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import goodness_of_fit
    >>> resid = np.random.default_rng(0).standard_normal((300, 1))
    >>> table = goodness_of_fit(resid, np.repeat(np.arange(10), 30))
    >>> table.to_frame()["test"].tolist()
    ['Ljung-Box', 'Ljung-Box on squares', 'ARCH-LM', 'Jarque-Bera']
    >>> table.rejected()
    []
    """

    tests: tuple[ResidualTest, ...]
    pairs: tuple[int, ...]
    n_trajectories: int
    alpha: float = 0.05
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row a test.

        Columns are test, statistic, df, pvalue, pvalue_holm, calibration, n, meaning.
        """
        columns = [field.name for field in fields(ResidualTest)]
        frame = pd.DataFrame([asdict(row) for row in self.tests], columns=columns)
        frame.insert(columns.index("pvalue") + 1, "pvalue_holm", self.pvalue_holm.to_numpy())
        return frame

    @property
    def pvalue_holm(self) -> pd.Series:
        """P-values adjusted for the number of tests (Holm, 1979), by test; NaN stays NaN."""
        return pd.Series(
            holm([row.pvalue for row in self.tests]),
            index=pd.Index([row.test for row in self.tests], name="test"),
            name="pvalue_holm",
        )

    def rejected(self, alpha: float | None = None) -> list[str]:
        """Return the tests that reject at level ``alpha`` after Holm's adjustment."""
        adjusted = self.pvalue_holm
        return [str(test) for test in adjusted.index[adjusted <= (alpha or self.alpha)]]

    def summary(self) -> Summary:
        """Return the table for people, with ``as_text/as_html/as_latex/as_markdown``."""
        from stochtext._shared.tables import Summary, frame_table

        frame = self.to_frame().set_index("test")
        shown = pd.DataFrame(
            {
                "statistic": frame["statistic"],
                "df": frame["df"],
                "p-value": frame["pvalue"],
                "Holm": self.pvalue_holm.to_numpy(),
                "n": frame["n"],
                "calibration": frame["calibration"],
            }
        )
        return Summary([frame_table(shown, title="Goodness of fit")], self._sentences())

    def __repr__(self) -> str:
        return self.summary().as_text()

    def _repr_html_(self) -> str:
        return self.summary().as_html()

    def _sentences(self) -> list[str]:
        rejected = self.rejected()
        verdict = f"Rejected at {self.alpha:.3g} after Holm's adjustment: "
        notes = [f"{verdict}{', '.join(rejected)}." if rejected else f"{verdict}none."]
        notes.append(
            f"Trajectories: {self.n_trajectories}. No lag pair joins two of them; "
            f"pairs at lag 1: {self.pairs[0]}, at lag {len(self.pairs)}: {self.pairs[-1]}."
        )
        notes += self.notes
        notes += [
            f"{row.test} rejects: {row.meaning}" for row in self.tests if not math.isnan(row.pvalue)
        ]
        without: dict[str, list[str]] = {}
        for row in self.tests:
            if math.isnan(row.pvalue):
                without.setdefault(row.meaning, []).append(row.test)
        return notes + [f"{', '.join(tests)}: {reason}" for reason, tests in without.items()]

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; NaN becomes None."""
        rows = []
        for row in self.tests:
            cells = asdict(row)
            rows.append({k: None if _is_nan(v) else v for k, v in cells.items()})
        return {
            "tests": rows,
            "pairs": list(self.pairs),
            "n_trajectories": self.n_trajectories,
            "alpha": self.alpha,
            "notes": list(self.notes),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> GoodnessOfFit:
        """Return the table that :meth:`to_dict` stored.

        Raises
        ------
        ModelFileError
            If ``stored`` is not such a table.
        """
        try:
            rows = tuple(
                ResidualTest(
                    test=str(row["test"]),
                    statistic=_number(row["statistic"]),
                    df=_number(row["df"]),
                    pvalue=_number(row["pvalue"]),
                    calibration=str(row["calibration"]),
                    n=int(row["n"]),
                    meaning=str(row["meaning"]),
                )
                for row in stored["tests"]
            )
            pairs = tuple(int(count) for count in stored["pairs"])
            notes = tuple(str(note) for note in stored.get("notes", ()))
            trajectories, alpha = int(stored["n_trajectories"]), float(stored["alpha"])
            return cls(rows, pairs, trajectories, alpha, notes)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(f"This is no stored goodness-of-fit table: {error!r}.") from None


def holm(pvalues: list[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm, 1979); NaN stays NaN and does not count."""
    known = sorted((p, k) for k, p in enumerate(pvalues) if not math.isnan(p))
    adjusted = [math.nan] * len(pvalues)
    running = 0.0
    for rank, (p, k) in enumerate(known):
        running = max(running, min(1.0, (len(known) - rank) * p))
        adjusted[k] = running
    return adjusted


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
