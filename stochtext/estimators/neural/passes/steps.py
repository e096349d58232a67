"""Runge-Kutta steps of a strip, and their reverse. Imported late: loads numba."""

from __future__ import annotations

from typing import Any

from stochtext._shared.compilation.decorators import routine
from stochtext._shared.compilation.intrinsics import wide_vectors
from stochtext._shared.compilation.lanes import fused, load, rows_of, store
from stochtext.estimators.neural.passes.rows import copy_rows, fill_rows
from stochtext.estimators.neural.passes.stages import stage_back, stage_forward

__all__ = ["add_rows", "step_back", "step_forward", "strip_back", "strip_forward"]

LANES = 16


@routine
def step_forward(
    theta: Any, shape: Any, layers: Any, units: Any, here: Any, sub: Any, tape: Any, stages: Any,
    extra: Any, y: Any, at: Any, to: Any, euler: Any,
) -> None:  # fmt: skip
    """One Runge-Kutta step from rows ``at`` of y to rows ``to``, leaving tape and stages."""
    wide_vectors()
    p, d = shape[0], shape[1]
    size, span = d + d * d, 2 * d + 4 * d * d
    copy_rows(y, at, size, y, to)
    h = load(here, 0)
    for s in range(1 if euler else 4):
        lag = 0.0 if s == 0 else 1.0 if s == 3 else 0.5
        gain = 1.0 if euler else 1.0 / 6.0 if s == 0 or s == 3 else 1.0 / 3.0
        copy_rows(y, at, size, stages, s * span)
        if s > 0:
            add_rows(h, lag, stages, (s - 1) * span + d + 3 * d * d, size, stages, s * span)
        copy_rows(here, 1 + d, p - d, extra, 0)
        add_rows(h, sub + lag, here, 1 + p, p - d, extra, 0)
        stage_forward(
            theta, shape, layers, units, tape, s * 2 * d * shape[3], stages, s * span, extra,
            s == 0 and sub == 0,
        )  # fmt: skip
        add_rows(h, gain, stages, s * span + d + 3 * d * d, size, y, to)


@routine
def add_rows(h: Any, factor: Any, source: Any, first: Any, count: Any, into: Any, to: Any) -> None:
    """Add ``factor`` h times rows to other rows."""
    wide_vectors()
    step = factor * h
    for k in range(count):
        store(into, to + k, fused(step, load(source, first + k), load(into, to + k)))


@routine
def step_back(
    theta: Any, shape: Any, layers: Any, units: Any, here: Any, sub: Any, tape: Any, stages: Any,
    bars: Any, at: Any, small: Any, grad: Any, to: Any, euler: Any,
) -> None:  # fmt: skip
    """Turn the cotangent of a step's end, rows ``at`` of bars, into that of its start."""
    wide_vectors()
    d = shape[1]
    size, span, block = d + d * d, 2 * d + 4 * d * d, 2 * d * shape[3]
    end = 3 * d * d + shape[3]
    cot, out = rows_of(small, end, size), rows_of(small, end + size, size)
    total, end_bar = rows_of(small, end + 2 * size, size), rows_of(bars, at, size)
    copy_rows(end_bar, 0, size, total, 0)
    h = load(here, 0)
    used = 1 if euler else 4
    for back in range(used):
        s = used - 1 - back
        gain = 1.0 if euler else 1.0 / 6.0 if s == 0 or s == 3 else 1.0 / 3.0
        fill_rows(cot, 0, size, 0.0)
        add_rows(h, gain, end_bar, 0, size, cot, 0)
        if back > 0:
            add_rows(h, 1.0 if s == 2 else 0.5, out, 0, size, cot, 0)
        stage_back(
            theta, shape, layers, units, tape, s * block, stages, s * span,
            s == 0 and sub == 0, cot, out, small, grad, to,
        )  # fmt: skip
        for k in range(size):
            store(total, k, load(total, k) + load(out, k))
    copy_rows(total, 0, size, end_bar, 0)


@routine
def strip_forward(
    theta: Any, shape: Any, layers: Any, units: Any, data: Any, strip: Any, n_sub: Any,
    here: Any, tape: Any, stages: Any, extra: Any, y: Any, euler: Any,
) -> Any:  # fmt: skip
    """Integrate the moments of a strip; states between the steps stay in y. Return its end."""
    wide_vectors()
    d = shape[1]
    size = d + d * d
    strips = data.shape[1] // LANES
    store(here, 0, load(data, strip) / n_sub)
    for k in range(1, data.shape[0]):
        store(here, k, load(data, k * strips + strip))
    copy_rows(here, 1, d, y, 0)
    fill_rows(y, d, d * d, 0.0)
    for sub in range(n_sub):
        step_forward(
            theta, shape, layers, units, here, sub, tape, stages, extra, y,
            sub * size, (sub + 1) * size, euler,
        )  # fmt: skip
    return n_sub * size


@routine
def strip_back(
    theta: Any, shape: Any, layers: Any, units: Any, here: Any, n_sub: Any, tape: Any,
    stages: Any, extra: Any, y: Any, bars: Any, probes: Any, small: Any, grad: Any, stride: Any,
    euler: Any,
) -> None:  # fmt: skip
    """Turn cotangents of the moments of a strip, one a probe, into gradients."""
    wide_vectors()
    size = shape[1] + shape[1] * shape[1]
    for back in range(n_sub):
        sub = n_sub - 1 - back
        if back > 0:
            step_forward(
                theta, shape, layers, units, here, sub, tape, stages, extra, y,
                sub * size, (n_sub + 1) * size, euler,
            )  # fmt: skip
        for probe in range(probes):
            step_back(
                theta, shape, layers, units, here, sub, tape, stages, bars,
                probe * size, small, grad, probe * stride, euler,
            )  # fmt: skip
