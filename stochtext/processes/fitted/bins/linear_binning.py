"""Sums of values shared out to the two (four) nearest nodes of a regular grid, and smoothing.

Source of a compiled module: imported for its text, or by tools.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import kernel

__all__ = [
    "read_off_1d",
    "share_out_1d",
    "share_out_2d",
    "share_powers_1d",
    "share_squares_2d",
    "smooth_rows",
]


@kernel
def share_out_1d(x: Any, responses: Any, weight: Any, low: Any, step: Any, sums: Any) -> None:
    """Add weight and weight * responses (n, r) to the rows of ``sums`` around each place."""
    last, r = sums.shape[0] - 1, responses.shape[1]
    weighted = weight.shape[0] > 0
    scale = 1.0 / step
    for i in range(x.shape[0]):
        place = (x[i] - low) * scale
        if not (0.0 <= place <= last):
            continue
        cell = min(int(place), last - 1)
        upper = place - cell
        lower = 1.0 - upper
        if weighted:
            upper *= weight[i]
            lower *= weight[i]
        sums[cell, 0] += lower
        sums[cell + 1, 0] += upper
        for k in range(r):
            sums[cell, k + 1] += lower * responses[i, k]
            sums[cell + 1, k + 1] += upper * responses[i, k]


@kernel
def share_powers_1d(
    x: Any, change: Any, weight: Any, low: Any, step: Any, order: Any, sums: Any
) -> None:
    """Add weight times the powers 0 to ``order`` of each change; weight may be empty (ones)."""
    last, weighted = sums.shape[0] - 1, weight.shape[0] > 0
    scale = 1.0 / step
    # By cell: the powers, and the powers times the share of the upper node. A transition writes
    # one short row, and the two nodes of each cell get theirs at the end.
    cells = np.zeros((last, 2 * order + 2))
    for i in range(x.shape[0]):
        place = (x[i] - low) * scale
        if not (0.0 <= place <= last):
            continue
        cell = min(int(place), last - 1)
        share = place - cell
        value = weight[i] if weighted else 1.0
        if order == 2:
            first = value * change[i]
            second = first * change[i]
            cells[cell, 0] += value
            cells[cell, 1] += first
            cells[cell, 2] += second
            cells[cell, 3] += share * value
            cells[cell, 4] += share * first
            cells[cell, 5] += share * second
            continue
        for k in range(order + 1):
            cells[cell, k] += value
            cells[cell, order + 1 + k] += share * value
            value *= change[i]
    for cell in range(last):
        for k in range(order + 1):
            upper = cells[cell, order + 1 + k]
            sums[cell, k] += cells[cell, k] - upper
            sums[cell + 1, k] += upper


@kernel
def share_out_2d(x: Any, responses: Any, weight: Any, low: Any, step: Any, sums: Any) -> None:
    """Add weight and weight * responses (n, r) to the four cells of ``sums`` around each place."""
    last0, last1, r = sums.shape[0] - 1, sums.shape[1] - 1, responses.shape[1]
    weighted = weight.shape[0] > 0
    scale0, scale1 = 1.0 / step[0], 1.0 / step[1]
    for i in range(x.shape[0]):
        p = (x[i, 0] - low[0]) * scale0
        q = (x[i, 1] - low[1]) * scale1
        if not (0.0 <= p <= last0 and 0.0 <= q <= last1):
            continue
        j, k = min(int(p), last0 - 1), min(int(q), last1 - 1)
        s, t = p - j, q - k
        mass = weight[i] if weighted else 1.0
        lower_left, lower_right = mass * (1.0 - s) * (1.0 - t), mass * (1.0 - s) * t
        upper_left, upper_right = mass * s * (1.0 - t), mass * s * t
        sums[j, k, 0] += lower_left
        sums[j, k + 1, 0] += lower_right
        sums[j + 1, k, 0] += upper_left
        sums[j + 1, k + 1, 0] += upper_right
        for m in range(r):
            value = responses[i, m]
            sums[j, k, m + 1] += lower_left * value
            sums[j, k + 1, m + 1] += lower_right * value
            sums[j + 1, k, m + 1] += upper_left * value
            sums[j + 1, k + 1, m + 1] += upper_right * value


@kernel
def share_squares_2d(x: Any, change: Any, weight: Any, low: Any, step: Any, sums: Any) -> None:
    """Add weight times 1, a, b, a^2, a b, b^2 of each change (a, b) to the four nodes around it."""
    last0, last1 = sums.shape[0] - 1, sums.shape[1] - 1
    weighted = weight.shape[0] > 0
    scale0, scale1 = 1.0 / step[0], 1.0 / step[1]
    for i in range(x.shape[0]):
        p = (x[i, 0] - low[0]) * scale0
        q = (x[i, 1] - low[1]) * scale1
        if not (0.0 <= p <= last0 and 0.0 <= q <= last1):
            continue
        j, k = min(int(p), last0 - 1), min(int(q), last1 - 1)
        s, t = p - j, q - k
        mass = weight[i] if weighted else 1.0
        a, b = change[i, 0], change[i, 1]
        aa, ab, bb = a * a, a * b, b * b
        for side in range(2):
            row = j + side
            along = mass * s if side else mass * (1.0 - s)
            lower, upper = along * (1.0 - t), along * t
            sums[row, k, 0] += lower
            sums[row, k, 1] += lower * a
            sums[row, k, 2] += lower * b
            sums[row, k, 3] += lower * aa
            sums[row, k, 4] += lower * ab
            sums[row, k, 5] += lower * bb
            sums[row, k + 1, 0] += upper
            sums[row, k + 1, 1] += upper * a
            sums[row, k + 1, 2] += upper * b
            sums[row, k + 1, 3] += upper * aa
            sums[row, k + 1, 4] += upper * ab
            sums[row, k + 1, 5] += upper * bb


@kernel
def smooth_rows(sums: Any, taps: Any, out: Any) -> None:
    """Write out[j, g] = sum_l taps[l] sums[j, g + l - reach]: one kernel along the nodes."""
    reach = (taps.shape[0] - 1) // 2
    nodes = sums.shape[1]
    for j in range(sums.shape[0]):
        for g in range(nodes):
            out[j, g] = 0.0
        for offset in range(-reach, reach + 1):
            tap = taps[offset + reach]
            first, end = max(0, -offset), min(nodes, nodes - offset)
            for g in range(first, end):
                out[j, g] += tap * sums[j, g + offset]


@kernel
def read_off_1d(x: Any, low: Any, step: Any, values: Any, out: Any) -> None:
    """Write values (nodes, r) at places x by cubic interpolation; NaN near the ends and beyond."""
    last, r = values.shape[0] - 2, values.shape[1]
    for i in range(x.shape[0]):
        place = (x[i] - low) / step
        if not (1.0 <= place <= last):
            for k in range(r):
                out[i, k] = np.nan
            continue
        cell = min(int(place), last - 1)
        s = place - cell
        a, b, c = s + 1.0, s - 1.0, s - 2.0
        for k in range(r):
            out[i, k] = (
                values[cell - 1, k] * (-s * b * c / 6.0)
                + values[cell, k] * (a * b * c / 2.0)
                + values[cell + 1, k] * (-a * s * c / 2.0)
                + values[cell + 2, k] * (a * s * b / 6.0)
            )
