"""How often the model confidence set holds every model that is as good as the best.

Scores of three or six models on panels of thirty trajectories of uneven lengths, and on one
path whose scores remember each other. In "all alike" every model has the same mean score, in
"one worse" the last is worse by so much that a test of the pair would see it about half of the
time. ``holds the best`` is the share of sets of level 90 % with every best model in them: 90
or more. ``worse one left out`` is the power. Needs the package arch.

Run from the root of the repository, some five minutes on one core::

    python -m benchmarks.calibration.model_confidence_set

The result is stored beside this file in ``results/model_confidence_set.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.record import run_study
from stochtext._shared.random import generator
from stochtext.comparison import model_confidence_set

RESULT = Path(__file__).with_name("results") / "model_confidence_set.json"
TRAJECTORIES, PATH = 30, 600
LEVEL, N_BOOT = 0.1, 499
METHODS = ("studentized", "arch")
#: Correlation of the scores of two models on one forecast, and of one model a step later.
SHARED, MEMORY = 0.8, 0.5


@dataclass(frozen=True)
class Design:
    """How many models, whether the last is worse, and whether there is one path."""

    models: int
    one_worse: bool
    one_path: bool


DESIGNS = {
    f"{models} models, {'one worse' if worse else 'all alike'}, {'path' if path else 'panel'}":
        Design(models, worse, path)
    for path in (False, True)
    for models in (3, 6)
    for worse in (False, True)
}  # fmt: skip


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "shares in per cent of model confidence sets of level 90 %",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
        n_boot=N_BOOT,
    )
    for name, design in designs.items():
        print(f"{name:40s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return how often the best models are in the set, and a worse one is not."""
    design = DESIGNS[name]
    best = [f"m{j}" for j in range(design.models - design.one_worse)]
    held: dict[str, list[bool]] = {method: [] for method in METHODS}
    out: dict[str, list[bool]] = {method: [] for method in METHODS}
    for k in range(samples):
        frame, cluster = scores(design, generator(seed, name, k))
        for method in METHODS:
            found = model_confidence_set(
                frame, cluster, LEVEL, method=method, n_boot=N_BOOT, random_state=k
            )
            held[method].append(bool(found["included"][best].all()))
            out[method].append(not found.loc[f"m{design.models - 1}", "included"])
    rates = {f"{method}: holds the best": _percent(held[method]) for method in METHODS}
    if design.one_worse:
        rates |= {f"{method}: worse one left out": _percent(out[method]) for method in METHODS}
    return rates


def scores(design: Design, rng: np.random.Generator) -> tuple[pd.DataFrame, Any]:
    """Return scores of the same forecasts by all models, and the trajectory of each."""
    m = 1 if design.one_path else TRAJECTORIES
    lengths = [PATH] if design.one_path else rng.integers(8, 40, m)
    parts = [_remembering(rng, int(n), design.models) for n in lengths]
    values = np.concatenate(parts)
    if design.one_worse:
        values[:, -1] -= _shift(len(values))
    frame = pd.DataFrame(values, columns=[f"m{j}" for j in range(design.models)])
    cluster = None if design.one_path else np.repeat(np.arange(m), lengths)
    return frame, cluster


def _remembering(rng: np.random.Generator, n: int, models: int) -> np.ndarray:
    common, own = rng.standard_normal((n, 1)), rng.standard_normal((n, models))
    noise = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own
    for t in range(1, n):
        noise[t] = MEMORY * noise[t - 1] + np.sqrt(1 - MEMORY**2) * noise[t]
    return noise


def _shift(n: int) -> float:
    """Return twice the standard error of a mean difference of two models."""
    variance = 2 * (1 - SHARED) * (1 + MEMORY) / (1 - MEMORY)
    return float(2.0 * np.sqrt(variance / n))


def _percent(hits: list[bool]) -> float:
    return round(100.0 * float(np.mean(hits)), 1)


if __name__ == "__main__":
    main()
