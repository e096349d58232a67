"""Measure how the fitted diffusion of hidden states follows the temperature of sampling.

A small model of GPT-2's architecture is trained on the bundled texts (or on those of
``--corpus``), then continues the same beginnings at six temperatures, with random numbers of
its own for each. Hidden states are projected on the 8 (and the 32) leading principal components
of all temperatures together. For each temperature one linear map of a state to the next is fitted;
the trace of its residual covariance is the diffusion per token, one less the share of variance
left is its R², and the same for the surprisal. Intervals are those of a jackknife over samples.

Run from the root of the repository, about two minutes on one core::

    python -m benchmarks.text.temperature

The result is stored beside this file in ``results/temperature.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from benchmarks.record import write_study
from benchmarks.text.small_model import beginnings, train
from stochtext import TrajectoryPCA, datasets
from stochtext.text import read_documents, record_generation
from stochtext.trajectories import Trajectories

RESULT = Path(__file__).with_name("results") / "temperature.json"
TEMPERATURES = (0.4, 0.6, 0.8, 1.0, 1.25, 1.5)
COMPONENTS = (8, 32)


def main() -> None:
    """Train, generate, measure and store."""
    options = _options()
    start = time.perf_counter()
    texts = datasets.load_sample_texts().texts
    if options.corpus is not None:
        texts = read_documents(options.corpus).texts
    small = train(texts, steps=options.steps, seed=options.seed)
    panel = record_generation(
        small.model, small.tokenizer, beginnings(small, options.samples, seed=options.seed),
        settings=TEMPERATURES, max_new_tokens=options.tokens, stop=False, batch_size=48,
        random_state=options.seed,
    )  # fmt: skip
    designs = study(panel)
    goals = reached(designs)
    write_study(
        options.output,
        {
            "what": "one-step linear fits of hidden states (8 and 32 principal components) and of "
            "surprisal by temperature, with 95 % intervals of a jackknife over samples",
            "samples": options.samples,
            "tokens": options.tokens,
            "steps of training": options.steps,
            "seed": options.seed,
            "corpus": "bundled texts" if options.corpus is None else options.corpus.name,
            "held-out loss of the model, nats a token": round(small.loss, 3),
            "seconds": round(time.perf_counter() - start, 1),
            "goals": goals,
            "designs": designs,
        },
    )
    print(json.dumps({"loss": small.loss, **designs, "goals": goals}, indent=1))


def study(panel: Trajectories) -> dict[str, Any]:
    """Return diffusion, R² and variance of the surprisal of each temperature, with intervals."""
    names = list(panel.columns)
    hidden = [k for k, name in enumerate(names) if name.startswith("h")]
    raw = panel.with_values(panel.values[:, hidden])
    states = {k: TrajectoryPCA(k).fit_transform(raw) for k in COMPONENTS}
    surprisal = panel.with_values(panel.values[:, [names.index("surprisal")]])
    temperature = panel.metadata["temperature"].to_numpy()
    designs: dict[str, Any] = {}
    for value in np.unique(temperature):
        chosen = np.flatnonzero(temperature == value)
        found = designs[f"temperature {value:g}"] = {}
        for k, projected in states.items():
            diffusion, share = one_step(projected[chosen].arrays())
            found |= {f"diffusion, {k} components": diffusion, f"R2, {k} components": share}
        found["surprisal variance"] = one_step(surprisal[chosen].arrays())[0]
    return designs


def reached(designs: dict[str, Any]) -> dict[str, bool]:
    """Return which of the goals hold."""
    rows = list(designs.values())
    pairs = list(zip(rows, rows[1:], strict=False))
    goals = {}
    for k in COMPONENTS:
        name = f"diffusion, {k} components"
        goals[f"{name}: increases"] = _ordered(pairs, name, 1)
        goals[f"{name}: neighbours apart up to 1.25"] = _disjoint(pairs[:4], name)
        goals[f"R2, {k} components: decreases"] = _ordered(pairs, f"R2, {k} components", -1)
    goals["surprisal variance: neighbours apart"] = _disjoint(pairs, "surprisal variance")
    return goals


def one_step(arrays: list[np.ndarray]) -> tuple[list[float], list[float]]:
    """Return residual variance and R² of the linear map of a state to the next."""
    n = len(arrays)
    sums = [_sums(np.column_stack([np.ones(len(x)), x])[:-1], x[1:]) for x in arrays]
    # All samples, then all but one of them.
    weights = np.concatenate([np.ones((1, n)), 1.0 - np.eye(n)])
    left, cross, right, total, count = (
        np.tensordot(weights, np.stack(part), axes=1) for part in zip(*sums, strict=True)
    )
    residual = right - np.einsum("bij,bij->b", np.linalg.solve(left, cross), cross)
    variance = (right - np.square(total).sum(axis=1) / count) / (count - 1)
    residual = residual / (count - left.shape[1])
    return _with_interval(residual), _with_interval(1 - residual / variance)


def _sums(x: np.ndarray, y: np.ndarray) -> tuple[Any, ...]:
    return x.T @ x, x.T @ y, np.square(y).sum(), y.sum(axis=0), float(len(y))


def _with_interval(values: np.ndarray) -> list[float]:
    """Return the first value and the ends of the interval that the leave-one-out values give."""
    n = len(values) - 1
    spread = np.sqrt((n - 1) / n * np.square(values[1:] - values[1:].mean()).sum())
    reach = float(stats.t.ppf(0.975, n - 1) * spread)
    middle = float(values[0])
    return [round(value, 4) for value in (middle, middle - reach, middle + reach)]


def _ordered(pairs: list[Any], name: str, sign: int) -> bool:
    return all(sign * (b[name][0] - a[name][0]) > 0 for a, b in pairs)


def _disjoint(pairs: list[Any], name: str) -> bool:
    return all(a[name][2] < b[name][1] for a, b in pairs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=48, help="samples per temperature")
    parser.add_argument("--tokens", type=int, default=160, help="tokens of a sample")
    parser.add_argument("--steps", type=int, default=300, help="steps of training")
    parser.add_argument("--corpus", type=Path, default=None, help="texts instead of the bundled")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=RESULT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
