"""One evaluation of the moment equations, and its reverse. Imported late: loads numba."""

from __future__ import annotations

import math
from typing import Any

from stochtext._shared.compilation.decorators import routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors
from stochtext.estimators.neural.passes.matrices import factor_cotangent, factorise_rows
from stochtext.estimators.neural.passes.networks import (
    add_rate,
    drift_back,
    drift_forward,
    factor_back,
    factor_forward,
)
from stochtext.estimators.neural.passes.rows import fill_rows, row_of

__all__ = [
    "add_cross",
    "set_drift_cotangent",
    "set_inputs",
    "stage_back",
    "stage_forward",
    "times_symmetric",
]

LANES = 16


@routine
def set_inputs(
    shape: Any, tape: Any, at: Any, stages: Any, stage: Any, j: Any, arm: Any, extra: Any
) -> None:
    """Write the inputs of a point m + arm S_j, with the further inputs of its time."""
    wide_vectors()
    p, d = shape[0], shape[1]
    for k in range(d):
        tape_row = row_of(tape, at + k)
        stages_row = row_of(stages, stage + k)
        for i in range(LANES):
            tape_row[i] = stages_row[i]
        if arm != 0.0:
            row = stage + d + d * d + k * d + j
            tape_row = row_of(tape, at + k)
            stages_row = row_of(stages, row)
            for i in range(LANES):
                tape_row[i] = fma(arm, stages_row[i], tape_row[i])
    for k in range(d, p):
        tape_row = row_of(tape, at + k)
        extra_row = row_of(extra, k - d)
        for i in range(LANES):
            tape_row[i] = extra_row[i]


@routine
def stage_forward(
    theta: Any, shape: Any, layers: Any, units: Any, tape: Any, at: Any, stages: Any, stage: Any,
    extra: Any, single: Any,
) -> None:  # fmt: skip
    """Write the rates of mean and covariance; one point where the covariance is zero."""
    wide_vectors()
    d, rows, v = shape[1], shape[3], shape[4]
    square, root = d * d, math.sqrt(1.0 * d)
    factor, gap = stage + d + square, stage + d + 2 * square
    mean, rate = stage + d + 3 * square, stage + 2 * d + 3 * square
    fill_rows(stages, mean, d + square, 0.0)
    if not single:
        factorise_rows(stages, stage + d, d, stages, factor)
    count = 1 if single else 2 * d
    share = 1.0 / count
    for point in range(count):
        here, j = at + point * rows, point // 2
        arm = 0.0 if single else root if point % 2 == 0 else -root
        set_inputs(shape, tape, here, stages, stage, j, arm, extra)
        drift_forward(theta, shape, layers, units, tape, here)
        factor_forward(theta, shape, layers, units, tape, here)
        add_rate(shape, tape, here, share, stages, rate)
        for k in range(d):
            stages_row = row_of(stages, mean + k)
            tape_row = row_of(tape, here + v + k)
            stages_row2 = row_of(stages, gap + k * d + j)
            for i in range(LANES):
                stages_row[i] = fma(share, tape_row[i], stages_row[i])
                if point % 2 == 0:
                    stages_row2[i] = tape_row[i]
                else:
                    stages_row2[i] -= tape_row[i]
    add_cross(stages, factor, gap, rate, d, 0.0 if single else 0.5 / root)


@routine
def add_cross(stages: Any, factor: Any, gap: Any, rate: Any, d: Any, share: Any) -> None:
    """Add C + C' to the lower triangle of the rate and mirror it."""
    wide_vectors()
    for j in range(d):
        for k in range(j + 1):
            for q in range(d if share > 0.0 else 0):
                stages_row = row_of(stages, gap + j * d + q)
                stages_row2 = row_of(stages, factor + k * d + q)
                stages_row3 = row_of(stages, gap + k * d + q)
                stages_row4 = row_of(stages, factor + j * d + q)
                stages_row5 = row_of(stages, rate + j * d + k)
                for i in range(LANES):
                    one = stages_row[i] * stages_row2[i]
                    two = stages_row3[i] * stages_row4[i]
                    stages_row5[i] = fma(share, one + two, stages_row5[i])
            if k < j:
                stages_row = row_of(stages, rate + k * d + j)
                stages_row2 = row_of(stages, rate + j * d + k)
                for i in range(LANES):
                    stages_row[i] = stages_row2[i]


