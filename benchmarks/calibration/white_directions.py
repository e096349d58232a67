"""Size of the likelihood ratio for holding white directions in ``LinearSDE``.

Each design simulates states of which some directions have no memory, fits them, and counts
how often the p-value against the unrestricted one-step regression is below 5 and 1 %. Where
the fit is not on the boundary nothing is held and nothing is rejected. The chi-square law
with the square of the number of held directions as degrees of freedom is conservative: the
regression must leave the model in a cone, not in a plane.

Run from the root of the repository, some ten minutes on one core::

    python -m benchmarks.calibration.white_directions

The result is stored beside this file in ``results/white_directions.json``.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import LinearSDE, Trajectories
from stochtext._shared.random import generator

RESULT = Path(__file__).with_name("results") / "white_directions.json"

# name -> (memories of the directions, trajectories, steps of each)
DESIGNS: dict[str, tuple[tuple[float, ...], int, int]] = {
    "1 white": ((0.0,), 30, 20),
    "1 white of 2": ((0.7, 0.0), 30, 20),
    "2 white of 2": ((0.0, 0.0), 30, 20),
    "2 white of 3": ((0.8, 0.0, 0.0), 60, 20),
    "4 white of 4": ((0.0, 0.0, 0.0, 0.0), 60, 20),
    "1 negative of 2 (power)": ((0.7, -0.2), 30, 20),
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "rejections in per cent at 5 and 1 %, and how often directions are held",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
    )
    for name, design in designs.items():
        print(f"{name:28s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return rejection rates in one design."""
    memories, m, steps = DESIGNS[name]
    pvalues, held = [], []
    for k in range(samples):
        rng = generator(seed, name, k)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            white = LinearSDE().fit(simulate(memories, m, steps, rng)).results_.white
        on_bound = white is not None and white.held > 0
        held.append(on_bound)
        pvalues.append(white.pvalue if on_bound else 1.0)
    return {
        "at 5 %": round(100 * float(np.mean(np.array(pvalues) < 0.05)), 1),
        "at 1 %": round(100 * float(np.mean(np.array(pvalues) < 0.01)), 1),
        "held": round(100 * float(np.mean(held)), 1),
    }


def simulate(
    memories: tuple[float, ...], m: int, steps: int, rng: np.random.Generator
) -> Trajectories:
    """Return stationary paths of unit variance in coordinates mixed at random."""
    phi = np.array(memories)
    d = len(phi)
    x = np.empty((m, steps + 1, d))
    x[:, 0] = rng.standard_normal((m, d))
    for k in range(steps):
        x[:, k + 1] = phi * x[:, k] + np.sqrt(1 - phi**2) * rng.standard_normal((m, d))
    turn, _ = np.linalg.qr(rng.standard_normal((d, d)))
    return Trajectories(list(x @ turn), dt=1.0)


if __name__ == "__main__":
    main()
