"""Both networks at a point, and their reverse. Imported late: loads numba."""

from __future__ import annotations

from typing import Any

from stochtext._shared.compilation.decorators import routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors
from stochtext._shared.compilation.products import part_of
from stochtext.estimators.neural.passes.rows import fill_rows, row_of
from stochtext.processes.compiled.elementary.exponential import exp64
from stochtext.processes.compiled.network import squash64

__all__ = [
    "add_rate",
    "drift_back",
    "drift_forward",
    "factor_back",
    "factor_forward",
    "layer_back",
    "layer_forward",
]

LANES = 16
BOUND = 5.0


@routine
def layer_forward(theta: Any, layers: Any, layer: Any, tape: Any, at: Any) -> None:
    """Write a hidden layer, or add a last layer to its outputs."""
    wide_vectors()
    weight, n_in, n_out, bias = (
        layers[layer, 0],
        layers[layer, 1],
        layers[layer, 2],
        layers[layer, 3],
    )
    x, y = at + layers[layer, 4], at + layers[layer, 5]
    for j in range(n_out):
        row = part_of(tape, (y + j) * LANES, LANES)
        if bias >= 0:
            level = theta[bias + j]
            for i in range(LANES):
                row[i] = level
        for k in range(n_in):
            w, source = theta[weight + k * n_out + j], part_of(tape, (x + k) * LANES, LANES)
            for i in range(LANES):
                row[i] = fma(w, source[i], row[i])
    if bias >= 0:
        rows = part_of(tape, y * LANES, n_out * LANES)
        for i in range(n_out * LANES):
            rows[i] = squash64(rows[i])


@routine
def layer_back(
    theta: Any, layers: Any, layer: Any, tape: Any, at: Any, bar: Any, grad: Any, to: Any
) -> None:
    """Add a layer's part to the gradient, from row ``to`` on, and to its inputs' cotangents."""
    wide_vectors()
    weight, n_in, n_out, bias = (
        layers[layer, 0],
        layers[layer, 1],
        layers[layer, 2],
        layers[layer, 3],
    )
    x, y, below, above = (
        at + layers[layer, 4],
        at + layers[layer, 5],
        layers[layer, 4],
        layers[layer, 5],
    )
    for j in range(n_out):
        cot = part_of(bar, (above + j) * LANES, LANES)
        if bias >= 0:
            unit = part_of(tape, (y + j) * LANES, LANES)
            own = part_of(grad, (to + bias + j) * LANES, LANES)
            for i in range(LANES):
                cot[i] *= 1.0 - unit[i] * unit[i]
                own[i] += cot[i]
        for k in range(n_in):
            place = weight + k * n_out + j
            w, source = theta[place], part_of(tape, (x + k) * LANES, LANES)
            own = part_of(grad, (to + place) * LANES, LANES)
            down = part_of(bar, (below + k) * LANES, LANES)
            for i in range(LANES):
                own[i] = fma(source[i], cot[i], own[i])
                down[i] = fma(w, cot[i], down[i])


@routine
def drift_forward(theta: Any, shape: Any, layers: Any, units: Any, tape: Any, at: Any) -> None:
    """Write the drift at a point."""
    wide_vectors()
    p, d, out = shape[0], shape[1], at + shape[4]
    for j in range(d):
        level = theta[shape[7] + j]
        tape_row = row_of(tape, out + j)
        for i in range(LANES):
            tape_row[i] = level
        for k in range(p if shape[5] else 0):
            w = theta[shape[6] + k * d + j]
            tape_row = row_of(tape, out + j)
            tape_row2 = row_of(tape, at + k)
            for i in range(LANES):
                tape_row[i] = fma(w, tape_row2[i], tape_row[i])
    for layer in range(shape[11]):
        layer_forward(theta, layers, layer, tape, at)
    for j in range(d):
        unit = units[j]
        tape_row = row_of(tape, out + j)
        for i in range(LANES):
            tape_row[i] *= unit


@routine
def drift_back(
    theta: Any, shape: Any, layers: Any, units: Any, tape: Any, at: Any, bar: Any, grad: Any,
    to: Any,
) -> None:  # fmt: skip
    """Turn cotangents of the drift, in rows V of ``bar``, into those of inputs and parameters."""
    wide_vectors()
    p, d, v = shape[0], shape[1], shape[4]
    for j in range(d):
        unit = units[j]
        bar_row = row_of(bar, v + j)
        grad_row2 = row_of(grad, to + shape[7] + j)
        for i in range(LANES):
            bar_row[i] *= unit
            grad_row2[i] += bar_row[i]
        for k in range(p if shape[5] else 0):
            place = shape[6] + k * d + j
            w = theta[place]
            grad_row = row_of(grad, to + place)
            tape_row = row_of(tape, at + k)
            bar_row2 = row_of(bar, v + j)
            bar_row3 = row_of(bar, k)
            for i in range(LANES):
                grad_row[i] = fma(tape_row[i], bar_row2[i], grad_row[i])
                bar_row3[i] = fma(w, bar_row2[i], bar_row3[i])
    for back in range(shape[11]):
        layer_back(theta, layers, shape[11] - 1 - back, tape, at, bar, grad, to)


