"""Coverage of intervals of derived quantities: fixed points, barriers, densities, passage times.

Each design simulates paths, fits them and asks whether the 95 % intervals of the derived
quantities hold their true values. An interval that is NaN (with its reason) counts as not
offered: the share of offered ones is stored beside the coverage of those.

- Double well dX = (X - X^3) dt + 0.7 dW: the stable and the unstable fixed point, the time
  constant at the stable one, the height of the barrier (of the drift's potential, 1/4), the
  stationary density at 0 and at 1, the mean first passage time from -1 to 1.
- Ornstein-Uhlenbeck (kappa = 1, mu = 0, sigma = 1): the fixed point, the stationary density at
  0 and 1, the mean time from 0 to 1.

True values come from the closed forms and the quadratures of the true process. Run from the
root of the repository, with 1000 samples some five hours on one core::

    python -m benchmarks.coverage.derived --samples 1000 --jobs 2

The result is stored beside this file in ``results/derived.json``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import (
    DoubleWell,
    KernelSDE,
    LinearSDE,
    OrnsteinUhlenbeck,
    ParametricSDE,
    StochtextError,
    Trajectories,
    simulate,
)
from stochtext._shared.random import generator
from stochtext.estimators import KramersMoyalSDE
from stochtext.processes import Support
from stochtext.results.inference.derived.speed_measure import SpeedMeasure

RESULT = Path(__file__).with_name("results") / "derived.json"
N_DRAWS, N_BOOT = 200, 199
OU, WELL = OrnsteinUhlenbeck(1.0, 0.0, 1.0), DoubleWell(1.0, 1.0, 0.7)


@dataclass(frozen=True)
class Design:
    """What is simulated, what is fitted, and whether a bootstrap is asked beside the draws."""

    process: Any
    estimator: Callable[[], Any]
    n_paths: int
    n_steps: int
    dt: float
    bootstrap: bool = False


def well_fit() -> ParametricSDE:
    """Return the parametric fit of the double well."""
    return ParametricSDE(DoubleWell(), density="shoji_ozaki")


DESIGNS: dict[str, Design] = {
    "double well, parametric, 1 path of 2000": Design(WELL, well_fit, 1, 2000, 0.1),
    "double well, parametric, 20 paths of 100": Design(WELL, well_fit, 20, 100, 0.1),
    "double well, kernel, 1 path of 10000": Design(WELL, KernelSDE, 1, 10000, 0.05),
    "double well, kernel, 40 paths of 250": Design(WELL, KernelSDE, 40, 250, 0.05),
    "double well, Kramers-Moyal, 1 path of 10000": Design(WELL, KramersMoyalSDE, 1, 10000, 0.05),
    "OU, linear, 1 path of 500": Design(OU, LinearSDE, 1, 500, 0.1),
    "OU, linear, 20 paths of 50": Design(OU, LinearSDE, 20, 50, 0.1),
    "OU, parametric and bootstrap, 1 path of 500": Design(
        OU, lambda: ParametricSDE(OrnsteinUhlenbeck()), 1, 500, 0.1, bootstrap=True
    ),
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "coverage in per cent of nominal 95 % intervals of derived quantities, and how many per "
        "cent of the samples have an interval",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
        sources=(
            "benchmarks/coverage/derived.py",
            "stochtext/results/inference/derived/*.py",
            "stochtext/results/inference/draws/process_draws.py",
        ),
        n_draws=N_DRAWS,
    )
    for name, design in designs.items():
        print(name, *(f"\n    {key}: {value}" for key, value in design.items()))


def truths(process: Any) -> dict[str, float]:
    """Return the true values of what a design asks for."""
    law = SpeedMeasure(process, Support.from_states(np.array([[-2.0], [2.0]])))
    density = np.exp(law.log_density(np.array([0.0, 1.0])))
    common = {"density at 0": density[0], "density at 1": density[1]}
    if process is OU:
        return {"fixed point": 0.0, **common, "passage": law.mean_passage(0.0, 1.0)}
    return {
        "stable point": 1.0, "unstable point": 0.0, "time constant": 0.5, "barrier": 0.25, **common,
        "passage": law.mean_passage(-1.0, 1.0),
    }  # fmt: skip


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the coverage of every quantity in one design."""
    design, truth = DESIGNS[name], truths(DESIGNS[name].process)
    kinds = ("draws", "bootstrap") if design.bootstrap else ("draws",)
    hits: dict[str, list[float]] = {f"{kind}, {q}": [] for kind in kinds for q in truth}
    failed = 0
    for k in range(samples):
        panel = data(design, generator(seed, name, k))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = intervals(design, panel, seed + k)
        except (StochtextError, np.linalg.LinAlgError):
            failed += 1
            found = {}
        for key, list_ in hits.items():
            low, high = found.get(key, (np.nan, np.nan))
            value = truth[key.partition(", ")[2]]
            list_.append(np.nan if np.isnan(low) else float(low <= value <= high))
    return {**{key: _told(np.array(values)) for key, values in hits.items()}, "failed": failed}


