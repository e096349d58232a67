"""The two-dimensional example of DynGMA, with its set-up, over five seeds.

Zhu and Li (DynGMA: a robust approach for learning stochastic differential equations from data,
arXiv:2402.14475; set-up and numbers read in the notebooks of github.com/Aiqing-Zhu/DynGMA) learn

    dX = (X / 5 (1 - X^2) + Y (1 + sin X)) dt + sqrt(1 / 50) dW1
    dY = (-Y + 2 X (1 - X^2) (1 + sin X)) dt + sqrt(1 / 5) dW2

from 40 000 transitions of paths that start uniformly on [-2, 2] x [-3, 3]: 2000 x 20, 4000 x 10
and 8000 x 5 steps of h = .05, .1 and .2. ``drift`` is the relative root mean square error on a
grid over that box, ``covariance`` the relative Frobenius error of sigma sigma'.

Their data are Euler paths with 10 substeps, so that an estimator in continuous time has a floor
there. Both are measured: "Euler paths" are theirs, fitted also with the same ten Euler steps;
"fine paths" have 200 substeps.

Run from the root of the repository, some two hours on one core::

    python -m benchmarks.accuracy.dyngma --jobs 2

The result is stored beside this file in ``results/dyngma.json``; a run that is stopped goes on
where it was.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.cells import options_of, run_cells
from benchmarks.accuracy.contenders import distance, fitted
from stochtext import (
    SDE,
    GaussianProcessSDE,
    KernelSDE,
    NeuralSDE,
    SparseSDE,
    StochtextError,
    Trajectories,
    simulate,
)
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray

RESULT = Path(__file__).with_name("results") / "dyngma.json"
#: h: (paths, steps of each)
SIZES: dict[float, tuple[int, int]] = {0.05: (2000, 20), 0.1: (4000, 10), 0.2: (8000, 5)}
EDGES = np.array([2.0, 3.0])
SUBSTEPS = {"Euler paths": 10, "fine paths": 200}
#: h: (drift, covariance) of DynGMA, of the Euler likelihood, and the floor of the Euler paths.
PUBLISHED = {
    "DynGMA": {0.05: (0.0459, 0.00994), 0.1: (0.0438, 0.00521), 0.2: (0.0745, 0.0377)},
    "Euler likelihood": {0.05: (0.155, 0.0405), 0.1: (0.293, 0.0922), 0.2: (0.496, 0.158)},
}
MATCHED = "NeuralSDE, ten Euler steps"
#: name: (from a seed to an estimator, points along each side of the grid)
CONTENDERS: dict[str, tuple[Any, int]] = {
    # The box is where the paths start; its corners lie outside the ellipse of the support, where
    # the default continues by a line.
    "NeuralSDE": (
        lambda seed: NeuralSDE(diffusion="constant", extrapolation="network", random_state=seed),
        1000,
    ),
    MATCHED: (
        lambda seed: NeuralSDE(
            diffusion="constant",
            extrapolation="network",
            transition="euler",
            substeps=10,
            random_state=seed,
        ),  # fmt: skip
        1000,
    ),
    "NeuralSDE, one Euler step": (
        lambda seed: NeuralSDE(
            diffusion="constant",
            extrapolation="network",
            transition="euler",
            substeps=1,
            random_state=seed,
        ),  # fmt: skip
        1000,
    ),
    "KernelSDE": (lambda seed: KernelSDE(), 100),
    "GaussianProcessSDE": (lambda seed: GaussianProcessSDE(), 300),
    "SparseSDE": (lambda seed: SparseSDE(degree=5), 1000),
}


def _drift(t: Any, x: Any) -> Any:
    bend, wave = x[0] * (1.0 - x[0] * x[0]), 1.0 + np.sin(x[0])
    return np.array([0.2 * bend + x[1] * wave, 2.0 * bend * wave - x[1]])


def _diffusion(t: Any, x: Any) -> Any:
    return np.array([np.sqrt(1.0 / 50.0) + 0.0 * x[0], np.sqrt(1.0 / 5.0) + 0.0 * x[1]])


TRUTH = SDE(_drift, _diffusion, dim=2, noise="additive")


def main() -> None:
    """Measure all cells and store the result."""
    options = options_of(__doc__.splitlines()[0], RESULT, 5)
    cells = [
        (f"{kind}, h = {h}", contender, seed)
        for seed in range(options.replications)
        for kind in SUBSTEPS
        for h in SIZES
        for contender in CONTENDERS
        if kind == "Euler paths" or contender != MATCHED
    ]
    published = {
        name: {str(h): {"drift": b, "covariance": a} for h, (b, a) in rows.items()}
        for name, rows in PUBLISHED.items()
    }
    summary = run_cells(
        cells, measure, summarise, options,
        "mean over seeds of the relative root mean square error of the drift on the box and of "
        "the relative Frobenius error of the covariance rate",
        published=published,
    )  # fmt: skip
    for design, rows in summary.items():
        print(design)
        for contender, row in rows.items():
            print(f"  {contender:28s} {row}")


def measure(design: str, contender: str, seed: int) -> dict[str, Any]:
    """Return the relative errors of one fit."""
    kind, _, h = design.partition(", h = ")
    make, side = CONTENDERS[contender]
    try:
        fit, seconds, said = fitted(make(seed), data(kind, float(h), seed))
    except StochtextError as error:
        return {"drift": None, "covariance": None, "error": f"{type(error).__name__}: {error}"}
    errors = {"drift": [], "covariance": []}
    for x in _pieces(side):
        drift, rate = TRUTH.drift(x), TRUTH.covariance(x)
        errors["drift"].append(distance(fit.predict_drift(x), drift) / distance(0 * drift, drift))
        errors["covariance"].append(
            distance(fit.predict_covariance(x), rate) / distance(0 * rate, rate)
        )
    weight = [distance(0 * b, b) for b in (TRUTH.drift(x) for x in _pieces(side))]
    return {
        "drift": _together(errors["drift"], weight),
        "covariance": _together(errors["covariance"], np.ones(len(weight))),
        "seconds": round(seconds, 2),
        **({"warnings": said} if said else {}),
    }


def data(kind: str, h: float, seed: int) -> Trajectories:
    """Return the paths of one data set."""
    paths, steps = SIZES[h]
    first = generator(seed, "start").uniform(-EDGES, EDGES, (paths, 2))
    return simulate(TRUTH, first, dt=h, n_steps=steps, n_substeps=SUBSTEPS[kind], random_state=seed)


def _pieces(side: int) -> list[FloatArray]:
    """Return the grid over the box in as many pieces as keep the memory small."""
    axes = [np.linspace(-edge, edge, side) for edge in EDGES]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    return list(grid.reshape(10, -1, 2))


def _together(relative: list[float], weight: Any) -> float | None:
    """Return the relative error over all pieces from those of each and the size of the truth."""
    size = np.square(weight)
    value = float(np.sqrt((np.square(relative) * size).sum() / size.sum()))
    return float(f"{value:.4g}") if np.isfinite(value) else None


def summarise(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Return by design and contender the means over seeds, beside the published numbers."""
    found: dict[str, Any] = {}
    for kind in SUBSTEPS:
        for h in SIZES:
            design = f"{kind}, h = {h}"
            rows = {
                name: {"published": {"drift": values[h][0], "covariance": values[h][1]}}
                for name, values in PUBLISHED.items()
            }
            for contender in CONTENDERS:
                own = [c for c in cells if (c["design"], c["contender"]) == (design, contender)]
                if own:
                    rows[contender] = _means(own)
            if len(rows) > len(PUBLISHED):
                found[design] = rows
    return found


def _means(cells: list[dict[str, Any]]) -> dict[str, Any]:
    means: dict[str, Any] = {"seeds": len(cells)}
    for name in ("drift", "covariance", "seconds"):
        values = [one.get(name) for one in cells]
        missing = any(value is None for value in values)
        means[name] = None if missing else float(f"{np.mean(values):.4g}")
        if name == "drift" and not missing:
            means["largest drift"] = float(f"{max(values):.4g}")
    return means


if __name__ == "__main__":
    main()
