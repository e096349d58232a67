"""The estimators that are compared, and how far a fit is from the truth."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from stochtext import (
    GaussianProcessSDE,
    KernelSDE,
    KramersMoyalSDE,
    LinearSDE,
    NeuralSDE,
    ParametricSDE,
    SparseSDE,
    StochtextError,
    Trajectories,
)
from stochtext._shared.typing import FloatArray
from stochtext.processes import Process

__all__ = ["BASELINES", "NEURAL", "ORACLE", "distance", "fitted", "measure_fit", "measure_oracle"]

ORACLE = "local linear, oracle bandwidth"
NEURAL = "NeuralSDE"

#: name: from the degrees of the sparse fit and a seed to an estimator.
BASELINES: dict[str, Callable[[int, int, int], Any]] = {
    NEURAL: lambda degree, diffusion_degree, seed: NeuralSDE(random_state=seed),
    "NeuralSDE, Euler": lambda degree, diffusion_degree, seed: NeuralSDE(
        transition="euler", random_state=seed
    ),
    "KernelSDE": lambda degree, diffusion_degree, seed: KernelSDE(),
    "GaussianProcessSDE": lambda degree, diffusion_degree, seed: GaussianProcessSDE(),
    "SparseSDE": lambda degree, diffusion_degree, seed: SparseSDE(degree, diffusion_degree),
    "KramersMoyalSDE": lambda degree, diffusion_degree, seed: KramersMoyalSDE(),
    "LinearSDE": lambda degree, diffusion_degree, seed: LinearSDE(),
}


def distance(found: FloatArray, truth: FloatArray) -> float:
    """Return the root of the mean over states of the squared distance; NaN if one is missing."""
    error = (found - truth).reshape(len(truth), -1)
    return float(np.sqrt((error**2).sum(axis=1).mean()))


def fitted(estimator: Any, panel: Trajectories) -> tuple[Any, float, list[str]]:
    """Return the fitted estimator, its processor seconds, and the kinds of its warnings."""
    start = time.process_time()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(panel)
    seconds = time.process_time() - start
    return estimator, seconds, sorted({warning.category.__name__ for warning in caught})


def measure_fit(
    estimator: Any, panel: Trajectories, x: FloatArray, truth: Process, held_out: Trajectories
) -> dict[str, Any]:
    """Return the distances of drift and covariance rate, held-out score, seconds, and remarks."""
    try:
        fit, seconds, said = fitted(estimator, panel)
    except StochtextError as error:
        return {"drift": None, "covariance": None, "error": f"{type(error).__name__}: {error}"}
    drift = distance(fit.predict_drift(x), truth.drift(x))
    covariance = distance(fit.predict_covariance(x), truth.covariance(x))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        score = fit.score(held_out)
    return {
        "drift": _number(drift), "covariance": _number(covariance), "score": _number(score),
        "seconds": round(seconds, 2), **({"warnings": said} if said else {}), **_blocks(fit),
    }  # fmt: skip


def measure_oracle(
    bandwidths: tuple[float, ...], panel: Trajectories, x: FloatArray, truth: Process
) -> dict[str, Any]:
    """Return the smallest distances over the bandwidths, each chosen with the truth in hand."""
    found, start = [], time.process_time()
    for bandwidth in bandwidths:
        fit, _, _ = fitted(KernelSDE(bandwidth=bandwidth, correction=None), panel)
        drift = distance(fit.predict_drift(x), truth.drift(x))
        found.append((drift, distance(fit.predict_covariance(x), truth.covariance(x))))
    errors = np.array(found)
    best = np.nanargmin(errors, axis=0)
    return {
        "drift": _number(errors[best[0], 0]), "covariance": _number(errors[best[1], 1]),
        "seconds": round(time.process_time() - start, 2),
        "bandwidths": [bandwidths[k] for k in best],
    }  # fmt: skip


def parametric(process: Process, density: str) -> ParametricSDE:
    """Return the fit of the right family, started at the truth."""
    return ParametricSDE(process, density=density)


def _blocks(fit: Any) -> dict[str, str]:
    names = ("drift_", "covariance_")
    return {name.strip("_") + "_is": getattr(fit, name) for name in names if hasattr(fit, name)}


def _number(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None
