"""P14: how long a fresh process waits for its first paths, without and with the cache on disk."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile

from benchmarks.speed.plan import Found, Plan

__all__ = ["measure"]

_FIRST_RUNS = 3
_CODE = """
import time
{before}
start = time.perf_counter()
import numpy as np
import stochtext as st
out = np.empty((256, 101, 1))
process = st.OrnsteinUhlenbeck(kappa=1.0, mu=0.5, sigma=0.3)
st.simulate(process, 0.1, dt=0.01, n_steps=100, n_paths=256, random_state=1, n_threads=1, out=out)
print(time.perf_counter() - start)
"""
_IMPORTS = {"": "import numpy, numba", " with pandas there": "import numpy, numba, pandas"}


def measure(plan: Plan) -> Found:
    """Time first and second processes, by the clock on the wall, and return the medians."""
    found = Found()
    second: dict[str, list[float]] = {what: [] for what in _IMPORTS}
    first = []
    for run in range(_FIRST_RUNS):
        with tempfile.TemporaryDirectory() as cache:
            first.append(_seconds(cache, _IMPORTS[""]))
            if run == _FIRST_RUNS - 1:
                for _ in range(plan.repeats):
                    for what, imports in _IMPORTS.items():
                        second[what].append(_seconds(cache, imports))
    found.timings["First small call in a fresh process, wall time"] = {
        "first process": _summary(first),
        **{f"second process{what}": _summary(times) for what, times in second.items()},
    }
    found.rows = {
        "P14 second process": statistics.median(second[""]),
        "P14 first process": statistics.median(first),
        "P14 first / second": statistics.median(first) / statistics.median(second[""]),
    }
    found.notes = [
        "P14: the clock starts after numpy and numba are imported and covers `import stochtext`, "
        "all that the first call imports (pandas among it), and the call, 256 paths of 100 steps."
    ]
    return found


def _seconds(cache: str, imports: str) -> float:
    caches = {"NUMBA_CACHE_DIR": os.path.join(cache, "numba"), "STOCHTEXT_CACHE": cache}
    command = [sys.executable, "-c", _CODE.format(before=imports)]
    done = subprocess.run(
        command, env={**os.environ, **caches}, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def _summary(times: list[float]) -> dict[str, float]:
    return {
        "median_s": statistics.median(times),
        "min_s": min(times),
        "max_s": max(times),
        "repeats": len(times),
    }
