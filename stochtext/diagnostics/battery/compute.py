"""All statistics of one sample, those of a group together.

Law of this file: every sample of the same layout gives the same rows in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, norm

from stochtext._shared.typing import FloatArray
from stochtext.diagnostics.battery.catalogue import (
    ORDER_OF_POWERS,
    TESTS,
    chosen_tests,
    is_flat,
    reason_against,
)
from stochtext.diagnostics.battery.conditional_moments import (
    DIRECTIONS,
    moment_statistics,
    nugget_statistic,
)
from stochtext.diagnostics.battery.hong_li import hong_li_moments, hong_li_surfaces
from stochtext.diagnostics.battery.jumps import (
    bipower_statistic,
    largest_residual,
    largest_residual_pvalue,
)
from stochtext.diagnostics.battery.sample import Layout, OneStepSample
from stochtext.diagnostics.battery.uniformity import uniformity_statistics
from stochtext.diagnostics.normality import jarque_bera
from stochtext.diagnostics.serial_correlation import arch_lm, free_correlations, ljung_box

__all__ = ["ASYMPTOTIC", "Battery", "Row"]

# Their limit laws hold with estimated parameters, and the stored study says how well.
ASYMPTOTIC = (
    "Ljung-Box", "Ljung-Box on squares", "ARCH-LM", "Jarque-Bera", "jumps (bipower)",
    "largest residual",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One row of the table: a test of all coordinates, or of one.

    Attributes
    ----------
    test : str
    component : int or None
    label : str
    reason : str
        Why it cannot be computed; empty if it can.
    n : int
        Rows or pairs that the test has.
    """

    test: str
    component: int | None
    label: str
    reason: str
    n: int


class Battery:
    """The chosen tests for samples of one layout.

    Parameters
    ----------
    layout : Layout
    dim : int
    tests : str or sequence of str
        As in ``chosen_tests``.
    by_component : bool
        Also each coordinate by itself.
    columns : sequence of str
        Names of the coordinates.
    """

    def __init__(
        self,
        layout: Layout,
        dim: int,
        tests: str | Sequence[str] = "standard",
        *,
        by_component: bool = False,
        columns: Sequence[str] = (),
    ) -> None:
        self.layout = layout
        self.dim = dim
        self.tests = chosen_tests(tests)
        self.parts: list[int | None] = [None]
        if by_component and dim > 1:
            self.parts += list(range(dim))
        self.columns = [str(c) for c in columns] or [str(j) for j in range(dim)]

    def rows(self, sample: OneStepSample) -> list[Row]:
        """Return what :meth:`statistics` computes, with reasons against."""
        k = 0 if sample.scores is None else sample.scores.shape[1]
        flat = is_flat(sample.resid)
        found = []
        for part in self.parts:
            d = self.dim if part is None else 1
            ending = "" if part is None else f" [{self.columns[part]}]"
            for test in self.tests:
                reason = "the residuals do not vary." if flat else ""
                reason = reason or reason_against(test, self.layout, d, k)
                label = self._label(test) + ending
                found.append(Row(test, part, label, reason, self._count(test)))
        return found

    def statistics(self, sample: OneStepSample, rows: Sequence[Row]) -> FloatArray:
        """Return one number a row, NaN where there is a reason against."""
        values = np.full(len(rows), np.nan)
        for part in self.parts:
            own = [k for k, row in enumerate(rows) if row.component == part]
            wanted = {rows[k].test for k in own if not rows[k].reason}
            piece = sample if part is None else sample.component(part)
            found = _of_groups(piece, self.layout, wanted)
            for k in own:
                values[k] = found.get(rows[k].test, math.nan)
        return values

    def degrees(self, row: Row, sample: OneStepSample) -> float:
        """Return the degrees of freedom of the limit law, NaN where it is not chi-squared."""
        piece = sample if row.component is None else sample.component(row.component)
        d, group = piece.resid.shape[1], TESTS[row.test].group
        if group == "moments":
            place = DIRECTIONS.index(row.test.split()[0])
            return float(moment_statistics(piece, self.layout, piece.scores)[place][1])
        degrees = {
            "correlation": d * self.layout.lags, "arch": d * self.layout.lags_arch,
            "normality": 2 * d,
        }  # fmt: skip
        return float(degrees.get(group, math.nan))

    def asymptotic(self, row: Row, statistic: float, sample: OneStepSample) -> tuple[float, float]:
        """Return degrees of freedom and p-value from the limit law of an estimated model."""
        piece = sample if row.component is None else sample.component(row.component)
        df = self.degrees(row, sample)
        if row.test == "Ljung-Box":
            regressors, lags = piece.x, self.layout.lags
            df = sum(
                free_correlations(z, self.layout.trajectory, lags, regressors)
                for z in piece.normal.T
            )
        if row.test == "jumps (bipower)":
            return math.nan, float(norm.sf(statistic))
        if row.test == "largest residual":
            return math.nan, largest_residual_pvalue(statistic, piece.resid.size)
        return df, float(chi2.sf(statistic, df)) if df > 0 else math.nan

    def _label(self, test: str) -> str:
        if test == "Hong-Li W(5)":
            return f"Hong-Li W({self.layout.lags_surface})"
        return test

    def _count(self, test: str) -> int:
        group = TESTS[test].group
        if group == "arch":
            return len(self.layout.later(self.layout.lags_arch))
        if group in ("surface", "nugget", "bipower"):
            return len(self.layout.later(2 if group == "bipower" else 1))
        return len(self.layout)