@routine
def factor_forward(theta: Any, shape: Any, layers: Any, units: Any, tape: Any, at: Any) -> None:
    """Write the factor of the covariance rate at a point."""
    wide_vectors()
    d, low, scale = shape[1], shape[2], at + shape[4] + shape[1]
    first = shape[11]
    if shape[12] == 0:
        for j in range(d):
            level = units[d + j] * exp64(theta[shape[8] + j])
            tape_row = row_of(tape, scale + j)
            for i in range(LANES):
                tape_row[i] = level
    else:
        raw = at + layers[first + shape[12] - 1, 5]
        fill_rows(tape, raw, layers[first + shape[12] - 1, 2], 0.0)
        for layer in range(first, first + shape[12]):
            layer_forward(theta, layers, layer, tape, at)
        for j in range(d):
            level, unit = theta[shape[8] + j], units[d + j]
            tape_row = row_of(tape, raw + j)
            tape_row2 = row_of(tape, scale + j)
            tape_row3 = row_of(tape, scale + d + j)
            for i in range(LANES):
                move = squash64(tape_row[i] / BOUND)
                tape_row2[i] = unit * exp64(fma(BOUND, move, level))
                tape_row3[i] = 1.0 - move * move
    for k in range(low):
        level, row = theta[shape[9] + k] if shape[9] >= 0 else 0.0, scale + 2 * d + k
        tape_row = row_of(tape, row)
        for i in range(LANES):
            tape_row[i] = level
        if shape[10]:
            raw = at + layers[first + shape[12] - 1, 5] + d + k
            tape_row = row_of(tape, row)
            tape_row2 = row_of(tape, raw)
            for i in range(LANES):
                tape_row[i] += tape_row2[i]


@routine
def add_rate(shape: Any, tape: Any, at: Any, share: Any, stages: Any, to: Any) -> None:
    """Add ``share`` times the covariance rate F F' of a point to rows of the stage."""
    wide_vectors()
    d, scale = shape[1], at + shape[4] + shape[1]
    for j in range(d):
        for k in range(j + 1):
            for q in range(k + 1):
                tape_row = row_of(tape, scale + j)
                tape_row2 = row_of(tape, scale + 2 * d + j * (j - 1) // 2 + q)
                tape_row3 = row_of(tape, scale + k)
                tape_row4 = row_of(tape, scale + 2 * d + k * (k - 1) // 2 + q)
                stages_row = row_of(stages, to + j * d + k)
                for i in range(LANES):
                    left = tape_row[i]
                    if q < j:
                        left *= tape_row2[i]
                    right = tape_row3[i]
                    if q < k:
                        right *= tape_row4[i]
                    stages_row[i] = fma(share * left, right, stages_row[i])


@routine
def factor_back(
    theta: Any, shape: Any, layers: Any, tape: Any, at: Any, cot: Any, bar: Any, grad: Any,
    to: Any,
) -> None:  # fmt: skip
    """Turn the symmetric cotangent ``cot`` of the rate into those of inputs and parameters."""
    wide_vectors()
    d, scale, first = shape[1], at + shape[4] + shape[1], shape[11]
    moves = shape[12] > 0
    raw = layers[first + shape[12] - 1, 5] if moves else 0
    for j in range(d):
        fill_rows(bar, shape[4] + j, 1, 0.0)
        for q in range(j + 1):
            triangle = scale + 2 * d + j * (j - 1) // 2 + q
            tape_row = row_of(tape, scale + j)
            bar_row2 = row_of(bar, shape[4] + j)
            tape_row2 = row_of(tape, triangle)
            grad_row2 = row_of(grad, to + shape[9] + j * (j - 1) // 2 + q)
            bar_row4 = row_of(bar, raw + d + j * (j - 1) // 2 + q)
            for i in range(LANES):
                total = 0.0
                for k in range(q, d):
                    entry = tape[scale + k, i]
                    if q < k:
                        entry *= tape[scale + 2 * d + k * (k - 1) // 2 + q, i]
                    total = fma(cot[j * d + k, i], entry, total)
                total *= 2.0 * tape_row[i]
                if q < j:
                    bar_row2[i] = fma(total, tape_row2[i], bar_row2[i])
                    if shape[9] >= 0:
                        grad_row2[i] += total
                    if shape[10]:
                        bar_row4[i] = total
                else:
                    bar_row2[i] += total
        grad_row = row_of(grad, to + shape[8] + j)
        bar_row2 = row_of(bar, shape[4] + j)
        bar_row3 = row_of(bar, raw + j)
        tape_row3 = row_of(tape, scale + d + j)
        for i in range(LANES):
            grad_row[i] += bar_row2[i]
            if moves:
                bar_row3[i] = bar_row2[i] * tape_row3[i]
    for back in range(shape[12]):
        layer_back(theta, layers, first + shape[12] - 1 - back, tape, at, bar, grad, to)
