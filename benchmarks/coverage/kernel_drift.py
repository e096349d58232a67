"""Coverage of the intervals and simultaneous bands of KernelSDE.

    python -m benchmarks.coverage.kernel_drift [--replications 200] [--seed 7] [--cells NAME ...]

Truth: double wells dX = scale (X - X^3) dt + sigma dW, whose stationary states are spread over
both wells; the bandwidth is chosen by cross-validation in every replication unless the cell
says otherwise. A point is *offered* when its standard error is finite; coverage is counted
among the offered ones. A band covers when it holds the truth at every offered point of a
grid. The result is stored beside the script with seeds and versions.
"""

from __future__ import annotations

import argparse
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import write_study
from stochtext import KernelSDE

POINTS = (-1.2, -0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9, 1.2)
GRID = np.linspace(-1.2, 1.2, 25)


class Cell(NamedTuple):
    """One design."""

    n_trajectories: int
    span: float
    dt: float
    scale: float = 1.0
    sigma: float = 0.7
    options: dict[str, Any] = {}  # noqa: RUF012
    planar: bool = False


CELLS = {
    "one path, T=250, dt=0.01": Cell(1, 250.0, 0.01),
    "one path, T=250, dt=0.04": Cell(1, 250.0, 0.04),
    "one path, T=1000, dt=0.04": Cell(1, 1000.0, 0.04),
    "50 trajectories of T=5, dt=0.04": Cell(50, 5.0, 0.04),
    "one path, T=250, dt=0.04, plug-in": Cell(1, 250.0, 0.04, options={"bandwidth": "plug-in"}),
    "steep: one path, T=100, dt=0.01": Cell(1, 100.0, 0.01, 2.0, 1.0),
    "plane: one path, T=250, dt=0.04": Cell(
        1, 250.0, 0.04, options={"bandwidth": "plug-in"}, planar=True
    ),
}
#: States in the plane, drift (X - X^3 + Y / 2, -Y - X / 2).
PLANE = np.array([[0, 0], [0.7, 0], [-0.7, -0.3], [0.9, -0.4], [-0.4, 0.4], [0, 0.6], [1.0, 0.2]])
FACTOR = np.array([[0.7, 0.0], [0.2, 0.6]])
SUBSTEP = 0.0025
RESULTS = Path(__file__).parent / "results" / "kernel_drift.json"


