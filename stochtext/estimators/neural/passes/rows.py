"""Rows of the 16 transitions of a strip. Imported late: loads numba."""

from __future__ import annotations

from typing import Any

from stochtext._shared.compilation.decorators import inlined, routine
from stochtext._shared.compilation.intrinsics import wide_vectors
from stochtext._shared.compilation.products import part_of

__all__ = ["copy_rows", "fill_rows", "row_of"]

LANES = 16


@inlined
def row_of(work: Any, row: Any) -> Any:
    """Return a row of lanes; an index that might be negative would keep LLVM from vectors."""
    return part_of(work, row * LANES, LANES)


@routine
def fill_rows(work: Any, first: Any, count: Any, value: Any) -> None:
    """Write one number into rows."""
    wide_vectors()
    for k in range(first, first + count):
        for i in range(LANES):
            work[k, i] = value


@routine
def copy_rows(source: Any, first: Any, count: Any, into: Any, to: Any) -> None:
    """Copy rows."""
    wide_vectors()
    for k in range(count):
        for i in range(LANES):
            into[to + k, i] = source[first + k, i]
