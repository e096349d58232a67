"""Both networks at a point, and their reverse. Imported late: loads numba."""

from __future__ import annotations

from typing import Any

from stochtext._shared.compilation.decorators import routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors
from stochtext._shared.compilation.lanes import fused, load, spread, store
from stochtext._shared.compilation.products import part_of
from stochtext.estimators.neural.passes.rows import fill_rows
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
    if bias >= 0:
        for j in range(n_out):
            store(tape, y + j, spread(theta[bias + j]))
    for j in range(0, n_out - 3, 4):  # four sums at a time hide the delay of each
        one, two = load(tape, y + j), load(tape, y + j + 1)
        three, four = load(tape, y + j + 2), load(tape, y + j + 3)
        for k in range(n_in):
            source, place = load(tape, x + k), weight + k * n_out + j
            one, two = fused(theta[place], source, one), fused(theta[place + 1], source, two)
            three = fused(theta[place + 2], source, three)
            four = fused(theta[place + 3], source, four)
        store(tape, y + j, one)
        store(tape, y + j + 1, two)
        store(tape, y + j + 2, three)
        store(tape, y + j + 3, four)
    for j in range(n_out - n_out % 4, n_out):
        total = load(tape, y + j)
        for k in range(n_in):
            total = fused(theta[weight + k * n_out + j], load(tape, x + k), total)
        store(tape, y + j, total)
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
    below, above = layers[layer, 4], layers[layer, 5]
    x, y = at + below, at + above
    for j in range(n_out if bias >= 0 else 0):
        unit = load(tape, y + j)
        cot = load(bar, above + j) * (1.0 - unit * unit)
        store(bar, above + j, cot)
        store(grad, to + bias + j, load(grad, to + bias + j) + cot)
    for k in range(n_in):
        source, down = load(tape, x + k), load(bar, below + k)
        for j in range(n_out):
            cot, place = load(bar, above + j), weight + k * n_out + j
            store(grad, to + place, fused(source, cot, load(grad, to + place)))
            down = fused(theta[place], cot, down)
        store(bar, below + k, down)


@routine
def drift_forward(theta: Any, shape: Any, layers: Any, units: Any, tape: Any, at: Any) -> None:
    """Write the drift at a point."""
    wide_vectors()
    p, d, out = shape[0], shape[1], at + shape[4]
    for j in range(d):
        value = spread(theta[shape[7] + j])
        for k in range(p if shape[5] else 0):
            value = fused(theta[shape[6] + k * d + j], load(tape, at + k), value)
        store(tape, out + j, value)
    for layer in range(shape[11]):
        layer_forward(theta, layers, layer, tape, at)
    for j in range(d):
        store(tape, out + j, load(tape, out + j) * units[j])


@routine
def drift_back(
    theta: Any, shape: Any, layers: Any, units: Any, tape: Any, at: Any, bar: Any, grad: Any,
    to: Any,
) -> None:  # fmt: skip
    """Turn cotangents of the drift, in rows V of ``bar``, into those of inputs and parameters."""
    wide_vectors()
    p, d, v = shape[0], shape[1], shape[4]
    for j in range(d):
        cot, level = load(bar, v + j) * units[j], to + shape[7] + j
        store(bar, v + j, cot)
        store(grad, level, load(grad, level) + cot)
        for k in range(p if shape[5] else 0):
            place = shape[6] + k * d + j
            store(grad, to + place, fused(load(tape, at + k), cot, load(grad, to + place)))
            store(bar, k, fused(theta[place], cot, load(bar, k)))
    for back in range(shape[11]):
        layer_back(theta, layers, shape[11] - 1 - back, tape, at, bar, grad, to)


@routine
def factor_forward(theta: Any, shape: Any, layers: Any, units: Any, tape: Any, at: Any) -> None:
    """Write the factor of the covariance rate at a point."""
    wide_vectors()
    d, low, scale, first = shape[1], shape[2], at + shape[4] + shape[1], shape[11]
    raw = at + layers[first + shape[12] - 1, 5] if shape[12] else 0
    if shape[12] == 0:
        for j in range(d):
            store(tape, scale + j, spread(units[d + j] * exp64(theta[shape[8] + j])))
    else:
        fill_rows(tape, raw, layers[first + shape[12] - 1, 2], 0.0)
        for layer in range(first, first + shape[12]):
            layer_forward(theta, layers, layer, tape, at)
        for j in range(d):
            level, unit = theta[shape[8] + j], units[d + j]
            turned = part_of(tape, (raw + j) * LANES, LANES)
            size = part_of(tape, (scale + j) * LANES, LANES)
            slope = part_of(tape, (scale + d + j) * LANES, LANES)
            for i in range(LANES):
                move = squash64(turned[i] / BOUND)
                size[i] = unit * exp64(fma(BOUND, move, level))
                slope[i] = 1.0 - move * move
    for k in range(low):
        value = spread(theta[shape[9] + k] if shape[9] >= 0 else 0.0)
        if shape[10]:
            value = value + load(tape, raw + d + k)
        store(tape, scale + 2 * d + k, value)


@routine
def add_rate(shape: Any, tape: Any, at: Any, share: Any, stages: Any, to: Any) -> None:
    """Add ``share`` times the covariance rate F F' of a point to rows of the stage."""
    wide_vectors()
    d, scale = shape[1], at + shape[4] + shape[1]
    triangle = scale + 2 * d
    for j in range(d):
        for k in range(j + 1):
            total = load(stages, to + j * d + k)
            for q in range(k + 1):
                left, right = load(tape, scale + j), load(tape, scale + k)
                if q < j:
                    left = left * load(tape, triangle + j * (j - 1) // 2 + q)
                if q < k:
                    right = right * load(tape, triangle + k * (k - 1) // 2 + q)
                total = fused(share * left, right, total)
            store(stages, to + j * d + k, total)


@routine
def factor_back(
    theta: Any, shape: Any, layers: Any, tape: Any, at: Any, cot: Any, bar: Any, grad: Any,
    to: Any,
) -> None:  # fmt: skip
    """Turn the symmetric cotangent ``cot`` of the rate into those of inputs and parameters."""
    wide_vectors()
    d, scale, first = shape[1], at + shape[4] + shape[1], shape[11]
    triangle, moves = scale + 2 * d, shape[12] > 0
    raw = layers[first + shape[12] - 1, 5] if moves else 0
    for j in range(d):
        size, slope = load(tape, scale + j), spread(0.0)
        for q in range(j + 1):
            total, own = spread(0.0), j * (j - 1) // 2 + q
            for k in range(q, d):
                entry = load(tape, scale + k)
                if q < k:
                    entry = entry * load(tape, triangle + k * (k - 1) // 2 + q)
                total = fused(load(cot, j * d + k), entry, total)
            total = total * (2.0 * size)
            if q < j:
                slope = fused(total, load(tape, triangle + own), slope)
                if shape[9] >= 0:
                    place = to + shape[9] + own
                    store(grad, place, load(grad, place) + total)
                if shape[10]:
                    store(bar, raw + d + own, total)
            else:
                slope = slope + total
        store(grad, to + shape[8] + j, load(grad, to + shape[8] + j) + slope)
        if moves:
            store(bar, raw + j, slope * load(tape, scale + d + j))
    for back in range(shape[12]):
        layer_back(theta, layers, first + shape[12] - 1 - back, tape, at, bar, grad, to)
