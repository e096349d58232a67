"""Transitions that are read in pieces, for data that do not fit into memory.

Law of this file: at most a few pieces are held at any time, and every pass over a stream gives
the same pieces in the same order.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_integer
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["Survey", "TransitionStream", "survey"]

#: Transitions of a block of the sample that is drawn from a stream.
BLOCK = 50


class TransitionStream:
    """Trajectories that are read anew, piece by piece, for every pass over the data.

    Parameters
    ----------
    source : callable, sequence, ndarray or Trajectories
        A function without arguments that returns a fresh iterator over pieces; a list of
        files that ``Trajectories.save`` wrote, or of pieces; an array, usually a memory map,
        of shape (T, d), one trajectory, or (m, T, d). A piece is whatever ``Trajectories``
        takes.
    dt : float, optional
        Sampling interval of pieces that are arrays; default 1.
    chunk_size : int, default 65536
        About how many transitions are held at once.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.estimators import TransitionStream
    >>> stream = TransitionStream(np.zeros((100_001, 2)), dt=0.1)
    >>> [piece.n_transitions for piece in stream]
    [65536, 34464]
    """

    def __init__(self, source: Any, *, dt: Any = None, chunk_size: int = 65_536) -> None:
        self.source = source
        self.dt = dt
        self.chunk_size = check_integer("chunk_size", chunk_size)
        if isinstance(source, Iterator):
            raise InputError(
                "A stream is read several times, and an iterator can be read once. Pass a function "
                "that returns a fresh iterator: TransitionStream(lambda: read(path))."
            )

    def __iter__(self) -> Iterator[Trajectories]:
        for part in self._parts():
            yield from _cut(self._panel(part), self.chunk_size)

    def _parts(self) -> Iterator[Any]:
        source = self.source
        if isinstance(source, Trajectories):
            yield source
        elif isinstance(source, np.ndarray):
            yield from _rows(source, self.chunk_size)
        elif callable(source):
            yield from source()
        elif isinstance(source, list | tuple):
            yield from source
        else:
            raise InputError(
                "A TransitionStream reads a function, a list of files or pieces, an array or "
                f"Trajectories; got {type(source).__name__}."
            )

    def _panel(self, part: Any) -> Trajectories:
        if isinstance(part, str | os.PathLike):
            return Trajectories.load(Path(part))
        known = isinstance(part, Trajectories)
        return as_trajectories(part, dt=None if known else self.dt)


@dataclass(frozen=True)
class Survey:
    """What one pass over a stream found.

    Attributes
    ----------
    sample : Trajectories
        Blocks of transitions drawn with equal chances; all trajectories, uncut, if they are
        no more than asked for.
    n_transitions : int
        In the whole stream.
    """

    sample: Trajectories
    n_transitions: int

    @property
    def share(self) -> float:
        """How many transitions of the stream one of the sample stands for."""
        return self.n_transitions / self.sample.n_transitions


def survey(stream: TransitionStream, size: int, seed: np.random.SeedSequence) -> Survey:
    """Count the transitions of a stream and draw a sample of blocks of them.

    Raises
    ------
    InputError
        If there are none, or pieces have different numbers of coordinates.
    """
    whole: list[Trajectories] | None = []
    reservoir = _Reservoir(-(-size // BLOCK))
    total = 0
    for k, piece in enumerate(stream):
        total += piece.n_transitions
        if whole is not None:
            whole = [*whole, piece] if total <= size else None
        reservoir.offer(piece, generator(seed, "survey", k))
    if not total:
        raise InputError("The stream has no transitions.")
    parts = reservoir.blocks() if whole is None else whole
    return Survey(Trajectories.concat(parts).with_ids(None), total)


class _Reservoir:
    """The blocks with the highest random numbers so far."""

    def __init__(self, n_blocks: int) -> None:
        self.n_blocks = n_blocks
        self.kept: list[tuple[float, int, Trajectories]] = []
        self.seen = 0

    def offer(self, piece: Trajectories, rng: np.random.Generator) -> None:
        """Consider all blocks of a piece."""
        starts = [
            (k, first)
            for k, length in enumerate(piece.lengths)
            for first in range(0, int(length) - 1, BLOCK)
        ]
        chances = rng.random(len(starts))
        lowest = min((one[0] for one in self.kept), default=-1.0)
        full = len(self.kept) >= self.n_blocks
        for chance, (k, first) in zip(chances, starts, strict=True):
            self.seen += 1
            if not full or chance > lowest:
                self.kept.append((float(chance), self.seen, _piece(piece, k, first, BLOCK)))
        self.kept.sort(key=lambda one: -one[0])
        del self.kept[self.n_blocks :]

    def blocks(self) -> list[Trajectories]:
        """Return the blocks in the order of the stream."""
        return [one[2] for one in sorted(self.kept, key=lambda one: one[1])]


def _rows(array: FloatArray, size: int) -> Iterator[FloatArray]:
    """Yield an array, usually a memory map, in pieces of about ``size`` transitions."""
    if array.ndim == 3:
        paths = max(size // max(array.shape[1] - 1, 1), 1)
        for k in range(0, len(array), paths):
            yield np.array(array[k : k + paths], dtype=np.float64)
        return
    for k in range(0, len(array) - 1, size):
        yield np.array(array[k : k + size + 1], dtype=np.float64)


def _cut(panel: Trajectories, size: int) -> Iterator[Trajectories]:
    """Yield a panel in pieces: whole trajectories together, long ones cut."""
    held: list[int] = []
    count = 0
    for k, length in enumerate(panel.lengths):
        steps = int(length) - 1
        if held and count + steps > size:
            yield panel[held]
            held, count = [], 0
        if steps > size:
            for first in range(0, steps, size):
                yield _piece(panel, k, first, size)
        else:
            held.append(k)
            count += steps
    if held:
        yield panel if len(held) == len(panel) else panel[held]


def _piece(panel: Trajectories, k: int, first: int, steps: int) -> Trajectories:
    start = int(panel.offsets[k]) + first
    stop = min(start + steps + 1, int(panel.offsets[k + 1]))
    return Trajectories.from_flat(
        panel.values[start:stop], [stop - start], panel.times[start:stop],
        columns=list(panel.columns), metadata=panel.metadata.iloc[[k]].reset_index(drop=True),
    )  # fmt: skip
