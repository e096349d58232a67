"""One evaluation of the moment equations, and its reverse. Imported late: loads numba."""

from __future__ import annotations

import math
from typing import Any

from stochtext._shared.compilation.decorators import routine
from stochtext._shared.compilation.intrinsics import wide_vectors
from stochtext._shared.compilation.lanes import fused, load, rows_of, spread, store
from stochtext.estimators.neural.passes.matrices import factor_cotangent, factorise_rows
from stochtext.estimators.neural.passes.networks import (
    add_rate,
    drift_back,
    drift_forward,
    factor_back,
    factor_forward,
)
from stochtext.estimators.neural.passes.rows import fill_rows

__all__ = [
    "add_cross",
    "set_drift_cotangent",
    "set_inputs",
    "stage_back",
    "stage_forward",
    "times_symmetric",
]


@routine
def set_inputs(
    shape: Any, tape: Any, at: Any, stages: Any, stage: Any, j: Any, arm: Any, extra: Any
) -> None:
    """Write the inputs of a point m + arm S_j, with the further inputs of its time."""
    wide_vectors()
    p, d = shape[0], shape[1]
    for k in range(d):
        value = load(stages, stage + k)
        if arm != 0.0:
            value = fused(arm, load(stages, stage + d + d * d + k * d + j), value)
        store(tape, at + k, value)
    for k in range(d, p):
        store(tape, at + k, load(extra, k - d))


@routine
def stage_forward(
    theta: Any, shape: Any, layers: Any, units: Any, tape: Any, at: Any, stages: Any, stage: Any,
    extra: Any, single: Any,
) -> None:  # fmt: skip
    """Write the rates of mean and covariance; one point where the covariance is zero."""
    wide_vectors()
    d, rows, v = shape[1], shape[3], shape[4]
    square, root_of_d = d * d, math.sqrt(1.0 * d)
    factor, gap = stage + d + square, stage + d + 2 * square
    mean, rate = stage + d + 3 * square, stage + 2 * d + 3 * square
    fill_rows(stages, mean, d + square, 0.0)
    if not single:
        factorise_rows(stages, stage + d, d, stages, factor)
    count = 1 if single else 2 * d
    share = 1.0 / count
    for point in range(count):
        here, j, first = at + point * rows, point // 2, point % 2 == 0
        arm = 0.0 if single else root_of_d if first else -root_of_d
        set_inputs(shape, tape, here, stages, stage, j, arm, extra)
        drift_forward(theta, shape, layers, units, tape, here)
        factor_forward(theta, shape, layers, units, tape, here)
        add_rate(shape, tape, here, share, stages, rate)
        for k in range(d):
            drift, apart = load(tape, here + v + k), gap + k * d + j
            store(stages, mean + k, fused(share, drift, load(stages, mean + k)))
            store(stages, apart, drift if first else load(stages, apart) - drift)
    add_cross(stages, factor, gap, rate, d, 0.0 if single else 0.5 / root_of_d)


@routine
def add_cross(stages: Any, factor: Any, gap: Any, rate: Any, d: Any, share: Any) -> None:
    """Add C + C' to the lower triangle of the rate and mirror it."""
    wide_vectors()
    for j in range(d):
        for k in range(j + 1):
            total = load(stages, rate + j * d + k)
            for q in range(d if share > 0.0 else 0):
                one = load(stages, gap + j * d + q) * load(stages, factor + k * d + q)
                two = load(stages, gap + k * d + q) * load(stages, factor + j * d + q)
                total = fused(share, one + two, total)
            store(stages, rate + j * d + k, total)
            store(stages, rate + k * d + j, total)


@routine
def set_drift_cotangent(
    cot: Any, d: Any, share: Any, sign: Any, stages: Any, column: Any, bar: Any, to: Any
) -> None:
    """Write the cotangent of the drift at a point: share u + sign G S_j."""
    wide_vectors()
    for k in range(d):
        total = share * load(cot, k)
        for q in range(d if sign != 0.0 else 0):
            arm = load(stages, column + q * d)
            total = fused(sign * load(cot, d + k * d + q), arm, total)
        store(bar, to + k, total)


@routine
def stage_back(
    theta: Any, shape: Any, layers: Any, units: Any, tape: Any, at: Any, stages: Any, stage: Any,
    single: Any, cot: Any, out: Any, small: Any, grad: Any, to: Any,
) -> None:  # fmt: skip
    """Turn cotangents of the rates (``cot``) into those of mean and covariance (``out``)."""
    wide_vectors()
    d, rows, v = shape[1], shape[3], shape[4]
    square, root_of_d = d * d, math.sqrt(1.0 * d)
    factor, gap = stage + d + square, stage + d + 2 * square
    count = 1 if single else 2 * d
    share, across = 1.0 / count, 0.0 if single else 1.0 / root_of_d
    fill_rows(out, 0, d + square, 0.0)
    rate_cot, factor_bar = rows_of(small, 0, square), rows_of(small, square, square)
    scratch, bar = rows_of(small, 2 * square, square), rows_of(small, 3 * square, rows)
    for k in range(square):
        store(rate_cot, k, share * load(cot, d + k))
    if not single:
        times_symmetric(cot, d, stages, gap, across, factor_bar, d)
    for point in range(count):
        j, sign = point // 2, across if point % 2 == 0 else -across
        fill_rows(bar, 0, rows, 0.0)
        factor_back(theta, shape, layers, tape, at + point * rows, rate_cot, bar, grad, to)
        set_drift_cotangent(cot, d, share, sign, stages, factor + j, bar, v)
        drift_back(theta, shape, layers, units, tape, at + point * rows, bar, grad, to)
        move = root_of_d if point % 2 == 0 else -root_of_d
        for k in range(d):
            moved = load(bar, k)
            store(out, k, load(out, k) + moved)
            if not single:
                store(factor_bar, k * d + j, fused(move, moved, load(factor_bar, k * d + j)))
    if not single:
        factor_cotangent(stages, factor, d, factor_bar, rows_of(out, d, square), scratch)


@routine
def times_symmetric(
    cot: Any, first: Any, stages: Any, gap: Any, share: Any, into: Any, d: Any
) -> None:
    """Write ``share`` times the cotangent of the rate times the differences of the drift."""
    wide_vectors()
    for k in range(d):
        for j in range(d):
            total = spread(0.0)
            for q in range(d):
                rate = share * load(cot, first + k * d + q)
                total = fused(rate, load(stages, gap + q * d + j), total)
            store(into, k * d + j, total)
