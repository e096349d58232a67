"""How candidates are timed: one after the other in every repeat, by the CPU time they take.

A machine's clock and caches drift by a quarter within minutes. Every repeat therefore runs every
candidate once, the process stays on one core, and the medians of the repeats are compared.
"""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ONE_THREAD", "Candidate", "interleaved", "quiet_core"]

#: Thread pools and compilers of every package, set before it is imported.
ONE_THREAD = {
    **dict.fromkeys(
        (
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
            "MKL_NUM_THREADS",
            "NUMEXPR_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS",
            "NUMBA_NUM_THREADS",
            "TORCHINDUCTOR_COMPILE_THREADS",
        ),
        "1",
    ),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
    "JAX_PLATFORMS": "cpu",
}
_WARM_UPS = 2


@dataclass(frozen=True)
class Candidate:
    """Something to time.

    Parameters
    ----------
    run : callable
        Does the work; must not return before it is done.
    work : float
        Units of work of one run, such as path-steps.
    """

    run: Callable[[], Any]
    work: float


def quiet_core(core: int | None = 0) -> str:
    """Pin this process to a core, ask for real-time priority, and say what was granted."""
    granted = []
    if core is not None and hasattr(os, "sched_setaffinity"):
        available = sorted(os.sched_getaffinity(0))
        chosen = available[core % len(available)]
        os.sched_setaffinity(0, {chosen})
        granted.append(f"pinned to core {chosen}")
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        granted.append("SCHED_FIFO")
    except (AttributeError, OSError):
        granted.append("default scheduling (SCHED_FIFO not permitted)")
    return ", ".join(granted)


def interleaved(
    candidates: Mapping[str, Candidate],
    repeats: int,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, dict[str, float]]:
    """Time candidates and return, for each, the seconds of a run and nanoseconds per unit."""
    for candidate in candidates.values():
        for _ in range(_WARM_UPS):
            candidate.run()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(repeats):
        for name, candidate in candidates.items():
            seconds[name].append(_once(candidate.run, clock))
    return {name: _summary(times, candidates[name].work) for name, times in seconds.items()}


def _once(run: Callable[[], Any], clock: Callable[[], float]) -> float:
    gc.collect()
    gc.disable()
    try:
        start = clock()
        result = run()
        elapsed = clock() - start
    finally:
        gc.enable()
    # Freeing the result is not part of the work.
    del result
    return elapsed


def _summary(times: list[float], work: float) -> dict[str, float]:
    median = statistics.median(times)
    return {
        "median_s": median,
        "min_s": min(times),
        "max_s": max(times),
        "repeats": len(times),
        "work": work,
        "ns_per_unit": 1e9 * median / work,
    }
