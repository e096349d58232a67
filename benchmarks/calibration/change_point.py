"""Size and power of the test for a change point.

Each design simulates stationary Ornstein-Uhlenbeck paths whose law does not change, and
tests one parameter or all of them at 5 %. A second part changes sigma or mu half-way and
counts how often the change is found.

Run from the root of the repository, some ten minutes on one core::

    python -m benchmarks.calibration.change_point

The result is stored beside this file in ``results/change_point.json``. With R = 1000
samples the 99.9 % band around 5 % is [2.9, 7.4].
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import LinearSDE, OrnsteinUhlenbeck, StochtextWarning, Trajectories, simulate
from stochtext.analysis import change_point

RESULT = Path(__file__).with_name("results") / "change_point.json"
TESTS: dict[str, list[str] | None] = {"sigma": ["sigma"], "mu": ["mu"], "all": None}

# name -> (paths, steps of each half, sampling interval, what changes half-way)
DESIGNS: dict[str, tuple[int, int, float, dict[str, float]]] = {
    "stable, 1 path of 250 steps of 0.25": (1, 125, 0.25, {}),
    "stable, 1 path of 1000 steps of 0.1": (1, 500, 0.1, {}),
    "stable, 20 paths of 50 steps of 0.25": (20, 25, 0.25, {}),
    "sigma .6 to .75, 1 path of 1000 steps of 0.1": (1, 500, 0.1, {"sigma": 0.75}),
    "mu .5 to 1, 1 path of 1000 steps of 0.1": (1, 500, 0.1, {"mu": 1.0}),
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "rejections in per cent at level 5 %",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
    )
    for name, design in designs.items():
        print(f"{name:48s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the rejection rate of every test in one design."""
    rejected: dict[str, list[bool]] = {test: [] for test in TESTS}
    for k in range(samples):
        panel = changing(*DESIGNS[name], seed=2 * (seed + k))
        for test, parameters in TESTS.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", StochtextWarning)
                found = change_point(LinearSDE(), panel, parameters=parameters)
            rejected[test].append(found.detected())
    return {test: round(100 * float(np.mean(found)), 1) for test, found in rejected.items()}


def changing(m: int, steps: int, dt: float, change: dict[str, float], *, seed: int) -> Trajectories:
    """Return paths that start in the stationary law and change half-way."""
    before = {"kappa": 1.0, "mu": 0.5, "sigma": 0.6}
    rng = np.random.default_rng(seed)
    start = rng.normal(0.5, 0.6 / np.sqrt(2.0), (m, 1))
    options = {"dt": dt, "n_steps": steps, "scheme": "exact"}
    first = simulate(OrnsteinUhlenbeck(**before), start, random_state=seed, **options).to_array()
    after = OrnsteinUhlenbeck(**before).with_params(**change)
    second = simulate(after, first[:, -1], random_state=seed + 1, **options).to_array()
    return Trajectories(np.concatenate([first, second[:, 1:]], axis=1), dt=dt)


if __name__ == "__main__":
    main()
