"""Size of Vuong's test between two equally wrong models, symmetric by construction.

The states are stationary Ornstein-Uhlenbeck paths (kappa = 1, mu = 0, sigma = 1). Model A has the
drift -k x + c x^2, model B -k x - c x^2, with c held and k and sigma estimated: the reflection
x -> -x turns one into the other and leaves the law of the data as it is, so that both are equally
far from the truth. A rejection of equality is an error of the first kind. Where c is small the
two say nearly the same; the preceding test of zero variance says how often that is noticed.

Run from the root of the repository, with 1000 samples some ten minutes on one core::

    python -m benchmarks.calibration.vuong --samples 1000 --jobs 2

The result is stored beside this file in ``results/vuong.json``. With R = 1000 samples the
99.9 % band around 5 % is [2.9, 7.4].
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import SDE, OrnsteinUhlenbeck, ParametricSDE, Trajectories, simulate
from stochtext._shared.random import generator
from stochtext.comparison import vuong_test

RESULT = Path(__file__).with_name("results") / "vuong.json"
DT = 0.2


@dataclass(frozen=True)
class Design:
    """How many paths of which length, and how wrong the models are."""

    n_paths: int
    n_steps: int
    c: float


DESIGNS: dict[str, Design] = {
    "10 x 50, c = 0.5": Design(10, 50, 0.5),
    "20 x 50, c = 0.5": Design(20, 50, 0.5),
    "50 x 20, c = 0.5": Design(50, 20, 0.5),
    "20 x 50, c = 0.1": Design(20, 50, 0.1),
    "1 x 1000, c = 0.5": Design(1, 1000, 0.5),
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "percentage of rejections by Vuong's test of two equally wrong models",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
        sources=(
            "benchmarks/calibration/vuong.py",
            "stochtext/comparison/vuong.py",
            "stochtext/comparison/means.py",
        ),
    )
    for name, design in designs.items():
        print(f"{name:30s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the size of the test in one design."""
    design = DESIGNS[name]
    models = [_model(design.c), _model(-design.c)]
    rows = []
    for k in range(samples):
        panel = data(design, generator(seed, name, k))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first, second = (model.fit(panel).results_ for model in models)
        test = vuong_test(first, second)
        rows.append((test.pvalue, test.indistinguishable_pvalue))
    pvalue, same = np.array(rows).T
    both = (pvalue <= 0.05) & (same <= 0.05)
    return {
        "size at 5 %": _percentage(pvalue <= 0.05),
        "size at 10 %": _percentage(pvalue <= 0.10),
        "variance test rejects at 5 %": _percentage(same <= 0.05),
        "both reject at 5 %": _percentage(both),
    }


def _percentage(hits: np.ndarray) -> float:
    return round(float(100 * np.mean(hits)), 2)


def _model(c: float) -> ParametricSDE:
    def drift(t: float, x: float, k: float) -> float:
        return -k * x + c * x * x

    def diffusion(t: float, x: float, s: float) -> float:
        return s

    process = SDE(drift, diffusion, params={"k": 1.0, "s": 1.0})
    return ParametricSDE(process, density="euler")


def data(design: Design, rng: np.random.Generator) -> Trajectories:
    """Return stationary paths."""
    first = rng.standard_normal((design.n_paths, 1)) / np.sqrt(2.0)
    return simulate(OrnsteinUhlenbeck(1.0, 0.0, 1.0), first, dt=DT, n_steps=design.n_steps,
                    scheme="exact", random_state=int(rng.integers(2**31)))  # fmt: skip


if __name__ == "__main__":
    main()
