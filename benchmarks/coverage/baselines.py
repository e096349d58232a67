"""Coverage of ``SparseSDE`` and ``GaussianProcessSDE`` on the double well.

Each design simulates paths of dX = (X - X^3) dt + .7 dW and asks, for the sparse fit with
monomials up to degree five, how often exactly the right terms are chosen, how often the 95 %
intervals of the chosen coefficients hold the truth (they take the choice as given), and,
for the Gaussian process, how often the posterior intervals of drift and covariance rate do.

Run from the root of the repository, some ten minutes on one core::

    python -m benchmarks.coverage.baselines

The result is stored beside this file in ``results/baselines.json``. With R = 1000 samples
the 99.9 % band around 95 % is [92.6, 97.1].
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import (
    ConvergenceWarning,
    DoubleWell,
    GaussianProcessSDE,
    SparseSDE,
    Trajectories,
    simulate,
)
from stochtext.results import SDEResults

RESULT = Path(__file__).with_name("results") / "baselines.json"
ALPHA, BETA, SIGMA = 1.0, 1.0, 0.7
STATES = np.array([[-1.2], [-0.9], [-0.6], [-0.3], [0.0], [0.3], [0.6], [0.9], [1.2]])
RIGHT = {"drift[0,1]": ALPHA, "drift[0,3]": -BETA, "factor[0,0]": SIGMA}

# name -> (trajectories, steps of each, sampling interval)
DESIGNS: dict[str, tuple[int, int, float]] = {
    "20 paths of 1000 steps of 0.01": (20, 1000, 0.01),
    "20 paths of 500 steps of 0.04": (20, 500, 0.04),
    "1 path of 20000 steps of 0.01": (1, 20_000, 0.01),
    "1 path of 10000 steps of 0.04": (1, 10_000, 0.04),
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "coverage in per cent of nominal 95 % intervals, and rate of right selections",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
        truth={"alpha": ALPHA, "beta": BETA, "sigma": SIGMA},
    )
    for name, design in designs.items():
        print(f"{name:32s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return selection rate and coverages in one design."""
    m, steps, dt = DESIGNS[name]
    truth = DoubleWell(ALPHA, BETA, SIGMA)
    right: list[bool] = []
    hits: dict[str, list[np.ndarray]] = {"sparse": [], "drift": [], "rate": []}
    for k in range(samples):
        panel = simulate(
            truth, np.where(np.arange(m) % 2, 1.0, -1.0)[:, None], dt=dt, n_steps=steps,
            n_substeps=20, random_state=seed + k,
        )  # fmt: skip
        sparse, process = fitted(panel)
        right.append(set(sparse.free) == set(RIGHT))
        if right[-1]:
            hits["sparse"].append(held(sparse.conf_int().loc[list(RIGHT)], list(RIGHT.values())))
        drift, rate = process.get_drift(STATES), process.get_covariance(STATES)
        hits["drift"].append(inside(drift.conf_int()[:, 0], (ALPHA * STATES - BETA * STATES**3)))
        hits["rate"].append(inside(rate.conf_int()[:, 0, 0], np.full_like(STATES, SIGMA**2)))
    coverage = {
        kind: [per_cent(rates) for rates in np.transpose(found)] for kind, found in hits.items()
    }
    return {
        "right terms": round(100 * float(np.mean(right)), 1),
        "alpha, beta, sigma given the right terms": coverage["sparse"],
        "Gaussian-process drift": coverage["drift"],
        "Gaussian-process covariance rate": coverage["rate"],
    }


def per_cent(hits: np.ndarray) -> float | None:
    """Return the share of intervals that held the truth, None where none was offered."""
    offered = hits[np.isfinite(hits)]
    return round(100 * float(offered.mean()), 1) if offered.size else None


def fitted(panel: Trajectories) -> tuple[SDEResults, SDEResults]:
    """Return the results of both estimators."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        return SparseSDE(degree=5).fit(panel).results_, GaussianProcessSDE().fit(panel).results_


def held(interval: Any, truth: Any) -> np.ndarray:
    """Return for each row of a table of intervals whether it holds the truth."""
    return inside(interval.to_numpy(), np.asarray(truth)[:, None])


def inside(interval: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return for each interval whether it holds the truth; NaN where none is offered."""
    found = ((interval[:, 0] <= truth[:, 0]) & (truth[:, 0] <= interval[:, 1])).astype(float)
    return np.where(np.isnan(interval[:, 0]), np.nan, found)


if __name__ == "__main__":
    main()
