"""Size of the Pawula, Markov and Chapman-Kolmogorov tests on diffusions.

python -m benchmarks.calibration.moment_tests [--samples 1000] [--jobs 1]
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import run_study
from stochtext import KramersMoyalSDE
from stochtext.diagnostics import chapman_kolmogorov_test, markov_test

Array = NDArray[np.float64]
Function = Callable[[Array], Array]
RESULTS = Path(__file__).parent / "results" / "moment_tests.json"
SUBSTEPS = 5
N_BOOT = 39


def _linear(x: Array) -> Array:
    return -x


def _well(x: Array) -> Array:
    return x - x**3


def _constant(x: Array) -> Array:
    return np.full_like(x, 0.7)


def _waving(x: Array) -> Array:
    return 0.6 + 0.2 * np.tanh(x)


#: name: (drift, diffusion, dt, steps, test)
DESIGNS: dict[str, tuple[Function, Function, float, int, str]] = {
    "pawula, OU, dt=0.02": (_linear, _constant, 0.02, 5000, "pawula"),
    "pawula, double well, dt=0.04": (_well, _constant, 0.04, 5000, "pawula"),
    "pawula, waving noise, dt=0.04": (_well, _waving, 0.04, 5000, "pawula"),
    "markov, double well, dt=0.05": (_well, _constant, 0.05, 3000, "markov"),
    "markov, waving noise, dt=0.2": (_well, _waving, 0.2, 1500, "markov"),
    "chapman-kolmogorov, OU, dt=0.2": (_linear, _constant, 0.2, 800, "chapman-kolmogorov"),
    "chapman-kolmogorov, double well, dt=0.2": (
        _well, _waving, 0.2, 800, "chapman-kolmogorov",
    ),
}  # fmt: skip


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the rejection rates of one design."""
    drift, diffusion, dt, steps, test = DESIGNS[name]
    rng = np.random.default_rng([seed, list(DESIGNS).index(name)])
    h = dt / SUBSTEPS
    x = rng.choice([-1.0, 1.0], samples)
    paths = np.empty((steps + 1, samples))
    for k in range(-100, steps + 1):
        for _ in range(SUBSTEPS):
            x = x + drift(x) * h + np.sqrt(h) * diffusion(x) * rng.standard_normal(samples)
        if k >= 0:
            paths[k] = x
    pvalues = np.array([_pvalue(test, path[:, None], dt, k) for k, path in enumerate(paths.T)])
    return {f"rejected at {a}": float(np.mean(pvalues <= a)) for a in (0.01, 0.05, 0.1)}


def _pvalue(test: str, path: Array, dt: float, k: int) -> float:
    if test == "pawula":
        results = KramersMoyalSDE(bins=20).fit(path, dt=dt).results_
        return float(results.pawula_test()["pvalue"].iloc[0])
    if test == "markov":
        return markov_test(path)[1]
    return chapman_kolmogorov_test(path, n_boot=N_BOOT, random_state=k).pvalue


if __name__ == "__main__":
    found = run_study(
        __doc__ or "", "rejection rates under the null hypothesis", DESIGNS, measure, RESULTS,
        samples=1000, n_boot=N_BOOT,
    )  # fmt: skip
    for design, row in found.items():
        print(design, row)
