"""Moments of a compact kernel over sorted points in one coordinate.

Source of a compiled module: imported for its text, or by tools.
"""

from __future__ import annotations

from typing import Any

from stochtext._shared.compilation.decorators import inlined, kernel, routine

__all__ = ["sum_in_reach"]


@inlined
def kernel_height(u: Any, quartic: Any) -> Any:
    """Return the Epanechnikov or quartic kernel at u."""
    inside = 1.0 - u * u
    if inside < 0.0:
        inside = 0.0
    return 0.9375 * inside * inside if quartic else 0.75 * inside


@routine
def sum_response(
    points: Any,
    columns: Any,
    responses: Any,
    k: Any,
    centre: Any,
    first: Any,
    end: Any,
    quartic: Any,
    right: Any,
    g: Any,
) -> None:
    """Add up the moments of one response in registers: memory waits for the last addition."""
    y0 = y1 = y2 = 0.0
    for i in range(first, end):
        u = points[i] - centre
        value = kernel_height(u, quartic) * columns[i, 0] * responses[i, k]
        y0 += value
        y1 += value * u
        y2 += value * u * u
    found = (y0, y1, y2)
    for m in range(right.shape[1]):
        right[g, m, k] = found[m]


@kernel
def sum_in_reach(
    points: Any,
    columns: Any,
    responses: Any,
    at: Any,
    first: Any,
    end: Any,
    quartic: Any,
    squared: Any,
    sums: Any,
    right: Any,
    squares: Any,
) -> None:
    """Add up kernel moments about each place.

    ``points`` and ``at`` are in bandwidths, ``columns`` (N, 2) weight and spread, ``first``
    and ``end`` (k,) the points in reach. ``sums`` and ``squares`` (k, moments) take powers of
    the distance times weight and kernel or squared kernel, the last of ``squares`` the
    spread; ``right`` (k, powers, r) those of the responses. Without ``squared`` only the spread
    of ``squares`` is filled.
    """
    moments = sums.shape[1]
    for g in range(at.shape[0]):
        s0 = s1 = s2 = s3 = s4 = q0 = q1 = q2 = q3 = q4 = spread = 0.0
        for i in range(first[g], end[g]):
            u = points[i] - at[g]
            height = kernel_height(u, quartic)
            v0 = height * columns[i, 0]
            v1 = v0 * u
            v2 = v1 * u
            s0 += v0
            s1 += v1
            s2 += v2
            s3 += v2 * u
            s4 += v2 * u * u
            spread += height * height * columns[i, 1]
            if squared:
                q0 += height * v0
                q1 += height * v1
                q2 += height * v2
                q3 += height * v2 * u
                q4 += height * v2 * u * u
        found, powered = (s0, s1, s2, s3, s4), (q0, q1, q2, q3, q4)
        for m in range(moments):
            sums[g, m] = found[m]
            squares[g, m] = powered[m]
        squares[g, moments] = spread
        for k in range(responses.shape[1]):
            sum_response(points, columns, responses, k, at[g], first[g], end[g], quartic, right, g)
