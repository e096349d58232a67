"""Coverage of the intervals of JumpDiffusionSDE and of KramersMoyalSDE's jump table.

python -m benchmarks.coverage.jump_diffusion [--samples 1000] [--jobs 1]
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import JumpDiffusionSDE, KramersMoyalSDE, OrnsteinUhlenbeck
from stochtext._shared.exceptions import SampleSizeWarning
from stochtext.processes import JumpDiffusion
from stochtext.simulation import simulate_jumps

RESULTS = Path(__file__).parent / "results" / "jump_diffusion.json"
CONTINUOUS = OrnsteinUhlenbeck(0.5, 0.0, 0.75)
TRUTH = {"drift[0,1]": -0.5, "factor[0,0]": 0.75}

#: name: (method, jump rate, jump mean, jump sd, dt, steps, trajectories)
DESIGNS: dict[str, tuple[str, float, float, float, float, int, int]] = {
    "threshold, one path": ("threshold", 1.75, 0.3, 1.58, 0.005, 20_000, 1),
    "threshold, 20 trajectories": ("threshold", 1.75, 0.3, 1.58, 0.005, 2000, 20),
    "threshold, small jumps": ("threshold", 2.0, 0.0, 0.6, 0.005, 20_000, 1),
    "moments, one path": ("moments", 2.0, 0.0, 1.2, 0.01, 20_000, 1),
    "cumulants in bins": ("bins", 2.0, 0.0, 1.2, 0.01, 20_000, 1),
}


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the coverage of 95 % intervals, by parameter."""
    method, rate, mean, sd, dt, steps, m = DESIGNS[name]
    process = JumpDiffusion(CONTINUOUS, rate, [mean], [[sd]])
    truth = {**TRUTH, "jump_rate": rate, "jump_mean[0]": mean, "jump_factor[0,0]": sd}
    panel = simulate_jumps(
        process, 0.0, dt=dt, n_steps=steps, n_paths=m * samples,
        random_state=seed + list(DESIGNS).index(name),
    )  # fmt: skip
    hits: dict[str, list[float]] = {}
    for k in range(samples):
        own = panel[k * m : (k + 1) * m]
        for key, hit in _hits(method, own, truth, rate, sd).items():
            hits.setdefault(key, []).append(hit)
    return {key: round(float(np.nanmean(values)), 4) for key, values in hits.items()}


def _hits(method: str, panel: Any, truth: dict[str, float], rate: float, sd: float) -> Any:
    warnings.simplefilter("ignore", SampleSizeWarning)
    if method == "bins":
        table = KramersMoyalSDE(bins=20, order=6).fit(panel).results_.jumps()
        values = {"jump rate": rate, "jump variance": sd**2}
        return {
            key: float(table["ci_lower"][key] <= true <= table["ci_upper"][key])
            for key, true in values.items()
        }
    interval = JumpDiffusionSDE(method=method).fit(panel).results_.conf_int()
    return {
        key: float(interval[0][key] <= true <= interval[1][key])
        for key, true in truth.items()
        if np.isfinite(interval[0][key])
    }


if __name__ == "__main__":
    found = run_study(
        __doc__ or "", "coverage of 95 % intervals", DESIGNS, measure, RESULTS, samples=1000
    )
    for design, row in found.items():
        print(design, row)
