"""Coverage of the intervals and simultaneous bands of NeuralSDE, with selection as it happens.

    python -m benchmarks.coverage.neural [--samples 200] [--jobs 2] [--designs NAME ...]

Every sample is a fresh data set and a whole fit: starts, ridges and fall-backs are chosen anew.
Coverage is counted at 15 states over the central 95 % of the stationary law, for every
coordinate of the drift and every entry of the covariance rate, among the states with a finite
standard error. ``width`` is the mean width over the width that the true spread of the estimate
would give (3.92 standard deviations). Samples that are done are kept in ``--partial`` and not
fitted again. The result is stored beside the script.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from benchmarks.record import write_study
from stochtext import NeuralSDE, Trajectories
from stochtext._shared.progress import progress

Array = NDArray[np.float64]
RESULTS = Path(__file__).parent / "results" / "neural.json"
PARTIAL = Path(tempfile.gettempdir()) / "stochtext_neural_coverage.jsonl"
SUBSTEPS, N_STATES, BURN = 20, 15, 4.0
CURVES = ("drift", "covariance")


class Design(NamedTuple):
    """One system and how it was seen."""

    drift: Callable[[Array], Array]
    factor: Callable[[Array], Array]
    dim: int
    paths: int
    steps: int
    dt: float
    options: dict[str, Any] = {}  # noqa: RUF012


def _well(x: Array) -> Array:
    return 4.0 * (x - x**3)


def _one(x: Array) -> Array:
    return np.ones((len(x), 1, 1))


def _hill(x: Array) -> Array:
    return np.sqrt(np.maximum(4.0 - 1.25 * x**2, 1e-3))[:, :, None]


def _whirl(x: Array) -> Array:
    a, c = x.T
    rest = 1.0 - a**2 - c**2
    return np.stack([a * rest - c, c * rest + a], axis=1)


def _whirl_factor(x: Array) -> Array:
    own = np.sqrt(1.0 + x[:, ::-1] ** 2)
    return own[:, :, None] * np.eye(2)


_KAPPA = np.diag([0.5, 1.0, 1.5, 2.0]) + 0.3 * (np.eye(4, k=1) - np.eye(4, k=-1))
_FACTOR = np.tril(np.full((4, 4), 0.2)) + 0.6 * np.eye(4)

DESIGNS = {
    "double well, additive": Design(_well, _one, 1, 50, 100, 0.04),
    "double well, multiplicative": Design(_well, _hill, 1, 50, 100, 0.04),
    "one long path": Design(_well, _one, 1, 1, 5000, 0.04),
    "plane": Design(_whirl, _whirl_factor, 2, 50, 100, 0.04),
    "Ornstein-Uhlenbeck, d = 4": Design(
        lambda x: -x @ _KAPPA.T, lambda x: np.broadcast_to(_FACTOR, (len(x), 4, 4)), 4, 50, 100, 0.1
    ),
    "double well, additive, bootstrap": Design(
        _well, _one, 1, 50, 100, 0.04, {"cov_type": "bootstrap"}
    ),
    "double well, additive, laplace": Design(
        _well, _one, 1, 50, 100, 0.04, {"cov_type": "laplace"}
    ),
}
ISSUE_DESIGNS = tuple(DESIGNS)[:5]


def paths(design: Design, rng: np.random.Generator, n_paths: int, steps: int) -> Array:
    """Return stationary paths (n_paths, steps + 1, d) by Euler with fine substeps."""
    h = design.dt / SUBSTEPS
    x = rng.normal(0.0, 0.5, (n_paths, design.dim))
    found = np.empty((steps + 1, n_paths, design.dim))
    burn = round(BURN / design.dt)
    for k in range(-burn, steps + 1):
        for _ in range(SUBSTEPS):
            noise = np.einsum("nij,nj->ni", design.factor(x), rng.standard_normal(x.shape))
            x = x + h * design.drift(x) + np.sqrt(h) * noise
        if k >= 0:
            found[k] = x
    return found.transpose(1, 0, 2)


def states_of(design: Design) -> Array:
    """Return the states at which coverage is counted: quantiles, or draws in several dimensions."""
    rng = np.random.default_rng(20251123)
    reference = paths(design, rng, 1000, 20)[:, ::5].reshape(-1, design.dim)
    low, high = np.quantile(reference, [0.025, 0.975], axis=0)
    if design.dim == 1:
        return np.linspace(low, high, N_STATES)
    inside = reference[np.all((reference >= low) & (reference <= high), axis=1)]
    return inside[rng.choice(len(inside), N_STATES, replace=False)]


def truth_of(design: Design, states: Array) -> dict[str, Array]:
    """Return true drift and covariance rate at states."""
    factor = design.factor(states)
    return {"drift": design.drift(states), "covariance": factor @ factor.transpose(0, 2, 1)}


def sample_of(name: str, k: int, seed: int) -> dict[str, Any]:
    """Fit one data set and return estimates, intervals and bands at the states."""
    design = DESIGNS[name]
    key = list(DESIGNS).index(name) if not design.options else 0
    rng = np.random.default_rng([seed, key, k])
    data = Trajectories(list(paths(design, rng, design.paths, design.steps)), dt=design.dt)
    states = states_of(design)
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = NeuralSDE(random_state=k, **design.options).fit(data)
    row: dict[str, Any] = {
        "design": name, "sample": k, "seed": seed,
        "seconds": time.process_time() - began,
        "blocks": [str(model.drift_), str(model.covariance_)],
    }  # fmt: skip
    for which in CURVES:
        curve = getattr(model.results_, f"get_{which}")(states)
        ends, band = curve.conf_int(), None
        if np.isfinite(curve.se).any():
            band = curve.simultaneous_band(random_state=k)
        row[which] = {
            "estimate": curve.estimate.tolist(),
            "ends": ends.tolist(),
            "band": None if band is None else band.tolist(),
        }
    return row


def table(name: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return coverage, widths and bias of one design."""
    design = DESIGNS[name]
    states = states_of(design)
    truth = truth_of(design, states)
    found: dict[str, Any] = {"samples": len(rows)}
    for which in CURVES:
        estimate = np.array([row[which]["estimate"] for row in rows])
        ends = np.array([row[which]["ends"] for row in rows], dtype=float)
        own = np.ones(truth[which].shape[1:], dtype=bool)
        if which == "covariance":
            own = np.tril(own)
        inside = (ends[..., 0] <= truth[which]) & (truth[which] <= ends[..., 1])
        offered = np.isfinite(ends[..., 0])
        hit = np.where(offered, inside, np.nan)[:, :, own]
        width = (ends[..., 1] - ends[..., 0])[:, :, own]
        sd = estimate.std(axis=0)[:, own]
        bias = estimate.mean(axis=0)[:, own] - truth[which][:, own]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            point = np.nanmean(hit, axis=0)
            found[which] = {
                "coverage": round(float(np.nanmean(hit)), 4),
                "lowest point": round(float(np.nanmin(point)), 4),
                "offered": round(float(offered[:, :, own].mean()), 4),
                "width": round(float(np.nanmean(width) / (3.92 * sd.mean())), 3),
                "bias in sd": round(float(np.abs(bias).mean() / sd.mean()), 3),
                "by point": np.round(point.mean(axis=1), 4).tolist(),
            }
        bands = [row[which]["band"] for row in rows if row[which]["band"] is not None]
        if bands:
            both = np.array(bands, dtype=float)[:, :, own]
            held = (both[..., 0] <= truth[which][:, own]) & (truth[which][:, own] <= both[..., 1])
            held |= np.isnan(both[..., 0])
            found[which]["simultaneous"] = round(float(held.all(axis=(1, 2)).mean()), 4)
    blocks = [tuple(row["blocks"]) for row in rows]
    found["drift linear"] = round(float(np.mean([b[0] == "linear" for b in blocks])), 3)
    found["covariance constant"] = round(float(np.mean([b[1] == "constant" for b in blocks])), 3)
    found["seconds a fit"] = round(float(np.mean([row["seconds"] for row in rows])), 2)
    return found


