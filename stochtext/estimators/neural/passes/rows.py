"""Rows of the 16 transitions of a strip. Imported late: loads numba."""

from __future__ import annotations

from typing import Any

from stochtext._shared.compilation.decorators import routine
from stochtext._shared.compilation.intrinsics import wide_vectors
from stochtext._shared.compilation.lanes import load, spread, store

__all__ = ["copy_rows", "fill_rows"]


@routine
def fill_rows(work: Any, first: Any, count: Any, value: Any) -> None:
    """Write one number into rows."""
    wide_vectors()
    for k in range(first, first + count):
        store(work, k, spread(value))


@routine
def copy_rows(source: Any, first: Any, count: Any, into: Any, to: Any) -> None:
    """Copy rows."""
    wide_vectors()
    for k in range(count):
        store(into, to + k, load(source, first + k))
