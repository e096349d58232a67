"""Coverage of the intervals of KramersMoyalSDE for D1 and D2, in bins and for kernel averages.

    python -m benchmarks.coverage.kramers_moyal [--replications 300] [--seed 11]

The truth is the coefficient averaged over the states observed in a bin, or with the weights of
the kernel. Places whose standard error is not offered (NaN) are left out, and their share is
stored. Panels use t(M - 1) quantiles.
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
from scipy.stats import norm, t

from benchmarks.record import write_study
from stochtext import KramersMoyalSDE

Array = NDArray[np.float64]
Function = Callable[[Array], Array]
SUBSTEP = 0.0025
RESULTS = Path(__file__).parent / "results" / "kramers_moyal.json"


def double_well(x: Array) -> Array:
    """Return the drift of the double well."""
    return x - x**3


def linear(x: Array) -> Array:
    """Return the drift of the Ornstein-Uhlenbeck process."""
    return -x


def constant(x: Array) -> Array:
    """Return a constant diffusion."""
    return np.full_like(x, 0.7)


def waving(x: Array) -> Array:
    """Return a diffusion that depends on the state."""
    return 0.6 + 0.2 * np.tanh(x)


BINS = np.linspace(-1.2, 1.2, 13)
#: name: (drift, diffusion, time, dt, trajectories, options)
CELLS: dict[str, tuple[Function, Function, float, float, int, dict[str, Any]]] = {
    "OU, T=200, dt=0.01": (linear, constant, 200.0, 0.01, 1, {}),
    "double well, T=200, dt=0.01": (double_well, constant, 200.0, 0.01, 1, {}),
    "double well, T=800, dt=0.04": (double_well, constant, 800.0, 0.04, 1, {}),
    "double well, waving noise, T=800, dt=0.04": (double_well, waving, 800.0, 0.04, 1, {}),
    "double well, T=800, dt=0.04, uncorrected": (
        double_well, constant, 800.0, 0.04, 1, {"correction": None},
    ),
    "double well, T=200, dt=0.01, lags 1 to 3": (
        double_well, constant, 200.0, 0.01, 1, {"lags": (1, 2, 3)},
    ),
    "double well, 30 x T=25, dt=0.04": (double_well, constant, 25.0, 0.04, 30, {}),
    "double well, kernel, T=200, dt=0.01": (
        double_well, constant, 200.0, 0.01, 1, {"method": "kernel", "bandwidth": 0.1},
    ),
    "double well, kernel, T=800, dt=0.04": (
        double_well, constant, 800.0, 0.04, 1, {"method": "kernel", "bandwidth": 0.1},
    ),
}  # fmt: skip


def paths(
    rng: np.random.Generator, drift: Function, diffusion: Function, n: int, steps: int, dt: float
) -> Array:
    """Return stationary paths of shape (n, steps + 1), Euler with fine substeps."""
    substeps = round(dt / SUBSTEP)
    h = dt / substeps
    x = rng.choice([-1.0, 1.0], n)

    def step(x: Array) -> Array:
        return x + drift(x) * h + np.sqrt(h) * diffusion(x) * rng.standard_normal(n)

    for _ in range(round(5.0 / h)):
        x = step(x)
    states = np.empty((steps + 1, n))
    states[0] = x
    for k in range(steps):
        for _ in range(substeps):
            x = step(x)
        states[k + 1] = x
    return states.T


def truth_at(frame: Any, x: Array, values: dict[str, Array], options: dict[str, Any]) -> Any:
    """Return the averages of true coefficients at the states, by column."""
    if options.get("method") != "kernel":
        place = np.digitize(x, BINS) - 1
        return {
            key: np.array([value[place == j].mean() for j in range(len(frame))])
            for key, value in values.items()
        }
    width = options["bandwidth"] * x.std()
    weight = np.exp(-0.5 * ((frame["center"].to_numpy()[:, None] - x) / width) ** 2)
    return {key: weight @ value / weight.sum(axis=1) for key, value in values.items()}


def count(name: str, replications: int, seed: int) -> dict[str, Any]:
    """Return coverage and the share offered at every place, for D1 and D2."""
    drift, diffusion, span, dt, m, options = CELLS[name]
    rng = np.random.default_rng([seed, list(CELLS).index(name)])
    hits: dict[str, list[Array]] = {"D1": [], "D2": []}
    quantile = norm.ppf(0.975) if m < 10 else t.ppf(0.975, m - 1)
    every = paths(rng, drift, diffusion, replications * m, round(span / dt), dt)
    for panel in every.reshape(replications, m, -1):
        model = KramersMoyalSDE(bins=[BINS], **options)
        frame = model.fit([path[:, None] for path in panel], dt=dt).results_.coefficients
        x = panel[:, :-1].ravel()
        truth = truth_at(frame, x, {"D1": drift(x), "D2": diffusion(x) ** 2 / 2}, options)
        for key, true in truth.items():
            error = np.abs(frame[key] - true) / frame[f"{key}_se"]
            hits[key].append(np.where(np.isnan(error), np.nan, error <= quantile))
    return {key: _table(np.array(values)) for key, values in hits.items()}


def _table(hits: Array) -> dict[str, Any]:
    offered = np.isfinite(hits)
    covered = np.nansum(hits, axis=0) / np.maximum(offered.sum(axis=0), 1)
    return {
        "coverage": [
            round(float(c), 4) if any_ else None
            for c, any_ in zip(covered, offered.any(axis=0), strict=True)
        ],
        "offered": offered.mean(axis=0).round(4).tolist(),
        "pooled_coverage": round(float(np.nanmean(hits)), 4) if offered.any() else None,
    }


def main() -> None:
    """Run all cells and store the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=300)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    start = time.process_time()
    cells = {name: count(name, arguments.replications, arguments.seed) for name in CELLS}
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
