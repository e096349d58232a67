"""How work is shared among threads; no result depends on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from stochtext._shared.progress import progress
from stochtext._shared.validation import check_integer

__all__ = ["available_threads", "run_tasks"]


def available_threads(n_threads: int | None) -> int:
    """Return a checked number of threads, by default one per available processor."""
    if n_threads is not None:
        return check_integer("n_threads", n_threads)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_tasks(
    run: Callable[[int, int], None], tasks: Sequence[tuple[int, int]], n_threads: int, label: str
) -> None:
    """Call ``run(first, stop)`` for each task, with a progress bar.

    Parameters
    ----------
    run : callable
        Must release the interpreter to gain from threads.
    tasks : sequence of (int, int)
    n_threads : int
    label : str
        What is being done, in a word or two.
    """
    if n_threads == 1 or len(tasks) == 1:
        for task in progress(tasks, label=label):
            run(*task)
        return

    def one(task: tuple[int, int]) -> Any:
        return run(*task)

    with ThreadPoolExecutor(n_threads) as pool:
        list(progress(pool.map(one, tasks), label=label, total=len(tasks)))
