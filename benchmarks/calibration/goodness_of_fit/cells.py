"""The cells of the study and how replications become rates."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.calibration.goodness_of_fit.designs import ALTERNATIVES, FULL, NULLS, Design
from benchmarks.calibration.goodness_of_fit.replications import (
    full_bootstrap,
    held_out,
    labels,
    warp_speed,
)

LEVEL = 0.05
SIZES = (250, 1000)
HELD_OUT = "warp speed, as many held out"

#: Power that is promised at n = 250, in per cent.
FLOORS = {
    ("double well", "drift moments"): 95.0,
    ("CIR", "diffusion moments"): 85.0,
    ("jumps", "jumps (bipower)"): 65.0,
    ("jumps", "largest residual"): 85.0,
    ("stochastic volatility", "Anderson-Darling"): 95.0,
}


@dataclass(frozen=True)
class Cell:
    """One design, one number of transitions, one way to calibrate."""

    kind: str
    design: str
    n: int
    method: str

    @property
    def name(self) -> str:
        """Name of the cell in the stored study."""
        return f"{self.kind}, {self.method}: {self.design}, n = {self.n}"

    @property
    def drawn(self) -> Design:
        """What is simulated and fitted."""
        designs = {
            "size": FULL if self.method == "full bootstrap" else NULLS,
            "power": ALTERNATIVES,
        }
        return designs[self.kind][self.design]

    @property
    def replicate(self) -> Callable[..., np.ndarray]:
        """The function that does one replication."""
        return {"warp speed": warp_speed, HELD_OUT: held_out}.get(self.method, full_bootstrap)

    def tests(self, seed: int) -> list[str]:
        """Return the names of the tests."""
        return labels(self.drawn, self.n, seed, self.design)

    def rates(self, found: np.ndarray, tests: list[str]) -> dict[str, Any]:
        """Return rejections in per cent of replications, shape (R, 2 or 3, tests)."""
        usable = found[np.isfinite(found).any(axis=(1, 2))]
        rates = _full_rates if self.method == "full bootstrap" else _warp_rates
        return {
            "replications": len(found),
            "failed fits": len(found) - len(usable),
            "standard error": round(
                100 * math.sqrt(LEVEL * (1 - LEVEL) / max(len(usable), 1))
                * (1 if self.method == "full bootstrap" else math.sqrt(2)), 2,
            ),
            **rates(usable, tests),
        }  # fmt: skip


def all_cells() -> list[Cell]:
    """Return every cell, the cheap ones first."""
    cells = [Cell("size", name, n, "warp speed") for n in SIZES for name in NULLS]
    cells += [Cell("size", name, 250, HELD_OUT) for name in ("OU, text", "panel of 30, irregular")]
    cells += [Cell("power", name, n, "warp speed") for n in SIZES for name in ALTERNATIVES]
    return cells + [Cell("size", name, 250, "full bootstrap") for name in FULL]


def _warp_rates(found: np.ndarray, tests: list[str]) -> dict[str, Any]:
    """Pool the redrawn statistics of all replications (Giacomini, Politis and White, 2013)."""
    bootstrap, limit = {}, {}
    for j, test in enumerate(tests):
        observed, redrawn = found[:, 0, j], found[:, 1, j]
        both = np.isfinite(observed) & np.isfinite(redrawn)
        if not both.any():
            bootstrap[test] = None
            continue
        critical = np.quantile(redrawn[both], 1 - LEVEL, method="weibull")
        bootstrap[test] = _percent(observed[both] > critical)
        known = found[:, 2, j]
        if np.isfinite(known).any():
            limit[test] = _percent(known[np.isfinite(known)] <= LEVEL)
    return {"bootstrap": bootstrap, "limit law": limit}


def _full_rates(found: np.ndarray, tests: list[str]) -> dict[str, Any]:
    pvalues = found[:, 0]
    rates: dict[str, Any] = {}
    for test, column in zip(tests, pvalues.T, strict=True):
        known = column[np.isfinite(column)]
        rates[test] = _percent(known <= LEVEL + 1e-9) if len(known) else None
    family = _percent(np.nanmin(found[:, 1], axis=1) <= LEVEL + 1e-9)
    return {"bootstrap": rates, "any test after Holm": family}


def _percent(flags: np.ndarray) -> float:
    return round(100 * float(np.mean(flags)), 2)
