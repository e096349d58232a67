"""Size of the permutation test of ``order_control`` and coverage of its interval.

Size: states are drawn around a level of their trajectory, in random order, so that the
order means nothing. Coverage: autoregressions of order one around a level of the
trajectory; the interval of the order's share of R2 is held against the mean estimate over all
samples of the design, which is what the interval is an interval for.

Run from the root of the repository, some five minutes on one core::

    python -m benchmarks.calibration.order_control

The result is stored beside this file in ``results/order_control.json``. With R = 500
samples the 99.9 % band is [2.2, 8.4] around 5 % and [91.6, 97.8] around 95 %.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import write_study
from stochtext import Trajectories
from stochtext._shared.progress import progress
from stochtext._shared.random import generator
from stochtext.analysis import order_control

RESULT = Path(__file__).with_name("results") / "order_control.json"
PERMUTATIONS = 39

# name -> (trajectories, states of each, coordinates, coefficient, spread of the levels)
DESIGNS: dict[str, tuple[int, int, int, float, float]] = {
    "20 x 12, no order": (20, 12, 1, 0.0, 0.7),
    "50 x 20, no order": (50, 20, 1, 0.0, 0.7),
    "50 x 20, no order, d = 4": (50, 20, 4, 0.0, 0.7),
    "50 x 20, no order, no level": (50, 20, 1, 0.0, 0.0),
    "20 x 12, coefficient 0.5": (20, 12, 1, 0.5, 0.7),
    "50 x 20, coefficient 0.5": (50, 20, 1, 0.5, 0.7),
    "50 x 20, coefficient 0.5, d = 4": (50, 20, 4, 0.5, 0.7),
    "50 x 20, coefficient 0.2": (50, 20, 1, 0.2, 0.7),
}


def main() -> None:
    """Measure all designs and store the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=500, help="samples per design")
    parser.add_argument("--seed", type=int, default=20251123)
    parser.add_argument("--output", type=Path, default=RESULT)
    options = parser.parse_args()
    start = time.perf_counter()
    designs = {
        name: measure(name, options.samples, options.seed)
        for name in progress(DESIGNS, label="designs", total=len(DESIGNS))
    }
    values = {
        "what": "rejections at 5 % of 'the order means nothing', and coverage of 95 % intervals",
        "samples": options.samples,
        "permutations": PERMUTATIONS,
        "seed": options.seed,
        "seconds": round(time.perf_counter() - start, 1),
        "designs": designs,
    }
    write_study(options.output, values)
    for name, design in designs.items():
        print(f"{name:34s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return rejection rate and coverage in one design."""
    rows = []
    for k in range(samples):
        panel = simulate(*DESIGNS[name], generator(seed, name, k))
        control = order_control(panel, n_permutations=PERMUTATIONS, random_state=k)
        rows.append(control.to_frame().iloc[0])
    order = np.array([row["order"] for row in rows])
    low, high = (np.array([row[c] for row in rows]) for c in ("order_ci_lower", "order_ci_upper"))
    held = (low <= order.mean()) & (order.mean() <= high)
    rejected = np.array([row["pvalue"] for row in rows]) <= 0.05
    return {
        "rejections at 5 %": round(100 * float(rejected.mean()), 1),
        "mean order": round(float(order.mean()), 4),
        "coverage of the order": round(100 * float(held.mean()), 1),
        "failed": int(np.isnan(low).sum()),
    }


def simulate(
    m: int, length: int, dim: int, coefficient: float, spread: float, rng: np.random.Generator
) -> Trajectories:
    """Return autoregressions of order one around levels of the trajectories."""
    x = rng.normal(size=(m, length, dim))
    for k in range(1, length):
        x[:, k] = coefficient * x[:, k - 1] + np.sqrt(1 - coefficient**2) * x[:, k]
    return Trajectories(x + spread * rng.normal(size=(m, 1, dim)))


if __name__ == "__main__":
    main()
