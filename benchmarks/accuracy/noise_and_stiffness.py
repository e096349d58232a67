"""What observation noise costs the neural fit, and the bias of its covariance rate over long steps.

Noise: a double well (50 paths of 200 steps of .04) seen with noise of 10 % of the states' standard
deviation, by ``obs_noise="auto"``, against the fit to the same paths without noise. ``drift`` is
the root integrated squared error over the central 98 % of the states, averaged over samples;
``ratio`` that behind noise over that without.

Stiffness: an Ornstein-Uhlenbeck process with steps of .1 to .4 times its time constant and the same
double well with steps of .04 to .16 (|b'| dt up to .32 at the wells). ``bias`` is the mean error
of the covariance rate over these states in per cent, with its standard error.

Run from the root of the repository, some twenty minutes on one core::

    python -m benchmarks.accuracy.noise_and_stiffness

The result is stored beside this file in ``results/noise_and_stiffness.json``.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import DoubleWell, NeuralSDE, OrnsteinUhlenbeck, Trajectories, simulate
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.processes import Process

RESULT = Path(__file__).with_name("results") / "noise_and_stiffness.json"
PATHS, STEPS, NOISE = 50, 200, 0.1
WELL, OU = DoubleWell(1.0, 1.0, 0.7), OrnsteinUhlenbeck(1.0, 0.0, 1.0)
#: name: (process, step)
STIFFNESS: dict[str, tuple[Process, float]] = {
    **{f"stiffness, Ornstein-Uhlenbeck, dt = {dt:g}": (OU, dt) for dt in (0.1, 0.2, 0.4)},
    **{f"stiffness, double well, dt = {dt:g}": (WELL, dt) for dt in (0.04, 0.08, 0.16)},
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "errors of the drift with and without noise; bias of the covariance rate in per cent",
        ["noise of 10 %, double well", *STIFFNESS],
        measure,
        RESULT,
        samples=20,
    )
    for name, design in designs.items():
        print(f"{name:44s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the numbers of one design."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name in STIFFNESS:
            return _stiffness(name, samples, seed)
        return _noise(name, samples, seed)


def _noise(name: str, samples: int, seed: int) -> dict[str, Any]:
    errors: dict[str, list[float]] = {"drift, no noise": [], "drift, behind noise": []}
    for k in range(samples):
        paths = _paths(WELL, 0.04, generator(seed, name, k))
        spread = NOISE * paths.values.std()
        blur = spread * generator(seed, "noise", k).standard_normal(paths.values.shape)
        x = _central(paths)
        for key, panel, noise in (
            ("drift, no noise", paths, None),
            ("drift, behind noise", paths.with_values(paths.values + blur), "auto"),
        ):
            fit = NeuralSDE(obs_noise=noise, random_state=k).fit(panel)
            gap = fit.predict_drift(x) - WELL.drift(x)
            errors[key].append(float(np.sqrt(np.mean(gap**2))))
    means = {key: float(np.mean(found)) for key, found in errors.items()}
    ratio = means["drift, behind noise"] / means["drift, no noise"]
    each = np.divide(errors["drift, behind noise"], errors["drift, no noise"])
    return {
        **{key: round(mean, 4) for key, mean in means.items()},
        "ratio": round(ratio, 3), "median of ratios": round(float(np.median(each)), 3),
    }  # fmt: skip


def _stiffness(name: str, samples: int, seed: int) -> dict[str, Any]:
    process, dt = STIFFNESS[name]
    bias = []
    for k in range(samples):
        paths = _paths(process, dt, generator(seed, name, k))
        x = _central(paths)
        found = NeuralSDE(random_state=k).fit(paths).predict_covariance(x)
        bias.append(100.0 * float(np.mean(found / process.covariance(x)) - 1.0))
    error = float(np.std(bias, ddof=1)) / np.sqrt(samples)
    return {"bias": round(float(np.mean(bias)), 2), "standard error": round(float(error), 2)}


def _paths(process: Process, dt: float, rng: np.random.Generator) -> Trajectories:
    if process is OU:
        start = np.sqrt(0.5) * rng.standard_normal((PATHS, 1))
        return simulate(process, start, dt=dt, n_steps=STEPS, scheme="exact", random_state=rng)
    start = rng.choice([-1.0, 1.0], (PATHS, 1))
    return simulate(process, start, dt=dt, n_steps=STEPS, n_substeps=100, random_state=rng)


def _central(paths: Trajectories) -> FloatArray:
    """Return the states between their quantiles of 1 and 99 %."""
    low, high = np.quantile(paths.values, [0.01, 0.99])
    return paths.values[(paths.values[:, 0] > low) & (paths.values[:, 0] < high)][::10]


if __name__ == "__main__":
    main()
