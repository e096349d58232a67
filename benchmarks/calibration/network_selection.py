"""How often ``NeuralSDE`` keeps a network that the truth does not need, and one that it does.

Fits are judged block by block on held-out transitions: a drift network against a line, a
covariance network against a constant. A network is kept where its gain is significant at 5 %,
one-sided; held-out gains of a needless network are negative on average, so that fewer than one
in twenty is to be expected.

Run from the root of the repository, a quarter of an hour on one core::

    python -m benchmarks.calibration.network_selection --samples 200

The result is stored beside this file in ``results/network_selection.json``. With R = 200 samples
the 99.9 % band around 5 % is [1, 11].
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.calibration.neural_tests import EXTRA
from benchmarks.coverage.neural import DESIGNS as SYSTEMS
from benchmarks.coverage.neural import Design, paths
from benchmarks.record import run_study
from stochtext import NeuralSDE, Trajectories

RESULT = Path(__file__).parent / "results" / "network_selection.json"
#: name -> (system, paths, steps of each): what is needed stands in ``NEEDED``.
DESIGNS: dict[str, tuple[str, int, int]] = {
    "Ornstein-Uhlenbeck, 50 paths of 100": ("Ornstein-Uhlenbeck", 50, 100),
    "Ornstein-Uhlenbeck, 20 paths of 25": ("Ornstein-Uhlenbeck", 20, 25),
    "Ornstein-Uhlenbeck, 1 path of 1000": ("Ornstein-Uhlenbeck", 1, 1000),
    "linear drift, fanned noise, 30 paths of 100": ("linear drift, fanned noise", 30, 100),
    "double well, additive, 20 paths of 25": ("double well, additive", 20, 25),
    "double well, multiplicative, 20 paths of 25": ("double well, multiplicative", 20, 25),
}
NEEDED: dict[str, tuple[str, ...]] = {
    "Ornstein-Uhlenbeck": (),
    "linear drift, fanned noise": ("covariance",),
    "double well, additive": ("drift",),
    "double well, multiplicative": ("drift", "covariance"),
}


def main() -> None:
    """Run every design and store the shares."""
    rows = run_study(
        __doc__.splitlines()[0],
        "fits in per cent that keep a network",
        DESIGNS,
        measure,
        RESULT,
        samples=200,
    )
    for name, row in rows.items():
        print(f"{name:50s} {row}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return how often each network is kept in one design."""
    system, n_paths, n_steps = DESIGNS[name]
    design: Design = (SYSTEMS | EXTRA)[system]
    kept: dict[str, list[bool]] = {"drift": [], "covariance": []}
    for k in range(samples):
        rng = np.random.default_rng([seed, list(DESIGNS).index(name), k])
        data = Trajectories(list(paths(design, rng, n_paths, n_steps)), dt=design.dt)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = NeuralSDE(cov_type=None, random_state=k).fit(data)
        kept["drift"].append(model.drift_ == "network")
        kept["covariance"].append(model.covariance_ == "network")
    return {
        f"{block} network, {'needed' if block in NEEDED[system] else 'needless'}": round(
            100 * float(np.mean(own)), 1
        )
        for block, own in kept.items()
    }


if __name__ == "__main__":
    main()