def done(path: Path) -> dict[tuple[str, int, int], dict[str, Any]]:
    """Return the samples stored before."""
    if not path.exists():
        return {}
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return {(row["design"], row["sample"], row["seed"]): row for row in rows}


def main() -> None:
    """Fit what is missing, store the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--seed", type=int, default=20251123)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--designs", nargs="*", default=list(ISSUE_DESIGNS), choices=list(DESIGNS))
    parser.add_argument("--partial", type=Path, default=PARTIAL)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    kept = done(options.partial)
    wanted = [(name, k, options.seed) for name in options.designs for k in range(options.samples)]
    missing = [address for address in wanted if address not in kept]
    options.partial.parent.mkdir(parents=True, exist_ok=True)
    calls = (delayed(sample_of)(*address) for address in missing)
    found = Parallel(n_jobs=options.jobs, return_as="generator_unordered")(calls)
    with options.partial.open("a", encoding="utf-8") as file:
        for row in progress(found, label="samples", total=len(missing)):
            file.write(json.dumps(row) + "\n")
            file.flush()
            kept[(row["design"], row["sample"], row["seed"])] = row
    tables = {
        name: table(name, [kept[a] for a in wanted if a[0] == name]) for name in options.designs
    }
    facts = {"samples": options.samples, "seed": options.seed, "nominal": 0.95}
    what = "coverage of 95 % intervals of NeuralSDE at 15 states of the central 95 %"
    write_study(options.output, {"what": what, **facts, "designs": tables})
    for name, values in tables.items():
        print(name, json.dumps(values, indent=1))


if __name__ == "__main__":
    main()
