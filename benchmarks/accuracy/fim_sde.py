"""The synthetic systems of FIM-SDE by every estimator, over four steps, three noises, five paths.

Set-up of Seifner et al. (In-context learning of stochastic differential equations with
foundation inference models, NeurIPS 2025, arXiv:2502.19049; read in the repository
FIM4Science/OpenFIM): one Euler path with steps of .002, observed 5000 times at every 1st, 5th,
10th or 100th step, with noise of 0, 5 or 10 % of half the range of each coordinate. The published
table could not be read, so that only our own estimators are here.

``drift`` and ``diffusion`` are mean squared errors over the states of a regular grid of 1024
points (square roots of the diagonal of the covariance rate for the diffusion). [-2, 2] for the
double wells and [-4, 4]^2 for Duffing are theirs; the other boxes are ours and in the record. An
error is also given over the grid points that the path came near (``seen``), because the grid
reaches far beyond many paths: nobody can know the drift there.

Run from the root of the repository, some three hours on one core::

    python -m benchmarks.accuracy.fim_sde --jobs 2

The result is stored beside this file in ``results/fim_sde.json``; a run that is stopped goes on
where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from benchmarks.accuracy.cells import options_of, run_cells
from benchmarks.accuracy.contenders import fitted
from stochtext import (
    SDE,
    GaussianProcessSDE,
    KernelSDE,
    KramersMoyalSDE,
    LinearSDE,
    NeuralSDE,
    SparseSDE,
    StochtextError,
    Trajectories,
    simulate,
)
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.processes import Process

RESULT = Path(__file__).with_name("results") / "fim_sde.json"
FINE_STEP, POINTS = 0.002, 5000
STRIDES = (1, 5, 10, 100)
NOISES = (0.0, 0.05, 0.1)
#: A grid point is seen if a state lies within a tenth of the standard deviations.
NEAR = 0.1


@dataclass(frozen=True)
class System:
    """A process, its first state and half the width of the box of the grid."""

    process: Process
    first: tuple[float, ...]
    box: float


def _cubic(t: Any, x: Any) -> Any:
    return 4.0 * (x - x * x * x)


def _circle(t: Any, x: Any) -> Any:
    rest = 1.0 - x[0] * x[0] - x[1] * x[1]
    return np.array([x[0] * rest - x[1], x[1] * rest + x[0]])


def _damped_linear(t: Any, x: Any) -> Any:
    return np.array([-(0.1 * x[0] - 2.0 * x[1]), -(2.0 * x[0] + 0.1 * x[1])])


def _damped_cubic(t: Any, x: Any) -> Any:
    cube = x[0] * x[0] * x[0], x[1] * x[1] * x[1]
    return np.array([-(0.1 * cube[0] - 2.0 * cube[1]), -(2.0 * cube[0] + 0.1 * cube[1])])


def _duffing(t: Any, x: Any) -> Any:
    return np.array([x[1], -(x[0] * x[0] * x[0] - x[0] + 0.35 * x[1])])


def _glycolysis(t: Any, x: Any) -> Any:
    flow = 0.08 * x[1] + x[0] * x[0] * x[1]
    return np.array([flow - x[0], 0.6 - flow])


def _hopf(t: Any, x: Any) -> Any:
    rest = 0.5 - x[0] * x[0] - x[1] * x[1]
    return np.array([x[0] * rest + x[1], x[1] * rest - x[0]])


def _one(t: Any, x: Any) -> Any:
    return 1.0 + 0.0 * x


def _two(t: Any, x: Any) -> Any:
    return np.array([1.0 + 0.0 * x[0], 1.0 + 0.0 * x[1]])


def _wells_noise(t: Any, x: Any) -> Any:
    return np.sqrt(np.maximum(4.0 - 1.25 * x * x, 0.0))


def _crossed_noise(t: Any, x: Any) -> Any:
    return np.array([np.sqrt(1.0 + x[1] * x[1]), np.sqrt(1.0 + x[0] * x[0])])


def _plane(drift: Callable[..., Any]) -> SDE:
    return SDE(drift, _two, dim=2, noise="additive")


SYSTEMS: dict[str, System] = {
    "double well": System(SDE(_cubic, _wells_noise), (0.0,), 2.0),
    "double well, constant noise": System(SDE(_cubic, _one, noise="additive"), (0.0,), 2.0),
    "Wang": System(SDE(_circle, _crossed_noise, dim=2), (1.5, 1.5), 2.0),
    "synthetic, Opper": System(_plane(_circle), (1.5, 1.5), 2.0),
    "damped linear": System(_plane(_damped_linear), (2.5, -5.0), 5.0),
    "damped cubic": System(_plane(_damped_cubic), (0.0, 1.0), 2.0),
    "Duffing": System(_plane(_duffing), (3.0, 2.0), 4.0),
    "Glycolysis, Selkov": System(_plane(_glycolysis), (0.7, 1.25), 3.0),
    "Hopf": System(_plane(_hopf), (2.0, 2.0), 2.0),
}

#: name: from the relative noise and a seed to an estimator.
CONTENDERS: dict[str, Callable[[float, int], Any]] = {
    "NeuralSDE": lambda noise, seed: NeuralSDE(random_state=seed),
    "NeuralSDE, noise": lambda noise, seed: NeuralSDE(obs_noise="auto", random_state=seed),
    "KernelSDE": lambda noise, seed: KernelSDE(),
    "GaussianProcessSDE": lambda noise, seed: GaussianProcessSDE(),
    "SparseSDE": lambda noise, seed: SparseSDE(3, 2),
    "KramersMoyalSDE": lambda noise, seed: KramersMoyalSDE(),
    "LinearSDE": lambda noise, seed: LinearSDE(
        observation_noise="diagonal" if noise else None
    ),
}  # fmt: skip
_NUMBERS = ("drift", "diffusion", "drift seen", "diffusion seen", "seconds")


def main() -> None:
    """Measure all cells and store the result."""
    options = options_of(__doc__.splitlines()[0], RESULT, 5)
    cells = [
        (f"{system}, dt = {FINE_STEP * stride:g}, noise {100 * noise:g} %", contender, seed)
        for seed in range(options.replications)
        for noise in NOISES
        for stride in STRIDES
        for system in SYSTEMS
        for contender in CONTENDERS
        if noise or contender != "NeuralSDE, noise"
    ]
    summary = run_cells(
        cells, measure, summarise, options,
        "mean over paths of the mean squared errors of drift and diffusion on a grid, and on its "
        "points that the path came near",
        boxes={name: [-s.box, s.box] for name, s in SYSTEMS.items()}, near=NEAR,
    )  # fmt: skip
    for design, rows in summary.items():
        print(design)
        for contender, row in rows.items():
            print(f"  {contender:20s} {row}")


def measure(design: str, contender: str, seed: int) -> dict[str, Any]:
    """Return the errors of one fit to one path."""
    name, step, level = design.rsplit(", ", 2)
    stride = round(float(step.removeprefix("dt = ")) / FINE_STEP)
    noise = float(level.removeprefix("noise ").removesuffix(" %")) / 100.0
    system, path = SYSTEMS[name], observed(SYSTEMS[name], stride, noise, seed)
    try:
        fit, seconds, said = fitted(CONTENDERS[contender](noise, seed), path)
    except StochtextError as error:
        return {"drift": None, "diffusion": None, "error": f"{type(error).__name__}: {error}"}
    x = grid(system)
    return {
        **errors(fit, system.process, x, near(x, path.values)),
        "seconds": round(seconds, 2),
        **({"warnings": said} if said else {}),
    }


def observed(system: System, stride: int, noise: float, seed: int) -> Trajectories:
    """Return the observed path."""
    path = simulate(
        system.process, np.array([system.first]), dt=FINE_STEP * stride, n_steps=POINTS - 1,
        n_substeps=stride, random_state=seed,
    )  # fmt: skip
    half_range = 0.5 * (path.values.max(axis=0) - path.values.min(axis=0))
    error = generator(seed, "observation noise").standard_normal(path.values.shape)
    return path.with_values(path.values + noise * half_range * error)


def grid(system: System) -> FloatArray:
    """Return 1024 states on a regular grid."""
    dim = len(system.first)
    side = round(1024 ** (1 / dim))
    axes = [np.linspace(-system.box, system.box, side)] * dim
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dim)


def near(x: FloatArray, states: FloatArray) -> np.ndarray:
    """Return for each grid point whether a state lies near it."""
    spread = states.std(axis=0)
    away, _ = KDTree(states / spread).query(x / spread)
    return np.asarray(away <= NEAR)


def errors(fit: Any, truth: Process, x: FloatArray, seen: np.ndarray) -> dict[str, Any]:
    """Return the mean squared errors on the grid and where the path came."""
    drift = ((fit.predict_drift(x) - truth.drift(x)) ** 2).mean(axis=1)
    rates = [np.einsum("njj->nj", p) for p in (fit.predict_covariance(x), truth.covariance(x))]
    diffusion = ((np.sqrt(rates[0]) - np.sqrt(rates[1])) ** 2).mean(axis=1)
    return {
        "drift": _mean(drift), "diffusion": _mean(diffusion),
        "drift seen": _mean(drift[seen]), "diffusion seen": _mean(diffusion[seen]),
        "seen": round(float(seen.mean()), 3),
    }  # fmt: skip


def _mean(values: FloatArray) -> float | None:
    mean = float(np.mean(values)) if len(values) else np.nan
    return float(f"{mean:.4g}") if np.isfinite(mean) else None


def summarise(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Return by design and contender the means over paths, None where one path has no number."""
    found: dict[str, Any] = {}
    for cell in cells:
        rows = found.setdefault(cell["design"], {})
        rows.setdefault(cell["contender"], []).append(cell)
    return {
        design: {
            contender: _means(rows[contender]) for contender in CONTENDERS if contender in rows
        }
        for design, rows in sorted(found.items())
    }


def _means(cells: list[dict[str, Any]]) -> dict[str, Any]:
    means: dict[str, Any] = {"paths": len(cells)}
    for name in _NUMBERS:
        values = [one.get(name) for one in cells]
        missing = any(value is None for value in values)
        means[name] = None if missing else float(f"{np.mean(values):.4g}")
    return means


if __name__ == "__main__":
    main()