def _of_groups(sample: OneStepSample, layout: Layout, wanted: set[str]) -> dict[str, float]:
    groups = {TESTS[test].group for test in wanted}
    found: dict[str, float] = {}
    if "moments" in groups:
        moments = moment_statistics(sample, layout, sample.scores)
        found |= {
            f"{name} moments": value for name, (value, _) in zip(DIRECTIONS, moments, strict=True)
        }
    if "nugget" in groups:
        found["nugget"] = nugget_statistic(sample, layout, sample.scores)
    if "surface" in groups:
        lags = layout.lags_surface if "Hong-Li W(5)" in wanted else 1
        q = hong_li_surfaces(sample.pit, layout, lags)
        found |= {"Hong-Li Q(1)": q[0], "Hong-Li W(5)": q.sum() / math.sqrt(lags)}
    if "powers" in groups:
        powers = hong_li_moments(sample.pit, layout, layout.lags_moments)
        found |= dict(zip(ORDER_OF_POWERS, powers.tolist(), strict=True))
    if "uniformity" in groups:
        names = ("Anderson-Darling", "Cramer-von Mises", "Kolmogorov-Smirnov")
        found |= dict(zip(names, uniformity_statistics(sample.pit), strict=True))
    return found | _of_normal(sample.normal, layout, wanted)


def _of_normal(normal: FloatArray, layout: Layout, wanted: set[str]) -> dict[str, float]:
    """Return the statistics of generalised residuals, summed over coordinates."""
    trajectory, found = layout.trajectory, {}
    if "Ljung-Box" in wanted:
        lags = layout.lags
        found["Ljung-Box"] = sum(ljung_box(z, trajectory, lags)[0] for z in normal.T)
    if "Ljung-Box on squares" in wanted:
        lags = layout.lags
        squares = normal.T**2
        found["Ljung-Box on squares"] = sum(ljung_box(s, trajectory, lags)[0] for s in squares)
    if "ARCH-LM" in wanted:
        lags = layout.lags_arch
        found["ARCH-LM"] = sum(arch_lm(z, trajectory, lags)[0] for z in normal.T)
    if "Jarque-Bera" in wanted:
        found["Jarque-Bera"] = sum(jarque_bera(z)[0] for z in normal.T)
    if "jumps (bipower)" in wanted:
        found["jumps (bipower)"] = bipower_statistic(normal, layout)
    if "largest residual" in wanted:
        found["largest residual"] = largest_residual(normal)
    return found
