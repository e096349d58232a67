"""Coverage of the intervals of time constants, periods and the stationary law of ``LinearSDE``.

Each design simulates exact stationary paths with a full kappa, fits them and asks whether
the 95 % intervals hold the truth. For time constants three are compared: the reciprocals of
the Wald interval of the rate (what ``time_constants`` gives), Wald on the time constant
itself, and Wald on its logarithm. Where eigenvalues lie too near for a standard error none is
offered; how often is counted.

Run from the root of the repository, some ten minutes on one core::

    python -m benchmarks.coverage.linear_time_constants

The result is stored beside this file in ``results/linear_time_constants.json``.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy import linalg, stats

from benchmarks.record import run_study
from stochtext import LinearSDE, Trajectories
from stochtext._shared.random import generator

RESULT = Path(__file__).with_name("results") / "linear_time_constants.json"
KAPPAS: dict[str, np.ndarray] = {
    "one slow": np.array([[0.5]]),
    "slow and fast": np.array([[0.4, 0.2], [0.0, 1.6]]),
    "turning": np.array([[0.5, 1.2], [-1.0, 0.6]]),
    "near one another": np.array([[0.9, 0.2], [0.1, 1.1]]),
}
# (trajectories, steps of each); steps are 0.4 long.
SIZES: dict[str, tuple[int, int]] = {
    "1 path of 400 steps": (1, 400),
    "20 paths of 40 steps": (20, 40),
    "100 paths of 30 steps": (100, 30),
}
DT = 0.4
DESIGNS: dict[str, tuple[str, str]] = {
    f"{kind}, {size}": (kind, size) for kind in KAPPAS for size in SIZES
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "coverage in per cent of nominal 95 % intervals; slowest direction first",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
    )
    for name, design in designs.items():
        print(f"{name:42s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the coverage of every interval in one design."""
    kind, size = DESIGNS[name]
    kappa = KAPPAS[kind]
    truth = _truth(kappa)
    found: dict[str, list[Any]] = {
        key: [] for key in ("reciprocal", "direct", "logarithmic", "period", "covariance")
    }
    for k in range(samples):
        panel = simulate(kappa, *SIZES[size], generator(seed, name, k))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results = LinearSDE().fit(panel).results_
        for key, held in _held(results, truth).items():
            found[key].append(held)
    offered = 100 * np.mean(~np.isnan(found["reciprocal"]), axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        rates = {key: 100 * np.nanmean(held, axis=0) for key, held in found.items()}
    coverage = {key: np.round(rate, 1).tolist() for key, rate in rates.items()}
    return {**coverage, "offered": np.round(offered, 1).tolist()}


def _truth(kappa: np.ndarray) -> dict[str, np.ndarray]:
    values = np.linalg.eigvals(kappa)
    values = values[np.lexsort((values.imag, values.real))]
    stationary = linalg.solve_continuous_lyapunov(kappa, 0.25 * np.eye(len(kappa)))
    turn = np.abs(values.imag)
    period = np.full(len(turn), np.nan)
    period[turn > 0] = 2 * np.pi / turn[turn > 0]
    lower = stationary[np.tril_indices(len(kappa))]
    return {"tau": 1 / values.real, "period": period, "covariance": lower}


def _held(results: Any, truth: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return one, zero or NaN (no interval) for every interval."""
    frame, tau = results.time_constants(), truth["tau"]
    df = results.df_resid
    q = stats.norm.ppf(0.975) if np.isinf(df) else stats.t.ppf(0.975, df)
    estimate, se = frame["time_constant"].to_numpy(), frame["time_constant_se"].to_numpy()
    law = results.stationary_law().filter(like="covariance", axis=0)
    spread = np.exp(q * se / estimate)
    ends = {
        "reciprocal": (frame["time_constant_lower"], frame["time_constant_upper"], tau),
        "direct": (estimate - q * se, estimate + q * se, tau),
        "logarithmic": (estimate / spread, estimate * spread, tau),
        "period": (frame["period_lower"], frame["period_upper"], truth["period"]),
        "covariance": (law["lower"], law["upper"], truth["covariance"]),
    }
    return {key: _inside(*values) for key, values in ends.items()}


def _inside(low: Any, high: Any, truth: np.ndarray) -> np.ndarray:
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    held = ((low <= truth) & (truth <= high)).astype(np.float64)
    return np.where(np.isnan(low) | np.isnan(truth), np.nan, held)


def simulate(kappa: np.ndarray, m: int, steps: int, rng: np.random.Generator) -> Trajectories:
    """Return exact stationary paths with covariance rate 0.25 I."""
    d = len(kappa)
    phi = linalg.expm(-kappa * DT)
    stationary = linalg.solve_continuous_lyapunov(kappa, 0.25 * np.eye(d))
    noise = np.linalg.cholesky(stationary - phi @ stationary @ phi.T)
    x = np.empty((m, steps + 1, d))
    x[:, 0] = rng.standard_normal((m, d)) @ np.linalg.cholesky(stationary).T
    for k in range(steps):
        x[:, k + 1] = x[:, k] @ phi.T + rng.standard_normal((m, d)) @ noise.T
    return Trajectories(list(x), dt=DT)


if __name__ == "__main__":
    main()