@routine
def set_drift_cotangent(
    cot: Any, d: Any, share: Any, sign: Any, stages: Any, column: Any, bar: Any, to: Any
) -> None:
    """Write the cotangent of the drift at a point: share u + sign G S_j."""
    wide_vectors()
    for k in range(d):
        total, mean = row_of(bar, to + k), row_of(cot, k)
        for i in range(LANES):
            total[i] = share * mean[i]
        for q in range(d if sign != 0.0 else 0):
            rate, arm = row_of(cot, d + k * d + q), row_of(stages, column + q * d)
            for i in range(LANES):
                total[i] = fma(sign * rate[i], arm[i], total[i])


@routine
def stage_back(
    theta: Any, shape: Any, layers: Any, units: Any, tape: Any, at: Any, stages: Any, stage: Any,
    single: Any, cot: Any, out: Any, small: Any, grad: Any, to: Any,
) -> None:  # fmt: skip
    """Turn cotangents of the rates (``cot``) into those of mean and covariance (``out``)."""
    wide_vectors()
    d, rows, v = shape[1], shape[3], shape[4]
    square, root = d * d, math.sqrt(1.0 * d)
    factor, gap = stage + d + square, stage + d + 2 * square
    shared, lower, work, bar = 0, square, 2 * square, 3 * square
    count = 1 if single else 2 * d
    share, across = 1.0 / count, 0.0 if single else 1.0 / root
    fill_rows(out, 0, d + square, 0.0)
    rate_cot, bar_rows = small[shared : shared + square], small[bar : bar + rows]
    factor_bar, scratch = small[lower : lower + square], small[work : work + square]
    for k in range(square):
        rate_cot_row = row_of(rate_cot, k)
        cot_row = row_of(cot, d + k)
        for i in range(LANES):
            rate_cot_row[i] = share * cot_row[i]
    if not single:
        times_symmetric(cot, d, stages, gap, across, factor_bar, d)
    for point in range(count):
        j, sign = point // 2, across if point % 2 == 0 else -across
        fill_rows(bar_rows, 0, rows, 0.0)
        factor_back(theta, shape, layers, tape, at + point * rows, rate_cot, bar_rows, grad, to)
        set_drift_cotangent(cot, d, share, sign, stages, factor + j, bar_rows, v)
        drift_back(theta, shape, layers, units, tape, at + point * rows, bar_rows, grad, to)
        for k in range(d):
            out_row = row_of(out, k)
            bar_rows_row2 = row_of(bar_rows, k)
            factor_bar_row = row_of(factor_bar, k * d + j)
            for i in range(LANES):
                out_row[i] += bar_rows_row2[i]
                if not single:
                    move = root if point % 2 == 0 else -root
                    factor_bar_row[i] = fma(move, bar_rows_row2[i], factor_bar_row[i])
    if not single:
        factor_cotangent(stages, factor, d, factor_bar, out[d : d + square], scratch)


@routine
def times_symmetric(
    cot: Any, first: Any, stages: Any, gap: Any, share: Any, into: Any, d: Any
) -> None:
    """Write ``share`` times the cotangent of the rate times the differences of the drift."""
    wide_vectors()
    for k in range(d):
        for j in range(d):
            fill_rows(into, k * d + j, 1, 0.0)
            for q in range(d):
                into_row = row_of(into, k * d + j)
                cot_row = row_of(cot, first + k * d + q)
                stages_row = row_of(stages, gap + q * d + j)
                for i in range(LANES):
                    into_row[i] = fma(
                        share * cot_row[i], stages_row[i],
                        into_row[i],
                    )  # fmt: skip
