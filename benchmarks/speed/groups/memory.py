"""P15: memory of a simulation beyond its output, with imports done and kernels in the cache."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np

import stochtext as st
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.workloads import DT, OU, W1

__all__ = ["measure", "peak_resident"]

_MIB = 2.0**20
_RUNS = 3


def measure(plan: Plan) -> Found:
    """Measure in fresh processes; the first only fills the cache."""
    found = Found()
    paths = W1.divided(plan.divisor).paths
    command = [sys.executable, "-m", "benchmarks.speed.groups.memory", str(paths)]
    beyond = []
    for _ in range(_RUNS + 1):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        beyond.append(float(done.stdout))
    found.rows = {"P15": statistics.median(beyond[1:])}
    found.notes = [
        "P15: peak resident memory during W1 with `out=`, less that before it, with `out` written "
        "to before and a small simulation done, so that imports and cached kernels are there."
    ]
    return found


def _beyond_output(paths: int) -> float:
    """Return the MiB by which W1 raises the peak of this process, its output not counted."""
    process = st.OrnsteinUhlenbeck(kappa=OU.kappa, mu=OU.mu, sigma=OU.sigma)
    out = np.ones((paths, W1.steps + 1, 1))

    def run(n: int) -> None:
        st.simulate(
            process, OU.x0, dt=DT, n_steps=W1.steps, n_paths=n, random_state=1, n_threads=1,
            out=out[:n],
        )  # fmt: skip

    run(16)
    # Linux: 5 sets the recorded peak to what is resident now.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _status("VmRSS")
    run(paths)
    return (peak_resident() - before) / _MIB


def peak_resident() -> float:
    """Return the largest resident memory of this process so far, in bytes."""
    return _status("VmHWM")


def _status(name: str) -> float:
    text = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"{name}:\s+(\d+) kB", text)
    if found is None:
        raise RuntimeError(f"/proc/self/status has no {name}.")
    return 1024.0 * int(found.group(1))


if __name__ == "__main__":
    print(_beyond_output(int(sys.argv[1])))
