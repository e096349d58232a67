"""Split one long path into blocks of time.

Neighbouring states resemble one another, so a test block is one stretch of
time, with a gap before and after it; nothing is joined across the hole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import IntArray
from stochtext._shared.validation import check_integer
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["BlockedTimeSplit"]


class BlockedTimeSplit:
    """Cross-validation over blocks of one long path.

    Parameters
    ----------
    n_splits : int, default 5
        Number of blocks; each is the test part once. At least 2.
    gap : int, default 0
        Rows (``split``) or transitions (``split_panel``) left out on either
        side of the test block.

    Notes
    -----
    An array of row numbers cannot say that rows are missing in between, and an
    estimator would take the two sides of a hole for neighbours. ``split``
    therefore trains on the longer side of the test block only; ``split_panel``
    gives both sides, as two trajectories.

    Position on a relative clock is counted anew in every piece.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.trajectories.splitting import BlockedTimeSplit
    >>> for train, test in BlockedTimeSplit(n_splits=3, gap=1).split(np.zeros((9, 1))):
    ...     print(train, test)
    [4 5 6 7 8] [0 1 2]
    [0 1] [3 4 5]
    [0 1 2 3 4] [6 7 8]
    >>> train, test = next(BlockedTimeSplit(n_splits=2, gap=1).split_panel(np.zeros((9, 1))))
    >>> train.times.tolist(), test.times.tolist()
    ([5.0, 6.0, 7.0, 8.0], [0.0, 1.0, 2.0, 3.0, 4.0])
    """

    def __init__(self, n_splits: int = 5, gap: int = 0) -> None:
        self.n_splits = check_integer("n_splits", n_splits, minimum=2)
        self.gap = check_integer("gap", gap, minimum=0)

    def __repr__(self) -> str:
        return f"BlockedTimeSplit(n_splits={self.n_splits}, gap={self.gap})"

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of splits."""
        return self.n_splits

    def split(
        self, X: Any, y: Any = None, groups: Any = None
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Yield row numbers of the training and the test part of a (T, d) array.

        Parameters
        ----------
        X : array of shape (T, d) or (T,)
            One path. A ``Trajectories`` is indexed by trajectory, not by row:
            use ``split_panel`` for it.
        y, groups : ignored
            For the sake of scikit-learn.

        Raises
        ------
        InputError
            If ``X`` is a panel, or too short for the blocks and gaps.
        """
        if isinstance(X, Trajectories):
            raise InputError(
                "split gives row numbers, and a Trajectories is indexed by trajectory. Use "
                "split_panel(X) for one path; for a panel of several use KFold or GroupKFold."
            )
        rows = _single(X).values.shape[0]
        for start, stop in self._bounds(rows):
            before = np.arange(0, max(start - self.gap, 0))
            after = np.arange(min(stop + self.gap, rows), rows)
            train = before if before.size >= after.size else after
            self._check_size(stop - start, train.size, rows)
            yield train, np.arange(start, stop)

    def split_panel(self, X: Any) -> Iterator[tuple[Trajectories, Trajectories]]:
        """Yield the training part, of one or two trajectories, and the test part.

        The transitions of the path are cut into blocks. With ``gap=0`` every
        transition is either trained on or tested, and the pieces share the
        state at which they meet.

        Parameters
        ----------
        X : Trajectories of one path, or array of shape (T, d) or (T,)
            The path.

        Raises
        ------
        InputError
            If ``X`` has several trajectories, or is too short.
        """
        panel = _single(X)
        n = panel.n_transitions
        for start, stop in self._bounds(n):
            sides = [(0, start - self.gap), (stop + self.gap, n)]
            train = [(a, b) for a, b in sides if b > a]
            self._check_size(stop - start + 1, 2 * len(train), n + 1)
            yield _cut(panel, train), _cut(panel, [(start, stop)])

    def _bounds(self, n: int) -> list[tuple[int, int]]:
        edges = np.linspace(0, n, self.n_splits + 1).round().astype(int).tolist()
        return list(zip(edges[:-1], edges[1:], strict=True))

    def _check_size(self, n_test: int, n_train: int, n_rows: int) -> None:
        if n_test < 2 or n_train < 2:
            part = "test" if n_test < 2 else "training"
            raise InputError(
                f"A path of {n_rows} rows is too short for n_splits={self.n_splits} with "
                f"gap={self.gap}: a {part} part has no transition left. Use fewer splits or a "
                "smaller gap."
            )


def _single(X: Any) -> Trajectories:
    panel = as_trajectories(X)
    if panel.n_trajectories != 1:
        raise InputError(
            f"BlockedTimeSplit splits one path; the panel has {panel.n_trajectories}. Use KFold "
            "or GroupKFold, which split a panel by trajectory."
        )
    return panel


def _cut(panel: Trajectories, spans: list[tuple[int, int]]) -> Trajectories:
    """Cut out spans of transitions: (a, b) holds the rows a to b inclusive."""
    m = len(spans)
    name = panel.ids[0]
    return Trajectories(
        [panel.values[a : b + 1] for a, b in spans],
        [panel.times[a : b + 1] for a, b in spans],
        ids=[name] if m == 1 else [f"{name}/{j}" for j in range(m)],
        groups=None if panel.groups is None else np.repeat(panel.groups, m),
        columns=panel.columns,
        metadata=panel.metadata.iloc[[0] * m].reset_index(drop=True),
        time_unit=panel.time_unit,
    )