def _told(hits: np.ndarray) -> dict[str, float | None]:
    offered = np.isfinite(hits)
    covered = None if not offered.any() else round(float(100 * hits[offered].mean()), 1)
    return {"covered": covered, "offered": round(float(100 * offered.mean()), 1)}


def intervals(design: Design, panel: Trajectories, seed: int) -> dict[str, tuple[float, float]]:
    """Return the intervals by kind and quantity."""
    results = design.estimator().fit(panel).results_
    ways: dict[str, dict[str, Any]] = {"draws": {"n_draws": N_DRAWS, "random_state": seed}}
    if design.bootstrap:
        ways["bootstrap"] = {"bootstrap": results.bootstrap(n_boot=N_BOOT, random_state=seed)}
    asked = _of_ou if design.process is OU else _of_well
    return {
        f"{kind}, {quantity}": ends
        for kind, way in ways.items()
        for quantity, ends in asked(results, way).items()
    }


def _of_ou(results: Any, way: dict[str, Any]) -> dict[str, tuple[float, float]]:
    points = results.fixed_points(**way).to_frame()
    return {
        **({"fixed point": _ends(points, 0)} if len(points) == 1 else {}),
        **_densities(results, way),
        "passage": _ends(results.mean_first_passage([[0.0]], 1.0, **way).to_frame(), 0),
    }


def _of_well(results: Any, way: dict[str, Any]) -> dict[str, tuple[float, float]]:
    found = _densities(results, way)
    found["passage"] = _ends(results.mean_first_passage([[-1.0]], 1.0, **way).to_frame(), 0)
    points = results.fixed_points(**way).to_frame()
    # The top at zero is held there by the form of the parametric model: it has no interval.
    if len(points) != 3:
        return found
    constants = results.time_constants(**way)
    found["stable point"], found["unstable point"] = _ends(points, 2), _ends(points, 1)
    row = constants.iloc[-1]
    found["time constant"] = row["time_constant_lower"], row["time_constant_upper"]
    found["barrier"] = _ends(results.barrier_heights(**way).to_frame(), -1)
    return found


def _densities(results: Any, way: dict[str, Any]) -> dict[str, tuple[float, float]]:
    frame = results.stationary_density([[0.0], [1.0]], **way).to_frame()
    return {"density at 0": _ends(frame, 0), "density at 1": _ends(frame, 1)}


def _ends(frame: Any, row: int) -> tuple[float, float]:
    return float(frame["lower"].iloc[row]), float(frame["upper"].iloc[row])


def data(design: Design, rng: np.random.Generator) -> Trajectories:
    """Return paths that start near the stationary law."""
    first = rng.standard_normal((design.n_paths, 1)) / np.sqrt(2.0)
    if design.process is WELL:
        first = rng.choice([-1.0, 1.0], size=first.shape) + 0.25 * rng.standard_normal(first.shape)
    exact = {"scheme": "exact"} if design.process is OU else {"n_substeps": 10}
    return simulate(design.process, first, dt=design.dt, n_steps=design.n_steps,
                    random_state=int(rng.integers(2**31)), **exact)  # fmt: skip


if __name__ == "__main__":
    main()
