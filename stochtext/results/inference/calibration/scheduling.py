"""Replicates in pieces, over processes, with word beforehand of how long they take.

Law of this file: how the work is cut changes no number.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable

import numpy as np

from stochtext._shared.exceptions import PerformanceWarning
from stochtext._shared.progress import progress
from stochtext._shared.typing import FloatArray
from stochtext.results.inference.refits.replication import REPLICATES_AT_ONCE

__all__ = ["scheduled"]

LONG = 60.0
SLOW = 0.3
PIECE_SECONDS = 5.0
NUMBERS_AT_ONCE = 20_000_000

Piece = Callable[[np.random.SeedSequence, int, int], FloatArray]


def scheduled(
    piece: Piece, n_boot: int, seed: np.random.SeedSequence, n_jobs: int | None, size: int
) -> FloatArray:
    """Return what ``piece`` makes of ``n_boot`` replicates, shape (n_boot, ...).

    Parameters
    ----------
    piece : callable
        From a seed, the first replicate and their number to one row each.
    n_boot : int
    seed : SeedSequence
    n_jobs : int or None
        Processes of joblib.
    size : int
        Numbers in one replicate, by which pieces are kept small.

    Warns
    -----
    PerformanceWarning
        Before the work, if one or two replicates show that it will take more than a minute.
    """
    from joblib import Parallel, delayed, effective_n_jobs

    done, seconds, found = 0, math.inf, []
    while done < 2 and not seconds < SLOW:
        # Processor time: another program on the machine is no reason for a warning.
        start = time.process_time()
        found.append(piece(seed, done, 1))
        seconds = min(seconds, time.process_time() - start)
        done += 1
    jobs, left = effective_n_jobs(n_jobs), n_boot - done
    _announce(left, seconds, jobs)
    count = min(
        REPLICATES_AT_ONCE, int(PIECE_SECONDS / max(seconds, 1e-6)), math.ceil(left / jobs),
        NUMBERS_AT_ONCE // size,
    )  # fmt: skip
    count = max(count, 1)
    pieces = [(first, min(count, n_boot - first)) for first in range(done, n_boot, count)]
    calls = (delayed(piece)(seed, *part) for part in pieces)
    rest = Parallel(n_jobs=n_jobs, return_as="generator")(calls)
    found += progress(rest, label="bootstrap refits", total=len(pieces))
    return np.concatenate(found)


def _announce(left: int, seconds: float, jobs: int) -> None:
    needed = left * seconds / jobs
    if needed < LONG:
        return
    said = f"{needed / 60:.0f} minutes" if needed < 7200 else f"{needed / 3600:.1f} hours"
    warnings.warn(
        f"The bootstrap behind the p-values repeats the fit {left} times, {seconds:.2g} s each "
        f"(about {said} on {jobs} process{'es' if jobs > 1 else ''}). Give `n_jobs`, or n_boot=0 "
        "for the tests that need none.",
        PerformanceWarning,
        stacklevel=6,
    )
