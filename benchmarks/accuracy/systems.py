"""Drift and covariance rate of eight known processes by every estimator, over ten seeds.

Each data set has 100 stationary paths of 100 steps; formulas and steps are in ``truths.py`` and
in the record. RISE is the root of the mean squared distance from the truth over 1000 draws of the
stationary law within the central 98 % of every coordinate; the covariance rate is compared
entry by entry. "local linear, oracle bandwidth" is uncorrected local linear regression with the
bandwidth that is best for the truth, one for the drift and one for the covariance rate;
"ParametricSDE" knows the formula and starts at the truth; where the noise is one number times the
identity, "ParametricSDE, free covariance" does not know that, only that it is constant.
``seconds`` are of one processor.

Run from the root of the repository, some two hours on one core::

    python -m benchmarks.accuracy.systems --jobs 2

A run that is stopped goes on where it was; ``--again NeuralSDE`` measures one estimator anew. The
result is stored beside this file in ``results/systems.json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy.cells import options_of, run_cells
from benchmarks.accuracy.contenders import (
    BASELINES,
    NEURAL,
    ORACLE,
    measure_fit,
    measure_oracle,
    parametric,
)
from benchmarks.accuracy.truths import SYSTEMS, draws, panel_of

RESULT = Path(__file__).with_name("results") / "systems.json"
PARAMETRIC, FREE = "ParametricSDE", "ParametricSDE, free covariance"
CONTENDERS = (*BASELINES, ORACLE, PARAMETRIC, FREE)
#: Sizes of the held-out panels, and how far their seeds are from those of the data.
HELD_OUT_PATHS, HELD_OUT_SEED = 20, 50_000
_PARTS = ("drift", "covariance")


def main() -> None:
    """Measure all cells and store the result."""
    options = options_of(__doc__.splitlines()[0], RESULT, 10)
    cells = [
        (system, contender, seed)
        for seed in range(options.replications)
        for system in SYSTEMS
        for contender in CONTENDERS
        if contender != FREE or SYSTEMS[system].unequal is not None
    ]
    facts = {
        "systems": {
            name: {"formula": s.formula, "dt": s.dt, "paths": s.n_paths, "steps": s.n_steps}
            for name, s in SYSTEMS.items()
        },
    }
    summary = run_cells(
        cells, measure, summarise, options,
        "mean over seeds of the root integrated squared error (RISE) of drift and covariance rate "
        "over the central 98 % of the stationary law",
        **facts,
    )  # fmt: skip
    for system, rows in summary.items():
        print(system)
        for contender, row in rows.items():
            print(f"  {contender:34s} {row}")


def measure(system: str, contender: str, seed: int) -> dict[str, Any]:
    """Return the distances of one fit to one data set."""
    design = SYSTEMS[system]
    x, panel = draws(system), panel_of(design, 1000 * seed)
    if contender == ORACLE:
        return measure_oracle(design.bandwidths, panel, x, design.process)
    held_out = panel_of(design, HELD_OUT_SEED + 1000 * seed, HELD_OUT_PATHS)
    if contender in (PARAMETRIC, FREE):
        process = design.process if contender == PARAMETRIC else design.unequal
        assert process is not None
        estimator: Any = parametric(process, design.density)
    else:
        estimator = BASELINES[contender](design.degree, design.diffusion_degree, seed)
    return measure_fit(estimator, panel, x, design.process, held_out)


def summarise(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Return by system and contender the means over seeds, and the ratios that are judged."""
    found: dict[str, Any] = {}
    for system in SYSTEMS:
        rows = {c: _means([one for one in cells if _is(one, system, c)]) for c in CONTENDERS}
        rows = {c: row for c, row in rows.items() if row}
        if rows:
            found[system] = {**_ratios(cells, system), **rows}
    return found


def _is(cell: dict[str, Any], system: str, contender: str) -> bool:
    return bool(cell["design"] == system and cell["contender"] == contender)


def _means(cells: list[dict[str, Any]]) -> dict[str, Any]:
    """Return means over seeds; None where a seed has no number."""
    if not cells:
        return {}
    means: dict[str, Any] = {"seeds": len(cells)}
    for name in (*_PARTS, "score", "seconds"):
        values = [one.get(name) for one in cells]
        known = [value for value in values if value is not None]
        means[name] = float(f"{np.mean(known):.4g}") if len(known) == len(values) else None
    return means


def _ratios(cells: list[dict[str, Any]], system: str) -> dict[str, Any]:
    """Return the neural RISE over those of others: ratio of means, 90th percentile over seeds."""
    by = {
        c: {one["seed"]: one for one in cells if _is(one, system, c)}
        for c in (NEURAL, ORACLE, "GaussianProcessSDE", "LinearSDE", PARAMETRIC, FREE)
    }
    rivals = {c: _ratio(by[NEURAL], by[c], "drift") for c in (ORACLE, "GaussianProcessSDE")}
    rivals = {c: ratio for c, ratio in rivals.items() if ratio}
    ratios: dict[str, Any] = {}
    if rivals:
        best = max(rivals, key=lambda c: rivals[c]["of means"])
        ratios["drift over the better of oracle and GP"] = {**rivals[best], "which": best}
    for c in ("LinearSDE", PARAMETRIC, FREE):
        for part in _PARTS:
            ratio = _ratio(by[NEURAL], by[c], part)
            if ratio:
                ratios[f"{part} over {c}"] = ratio
    return {"ratios": ratios} if ratios else {}


def _ratio(
    ours: dict[int, dict[str, Any]], theirs: dict[int, dict[str, Any]], part: str
) -> dict[str, Any]:
    pairs = [(ours[k].get(part), theirs[k].get(part)) for k in sorted(ours.keys() & theirs.keys())]
    values = np.array([(a, b) for a, b in pairs if a is not None and b is not None])
    if not len(values):
        return {}
    worst = float(np.quantile(values[:, 0] / values[:, 1], 0.9))
    means = values.mean(axis=0)
    return {
        "of means": round(float(means[0] / means[1]), 3),
        "90th percentile": round(worst, 3),
    }


if __name__ == "__main__":
    main()
