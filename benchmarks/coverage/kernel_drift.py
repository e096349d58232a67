"""Coverage of the intervals of KernelSDE for drift and covariance rate.

    python -m benchmarks.coverage.kernel_drift [--replications 300] [--seed 7]

Truth: the double well dX = 2 (X - X^3) dt + dW, whose stationary states are spread over
both wells; the bandwidth is chosen by cross-validation in every replication. A point is
*offered* when its standard error is finite; coverage is counted among the offered ones.
The result is stored beside the script with seeds and versions.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import write_study
from stochtext import KernelSDE

POINTS = (-1.2, -0.6, 0.0, 0.3, 0.6, 1.0, 1.2)
#: name: (trajectories, time of each, dt)
CELLS = {
    "one path, T=100, dt=0.01": (1, 100.0, 0.01),
    "one path, T=400, dt=0.05": (1, 400.0, 0.05),
    "40 trajectories of T=5, dt=0.02": (40, 5.0, 0.02),
}
SUBSTEP = 0.0025
RESULTS = Path(__file__).parent / "results" / "kernel_drift.json"


def drift(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the true drift."""
    return 2 * (x - x**3)


def double_wells(
    rng: np.random.Generator, n_paths: int, n_steps: int, dt: float
) -> NDArray[np.float64]:
    """Return stationary paths of shape (n_paths, n_steps + 1), Euler with fine substeps."""
    substeps = round(dt / SUBSTEP)
    h = dt / substeps
    x = rng.choice([-1.0, 1.0], n_paths)
    paths = np.empty((n_steps + 1, n_paths))
    for _ in range(round(5.0 / h)):
        x = x + drift(x) * h + np.sqrt(h) * rng.standard_normal(n_paths)
    paths[0] = x
    for k in range(n_steps):
        for _ in range(substeps):
            x = x + drift(x) * h + np.sqrt(h) * rng.standard_normal(n_paths)
        paths[k + 1] = x
    return paths.T


def count(
    name: str, replications: int, seed: int, options: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return coverage, share offered, bias and standard errors at each point."""
    n_trajectories, span, dt = CELLS[name]
    rng = np.random.default_rng([seed, list(CELLS).index(name)])
    paths = double_wells(rng, n_trajectories * replications, round(span / dt), dt)
    states = np.array(POINTS)[:, None]
    truth = {"drift": drift(states[:, 0]), "covariance": np.ones(len(states))}
    kept: dict[str, list[NDArray[np.float64]]] = {"drift": [], "covariance": []}
    for r in range(replications):
        own = paths[r * n_trajectories : (r + 1) * n_trajectories]
        results = KernelSDE(**options).fit(list(own[..., None]), dt=dt).results_
        for which, curve in (
            ("drift", results.get_drift(states)),
            ("covariance", results.get_covariance(states)),
        ):
            rows = [np.reshape(v, len(states)) for v in (curve.estimate, curve.centre, curve.se)]
            kept[which].append(np.array(rows))
    return {which: _table(np.array(kept[which]), truth[which]) for which in kept}


def _table(values: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, Any]:
    table = {}
    for j, x in enumerate(POINTS):
        estimate, centre, se = values[:, :, j].T
        offered = np.isfinite(se)
        hit = np.abs(centre - truth[j])[offered] <= 1.959964 * se[offered]
        table[f"x={x:g}"] = {
            "coverage": round(float(hit.mean()), 4) if offered.any() else None,
            "offered": round(float(offered.mean()), 4),
            "bias_of_estimate": round(float(np.nanmean(estimate) - truth[j]), 4),
            "bias_of_centre": round(float(centre[offered].mean() - truth[j]), 4)
            if offered.any()
            else None,
            "sd_of_centre": round(float(centre[offered].std()), 4) if offered.any() else None,
            "mean_se": round(float(se[offered].mean()), 4) if offered.any() else None,
        }
    return table


def main() -> None:
    """Run all cells and store the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    start = time.process_time()
    cells = {name: count(name, arguments.replications, arguments.seed, {}) for name in CELLS}
    values = {
        "truth": "dX = 2 (X - X^3) dt + dW",
        "nominal": 0.95,
        "replications": arguments.replications,
        "seed": arguments.seed,
        "cpu_seconds": round(time.process_time() - start, 1),
        "cells": cells,
    }
    write_study(arguments.output, values)
    for name, cell in cells.items():
        for which, table in cell.items():
            for x, row in table.items():
                print(f"{name:34s} {which:10s} {x:7s} {row}")


if __name__ == "__main__":
    main()
