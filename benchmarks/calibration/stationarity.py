"""Size and power of the unit-root, stationarity and long-memory checks.

Paths are Gaussian random walks, stationary autoregressions of order one (memory a step: 0, 0.5,
0.8, 0.95) and fractional noise of exponent 0.9, as one path of 250 and as 20 paths of 20. The
null of ``adf_test`` is the walk, that of ``kpss_test`` the autoregression, that of
``fluctuation_analysis`` values without memory (control "shuffle") or the autoregression
(control "autoregression"); rejections elsewhere are power.

Run from the root of the repository, some twenty minutes on one core::

    python -m benchmarks.calibration.stationarity

The result is stored beside this file in ``results/stationarity.json``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import lfilter

from benchmarks.record import run_study
from stochtext._shared.random import generator
from stochtext.diagnostics import adf_test, fluctuation_analysis, kpss_test

RESULT = Path(__file__).with_name("results") / "stationarity.json"
SOURCES = (
    "stochtext/diagnostics/stationarity.py",
    "stochtext/diagnostics/long_memory.py",
    "benchmarks/calibration/stationarity.py",
)
LENGTHS = {"1 x 250": (250,), "20 x 20": (20,) * 20}
MEMORIES: dict[str, float | None] = {
    "random walk": 1.0, "memory 0": 0.0, "memory 0.5": 0.5, "memory 0.8": 0.8,
    "memory 0.95": 0.95, "fractional noise": None,
}  # fmt: skip
DESIGNS = {f"{kind}, {size}": (kind, size) for size in LENGTHS for kind in MEMORIES}
LEVEL = 0.05


def main() -> None:
    """Measure all designs and store the result."""
    designs = run_study(
        (__doc__ or "").splitlines()[0],
        "rejections in per cent at 5 %",
        DESIGNS,
        measure,
        RESULT,
        samples=2000,
        sources=SOURCES,
    )
    for name, design in designs.items():
        print(f"{name:28s} {design}")


def measure(name: str, samples: int, seed: int) -> dict[str, Any]:
    """Return the rejections of every check in one design."""
    kind, size = DESIGNS[name]
    pvalues: dict[str, list[float]] = {}
    for k in range(samples):
        rng = generator(seed, name, k)
        paths = [path(rng, MEMORIES[kind], length) for length in LENGTHS[size]]
        found = {
            "ADF": adf_test(paths, n_draws=199, random_state=k).pvalue,
            "KPSS": kpss_test(paths, n_draws=199, random_state=k).pvalue,
        }
        for control in ("shuffle", "autoregression"):
            found[f"fluctuation, {control}"] = fluctuation_analysis(
                paths, control=control, n_control=99, random_state=k
            ).pvalue
        for test, pvalue in found.items():
            pvalues.setdefault(test, []).append(pvalue)
    return {test: _percent(np.array(values)) for test, values in pvalues.items()}


def path(rng: np.random.Generator, memory: float | None, length: int) -> np.ndarray:
    """Return one path, shape (length, 1)."""
    if memory is None:
        k = np.arange(1, 4 * length)
        weights = np.cumprod(np.r_[1.0, (k - 1 + 0.4) / k])
        noise = rng.standard_normal(8 * length)
        return np.convolve(noise, weights)[4 * length : 5 * length, None]
    noise = rng.standard_normal(length)
    if memory < 1:
        noise[0] /= np.sqrt(1 - memory**2)
    return np.asarray(lfilter([1.0], [1.0, -memory], noise))[:, None]


def _percent(pvalues: np.ndarray) -> float | None:
    known = pvalues[np.isfinite(pvalues)]
    return round(100 * float(np.mean(known <= LEVEL + 1e-9)), 1) if len(known) else None


if __name__ == "__main__":
    main()
