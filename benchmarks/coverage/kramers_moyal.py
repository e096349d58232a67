"""Coverage of the bin-wise intervals of KramersMoyalSDE for D1 and D2.

    python -m benchmarks.coverage.kramers_moyal [--replications 300] [--seed 11]

The truth in a bin is the coefficient averaged over the states that were observed in it.
Bins whose standard error is not offered (NaN) are left out, and their share is stored.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import write_study
from stochtext import KramersMoyalSDE

Array = NDArray[np.float64]
SUBSTEP = 0.0025
RESULTS = Path(__file__).parent / "results" / "kramers_moyal.json"


def double_well(x: Array) -> Array:
    """Return the drift of the double well."""
    return 2 * (x - x**3)


def linear(x: Array) -> Array:
    """Return the drift of the Ornstein-Uhlenbeck process."""
    return -x


#: name: (drift, time, dt, edges); sigma = 1
CELLS: dict[str, tuple[Callable[[Array], Array], float, float, Array]] = {
    "OU, T=200, dt=0.01": (linear, 200.0, 0.01, np.linspace(-1.2, 1.2, 13)),
    "double well, T=200, dt=0.01": (double_well, 200.0, 0.01, np.linspace(-1.3, 1.3, 14)),
    "double well, T=800, dt=0.04": (double_well, 800.0, 0.04, np.linspace(-1.3, 1.3, 14)),
}


def paths(
    rng: np.random.Generator, drift: Callable[[Array], Array], n: int, n_steps: int, dt: float
) -> Array:
    """Return stationary paths of shape (n, n_steps + 1), Euler with fine substeps."""
    substeps = round(dt / SUBSTEP)
    h = dt / substeps
    x = rng.choice([-1.0, 1.0], n)
    for _ in range(round(5.0 / h)):
        x = x + drift(x) * h + np.sqrt(h) * rng.standard_normal(n)
    states = np.empty((n_steps + 1, n))
    states[0] = x
    for k in range(n_steps):
        for _ in range(substeps):
            x = x + drift(x) * h + np.sqrt(h) * rng.standard_normal(n)
        states[k + 1] = x
    return states.T


def count(name: str, replications: int, seed: int, correction: str | None) -> dict[str, Any]:
    """Return coverage and the share offered in every bin, for D1 and D2."""
    drift, span, dt, edges = CELLS[name]
    rng = np.random.default_rng([seed, list(CELLS).index(name)])
    hits: dict[str, list[Array]] = {"D1": [], "D2": []}
    for path in paths(rng, drift, replications, round(span / dt), dt):
        model = KramersMoyalSDE(bins=[edges], correction=correction).fit(path[:, None], dt=dt)
        frame = model.results_.coefficients
        place = np.digitize(path[:-1], edges) - 1
        truth = {
            "D1": np.array([np.mean(drift(path[:-1][place == j])) for j in range(len(frame))]),
            "D2": np.full(len(frame), 0.5),
        }
        for key, true in truth.items():
            error = np.abs(frame[key] - true) / frame[f"{key}_se"]
            hits[key].append(np.where(np.isnan(error), np.nan, error <= 1.959964))
    table = {}
    for key, values in hits.items():
        stacked = np.array(values)
        offered = np.isfinite(stacked)
        covered = np.nansum(stacked, axis=0) / np.maximum(offered.sum(axis=0), 1)
        table[key] = {
            "coverage": [
                round(float(c), 4) if any_ else None
                for c, any_ in zip(covered, offered.any(axis=0), strict=True)
            ],
            "offered": offered.mean(axis=0).round(4).tolist(),
            "pooled_coverage": round(float(np.nanmean(stacked)), 4) if offered.any() else None,
        }
    return table


def main() -> None:
    """Run all cells and store the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=300)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    start = time.process_time()
    cells = {
        f"{name}, correction={correction}": count(
            name, arguments.replications, arguments.seed, correction
        )
        for name in CELLS
        for correction in ("second-order", None)
    }
    values = {
        "nominal": 0.95,
        "replications": arguments.replications,
        "seed": arguments.seed,
        "cpu_seconds": round(time.process_time() - start, 1),
        "cells": cells,
    }
    write_study(arguments.output, values)
    for name, cell in cells.items():
        for key, table in cell.items():
            print(name, key, table)


if __name__ == "__main__":
    main()
