"""Size and power of the tests of NeuralSDE's results.

    python -m benchmarks.calibration.neural_tests [--samples 500] [--jobs 1]

``no noise`` is what ``obs_noise="auto"`` switches on by: its rejections of noise-free data are
false ones, and with noise of a tenth of the standard deviation they are its power. ``linear``
tests the drift. ``constant`` tests the covariance rate and needs a whole fit for each sample,
a tenth of the samples.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.coverage.neural import DESIGNS as SYSTEMS
from benchmarks.coverage.neural import Array, Design, paths
from benchmarks.record import run_study
from stochtext import NeuralSDE, Trajectories
from stochtext.results.inference.parameters.nugget import nugget_test
from stochtext.results.inference.parameters.orthogonality_tests import linear_drift_test

RESULTS = Path(__file__).parent / "results" / "neural_tests.json"
FEWER = 10


class Case(NamedTuple):
    """A test on a system; ``noise`` in standard deviations of each coordinate."""

    test: str
    system: str
    noise: float = 0.0


def _line(x: Array) -> Array:
    return -x


def _one(x: Array) -> Array:
    return np.ones((len(x), 1, 1))


def _fan(x: Array) -> Array:
    return np.sqrt(0.3 + 0.5 * np.minimum(x**2, 4.0))[:, :, None]


EXTRA = {
    "Ornstein-Uhlenbeck": Design(_line, _one, 1, 50, 100, 0.1),
    "linear drift, fanned noise": Design(_line, _fan, 1, 30, 100, 0.05),
}
HIDDEN = (
    "Ornstein-Uhlenbeck", "double well, additive", "double well, multiplicative",
    "one long path", "plane", "Ornstein-Uhlenbeck, d = 4",
)  # fmt: skip
CASES = [
    *(Case("no noise", name, noise) for name in HIDDEN for noise in (0.0, 0.1)),
    Case("linear", "Ornstein-Uhlenbeck"),
    Case("linear", "Ornstein-Uhlenbeck, d = 4"),
    Case("linear", "linear drift, fanned noise"),
    Case("linear", "double well, additive"),
    Case("constant", "double well, additive"),
    Case("constant", "double well, multiplicative"),
    Case("constant", "Ornstein-Uhlenbeck"),
]
NAMES = {f"{c.test}, {c.system}, noise {c.noise:g} sd": c for c in CASES}


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the share of samples in which one test rejects."""
    case = NAMES[name]
    design = (SYSTEMS | EXTRA)[case.system]
    count = max(1, samples // FEWER) if case.test == "constant" else samples
    pvalues = [_pvalue(case, design, k, seed) for k in range(count)]
    known = np.array([p for p in pvalues if np.isfinite(p)])
    shares = {f"rejected at {a}": round(float(np.mean(known <= a)), 4) for a in (0.01, 0.05, 0.1)}
    return {"samples": count, "offered": round(len(known) / count, 4), **shares}


def _pvalue(case: Case, design: Design, k: int, seed: int) -> float:
    rng = np.random.default_rng([seed, list(SYSTEMS | EXTRA).index(case.system), k])
    values = paths(design, rng, design.paths, design.steps)
    spread = values.std(axis=(0, 1))
    values = values + case.noise * spread * rng.standard_normal(values.shape)
    data = Trajectories(list(values), dt=design.dt)
    if case.test == "constant":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = NeuralSDE(diffusion="constant", cov_type=None, random_state=k).fit(data)
        return float(model.results_.test_constant_diffusion().pvalue)
    steps = data.transitions()
    if case.test == "linear":
        return linear_drift_test(steps.x, steps.x_next, steps.dt).pvalue
    return nugget_test(steps.x, steps.x_next, steps.dt, steps.trajectory).pvalue


def main() -> None:
    """Run every case and store the shares."""
    rows = run_study(
        __doc__.splitlines()[0],
        "share of samples in which a test rejects",
        NAMES,
        measure,
        RESULTS,
        samples=500,
    )
    for name, row in rows.items():
        print(f"{name:55s} {row}")


if __name__ == "__main__":
    main()
