"""The table of goodness-of-fit tests of a fit, with p-values or the reason for none.

Law of this file: three cases are kept apart, and each is redrawn as it came about: parameters
known; parameters estimated from the data that are tested; parameters estimated from others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from stochtext._shared.exceptions import StochtextError
from stochtext._shared.random import seed_sequence
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_choice, check_fraction, check_integer
from stochtext.diagnostics.battery.catalogue import TESTS
from stochtext.diagnostics.battery.compute import ASYMPTOTIC, Battery, Row
from stochtext.diagnostics.battery.pvalues import FEWEST_DRAWS, bootstrap_pvalue
from stochtext.diagnostics.battery.sample import Layout, OneStepSample
from stochtext.diagnostics.calibration_table import GoodnessOfFit, ResidualTest
from stochtext.diagnostics.serial_correlation import pair_counts
from stochtext.results.inference.calibration.draws import (
    Judged,
    Redrawing,
    overlap_of,
    with_further,
)
from stochtext.results.inference.calibration.further import FURTHER, further_reason
from stochtext.results.residuals import Residuals
from stochtext.trajectories.panel import Trajectories

__all__ = ["Asked", "judged"]

PARAMETERS = ("estimated", "known")
MANY_FAILED = 0.2

NO_BOOTSTRAP = "n_boot=0 asks for no bootstrap, and the limit law is not that of an estimated model"
NO_ESTIMATOR = (
    "the results were restored from a file, which holds no estimator to refit; fit again, or say "
    "parameters='known' if they were not estimated"
)
CASES = {
    "known": "Parameters are taken as known: draws were simulated and not refitted.",
    "own": "Parameters were estimated from these data: every draw was refitted.",
    "other": "Parameters were estimated from other data: training and test data were redrawn, and "
    "every draw refitted.",
}


@dataclass(frozen=True)
class Asked:
    """What the user asked for.

    Attributes
    ----------
    n_boot : int
    random_state : int, Generator, SeedSequence or None
    n_jobs : int or None
    parameters : {"estimated", "known"}
    tests : str or sequence of str
    by_component : bool
    alpha : float
    """

    n_boot: int
    random_state: RandomState
    n_jobs: int | None
    parameters: str
    tests: str | Sequence[str]
    by_component: bool
    alpha: float

    def __post_init__(self) -> None:
        check_choice("parameters", self.parameters, PARAMETERS)
        check_fraction("alpha", self.alpha)
        if check_integer("n_boot", self.n_boot, minimum=0):
            check_integer("n_boot", self.n_boot, minimum=FEWEST_DRAWS)


def judged(
    results: Judged,
    target: Trajectories | None,
    asked: Asked,
    *,
    columns: Sequence[str],
    residuals: Residuals | None = None,
) -> GoodnessOfFit:
    """Return the table of tests.

    Parameters
    ----------
    results : Judged
    target : Trajectories or None
        Data to test; None for those of the fit.
    asked : Asked
    columns : sequence of str
        Names of the coordinates.
    residuals : Residuals, optional
        Of the fitted data, for results that hold these and no estimator.
    """
    training = None if results.refitting is None else results.refitting.panel
    panel = training if target is None else target
    case = _case(results, target, asked)
    sample, codes, scores = _observed(results, panel, residuals, case != "known")
    battery = Battery(
        Layout(codes), sample.resid.shape[1], asked.tests, by_component=asked.by_component,
        columns=columns,
    )  # fmt: skip
    rows = tuple(
        replace(row, reason=row.reason or _without_process(row, results, panel))
        for row in battery.rows(sample)
    )
    seed = seed_sequence(asked.random_state)
    with np.errstate(all="ignore"):
        observed = battery.statistics(sample, rows)
        if panel is not None:
            observed = with_further(observed, rows, results, panel, seed, -1)
    draws, reason = None, _reason(case, training, asked) if panel is not None else NO_ESTIMATOR
    if not reason and any(not row.reason for row in rows):
        assert panel is not None
        copies = overlap_of(panel, training) if case == "other" and training is not None else None
        source = None if case == "known" else training
        redrawing = Redrawing(results, source, panel, copies, battery, rows, scores)
        draws = redrawing.draws(asked.n_boot, seed, asked.n_jobs)
    table = _Table(battery, sample, case, reason, draws)
    tests = tuple(table.row(k, row, observed[k]) for k, row in enumerate(rows))
    pairs = tuple(int(count) for count in pair_counts(codes, battery.layout.lags))
    return GoodnessOfFit(tests, pairs, int(codes[-1]) + 1, asked.alpha, table.notes())


def _without_process(row: Row, results: Judged, panel: Trajectories | None) -> str:
    if row.test not in FURTHER:
        return ""
    if row.component is not None or panel is None:
        return "this test is of all coordinates of a panel together."
    return further_reason(row.test, results.process)


def _observed(
    results: Judged, panel: Trajectories | None, residuals: Residuals | None, scores: bool
) -> tuple[OneStepSample, IntArray, bool]:
    if panel is None:
        assert residuals is not None
        own = OneStepSample(residuals.resid, residuals.pit, residuals.x)
        return own, residuals.trajectory, False
    try:
        sample, codes = results.one_step_sample(panel, scores=scores)
    except StochtextError:
        sample, codes = results.one_step_sample(panel, scores=False)
    return sample, codes, sample.scores is not None


def _case(results: Judged, target: Trajectories | None, asked: Asked) -> str:
    free = getattr(results, "free", None)
    if asked.parameters == "known" or (free is not None and not len(free)):
        return "known"
    return "own" if target is None else "other"


def _reason(case: str, training: Trajectories | None, asked: Asked) -> str:
    if not asked.n_boot:
        return NO_BOOTSTRAP
    return NO_ESTIMATOR if training is None and case != "known" else ""


@dataclass(frozen=True)
class _Table:
    """How rows get their p-values."""

    battery: Battery
    sample: OneStepSample
    case: str
    reason: str
    draws: FloatArray | None

    def row(self, k: int, row: Row, statistic: float) -> ResidualTest:
        nan, meaning = math.nan, TESTS[row.test].meaning
        if row.reason:
            said = f"not computed: {row.reason}"
            return ResidualTest(row.label, nan, nan, nan, "none", row.n, said)
        df, pvalue, reason, how = self.battery.degrees(row, self.sample), nan, self.reason, "none"
        if not math.isfinite(statistic):
            reason = "the model's own parameters already set these moments to zero"
        elif self.draws is not None:
            pvalue, reason, how = self._rank(statistic, self.draws[:, k])
        elif self.case == "own" and row.test in ASYMPTOTIC and not self._far_from_limit(row):
            df, pvalue = self.battery.asymptotic(row, statistic, self.sample)
            reason, how = "", "asymptotic"
        if math.isnan(pvalue):
            meaning = f"no p-value: {reason or 'the limit law has no degrees of freedom'}."
            how = "none"
        return ResidualTest(row.label, float(statistic), df, pvalue, how, row.n, meaning)

    def _far_from_limit(self, row: Row) -> bool:
        """Whether the stored study shows that the limit law does not hold."""
        several = bool(self.battery.layout.trajectory[-1] != self.battery.layout.trajectory[0])
        return several and row.test == "jumps (bipower)"

    def _rank(self, statistic: float, draws: FloatArray) -> tuple[float, str, str]:
        known = draws[np.isfinite(draws)]
        failed = len(draws) - len(known)
        if failed > MANY_FAILED * len(draws) or len(known) < FEWEST_DRAWS:
            return math.nan, f"{failed} of {len(draws)} bootstrap refits failed", "none"
        kind = {"known": "parameters known", "own": "refitted", "other": "refitted, held out"}
        return bootstrap_pvalue(statistic, known), "", f"bootstrap({len(known)}), {kind[self.case]}"

    def notes(self) -> tuple[str, ...]:
        """Return sentences about how the p-values came about."""
        if self.draws is None:
            return ()
        failed = int(np.sum(~np.isfinite(self.draws).any(axis=1)))
        found = [CASES[self.case]]
        if failed:
            found.append(
                f"{failed} of {len(self.draws)} draws could not be fitted; they are left out."
            )
        return tuple(found)
