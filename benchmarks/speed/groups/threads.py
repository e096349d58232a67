"""P13: two threads against one by the clock on the wall, and the same bits from both."""

from __future__ import annotations

import os
import time

import numpy as np

import stochtext as st
from benchmarks.speed import ours
from benchmarks.speed.plan import Found, Plan
from benchmarks.speed.timing import Candidate
from benchmarks.speed.workloads import DT, OU, W1, Size

__all__ = ["measure"]

_BATCHES = (2, 7, 64, 129, 1_000)


def measure(plan: Plan) -> Found:
    """Compare the bits, time both and return the ratio."""
    found, size = Found(), W1.divided(plan.divisor)
    if _cores() < 2:
        found.notes = ["P13: not measured, this process has one core."]
        return found
    runs = {n: ours.stored(ours.ornstein_uhlenbeck(), OU.x0, size, n_threads=n) for n in (1, 2)}
    same = np.array_equal(runs[1](), runs[2]()) and _same_in_every_batch(size)
    candidates = {f"{n} thread(s)": Candidate(run, size.work) for n, run in runs.items()}
    ns = found.time("W1 on threads, wall time", candidates, plan, clock=time.perf_counter)
    found.rows = {
        "P13 speed-up": ns["1 thread(s)"] / ns["2 thread(s)"],
        "P13 same bits": float(same),
    }
    return found


def _same_in_every_batch(size: Size) -> bool:
    """Whether a path has the same bits alone, in small batches and in the large one."""
    process, steps = ours.ornstein_uhlenbeck(), min(size.steps, 200)

    def paths(n: int, threads: int) -> np.ndarray:
        out = np.empty((n, steps + 1, 1))
        st.simulate(
            process,
            OU.x0,
            dt=DT,
            n_steps=steps,
            n_paths=n,
            random_state=3,
            n_threads=threads,
            out=out,
        )
        return out

    alone = paths(1, 1)[0]
    large = paths(max(_BATCHES), 2)
    return np.array_equal(alone, large[0]) and all(
        np.array_equal(paths(n, threads), large[:n]) for n in _BATCHES for threads in (1, 2)
    )


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