def double_wells(rng: np.random.Generator, cell: Cell, n_paths: int) -> NDArray[np.float64]:
    """Return stationary paths of shape (n_paths, n_steps + 1), Euler with fine substeps."""
    substeps = round(cell.dt / SUBSTEP)
    h = cell.dt / substeps
    size = cell.sigma * np.sqrt(h)
    x = rng.choice([-1.0, 1.0], n_paths)
    n_steps = round(cell.span / cell.dt)
    paths = np.empty((n_steps + 1, n_paths))

    def step(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return x + cell.scale * (x - x**3) * h + size * rng.standard_normal(n_paths)

    for _ in range(round(5.0 / h)):
        x = step(x)
    paths[0] = x
    for k in range(n_steps):
        for _ in range(substeps):
            x = step(x)
        paths[k + 1] = x
    return paths.T


def planar_drift(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the true drift in the plane."""
    return np.stack([x[:, 0] - x[:, 0] ** 3 + 0.5 * x[:, 1], -x[:, 1] - 0.5 * x[:, 0]], axis=1)


def count_in_the_plane(name: str, replications: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return the share of offered intervals that hold the truth, by state and component."""
    cell = CELLS[name]
    rng = np.random.default_rng([seed, list(CELLS).index(name)])
    h, x = 2 * SUBSTEP, np.zeros((replications, 2))
    substeps, n_steps = round(cell.dt / h), round(cell.span / cell.dt)
    paths, burn = np.empty((n_steps + 1, replications, 2)), round(5.0 / cell.dt)
    for k in range(-burn, n_steps + 1):
        for _ in range(substeps):
            noise = np.sqrt(h) * rng.standard_normal((replications, 2)) @ FACTOR.T
            x = x + planar_drift(x) * h + noise
        if k >= 0:
            paths[k] = x
    truth = {
        "drift": planar_drift(PLANE),
        "covariance": np.broadcast_to(FACTOR @ FACTOR.T, (len(PLANE), 2, 2)),
    }
    hits: dict[str, list[NDArray[np.float64]]] = {"drift": [], "covariance": []}
    bands: dict[str, list[bool]] = {"drift": [], "covariance": []}
    for r in range(replications):
        results = KernelSDE(**cell.options).fit(paths[:, r], dt=cell.dt).results_
        for which, curve in (
            ("drift", results.get_drift(PLANE)),
            ("covariance", results.get_covariance(PLANE)),
        ):
            ends, band = curve.conf_int(), curve.simultaneous_band(random_state=r)
            inside = (ends[..., 0] <= truth[which]) & (truth[which] <= ends[..., 1])
            hits[which].append(np.where(np.isfinite(curve.se), inside, np.nan))
            out = (band[..., 0] > truth[which]) | (truth[which] > band[..., 1])
            bands[which].append(not out.any())
    tables: dict[str, dict[str, Any]] = {}
    for which, found in hits.items():
        share = np.nanmean(found, axis=0).reshape(len(PLANE), -1)
        tables[which] = {
            f"x={x}": {"coverage": [round(float(c), 4) for c in row]}
            for x, row in zip(PLANE.tolist(), share, strict=True)
        }
        tables[which]["offered"] = round(float(np.isfinite(found).mean()), 4)
        tables[which]["simultaneous band"] = {"coverage": round(float(np.mean(bands[which])), 4)}
    return tables


def count(name: str, replications: int, seed: int) -> dict[str, dict[str, Any]]:
    """Return coverage, share offered, bias and standard errors at each point, and of bands."""
    cell = CELLS[name]
    rng = np.random.default_rng([seed, list(CELLS).index(name)])
    paths = double_wells(rng, cell, cell.n_trajectories * replications)
    states = np.union1d(GRID, POINTS)[:, None]
    x = states[:, 0]
    truth = {"drift": cell.scale * (x - x**3), "covariance": np.full(len(x), cell.sigma**2)}
    kept: dict[str, list[NDArray[np.float64]]] = {"drift": [], "covariance": []}
    bands: dict[str, list[bool]] = {"drift": [], "covariance": []}
    for r in range(replications):
        own = paths[r * cell.n_trajectories : (r + 1) * cell.n_trajectories]
        results = KernelSDE(**cell.options).fit(list(own[..., None]), dt=cell.dt).results_
        for which, curve in (
            ("drift", results.get_drift(states)),
            ("covariance", results.get_covariance(states)),
        ):
            rows = [np.reshape(v, len(states)) for v in (curve.estimate, curve.centre, curve.se)]
            kept[which].append(np.array(rows))
            band = curve.simultaneous_band(random_state=r).reshape(-1, 2)
            known = np.isfinite(band[:, 0])
            inside = (band[:, 0] <= truth[which]) & (truth[which] <= band[:, 1])
            bands[which].append(bool(inside[known].all()))
    tables = {which: _table(np.array(kept[which]), x, truth[which]) for which in kept}
    for which, hits in bands.items():
        tables[which]["simultaneous band"] = {"coverage": round(float(np.mean(hits)), 4)}
    return tables


def _table(
    values: NDArray[np.float64], states: NDArray[np.float64], truth: NDArray[np.float64]
) -> dict[str, Any]:
    table = {}
    for x in POINTS:
        j = int(np.argmin(np.abs(states - x)))
        estimate, centre, se = values[:, :, j].T
        offered = np.isfinite(se)
        hit = np.abs(centre - truth[j])[offered] <= 1.959964 * se[offered]
        row: dict[str, float | None] = {
            "coverage": None,
            "offered": round(float(offered.mean()), 4),
            "bias_of_estimate": round(float(np.nanmean(estimate) - truth[j]), 4),
        }
        if offered.any():
            row["coverage"] = round(float(hit.mean()), 4)
            row["bias_of_centre"] = round(float(centre[offered].mean() - truth[j]), 4)
            row["sd_of_centre"] = round(float(centre[offered].std()), 4)
            row["mean_se"] = round(float(se[offered].mean()), 4)
        table[f"x={x:g}"] = row
    return table


def main() -> None:
    """Run the cells and store the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--cells", nargs="*", default=list(CELLS), choices=list(CELLS))
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    warnings.simplefilter("error")
    start = time.process_time()
    cells = {
        name: (count_in_the_plane if CELLS[name].planar else count)(
            name, arguments.replications, arguments.seed
        )
        for name in arguments.cells
    }
    values = {
        "truth": "dX = scale (X - X^3) dt + sigma dW",
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
