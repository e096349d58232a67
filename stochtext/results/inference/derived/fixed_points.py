"""Fixed points of the drift, their stability and time constants, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.typing import FloatArray
from stochtext.results.inference.derived.spread import Spread
from stochtext.results.inference.derived.table import DerivedTable
from stochtext.results.inference.derived.zeros import (
    eigenvalues_at,
    matched_zeros,
    stability_of,
    zeros_of_drift,
)

__all__ = ["fixed_points", "local_time_constants"]

HELD = "the form of the model holds it there"
_COLUMNS = [
    "position",
    "se",
    "lower",
    "upper",
    "stability",
    "stable_share",
    "share",
    "rate",
    "reason",
]
_LEVELS = ["point", "component"]
# Errors below this share of the support's width are those of rounding.
_ROUNDING = 1e-7
MEANING = (
    "A fixed point is a state inside the support of the data where the drift is zero; it is stable "
    "where all eigenvalues of the drift's Jacobian have negative real parts."
)


def fixed_points(results: Any, spread: Spread, t: float, alpha: float) -> DerivedTable:
    """Return fixed points with intervals; see ``SDEResults.fixed_points``."""
    found = _Found(results, spread, t)
    columns = results.record.columns
    rows = [found.row(k, j, alpha) for k in range(len(found.zeros)) for j in range(len(columns))]
    index = pd.MultiIndex.from_product([range(len(found.zeros)), columns], names=_LEVELS)
    frame = pd.DataFrame(rows, columns=_COLUMNS, index=index)
    notes = [spread.describe(), MEANING]
    if not rows:
        notes.append("The drift has no zero inside the support of the data.")
    return DerivedTable(frame, "Fixed points of the drift", tuple(notes))


def local_time_constants(results: Any, spread: Spread, t: float, alpha: float) -> pd.DataFrame:
    """Return time constants at stable fixed points; see ``SDEResults.time_constants``."""
    found = _Found(results, spread, t)
    rows = []
    for k, values in enumerate(found.values):
        if not values[0].real < 0:
            continue
        own = np.array([_rates(process, x, t, len(values)) for process, x in found.pairs(k)])
        rates = -values.real
        se, low, high, share = spread.interval(
            rates, own.reshape(-1, len(rates)), alpha, positive=True
        )
        for j, rate in enumerate(rates):
            note = spread.missing(float(share[j]))
            if low[j] <= 0:
                note = note or "the interval of the rate holds zero"
            turn = float(abs(values[j].imag))
            rows.append(
                (k, *found.zeros[k], rate, se[j], 1 / rate, se[j] / rate**2, 1 / high[j],
                 1 / low[j] if low[j] > 0 else (np.inf if np.isfinite(low[j]) else np.nan),
                 np.log(2) / rate, 2 * np.pi / turn if turn > 1e-8 * rate else np.nan, note)
            )  # fmt: skip
    columns = ["point", *results.record.columns, "rate", "rate_se", "time_constant",
               "time_constant_se", "time_constant_lower", "time_constant_upper", "half_life",
               "period", "note"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


class _Found:
    """Fixed points of the fitted process and what became of them in the draws."""

    def __init__(self, results: Any, spread: Spread, t: float) -> None:
        self._spread, self._t = spread, t
        process, support = results.process, results.support
        self._width = support.limits[1] - support.limits[0]
        self.zeros = zeros_of_drift(process, support, t)
        self.values = [eigenvalues_at(process, zero, t) for zero in self.zeros]
        stable = np.array([values[0].real < 0 for values in self.values], dtype=bool)
        self.drawn = np.empty((0, *self.zeros.shape))
        if spread.processes and len(self.zeros):
            self.drawn = np.stack(
                [matched_zeros(p, support, t, self.zeros, stable) for p in spread.processes]
            )

    def row(self, k: int, j: int, alpha: float) -> tuple[Any, ...]:
        """Return the line of the table for one coordinate of the k-th point."""
        values, estimate = self.values[k], self.zeros[k, j : j + 1]
        parts = self._spread.interval(estimate, self.drawn[:, k, j : j + 1], alpha, positive=False)
        se, low, high, share = (float(part[0]) for part in parts)
        reason = self._spread.missing(share)
        if se <= _ROUNDING * self._width[j]:
            se, low, high, reason = 0.0, np.nan, np.nan, HELD
        rate = -float(values[0].real) if values[0].real < 0 else np.nan
        return (
            float(estimate[0]), se, low, high, stability_of(values), self.stable_share(k), share,
            rate, reason,
        )  # fmt: skip

    def pairs(self, k: int) -> list[tuple[Any, FloatArray]]:
        """Return each draw with its own k-th fixed point."""
        return [
            (process, drawn[k])
            for process, drawn in zip(self._spread.processes, self.drawn, strict=True)
        ]

    def stable_share(self, k: int) -> float:
        """Return the share of the draws in which the k-th point exists and is stable."""
        if not len(self.drawn):
            return np.nan
        stable = [
            bool(np.isfinite(x).all()) and eigenvalues_at(process, x, self._t)[0].real < 0
            for process, x in self.pairs(k)
        ]
        return float(np.mean(stable))


def _rates(process: Any, x: FloatArray, t: float, d: int) -> FloatArray:
    if not np.isfinite(x).all():
        return np.full(d, np.nan)
    return -eigenvalues_at(process, x, t).real
