"""P25 to P27: time of whole NeuralSDE fits, an ensemble against one start, memory of a stream."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import stochtext as st
from benchmarks.speed.groups.memory import peak_resident
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.timing import Candidate
from stochtext.estimators import TransitionStream

__all__ = ["measure"]

# A fit takes seconds: nine of each would not say more.
_MOST_REPEATS = 3
_GIB = 2.0**30


def measure(plan: Plan) -> Found:
    """Time fits of the default settings, results included, and measure the stream apart."""
    found, few = Found(), Plan(min(plan.repeats, _MOST_REPEATS), plan.divisor)
    well, plane = _wells(50 // plan.divisor), _circles(100 // plan.divisor)
    many = _circles(1000 // plan.divisor)
    for row, panel, starts in (
        ("P25 1-D", well, 5),
        ("P25 2-D", plane, 5),
        ("P25 1e5", many, 1),
    ):
        candidate = Candidate(_fit(panel, starts), float(panel.n_transitions))
        found.time(row, {"NeuralSDE": candidate}, few)
        found.rows[row] = found.timings[row]["NeuralSDE"]["median_s"]
    starts = {f"{k} starts": Candidate(_fit(well, k), float(well.n_transitions)) for k in (1, 10)}
    ns = found.time("P26", starts, few)
    found.rows["P26"] = ns["10 starts"] / ns["1 starts"]
    command = [sys.executable, "-m", "benchmarks.speed.groups.neural_fits", str(plan.divisor)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found.rows["P27"] = float(done.stdout)
    found.notes = [
        "P25: 50 paths of 100 steps of a double well, 100 and 1,000 of Wang's plane; steps of .1.",
        "P26: of P25's double well. Three starts judge the networks, however many are averaged.",
        "P27: peak resident memory of a process that streams 1e6 transitions of the plane from a "
        "memory map, imports included.",
    ]
    return found


def _fit(panel: st.Trajectories, n_starts: int) -> Callable[[], Any]:
    return lambda: st.NeuralSDE(n_starts=n_starts, random_state=0).fit(panel).results_


def _wells(n_paths: int) -> st.Trajectories:
    start = np.where(np.arange(n_paths) % 2, 1.0, -1.0)[:, None]
    well = st.DoubleWell(1.0, 1.0, 0.7)
    return st.simulate(well, start, dt=0.1, n_steps=100, n_substeps=10, random_state=1)


def _drift(t: Any, x: Any) -> Any:
    rest = 1.0 - x[0] * x[0] - x[1] * x[1]
    return np.array([x[0] * rest - x[1], x[1] * rest + x[0]])


def _diffusion(t: Any, x: Any) -> Any:
    return np.array([np.sqrt(1.0 + x[1] * x[1]), np.sqrt(1.0 + x[0] * x[0])])


def _circles(n_paths: int) -> st.Trajectories:
    process = st.SDE(_drift, _diffusion, dim=2)
    start = np.zeros((n_paths, 2))
    return st.simulate(process, start, dt=0.1, n_steps=100, n_substeps=10, random_state=1)


def _streamed_peak(divisor: int) -> float:
    """Return the peak in GiB of a fit to a stream of pieces that are made anew for every pass."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "states.npy"
        states = _circles(10_000 // divisor).values.reshape(-1, 101, 2)
        np.save(path, states)
        del states

        def pieces() -> Any:
            mapped = np.load(path, mmap_mode="r")
            for k in range(0, len(mapped), 500):
                yield st.Trajectories(np.array(mapped[k : k + 500]), dt=0.1)

        st.NeuralSDE(n_starts=1, random_state=0).fit(TransitionStream(pieces))
        return peak_resident() / _GIB


if __name__ == "__main__":
    print(_streamed_peak(int(sys.argv[1])))
