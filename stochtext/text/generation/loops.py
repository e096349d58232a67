"""Loops that feed a generator its own output: agents, paraphrasers, self-correction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.progress import progress
from stochtext._shared.random import generator
from stochtext._shared.typing import RandomState
from stochtext._shared.validation import check_integer
from stochtext.text.documents import Documents

__all__ = ["record_loop"]


def record_loop(
    step: Callable[[str, np.random.Generator], str],
    starts: Any,
    *,
    n_steps: int,
    n_replicates: int = 1,
    random_state: RandomState = 0,
    show_progress: bool | None = None,
) -> Documents:
    """Apply a generator to its own output again and again.

    Parameters
    ----------
    step : callable
        From the last output and a generator of random numbers to the next output.
    starts : list of str, or mapping from ids to texts
        First inputs; they are the first turn.
    n_steps : int
        Outputs of each loop.
    n_replicates : int
        Loops of each start.
    random_state : int, SeedSequence, Generator or None
        Seed of the random numbers, which depend on start and replicate only.
    show_progress : bool, optional
        Force the progress bar on or off.

    Returns
    -------
    Documents
        One a loop, with its outputs as turns; metadata ``start`` and
        ``replicate``. ``TextTrajectories(unit="turn")`` makes trajectories of them.
        Outputs recorded elsewhere: ``Documents.from_turns(list of lists)``.

    Raises
    ------
    InputError
        If an output is no text or is empty, with its place.

    Examples
    --------
    >>> def reverse(text, rng):
    ...     return " ".join(reversed(text.split()))
    >>> loop = record_loop(reverse, ["one two"], n_steps=2)
    >>> [turn.content for turn in loop.turns[0]]
    ['one two', 'two one', 'one two']
    """
    check_integer("n_steps", n_steps)
    check_integer("n_replicates", n_replicates)
    if isinstance(starts, str):
        starts = [starts]
    named = dict(starts) if isinstance(starts, Mapping) else dict(enumerate(starts))
    loops = [(label, k, start) for label, start in named.items() for k in range(n_replicates)]
    turns = []
    for label, replicate, start in progress(loops, label="loops", show=show_progress):
        rng = generator(random_state, "loop", str(label), replicate)
        turns.append(_outputs(step, start, n_steps, rng, f"Loop {label!r}, replicate {replicate}"))
    about = pd.DataFrame([(label, k) for label, k, _ in loops], columns=["start", "replicate"])
    ids = list(named) if n_replicates == 1 else [f"{label}/{k}" for label, k, _ in loops]
    return Documents.from_turns(turns, about, ids)


def _outputs(
    step: Callable[[str, np.random.Generator], str],
    start: Any,
    n_steps: int,
    rng: np.random.Generator,
    where: str,
) -> list[str]:
    outputs = [start]
    for k in range(n_steps + 1):
        if not isinstance(outputs[-1], str) or not outputs[-1].strip():
            what = "the start" if k == 0 else f"output {k}"
            raise InputError(f"{where}: {what} is no text but {outputs[-1]!r:.80}.")
        if k < n_steps:
            outputs.append(step(outputs[-1], rng))
    return outputs
