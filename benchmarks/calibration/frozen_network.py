"""A NeuralSDE taken as the truth: on its own data, and on fresh data from what it learned.

A network is fitted to one path of the double well dX = (X - X^3) dt + 0.7 dW (sampling interval
0.25) and frozen. *Size*: data are simulated from the frozen model itself, whose parameters are
thereby known; a test must reject 5 % of them, here within 1.5 to 10 % with R = 300. *Fresh data*:
networks are fitted to many paths of 250 steps, and paths of other lengths from the double well are
tested as if the frozen fit were the truth. What is rejected then is no size: the fit is wrong
by its estimation error, and the more test data there are, the better that is seen. It is
the reason why ``goodness_of_fit`` redraws the training data too.

Run from the root of the repository, about an hour on one core::

    python -m benchmarks.calibration.frozen_network

The result is stored beside this file in ``results/frozen_network.json``.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration.goodness_of_fit.designs import double_well
from benchmarks.calibration.goodness_of_fit.replications import prepared
from benchmarks.record import run_study
from stochtext import NeuralSDE, Trajectories
from stochtext._shared.random import generator
from stochtext.diagnostics.battery.pvalues import bootstrap_pvalue

RESULT = Path(__file__).with_name("results") / "frozen_network.json"
SOURCES = (
    "stochtext/diagnostics/battery/*.py",
    "stochtext/results/inference/calibration/draws.py",
    "stochtext/results/inference/calibration/further.py",
    "stochtext/results/inference/refits/grid_replication.py",
    "stochtext/results/inference/refits/replication.py",
    "stochtext/estimators/neural/**/*.py",
    "benchmarks/calibration/frozen_network.py",
)
TRAINING, TEST, DRAWS = 1000, 250, 1999
SHORT = 250
RATIOS = (0.5, 1, 2, 4)
LEVEL = 0.05
DESIGNS = ("size on its own data", "rejections of fresh data")


def main() -> None:
    """Measure both designs and store the result."""
    designs = run_study(
        (__doc__ or "").splitlines()[0],
        "rejections in per cent at 5 % of a frozen network",
        DESIGNS,
        measure,
        RESULT,
        samples=300,
        sources=SOURCES,
        training=TRAINING,
        ratios=RATIOS,
    )
    for name, design in designs.items():
        print(f"{name:28s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the rates of one design."""
    return (own_data if name == DESIGNS[0] else fresh_data)(samples, seed)


def network(n: int, seed: int, k: int) -> Any:
    """Return the results of a network fitted to n steps of the double well."""
    estimator = NeuralSDE(hidden=(12,), diffusion_hidden=(6,), n_starts=1, random_state=k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(double_well(generator(seed, "training", n, k), n)).results_


def own_data(samples: int, seed: int) -> dict[str, Any]:
    """Return rejections of paths that the frozen network itself made."""
    results = network(TRAINING, seed, 0)
    frame = Trajectories(double_well(generator(seed, "start"), TEST).values, dt=0.25)
    seeds = np.random.SeedSequence([seed, 1])
    ready = prepared(results, frame, seeds, known=True)
    every = statistics(ready, seeds, DRAWS + samples)
    tests = [row.label for row in ready.redrawing.rows]
    rates = {}
    for test, column in zip(tests, every.T, strict=True):
        null, observed = column[:DRAWS], column[DRAWS:]
        null, observed = null[np.isfinite(null)], observed[np.isfinite(observed)]
        if len(null) and len(observed):
            pvalues = np.array([bootstrap_pvalue(value, null) for value in observed])
            rates[test] = _percent(pvalues <= LEVEL)
    return rates


def statistics(ready: Any, seeds: np.random.SeedSequence, count: int) -> np.ndarray:
    """Return statistics of panels simulated from the frozen model, shape (count, tests)."""
    size = 64
    pieces = [
        ready.redrawing.piece(seeds, first, min(size, count - first))
        for first in range(0, count, size)
    ]
    return np.concatenate(pieces)


def fresh_data(samples: int, seed: int) -> dict[str, Any]:
    """Return rejections by number of test data over number of training data."""
    observed: dict[float, list[np.ndarray]] = {ratio: [] for ratio in RATIOS}
    redrawn: dict[float, list[np.ndarray]] = {ratio: [] for ratio in RATIOS}
    tests: list[str] = []
    for k in range(samples):
        results = network(SHORT, seed, k)
        for ratio in RATIOS:
            n = int(ratio * SHORT)
            panel = double_well(generator(seed, "test", n, k), n)
            seeds = np.random.SeedSequence([seed, 2, n, k])
            ready = prepared(results, panel, seeds, known=True)
            observed[ratio].append(ready.observed)
            redrawn[ratio].append(ready.redrawing.piece(seeds, 0, 1)[0])
            tests = [row.label for row in ready.redrawing.rows]
    return {
        f"n_test / n_train = {ratio:g}": _rates(observed[ratio], redrawn[ratio], tests)
        for ratio in RATIOS
    }


def _rates(
    observed: list[np.ndarray], redrawn: list[np.ndarray], tests: list[str]
) -> dict[str, float]:
    rates = {}
    for j, test in enumerate(tests):
        own, other = np.array(observed)[:, j], np.array(redrawn)[:, j]
        both = np.isfinite(own) & np.isfinite(other)
        if both.any():
            critical = np.quantile(other[both], 1 - LEVEL, method="weibull")
            rates[test] = _percent(own[both] > critical)
    return rates


def _percent(flags: np.ndarray) -> float:
    return round(100 * float(np.mean(flags)), 1)


if __name__ == "__main__":
    main()
