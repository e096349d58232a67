"""Coverage of the intervals of the five analyses of text.

Panels of documents whose process is known. An interval is right if it holds what the same
calculation gives for thousands of documents, or the number of the true process. "Calibrated"
is the share of states that calibrated prediction intervals hold, not of intervals.

Run from the root of the repository, some ten minutes on one core::

    python -m benchmarks.coverage.analysis_intervals --jobs 2

The result is stored beside this file in ``results/analysis_intervals.json``.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import run_study
from stochtext import (
    DoubleWell,
    LinearSDE,
    OrnsteinUhlenbeck,
    ParametricSDE,
    Trajectories,
    simulate,
)
from stochtext._shared.random import generator
from stochtext.analysis import trajectory_analysis
from stochtext.analysis.fields.rotation import rotation_quantities
from stochtext.analysis.fields.state_dependence import state_dependence
from stochtext.analysis.moments.variance import variance_quantities
from stochtext.analysis.process.ergodicity import ergodicity_quantities
from stochtext.analysis.process.lyapunov import largest_exponent, stability
from stochtext.analysis.simulated_panels import simulated_panels
from stochtext.results.inference.derived.spread import spread_of

RESULT = Path(__file__).with_name("results") / "analysis_intervals.json"
RHO, DOCUMENTS, UNITS, MANY = 0.6, 40, 20, 4000
WELL = DoubleWell(1.0, 1.0, 0.7)
Found = dict[str, list[float]]


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        __doc__.splitlines()[0],
        "coverage in per cent of 95 % intervals (calibrated: of states by prediction intervals)",
        DESIGNS,
        measure,
        RESULT,
        samples=300,
    )
    for name, design in designs.items():
        print(f"{name:32s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return by quantity the share of hits, in per cent, over all samples of one design."""
    hits: Found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for k in range(samples):
            for quantity, found in DESIGNS[name](generator(seed, name, k), k).items():
                hits.setdefault(quantity, []).extend(found)
    return {quantity: _told(np.array(found)) for quantity, found in hits.items()}


def _told(hits: np.ndarray) -> dict[str, float | None]:
    offered = np.isfinite(hits)
    rate = 100.0 * float(np.mean(hits[offered])) if offered.any() else None
    return {
        "coverage": None if rate is None else round(rate, 1),
        "offered": round(100.0 * float(offered.mean()), 1),
    }


