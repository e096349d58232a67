"""Size of the tests of "no noise" and "no random mean" of ``LinearSDE``.

Exact stationary Ornstein-Uhlenbeck paths without noise and with one common mean are drawn,
the larger model is fitted and its variance tested against zero by the likelihood ratio,
with the law of the statistic on the boundary.

Run from the root of the repository, some twenty minutes on one core::

    python -m benchmarks.calibration.boundary_tests

The result is stored beside this file in ``results/boundary_tests.json``. With R = 500
samples the 99.9 % band around 5 % is [2.2, 8.4].
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import OrnsteinUhlenbeck, Trajectories
from stochtext._shared.random import generator
from stochtext.estimators.linear.state_space.boundary import no_effect_test, no_noise_test
from stochtext.estimators.linear.state_space.fit import fit_state_space
from stochtext.estimators.sample import transition_sample
from stochtext.processes.linear.mean_basis import Polynomials
from stochtext.transitions.state_space.model import StateSpaceModel

RESULT = Path(__file__).with_name("results") / "boundary_tests.json"
DT = 0.2

# name -> (coordinates, trajectories, states of each, tested part, noise of the model)
DESIGNS: dict[str, tuple[int, int, int, str, str | None]] = {
    "no noise, d = 1, 20 x 50": (1, 20, 50, "noise", "diagonal"),
    "no noise, d = 1, 1 x 300": (1, 1, 300, "noise", "diagonal"),
    "no noise, d = 2, 20 x 50": (2, 20, 50, "noise", "diagonal"),
    "no noise, full R, d = 2, 20 x 50": (2, 20, 50, "noise", "full"),
    "no random mean, d = 1, 30 x 30": (1, 30, 30, "effect", None),
    "no random mean, d = 1, 30 x 30, noise": (1, 30, 30, "effect", "diagonal"),
    "no random mean, d = 2, 40 x 30": (2, 40, 30, "effect", None),
}


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "rejections in per cent at 5 and 10 %, and share of estimates that are zero",
        DESIGNS,
        measure,
        RESULT,
        samples=500,
        dt=DT,
    )
    for name, design in designs.items():
        print(f"{name:40s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the rejection rates in one design."""
    d, m, n, part, noise = DESIGNS[name]
    model = null_model(d, noisy=part == "effect" and noise is not None)
    frame = Trajectories([np.zeros((n, d))] * m, dt=DT)
    pvalues = []
    for k in range(samples):
        sample = transition_sample(model.simulate(frame, generator(seed, name, k)))
        fit = fit_state_space(
            sample, basis=Polynomials(0), observation_noise=noise, initial="stationary",
            mean_effect="random" if part == "effect" else "none",
        )  # fmt: skip
        test = no_noise_test if part == "noise" else no_effect_test
        pvalues.append(test(sample, fit, random_state=k).pvalue)
    found = np.array(pvalues)
    rates = {
        f"{level} %": round(100 * float(np.nanmean(found < level / 100)), 1) for level in (5, 10)
    }
    at_zero = round(100 * float(np.mean(found == 1.0)), 1)
    return {**rates, "at zero": at_zero, "without p-value": int(np.isnan(found).sum())}


def null_model(d: int, *, noisy: bool) -> StateSpaceModel:
    """Return a stationary model with one mean, and with noise where that is not tested."""
    if d == 1:
        process = OrnsteinUhlenbeck(1.0, 0.0, 1.4)
    else:
        sigma = np.linalg.cholesky(np.eye(d) + 0.5)
        process = OrnsteinUhlenbeck(np.diag(np.linspace(0.8, 1.2, d)), np.zeros(d), sigma)
    return StateSpaceModel(process, "time", 0.2 * noisy * np.eye(d), None, "stationary")


if __name__ == "__main__":
    main()
