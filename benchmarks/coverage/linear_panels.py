"""Coverage of the intervals of ``LinearSDE`` on panels of short Ornstein-Uhlenbeck paths.

Each design simulates exact stationary paths, fits them and asks whether the 95 %
interval of each parameter, clustered by trajectory and from the information matrix, and
the delta-method interval of the drift at three states hold the truth. Mean reversion is
estimated with an upward bias when kappa T is small, T being the total time
(Tang and Chen, 2009), which no standard error repairs: the table shows how much that costs.

Run from the root of the repository, some five minutes on one core::

    python -m benchmarks.coverage.linear_panels

The result is stored beside this file in ``results/linear_panels.json``. With R = 1000
samples the 99.9 % band around 95 % is [92.6, 97.1].
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import LinearSDE, Trajectories
from stochtext._shared.random import generator

RESULT = Path(__file__).with_name("results") / "linear_panels.json"
KAPPA, MU, SIGMA = 1.0, 0.5, 0.6
STATES = np.array([[0.0], [0.5], [1.0]])

# name -> (trajectories, steps of each, sampling interval)
DESIGNS: dict[str, tuple[int, int, float]] = {
    "1 path of 100 steps of 0.1": (1, 100, 0.1),
    "1 path of 500 steps of 0.1": (1, 500, 0.1),
    "10 paths of 20 steps of 0.25": (10, 20, 0.25),
    "20 paths of 20 steps of 0.25": (20, 20, 0.25),
    "20 paths of 50 steps of 0.25": (20, 50, 0.25),
    "50 paths of 20 steps of 0.25": (50, 20, 0.25),
    "50 paths of 20 steps of 1": (50, 20, 1.0),
    "200 paths of 20 steps of 0.25": (200, 20, 0.25),
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "coverage in per cent of nominal 95 % intervals of LinearSDE",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
        truth={"kappa": KAPPA, "mu": MU, "sigma": SIGMA},
    )
    for name, design in designs.items():
        print(f"{name:32s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the coverage of every interval in one design."""
    m, steps, dt = DESIGNS[name]
    truth = np.array([KAPPA, MU, SIGMA])
    drift = KAPPA * (MU - STATES)
    kinds = ("nonrobust",) if m == 1 else ("cluster", "nonrobust")
    hits: dict[str, list[np.ndarray]] = {kind: [] for kind in (*kinds, "drift")}
    estimates = []
    for k in range(samples):
        panel = simulate(m, steps, dt, generator(seed, name, k))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            by_type = {kind: LinearSDE(cov_type=kind).fit(panel).results_ for kind in kinds}
        for kind, results in by_type.items():
            ends = results.conf_int().to_numpy()
            hits[kind].append((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
        curve = by_type[kinds[0]].get_drift(STATES).conf_int()
        # NaN outside the support of the data: no interval was offered there.
        held = ((curve[..., 0] <= drift) & (drift <= curve[..., 1]))[:, 0]
        hits["drift"].append(np.where(np.isnan(curve[:, 0, 0]), np.nan, held))
        estimates.append(by_type[kinds[0]].params.to_numpy())
    coverage = {
        kind: [round(100 * float(rate), 1) for rate in np.nanmean(found, axis=0)]
        for kind, found in hits.items()
    }
    bias = np.mean(estimates, axis=0) - truth
    return {**coverage, "bias of kappa, mu, sigma": [round(float(b), 4) for b in bias]}


def simulate(m: int, steps: int, dt: float, rng: np.random.Generator) -> Trajectories:
    """Return exact stationary paths."""
    decay = np.exp(-KAPPA * dt)
    spread = SIGMA / np.sqrt(2 * KAPPA)
    x = np.empty((m, steps + 1, 1))
    x[:, 0, 0] = rng.normal(MU, spread, m)
    for k in range(steps):
        noise = rng.normal(0, spread * np.sqrt(1 - decay**2), m)
        x[:, k + 1, 0] = MU + decay * (x[:, k, 0] - MU) + noise
    return Trajectories(x, dt=dt)


if __name__ == "__main__":
    main()