def autoregressions(
    rng: np.random.Generator, m: int, *, heavy: bool = False, level: float = 0.0, answers: int = 1
) -> Trajectories:
    """Return stationary autoregressions; ``answers`` of them share the level of a prompt."""
    noise = rng.standard_t(3, (m, UNITS + 20, 1)) if heavy else rng.standard_normal((m, UNITS, 1))
    for t in range(1, noise.shape[1]):
        noise[:, t] = RHO * noise[:, t - 1] + np.sqrt(1 - RHO**2) * noise[:, t]
    levels = np.repeat(rng.standard_normal((m // answers, 1, 1)), answers, axis=0)
    groups = np.repeat(np.arange(m // answers), answers) if answers > 1 else None
    return Trajectories(noise[:, -UNITS:] + level * levels, groups=groups)


def _holds(low: float, high: float, truth: float) -> list[float]:
    return [float(low <= truth <= high) if np.isfinite(low) and np.isfinite(high) else np.nan]


@cache
def linear_fit(heavy: bool) -> LinearSDE:
    """Return the fit whose predictions are judged."""
    return LinearSDE().fit(autoregressions(generator(0, "fit", heavy), 400, heavy=heavy))


def _predicted(panel: Trajectories, heavy: bool, k: int) -> Any:
    return trajectory_analysis(
        linear_fit(heavy), panel, horizons=(1, 4), n_samples=100, n_permutations=19, random_state=k
    )


ACCURACY = ("R2", "R2 of persistence", "80 % intervals", "95 % intervals")


@cache
def _known_accuracy() -> dict[tuple[str, str], float]:
    found = _predicted(autoregressions(generator(0, "documents"), MANY), False, 0)
    return {(q, h): found.value(q, h).estimate for q in ACCURACY for h in ("h = 1", "h = 4")}


def predictions(rng: np.random.Generator, k: int) -> Found:
    """R2 of predictions and shares that their intervals hold."""
    found = _predicted(autoregressions(rng, DOCUMENTS), False, k)
    rows = {key: found.value(*key) for key in _known_accuracy()}
    return {
        f"{quantity}, {h}": _holds(row.lower, row.upper, _known_accuracy()[quantity, h])
        for (quantity, h), row in rows.items()
    }


def calibrated(rng: np.random.Generator, k: int) -> Found:
    """States held by calibrated intervals where errors have t(3) tails."""
    found = _predicted(autoregressions(rng, DOCUMENTS, heavy=True), True, k)
    return {
        f"{name}, {h}": [found.value(name, h).estimate]
        for name in ("95 % intervals", "95 % calibrated")
        for h in ("h = 1", "h = 4")
    }


def _variances(panel: Trajectories) -> list[Any]:
    return variance_quantities(panel, 0.05, np.random.default_rng(0))


@cache
def _known_variances() -> list[float]:
    panel = autoregressions(generator(0, "variances"), 5 * MANY, level=0.5, answers=5)
    return [row.estimate for row in _variances(panel)]


def variances(rng: np.random.Generator, k: int) -> Found:
    """Variance within a path and between five answers to each of thirty prompts."""
    rows = _variances(autoregressions(rng, 150, level=0.5, answers=5))
    return {
        row.name: _holds(row.lower, row.upper, true)
        for row, true in zip(rows, _known_variances(), strict=True)
    }


def document_means(rng: np.random.Generator, k: int) -> Found:
    """Variance of document means over that of documents simulated from a fit to others: one."""
    fit = LinearSDE().fit(autoregressions(rng, 100))
    panel = autoregressions(rng, DOCUMENTS)
    simulated = simulated_panels(fit.results_, panel, 99, np.random.SeedSequence(k)).values
    row = ergodicity_quantities(panel, simulated, np.arange(DOCUMENTS), 0.05)[0]
    return {"ratio": _holds(row.lower, row.upper, 1.0)}


def _waving(rng: np.random.Generator, m: int) -> Any:
    """State dependence of a noise that grows with the state."""
    x = np.zeros((m, UNITS + 20))
    error = np.zeros_like(x)
    for t in range(1, x.shape[1]):
        error[:, t] = (0.7 + 0.3 * np.tanh(x[:, t - 1])) * rng.standard_normal(m)
        x[:, t] = 0.6 * x[:, t - 1] + error[:, t]
    owner = np.repeat(np.arange(m), UNITS)
    start, steps = x[:, 19:-1].reshape(-1, 1), error[:, 20:].reshape(-1, 1)
    return state_dependence(start, steps, owner, owner, 19, 0.05, rng)


@cache
def _known_dependence() -> float:
    return float(_waving(generator(0, "dependence"), 10 * MANY).estimate)


def dependence(rng: np.random.Generator, k: int) -> Found:
    """R2 of squared errors on the state."""
    row = _waving(rng, DOCUMENTS)
    return {"R2": _holds(row.lower, row.upper, _known_dependence())}


def rotation(rng: np.random.Generator, k: int, turn: float) -> Found:
    """Share of the drift that is rotation, of a round stationary law."""
    process = OrnsteinUhlenbeck(np.array([[0.5, -turn], [turn, 0.5]]), np.zeros(2), 0.6 * np.eye(2))
    panel = simulate(
        process, 0.6 * rng.standard_normal((DOCUMENTS, 2)), dt=1.0, n_steps=UNITS,
        scheme="exact", random_state=rng,
    )  # fmt: skip
    fit = LinearSDE().fit(panel).results_
    spread = spread_of(fit, 100, np.random.SeedSequence(k), None)
    row = rotation_quantities(fit, panel.values, 0.0, spread, 0.05)[0]
    held = _holds(row.lower, row.upper, turn**2 / (0.25 + turn**2))
    return {"share": held, "test of none rejects": [float(row.pvalue <= 0.05)]}


@cache
def _known_exponent() -> float:
    return largest_exponent(
        WELL, np.array([[1.0], [-1.0]]), 0.1, 20_000, np.random.SeedSequence(0)
    )[0]


def exponent(rng: np.random.Generator, k: int) -> Found:
    """Largest Lyapunov exponent of a fitted double well."""
    panel = simulate(
        WELL, rng.choice([-1.0, 1.0], (20, 1)), dt=0.1, n_steps=100, n_substeps=10, random_state=rng
    )
    fit = ParametricSDE(DoubleWell(), density="shoji_ozaki").fit(panel).results_
    root = np.random.SeedSequence(k)
    row = stability(fit.process, panel, "", spread_of(fit, 100, root, None), 200, root, 0.05)
    return {"exponent": _holds(row.lower, row.upper, _known_exponent())}


DESIGNS: dict[str, Callable[[np.random.Generator, int], Found]] = {
    "predictions": predictions,
    "predictions, t(3) errors": calibrated,
    "variances": variances,
    "document means": document_means,
    "state dependence": dependence,
    "rotation": partial(rotation, turn=0.3),
    "rotation, weak": partial(rotation, turn=0.06),
    "no rotation": partial(rotation, turn=0.0),
    "Lyapunov exponent, double well": exponent,
}


if __name__ == "__main__":
    main()
