"""Coverage and PIT of the intervals of ``get_prediction`` several steps ahead.

Each sample draws a training panel, fits it, and forecasts one fresh path of the true process
from each of some fresh states, 1, 3 and 10 steps ahead. Measured are

- how often the 95 % intervals hold the future state, with the uncertainty of the coefficients
  and without it;
- mean and standard deviation of the PIT (0.5 and 0.289 if calibrated), and the percentage of
  PITs below 0.1 and above 0.9 (10 and 10);
- how often the 95 % interval of the conditional mean holds the true one (where it is known),
  for one state, a distance of one standard deviation from the mean.

A fit that fails counts as a miss. Run from the root of the repository, with 1000 samples some
two hours on one core::

    python -m benchmarks.coverage.prediction --samples 1000 --jobs 2

The result is stored beside this file in ``results/prediction.json``. The error of a coverage of
future states is that of R samples, each a mean over 10 states.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.coverage.derived import OU, WELL, Design, well_fit
from benchmarks.record import run_study
from stochtext import (
    KernelSDE,
    LinearSDE,
    OrnsteinUhlenbeck,
    ParametricSDE,
    StochtextError,
    Trajectories,
    simulate,
)
from stochtext._shared.random import generator
from stochtext.estimators import KramersMoyalSDE

RESULT = Path(__file__).with_name("results") / "prediction.json"
HORIZONS = (1, 3, 10)
N_STATES, N_SAMPLES, N_DRAWS = 10, 199, 50


DESIGNS: dict[str, Design] = {
    "OU, linear, 20 paths of 10": Design(OU, LinearSDE, 20, 10, 0.2),
    "OU, linear, 20 paths of 50": Design(OU, LinearSDE, 20, 50, 0.2),
    "OU, linear, 1 path of 100": Design(OU, LinearSDE, 1, 100, 0.2),
    "OU, Euler, dt = 0.5, 20 paths of 25": Design(
        OU, lambda: ParametricSDE(OrnsteinUhlenbeck(), density="euler"), 20, 25, 0.5
    ),
    "double well, parametric, 20 paths of 50": Design(WELL, well_fit, 20, 50, 0.1),
    "double well, linear (wrong), 20 paths of 50": Design(WELL, LinearSDE, 20, 50, 0.1),
    "double well, kernel, 20 paths of 100": Design(WELL, KernelSDE, 20, 100, 0.1),
    "double well, Kramers-Moyal, 20 paths of 100": Design(WELL, KramersMoyalSDE, 20, 100, 0.1),
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "coverage in per cent of nominal 95 % intervals of future states and of their mean, and "
        "what the PITs are, at 1, 3 and 10 steps",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
        sources=(
            "benchmarks/coverage/prediction.py",
            "stochtext/results/inference/forecasting/*.py",
            "stochtext/results/inference/draws/process_draws.py",
        ),
        n_states=N_STATES,
        n_samples=N_SAMPLES,
        n_draws=N_DRAWS,
    )
    for name, design in designs.items():
        print(name, *(f"\n    {key}: {value}" for key, value in design.items()))


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return coverage and PITs in one design."""
    found = [one(DESIGNS[name], generator(seed, name, k), seed + k) for k in range(samples)]
    good = [f for f in found if f is not None]
    both, fitted, pit, mean = (np.array([f[j] for f in good]) for j in range(4))
    share = len(good) / samples
    by = dict(zip((f"h = {h}" for h in HORIZONS), range(len(HORIZONS)), strict=True))

    def cell(k: int) -> dict[str, Any]:
        own = pit[:, :, k]
        rate = both[:, :, k].mean(axis=1)
        return {
            "with coefficients": round(float(100 * rate.mean() * share), 2),
            "its standard error": round(float(100 * rate.std(ddof=1) / np.sqrt(len(good))), 2),
            "without": round(float(100 * fitted[:, :, k].mean() * share), 2),
            "PIT mean": round(float(own.mean()), 4),
            "PIT sd": round(float(own.std()), 4),
            "PIT below 0.1": round(float(100 * np.mean(own < 0.1)), 2),
            "PIT above 0.9": round(float(100 * np.mean(own > 0.9)), 2),
            "mean": _rate(mean[:, k], share),
        }

    return {**{h: cell(k) for h, k in by.items()}, "failed": samples - len(good)}


def _rate(hits: np.ndarray, share: float) -> float | None:
    """Return a coverage in per cent; null where the truth, or most intervals, are not known."""
    if np.isnan(hits).mean() > 0.5:
        return None
    return round(float(100 * np.nanmean(hits) * share), 2)


def one(design: Design, rng: np.random.Generator, seed: int) -> tuple[np.ndarray, ...] | None:
    """Return hits with and without the coefficients, PITs, and hits of the mean."""
    panel, states, future = data(design, rng)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = design.estimator().fit(panel).results_
            # The last state is where the conditional mean is asked for.
            forecast = results.get_prediction(
                np.vstack([states, [[1.0]]]), horizons=HORIZONS, dt=design.dt,
                n_samples=N_SAMPLES, n_draws=N_DRAWS, random_state=seed,
            )  # fmt: skip
    except (StochtextError, np.linalg.LinAlgError):
        return None
    hits = []
    for parameters in (True, False):
        ends = forecast.conf_int(parameters=parameters)[:-1, :, 0]
        hits.append((future >= ends[..., 0]) & (future <= ends[..., 1]))
    ends = forecast.conf_int(kind="mean")[-1, :, 0]
    truth = np.full(len(HORIZONS), np.nan)
    if design.process is OU:
        truth = np.exp(-design.dt * np.array(HORIZONS))
    inside = ((ends[:, 0] <= truth) & (truth <= ends[:, 1])).astype(float)
    known = np.isfinite(truth) & np.isfinite(ends).all(axis=1)
    pit = forecast.pit(np.vstack([future, future[:1]])[..., None])[:-1, :, 0]
    return hits[0], hits[1], pit, np.where(known, inside, np.nan)


def data(design: Design, rng: np.random.Generator) -> tuple[Trajectories, np.ndarray, np.ndarray]:
    """Return a training panel, fresh states, and what came of each at the horizons."""
    first = rng.standard_normal((design.n_paths + N_STATES, 1)) / np.sqrt(2.0)
    if design.process is WELL:
        first = rng.choice([-1.0, 1.0], size=first.shape) + 0.25 * rng.standard_normal(first.shape)
    exact = {"scheme": "exact"} if design.process is OU else {"n_substeps": 20}
    steps = max(design.n_steps, HORIZONS[-1])
    paths = simulate(design.process, first, dt=design.dt, n_steps=steps,
                     random_state=int(rng.integers(2**31)), **exact).to_array()  # fmt: skip
    train, fresh = paths[: design.n_paths, : design.n_steps + 1], paths[design.n_paths :]
    future = fresh[:, list(HORIZONS), 0]
    return Trajectories(train, dt=design.dt), fresh[:, 0], future


if __name__ == "__main__":
    main()
