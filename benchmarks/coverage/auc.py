"""Coverage of the interval of the area under the ROC curve that the demo prints.

Scores of two groups are normal with unit variance and means that differ by a shift.

Run from the root of the repository, seconds::

    python -m benchmarks.coverage.auc

The result is stored beside this file in ``results/auc.json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import norm

from benchmarks.record import run_study
from stochtext._shared.random import generator
from stochtext.quality.auc import area_under_curve

RESULT = Path(__file__).with_name("results") / "auc.json"

# name -> (members of the first group, members of the second, shift)
DESIGNS: dict[str, tuple[int, int, float]] = {
    f"{m} and {n}, shift {shift}": (m, n, shift)
    for m, n in ((24, 14), (24, 12))
    for shift in (0.0, 0.5, 1.0, 1.5)
}


def main() -> None:
    """Measure all designs and store the result."""
    what = "coverage in per cent of nominal 95 % intervals"
    designs = run_study(__doc__.splitlines()[0], what, DESIGNS, measure, RESULT, samples=5000)
    for name, design in designs.items():
        print(f"{name:26s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the coverage in one design, where there is an interval."""
    m, n, shift = DESIGNS[name]
    truth = norm.cdf(shift / np.sqrt(2))
    rng = generator(seed, name)
    draws = [area_under_curve(rng.normal(shift, 1, m), rng.normal(0, 1, n)) for _ in range(samples)]
    offered = [found for found in draws if not np.isnan(found.lower)]
    held = np.mean([found.lower <= truth <= found.upper for found in offered])
    return {
        "area": round(float(truth), 3),
        "coverage": round(100 * float(held), 1),
        "offered in per cent": round(100 * len(offered) / samples, 1),
    }


if __name__ == "__main__":
    main()
