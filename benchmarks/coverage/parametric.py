"""Coverage of the intervals of ``ParametricSDE``: Wald, profile, bootstrap and clustered.

Each design simulates exact stationary Ornstein-Uhlenbeck paths, fits them and asks whether the
95 % intervals of kappa, mu and sigma hold the truth. A refit that fails counts as a miss.

- Long single paths (kappa T >= 50): Wald and profile intervals. Wanted: 92 to 97 %.
- Short single paths (kappa T from 2 to 50): the basic parametric bootstrap, beside the
  percentile one. Wanted for kappa T >= 5: 90 to 98 % (basic).
- Panels of at least ten trajectories: sandwich clustered by trajectory with t(M - 1).
  Wanted: 92.6 to 97.1 % at R = 1000.
- Panels whose trajectories have means of their own: the interval of the common mean, the
  only parameter of the model with one mean that is right then.

Designs with a bootstrap, nearly all of the time, have a quarter of the samples (``samples`` says
so). Run from the root of the repository, with 1000 samples an hour on one core::

    python -m benchmarks.coverage.parametric --samples 1000 --jobs 2

The result is stored beside this file in ``results/parametric.json``. With R = 1000 samples the
99.9 % band around 95 % is [92.6, 97.1], with R = 250 it is [90, 98.8].
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import OrnsteinUhlenbeck, ParametricSDE, StochtextError, Trajectories
from stochtext._shared.random import generator

RESULT = Path(__file__).with_name("results") / "parametric.json"
MU, SIGMA = 0.5, 0.6
N_BOOT, FEWER = 199, 4


@dataclass(frozen=True)
class Design:
    """What is simulated, and which intervals are asked for."""

    kappa: float
    n_paths: int
    n_steps: int
    dt: float
    methods: tuple[str, ...]
    density: str = "exact"
    own_means: float = 0.0


LONG, SHORT, PANEL = ("wald", "profile"), ("wald", "basic", "percentile"), ("cluster",)
DESIGNS: dict[str, Design] = {
    "1 path, kappa T = 50, dt = 0.1": Design(1.0, 1, 500, 0.1, LONG),
    "1 path, kappa T = 50, dt = 0.01": Design(1.0, 1, 5000, 0.01, LONG),
    "1 path, kappa T = 100, dt = 0.1": Design(1.0, 1, 1000, 0.1, LONG),
    "1 path, kappa T = 200, dt = 0.1": Design(1.0, 1, 2000, 0.1, LONG),
    "1 path, kappa T = 50, dt = 0.01, euler": Design(1.0, 1, 5000, 0.01, LONG, "euler"),
    "1 path, kappa T = 5, dt = 0.1": Design(1.0, 1, 50, 0.1, SHORT),
    "1 path, kappa T = 10, dt = 0.1": Design(1.0, 1, 100, 0.1, SHORT),
    "1 path, kappa T = 10, dt = 0.1, slow": Design(0.2, 1, 500, 0.1, SHORT),
    "1 path, kappa T = 2, dt = 0.1, slow": Design(0.2, 1, 100, 0.1, SHORT),
    "10 paths of 20 steps of 0.25": Design(1.0, 10, 20, 0.25, PANEL),
    "20 paths of 50 steps of 0.25": Design(1.0, 20, 50, 0.25, PANEL),
    "50 paths of 20 steps of 0.25": Design(1.0, 50, 20, 0.25, PANEL),
    "10 paths of 50 steps, own means": Design(1.0, 10, 50, 0.25, PANEL, own_means=0.5),
    "50 paths of 50 steps, own means": Design(1.0, 50, 50, 0.25, PANEL, own_means=0.5),
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "coverage in per cent of nominal 95 % intervals of kappa, mu and sigma",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
        truth={"mu": MU, "sigma": SIGMA},
        n_boot=N_BOOT,
    )
    for name, design in designs.items():
        print(f"{name:40s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the coverage of every interval in one design."""
    design = DESIGNS[name]
    samples = samples // FEWER if "basic" in design.methods else samples
    truth = np.array([design.kappa, MU, SIGMA])
    if design.own_means:
        truth[[0, 2]] = np.nan  # of a model with one mean there is a true mean only
    hits: dict[str, list[np.ndarray]] = {method: [] for method in design.methods}
    estimates, failed = [], 0
    for k in range(samples):
        panel = simulate(design, generator(seed, name, k))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = intervals(design, panel, seed + k)
        except StochtextError:
            found, failed = {}, failed + 1
        for method in design.methods:
            ends = found.get(method, np.full((3, 2), np.nan))
            hits[method].append((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
        estimates.append(found.get("params", np.full(3, np.nan)))
    coverage = {
        method: _listed(np.where(np.isnan(truth), np.nan, 100 * np.mean(rows, axis=0)), 1)
        for method, rows in hits.items()
    }
    bias = np.nanmean(estimates, axis=0) - truth
    return {**coverage, "bias": _listed(bias, 4), "failed": failed, "samples": samples}


def _listed(values: np.ndarray, digits: int) -> list[float | None]:
    """Return numbers for JSON, null where there is none."""
    return [None if np.isnan(v) else round(float(v), digits) for v in values]


def intervals(design: Design, panel: Trajectories, seed: int) -> dict[str, np.ndarray]:
    """Return the intervals of the methods of a design, and the estimates."""
    kind = "cluster" if "cluster" in design.methods else "nonrobust"
    results = ParametricSDE(OrnsteinUhlenbeck(), design.density, cov_type=kind).fit(panel).results_
    found = {"params": results.params.to_numpy()}
    for method in {"wald", "cluster", "profile"} & set(design.methods):
        own = "profile" if method == "profile" else "wald"
        found[method] = results.conf_int(method=own).to_numpy()
    if "basic" in design.methods:
        draws = results.bootstrap(n_boot=N_BOOT, random_state=seed)
        for method in ("basic", "percentile"):
            found[method] = draws.conf_int(method=method).to_numpy()
    return found


def simulate(design: Design, rng: np.random.Generator) -> Trajectories:
    """Return exact stationary paths, each around the mean or a mean of its own."""
    m, kappa = design.n_paths, design.kappa
    decay, spread = np.exp(-kappa * design.dt), SIGMA / np.sqrt(2 * kappa)
    noise = rng.standard_normal((design.n_steps + 1, m))
    level = MU + design.own_means * rng.standard_normal(m)
    x = np.empty((m, design.n_steps + 1, 1))
    x[:, 0, 0] = spread * noise[0]
    for k in range(design.n_steps):
        x[:, k + 1, 0] = decay * x[:, k, 0] + spread * np.sqrt(1 - decay**2) * noise[k + 1]
    return Trajectories(x + level[:, None, None], dt=design.dt)


if __name__ == "__main__":
    main()
