"""Size of the paired test of ``compare`` between two equally wrong models.

The states have two coordinates that are exchangeable with one another: autoregressions of
order one (coefficient 0.6, normal noise), both multiplied by a random scale of the
trajectory in the designs with heterogeneous trajectories. Model A takes the first
coordinate as an autoregression and the second as a random walk, model B the other way
round. By symmetry their expected scores are equal, and each is misspecified; a rejection
of equality is an error of the first kind.

Run from the root of the repository, some ten minutes on one core::

    python -m benchmarks.calibration.comparison_size

The result is stored beside this file in ``results/comparison_size.json``: percentage of
rejections at 5 % and 10 %, coverage of the 95 % interval being 100 minus the former. With
R = 1000 samples the 99.9 % band around 5 % is [2.9, 7.4].
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from benchmarks.record import run_study
from stochtext import SampleSizeWarning, Trajectories, compare
from stochtext._shared.random import generator

RESULT = Path(__file__).with_name("results") / "comparison_size.json"
COEFFICIENT = 0.6
LENGTHS = tuple(int(k) for k in np.linspace(8, 30, 30).round())

# name -> (numbers of transitions, spread of the log scale of a trajectory, folds)
DESIGNS: dict[str, tuple[tuple[int, ...], float, int]] = {
    "5 x 20": ((20,) * 5, 0.0, 5),
    "10 x 20": ((20,) * 10, 0.0, 5),
    "20 x 20": ((20,) * 20, 0.0, 5),
    "50 x 20": ((20,) * 50, 0.0, 5),
    "20 x 20, heterogeneous": ((20,) * 20, 0.5, 5),
    "30 x 8..30, heterogeneous": (LENGTHS, 0.5, 5),
    "30 x 8..30, leave one out": (LENGTHS, 0.0, 30),
    "path n=200": ((200,), 0.0, 5),
    "path n=1000": ((1000,), 0.0, 5),
}


class OneSided(BaseEstimator):
    """An autoregression in one coordinate, a random walk in the other."""

    def __init__(self, coordinate: int = 0) -> None:
        self.coordinate = coordinate

    def fit(self, X: Trajectories, y: object = None) -> OneSided:
        """Fit by least squares."""
        steps = X.transitions()
        k = self.coordinate
        design = np.column_stack([np.ones(len(steps.x)), steps.x[:, k]])
        self.beta_ = np.linalg.lstsq(design, steps.x_next[:, k], rcond=None)[0]
        self.variance_ = self._errors(steps).var(axis=0)
        return self

    def score_transitions(self, X: Trajectories) -> np.ndarray:
        """Return the Gaussian log density of each transition."""
        squares = self._errors(X.transitions()) ** 2 / self.variance_
        return -0.5 * (squares + np.log(2 * np.pi * self.variance_)).sum(axis=1)

    def n_outside(self, X: Trajectories) -> int:
        """Return 0: the model is defined everywhere."""
        return 0

    def _errors(self, steps: Any) -> np.ndarray:
        errors = steps.x_next - steps.x
        k = self.coordinate
        errors[:, k] = steps.x_next[:, k] - self.beta_[0] - self.beta_[1] * steps.x[:, k]
        return errors


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "percentage of rejections by the paired test of two equally wrong models",
        DESIGNS,
        measure,
        RESULT,
        samples=1000,
    )
    for name, design in designs.items():
        print(f"{name:30s} {design['size at 5 %']:6.1f} {design['size at 10 %']:6.1f}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the size of the test in one design."""
    lengths, spread, folds = DESIGNS[name]
    models = {"A": OneSided(0), "B": OneSided(1)}
    pvalues = []
    for k in range(samples):
        panel = simulate(lengths, spread, generator(seed, name, k))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SampleSizeWarning)
            found = compare(models, panel, cv=folds, random_state=k)
        pvalues.append(found.difference("A", "B")["pvalue"])
    array = np.array(pvalues)
    return {
        "trajectories": len(lengths),
        "transitions": int(sum(lengths)),
        "folds": folds,
        "size at 5 %": round(float(100 * np.mean(array <= 0.05)), 2),
        "size at 10 %": round(float(100 * np.mean(array <= 0.10)), 2),
    }


def simulate(lengths: tuple[int, ...], spread: float, rng: np.random.Generator) -> Trajectories:
    """Return stationary autoregressions, one a trajectory."""
    paths = []
    for n in lengths:
        noise = rng.standard_normal((n + 1, 2)) * np.sqrt(1 - COEFFICIENT**2)
        path = np.empty_like(noise)
        path[0] = rng.standard_normal(2)
        for t in range(n):
            path[t + 1] = COEFFICIENT * path[t] + noise[t + 1]
        paths.append(path * np.exp(spread * rng.standard_normal()))
    return Trajectories(paths)


if __name__ == "__main__":
    main()
