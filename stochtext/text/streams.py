"""Parts of a corpus: those that come one after the other, and their shuffled order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from stochtext.trajectories.panel import Trajectories

__all__ = ["is_stream", "shuffled_parts"]


def is_stream(documents: Any) -> bool:
    """Tell an iterator of parts of a corpus from a corpus.

    Parameters
    ----------
    documents : object
        What was given as documents.
    """
    return isinstance(documents, Iterator) and not isinstance(documents, Trajectories)


def shuffled_parts(parts: Iterable[Any], rng: np.random.Generator) -> list[Any]:
    """Return every part in another order.

    Parameters
    ----------
    parts : iterable of list or array
        The parts; nothing moves between them.
    rng : Generator
        Chance.
    """
    return [
        part[rng.permutation(len(part))]
        if isinstance(part, np.ndarray)
        else [part[k] for k in rng.permutation(len(part))]
        for part in parts
    ]
