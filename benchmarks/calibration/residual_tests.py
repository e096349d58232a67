"""Size of the residual tests at the 5 % level when parameters are estimated.

Data are Ornstein-Uhlenbeck paths from their exact transition
(kappa = 1 or [[1, .3], [0, .6]], sampling interval 0.25, noise of unit covariance rate or
of correlation 0.4), started in the stationary law. The model fitted to each sample is the
autoregression of order one with intercept, by least squares pooled over all trajectories
(for these data the exact conditional maximum likelihood estimate); residuals are whitened
with the lower Cholesky factor of their covariance matrix.

Run from the root of the repository, about four minutes on one core::

    python -m benchmarks.calibration.residual_tests

The result is stored beside this file in ``results/residual_tests.json``: percentage of
rejections at 5 %, per design and test, and the percentage of samples for which the test
gave a p-value at all. Ljung-Box is measured with the states as ``regressors`` and without.
With R = 2000 samples the 99.9 % band around 5 % is [3.4, 6.6].
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.linalg import expm, solve_continuous_lyapunov

from benchmarks.record import run_study
from stochtext._shared.random import generator
from stochtext.diagnostics import goodness_of_fit

RESULT = Path(__file__).with_name("results") / "residual_tests.json"
DT = 0.25
KAPPA = {1: np.array([[1.0]]), 2: np.array([[1.0, 0.3], [0.0, 0.6]])}
COVARIANCE = {1: np.array([[1.0]]), 2: np.array([[1.0, 0.4], [0.4, 1.0]])}
SHORT = tuple(int(k) for k in np.linspace(8, 30, 30).round())

# name -> (dimension, numbers of transitions of the trajectories)
DESIGNS: dict[str, tuple[int, tuple[int, ...]]] = {
    "path n=50": (1, (50,)),
    "path n=100": (1, (100,)),
    "path n=250": (1, (250,)),
    "path n=1000": (1, (1000,)),
    "path n=1000, persistent": (1, (1000,)),
    "path n=250, d=2": (2, (250,)),
    "panel 30 x 8..30": (1, SHORT),
    "panel 30 x 8..30, persistent": (1, SHORT),
    "panel 30 x 8..30, d=2": (2, SHORT),
    "panel 50 x 20, d=2": (2, (20,) * 50),
    "panel 12 x 8": (1, (8,) * 12),
    "panel 60 x 4": (1, (4,) * 60),
}

# name -> factor of kappa; 0.0135 makes the autoregressive coefficient 0.9966
PERSISTENCE = {"path n=1000, persistent": 0.0135, "panel 30 x 8..30, persistent": 0.0135}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "percentage of rejections at 5 % under the null, parameters estimated",
        DESIGNS,
        measure,
        RESULT,
        samples=2000,
    )
    print_table(designs)


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the sizes of all tests in one design."""
    d, lengths = DESIGNS[name]
    trajectory = np.repeat(np.arange(len(lengths)), lengths)
    pvalues, lags = [], 0
    for k in range(samples):
        x, x_next = simulate(d, lengths, generator(seed, name, k), PERSISTENCE.get(name, 1.0))
        resid = residuals(x, x_next)
        table = goodness_of_fit(resid, trajectory, regressors=x)
        plain = goodness_of_fit(resid, trajectory)
        pvalues.append([row.pvalue for row in (*table.tests, plain.tests[0])])
        lags = len(table.pairs)
    tests = [*(row.test for row in table.tests), "Ljung-Box, no regressors"]
    array = np.array(pvalues)
    return {
        "dimension": d,
        "trajectories": len(lengths),
        "transitions": int(sum(lengths)),
        "lags": lags,
        "size": {t: _percent(array[:, j] <= 0.05) for j, t in enumerate(tests)},
        "computed": {t: _percent(np.isfinite(array[:, j])) for j, t in enumerate(tests)},
    }


def simulate(
    d: int, lengths: tuple[int, ...], rng: np.random.Generator, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the starts and ends of all transitions of stationary paths."""
    kappa = rate * KAPPA[d]
    decay = expm(-kappa * DT)
    stationary = solve_continuous_lyapunov(kappa, COVARIANCE[d])
    step = np.linalg.cholesky(stationary - decay @ stationary @ decay.T)
    state = rng.standard_normal((len(lengths), d)) @ np.linalg.cholesky(stationary).T
    path = [state]
    for _ in range(max(lengths)):
        state = state @ decay.T + rng.standard_normal(state.shape) @ step.T
        path.append(state)
    paths = np.stack(path, axis=1)
    starts = np.concatenate([paths[k, :n] for k, n in enumerate(lengths)])
    ends = np.concatenate([paths[k, 1 : n + 1] for k, n in enumerate(lengths)])
    return starts, ends


def residuals(x: np.ndarray, x_next: np.ndarray) -> np.ndarray:
    """Return whitened residuals of the pooled autoregression of order one."""
    design = np.column_stack([np.ones(len(x)), x])
    error = x_next - design @ np.linalg.lstsq(design, x_next, rcond=None)[0]
    factor = np.linalg.cholesky(error.T @ error / len(error))
    return np.linalg.solve(factor, error.T).T


def print_table(designs: dict[str, dict[str, Any]]) -> None:
    """Print the sizes."""
    tests = list(next(iter(designs.values()))["size"])
    print(f"{'':30s}" + "".join(f"{test:>26s}" for test in tests))
    for name, design in designs.items():
        print(f"{name:30s}" + "".join(f"{design['size'][test]:26.1f}" for test in tests))


def _percent(flags: np.ndarray) -> float:
    return round(float(100 * np.mean(flags)), 2)


if __name__ == "__main__":
    main()
