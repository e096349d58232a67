"""Random streams keyed by task, so that results do not depend on who computes them.

A stream is addressed by a seed and a key such as ``("bootstrap", 17)``. The
same address gives the same numbers whatever the number of threads or workers
and whatever else was drawn before. No global generator is ever touched.
"""

from __future__ import annotations

import zlib

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import RandomState

__all__ = ["generator", "seed_sequence"]


def seed_sequence(random_state: RandomState) -> np.random.SeedSequence:
    """Return the root of all streams that belong to ``random_state``.

    Parameters
    ----------
    random_state : int, SeedSequence, Generator, RandomState or None
        A generator is advanced once: two calls with the same generator give
        different roots. ``None`` takes entropy from the operating system.

    Raises
    ------
    InputError
        If ``random_state`` is of another type or a negative integer.
    """
    if random_state is None:
        return np.random.SeedSequence()
    if isinstance(random_state, np.random.SeedSequence):
        return random_state
    if isinstance(random_state, np.random.Generator):
        return np.random.SeedSequence(random_state.integers(0, 2**32, size=8).tolist())
    if isinstance(random_state, np.random.RandomState):
        return np.random.SeedSequence(random_state.randint(0, 2**31 - 1, size=8).tolist())
    whole = isinstance(random_state, int | np.integer) and not isinstance(random_state, bool)
    if whole and random_state >= 0:
        return np.random.SeedSequence(int(random_state))
    raise InputError(
        f"`random_state` must be None, a non-negative integer, a numpy SeedSequence or a "
        f"numpy Generator, got {random_state!r}."
    )


def generator(random_state: RandomState, *key: str | int) -> np.random.Generator:
    """Return the generator at address ``key`` under ``random_state``.

    Examples
    --------
    >>> from stochtext._shared.random import generator, seed_sequence
    >>> root = seed_sequence(7)
    >>> one = generator(root, "bootstrap", 3).standard_normal()
    >>> bool(one == generator(7, "bootstrap", 3).standard_normal())
    True
    """
    root = seed_sequence(random_state)
    words = tuple(zlib.crc32(k.encode()) if isinstance(k, str) else int(k) for k in key)
    child = np.random.SeedSequence(
        root.entropy, spawn_key=(*root.spawn_key, *words), pool_size=root.pool_size
    )
    return np.random.Generator(np.random.Philox(child))
