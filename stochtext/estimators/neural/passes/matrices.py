"""Cholesky factors, a lane each, and their reverse. Imported late: loads numba."""

from __future__ import annotations

from typing import Any

from stochtext._shared.compilation.decorators import routine
from stochtext._shared.compilation.intrinsics import wide_vectors
from stochtext._shared.compilation.lanes import fused, load, root, spread, store

__all__ = ["factor_cotangent", "factorise_rows", "whiten_cotangent"]


@routine
def factorise_rows(work: Any, matrix: Any, d: Any, into: Any, to: Any) -> None:
    """Write the lower Cholesky factor of a matrix, NaN where it is not positive definite."""
    wide_vectors()
    for j in range(d):
        for k in range(j, d):
            entry = load(work, matrix + k * d + j)
            for q in range(j):
                left, right = load(into, to + k * d + q), load(into, to + j * d + q)
                entry = fused(-left, right, entry)
            if k == j:
                entry = root(entry)
            else:
                entry = entry / load(into, to + j * d + j)
                store(into, to + j * d + k, spread(0.0))
            store(into, to + k * d + j, entry)


@routine
def factor_cotangent(low: Any, at: Any, d: Any, bar: Any, out: Any, work: Any) -> None:
    """Write the symmetric cotangent of P = S S' from that of S (lower, in ``bar``).

    P_bar = sym(S^-T phi(S' S_bar) S^-1), phi the lower triangle with its diagonal halved.
    """
    wide_vectors()
    for j in range(d):
        for k in range(d):
            total = spread(0.0)
            for q in range(j, d if k <= j else j):
                total = fused(load(low, at + q * d + j), load(bar, q * d + k), total)
            store(work, j * d + k, total * (0.5 if k == j else 1.0))
    whiten_cotangent(low, at, d, work, 0)
    for j in range(d):
        for k in range(d):
            both = load(work, j * d + k) + load(work, k * d + j)
            store(out, j * d + k, 0.5 * both)


@routine
def whiten_cotangent(low: Any, at: Any, d: Any, work: Any, to: Any) -> None:
    """Replace the matrix M in ``work`` by S^-T M S^-1 for the lower triangular S."""
    wide_vectors()
    for column in range(d):
        for back in range(d):
            j = d - 1 - back
            entry = load(work, to + j * d + column)
            for q in range(j + 1, d):
                known = load(work, to + q * d + column)
                entry = fused(-load(low, at + q * d + j), known, entry)
            store(work, to + j * d + column, entry / load(low, at + j * d + j))
    for row in range(d):
        for back in range(d):
            j = d - 1 - back
            entry = load(work, to + row * d + j)
            for q in range(j + 1, d):
                known = load(work, to + row * d + q)
                entry = fused(-load(low, at + q * d + j), known, entry)
            store(work, to + row * d + j, entry / load(low, at + j * d + j))
