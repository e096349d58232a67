"""Progress bars: shown on a terminal, silent otherwise."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["progress"]

Item = TypeVar("Item")


def progress(
    items: Iterable[Item], *, label: str, total: int | None = None, show: bool | None = None
) -> Iterator[Item]:
    """Iterate over ``items``, with a bar on standard error if it is a terminal.

    Parameters
    ----------
    items : iterable
        What to iterate over.
    label : str
        What is being done, in a word or two.
    total : int, optional
        Number of items, if ``items`` has no length.
    show : bool, optional
        Force the bar on or off; by default it depends on the terminal.
    """
    visible = sys.stderr.isatty() if show is None else show
    if not visible:
        yield from items
        return
    from tqdm import tqdm

    yield from tqdm(items, desc=label, total=total, leave=False, file=sys.stderr)
