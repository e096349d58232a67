"""One replication of a cell: the statistic, simulated ones, and p-values."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from benchmarks.calibration.goodness_of_fit.designs import Design
from stochtext import Trajectories
from stochtext._shared.exceptions import StochtextError
from stochtext._shared.random import generator
from stochtext.diagnostics.battery.compute import ASYMPTOTIC, Battery
from stochtext.diagnostics.battery.pvalues import bootstrap_pvalue
from stochtext.diagnostics.battery.sample import Layout
from stochtext.diagnostics.calibration_table import holm
from stochtext.results.inference.calibration.draws import Redrawing, with_further

N_BOOT = 199


class Prepared(NamedTuple):
    """A fit, its statistics and how to redraw them."""

    redrawing: Redrawing
    observed: np.ndarray
    asymptotic: np.ndarray


def prepared(
    results: Any, panel: Trajectories, seed: np.random.SeedSequence, *, known: bool = False,
    training: Trajectories | None = None,
) -> Prepared:  # fmt: skip
    """Return the statistics of a panel under a fit to it, or to ``training``."""
    sample, codes = results.one_step_sample(panel, scores=not known)
    battery = Battery(Layout(codes), panel.n_features, "all")
    rows = tuple(battery.rows(sample))
    source = None if known else panel if training is None else training
    copies = None if training is None else np.full(panel.n_trajectories, -1)
    redrawing = Redrawing(results, source, panel, copies, battery, rows, sample.scores is not None)
    with np.errstate(all="ignore"):
        observed = battery.statistics(sample, rows)
        observed = with_further(observed, rows, results, panel, seed, -1)
    limits = [
        battery.asymptotic(row, value, sample)[1]
        if row.test in ASYMPTOTIC and np.isfinite(value)
        else np.nan
        for row, value in zip(rows, observed, strict=True)
    ]
    return Prepared(redrawing, observed, np.array(limits))


def warp_speed(design: Design, n: int, seed: int, name: str, k: int) -> np.ndarray:
    """Return observed and redrawn statistics and limit p-values, shape (3, tests)."""
    return _redrawn_once(_fitted(design, n, seed, name, k), n, seed, k)


def held_out(design: Design, n: int, seed: int, name: str, k: int) -> np.ndarray:
    """Return the same of as many transitions more, that the fit has not seen."""
    return _redrawn_once(_fitted(design, n, seed, name, k, others=True), n, seed, k)


def _redrawn_once(found: Prepared | None, n: int, seed: int, k: int) -> np.ndarray:
    if found is None:
        return np.full((3, 1), np.nan)
    redrawn = found.redrawing.piece(np.random.SeedSequence([seed, n, k]), 0, 1)[0]
    return np.stack([found.observed, redrawn, found.asymptotic])


def full_bootstrap(design: Design, n: int, seed: int, name: str, k: int) -> np.ndarray:
    """Return p-values and those after Holm's adjustment, shape (2, tests)."""
    found = _fitted(design, n, seed, name, k)
    if found is None:
        return np.full((2, 1), np.nan)
    draws = found.redrawing.draws(N_BOOT, np.random.SeedSequence([seed, n, k]), 1)
    pvalues = [
        bootstrap_pvalue(value, column[np.isfinite(column)])
        for value, column in zip(found.observed, draws.T, strict=True)
    ]
    return np.array([pvalues, holm(pvalues)])


def labels(design: Design, n: int, seed: int, name: str) -> list[str]:
    """Return the names of the tests in a cell."""
    found = next(f for f in (_fitted(design, n, seed, name, k) for k in range(20)) if f)
    return [row.label for row in found.redrawing.rows]


def _fitted(
    design: Design, n: int, seed: int, name: str, k: int, others: bool = False
) -> Prepared | None:
    panel = design.simulate(generator(seed, name, n, k), n)
    other = design.simulate(generator(seed, name, n, k, "held out"), n) if others else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            seeds = np.random.SeedSequence([seed, n, k])
            results = design.estimator().fit(panel).results_
            if other is None:
                return prepared(results, panel, seeds)
            return prepared(results, other, seeds, training=panel)
        except StochtextError:
            return None
