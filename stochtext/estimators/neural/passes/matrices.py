"""Cholesky factors, a lane each, and their reverse. Imported late: loads numba."""

from __future__ import annotations

import math
from typing import Any

from stochtext._shared.compilation.decorators import routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors
from stochtext.estimators.neural.passes.rows import fill_rows, row_of

__all__ = ["factor_cotangent", "factorise_rows", "whiten_cotangent"]

LANES = 16


@routine
def factorise_rows(work: Any, matrix: Any, d: Any, into: Any, to: Any) -> None:
    """Write the lower Cholesky factor of a matrix, NaN where it is not positive definite."""
    wide_vectors()
    for j in range(d):
        for k in range(j, d):
            into_row = row_of(into, to + k * d + j)
            work_row = row_of(work, matrix + k * d + j)
            into_row3 = row_of(into, to + j * d + k)
            for i in range(LANES):
                into_row[i] = work_row[i]
                if k > j:
                    into_row3[i] = 0.0
            for q in range(j):
                into_row = row_of(into, to + k * d + q)
                into_row2 = row_of(into, to + j * d + q)
                into_row3 = row_of(into, to + k * d + j)
                for i in range(LANES):
                    left, right = into_row[i], into_row2[i]
                    into_row3[i] = fma(-left, right, into_row3[i])
            into_row = row_of(into, to + j * d + j)
            into_row2 = row_of(into, to + k * d + j)
            for i in range(LANES):
                if k == j:
                    value = into_row[i]
                    into_row[i] = math.sqrt(value if value > 0.0 else math.nan)
                else:
                    into_row2[i] /= into_row[i]


@routine
def factor_cotangent(low: Any, at: Any, d: Any, bar: Any, out: Any, work: Any) -> None:
    """Write the symmetric cotangent of P = S S' from that of S (lower, in ``bar``).

    P_bar = sym(S^-T phi(S' S_bar) S^-1), phi the lower triangle with its diagonal halved.
    """
    wide_vectors()
    for j in range(d):
        for k in range(d):
            fill_rows(work, j * d + k, 1, 0.0)
            if k <= j:
                for q in range(j, d):
                    work_row = row_of(work, j * d + k)
                    low_row = row_of(low, at + q * d + j)
                    bar_row = row_of(bar, q * d + k)
                    for i in range(LANES):
                        work_row[i] = fma(low_row[i], bar_row[i], work_row[i])
                if k == j:
                    work_row = row_of(work, j * d + k)
                    for i in range(LANES):
                        work_row[i] *= 0.5
    whiten_cotangent(low, at, d, work)
    for j in range(d):
        for k in range(d):
            out_row = row_of(out, j * d + k)
            work_row2 = row_of(work, j * d + k)
            work_row3 = row_of(work, k * d + j)
            for i in range(LANES):
                out_row[i] = 0.5 * (work_row2[i] + work_row3[i])


@routine
def whiten_cotangent(low: Any, at: Any, d: Any, work: Any) -> None:
    """Replace the matrix M in ``work`` by S^-T M S^-1 for the lower triangular S."""
    wide_vectors()
    for column in range(d):
        for back in range(d):
            j = d - 1 - back
            for q in range(j + 1, d):
                work_row = row_of(work, j * d + column)
                low_row = row_of(low, at + q * d + j)
                work_row2 = row_of(work, q * d + column)
                for i in range(LANES):
                    work_row[i] = fma(-low_row[i], work_row2[i], work_row[i])
            work_row = row_of(work, j * d + column)
            low_row = row_of(low, at + j * d + j)
            for i in range(LANES):
                work_row[i] /= low_row[i]
    for row in range(d):
        for back in range(d):
            j = d - 1 - back
            for q in range(j + 1, d):
                work_row = row_of(work, row * d + j)
                low_row = row_of(low, at + q * d + j)
                work_row2 = row_of(work, row * d + q)
                for i in range(LANES):
                    work_row[i] = fma(-low_row[i], work_row2[i], work_row[i])
            work_row = row_of(work, row * d + j)
            low_row = row_of(low, at + j * d + j)
            for i in range(LANES):
                work_row[i] /= low_row[i]
