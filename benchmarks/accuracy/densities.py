"""How far each transition density is from the true one, against the length of the step.

python -m benchmarks.accuracy.densities [--samples 10000] [--jobs 1]

States come from the stationary law and each makes one step of its law; every density weighs the
same steps. Stored for each length of step are the mean of log p - log p_true, which is minus the
Kullback-Leibler divergence for a density that integrates to one, with its Monte Carlo standard
error, the root of the mean square, and the numbers of rows that are NaN or minus infinity. Those
rows are in no mean: a density with any is worse than its numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import simulate
from stochtext._shared.exceptions import StochtextError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.processes import CoxIngersollRoss, DoubleWell, Process
from stochtext.transitions import transition_density
from stochtext.transitions.registry import DENSITIES

RESULTS = Path(__file__).parent / "results" / "densities.json"
STEPS = np.geomspace(0.01, 1.0, 9)
#: name: (process, the density that is true, range of the states)
DESIGNS: dict[str, tuple[Process, str, tuple[float, float]]] = {
    "cox_ingersoll_ross": (CoxIngersollRoss(0.8, 1.0, 0.4), "exact", (1e-3, 6.0)),
    "double_well": (DoubleWell(1.0, 1.0, 0.7), "spectral", (-3.0, 3.0)),
}
#: name in the study: (name of the density, its options)
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in DENSITIES if name != "hermite"},
    **{f"hermite, order {k}": ("hermite", {"order": k}) for k in (1, 2, 3, 4)},
    "simulated, extrapolated": ("simulated", {"extrapolate": True}),
}


def stationary_states(
    process: Process, low: float, high: float, n: int, rng: np.random.Generator
) -> FloatArray:
    """Return n draws of exp(int 2 b / a) / a on a fine grid, by inversion."""
    grid = np.linspace(low, high, 20_001)
    rate = process.covariance(grid[:, None])[:, 0, 0]
    slope = 2.0 * process.drift(grid[:, None])[:, 0] / rate
    area = np.concatenate([[0.0], np.cumsum(0.5 * (slope[1:] + slope[:-1]) * np.diff(grid))])
    log_density = area - np.log(rate)
    mass = np.cumsum(np.exp(log_density - log_density.max()))
    return np.interp(rng.random(n), mass / mass[-1], grid)[:, None]


def one_step(process: Process, truth: str, x: FloatArray, dt: float, seed: int) -> FloatArray:
    """Return one step from each state: of the exact law, or of a fine scheme."""
    fine = truth != "exact"
    paths = simulate(
        process, x, dt=dt, n_steps=1, n_paths=len(x), random_state=seed,
        scheme="srk" if fine else "exact", n_substeps=int(np.ceil(dt / 0.002)) if fine else 1,
    )  # fmt: skip
    return paths.to_array()[:, -1]


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the numbers of every density, and how many rows the true one lacks."""
    process, truth, (low, high) = DESIGNS[name]
    x = stationary_states(process, low, high, samples, generator(seed, name))
    after = [one_step(process, truth, x, dt, seed + k) for k, dt in enumerate(STEPS)]
    true = [
        transition_density(truth).log_density(process, x, y, 0.0, dt)
        for y, dt in zip(after, STEPS, strict=True)
    ]
    missing = [int((~np.isfinite(rows)).sum()) for rows in true]
    others = (variant for variant in VARIANTS if variant != truth)
    rows = {variant: _of_density(variant, process, x, after, true) for variant in others}
    return {"process": repr(process), "truth": truth, "truth_not_finite": missing, **rows}


def _of_density(
    variant: str, process: Process, x: FloatArray, after: list[FloatArray], true: list[FloatArray]
) -> dict[str, Any]:
    kind, options = VARIANTS[variant]
    found: dict[str, list[Any]] = {"mean": [], "se": [], "rms": [], "nan": [], "minus_inf": []}
    try:
        density = transition_density(kind, **options)
        for y, dt, expected in zip(after, STEPS, true, strict=True):
            rows = density.log_density(process, x, y, 0.0, dt)
            error = (rows - expected)[np.isfinite(rows) & np.isfinite(expected)]
            found["mean"].append(_number(error.mean()))
            found["se"].append(_number(error.std(ddof=1) / np.sqrt(len(error))))
            found["rms"].append(_number(np.sqrt(np.mean(error**2))))
            found["nan"].append(int(np.isnan(rows).sum()))
            found["minus_inf"].append(int(np.isneginf(rows).sum()))
    except StochtextError as refusal:
        return {"refused": str(refusal)}
    seen = np.abs(found["mean"]) > 3.0 * np.array(found["se"])
    return {
        **found,
        "order_of_mean": _slope(np.abs(found["mean"]), seen),
        "order_of_rms": _slope(np.array(found["rms"]), np.array(found["rms"]) > 1e-11),
    }


def _slope(error: FloatArray, clear: Any) -> float | None:
    """Return the order in dt <= 0.1 of the errors that stand out, None from fewer than three."""
    used = clear & (STEPS < 0.11)
    if used.sum() < 3:
        return None
    return _number(np.polyfit(np.log(STEPS[used]), np.log(error[used]), 1)[0])


def _number(value: float) -> float:
    return float(f"{value:.4g}")


if __name__ == "__main__":
    study = run_study(
        __doc__ or "", "log p - log p_true, by length of step", DESIGNS, measure, RESULTS,
        samples=10_000, steps=[_number(dt) for dt in STEPS],
    )  # fmt: skip
    for design, own in study.items():
        print(design, "truth not finite:", own["truth_not_finite"])
        for variant, row in own.items():
            if isinstance(row, dict):
                print(f"  {variant:24}", row.get("refused") or row)
