"""Moments of a compact kernel over sorted points in one coordinate.

Source of a compiled module: imported for its text, or by tools.
"""

from __future__ import annotations

from typing import Any

from stochtext._shared.compilation.decorators import kernel

__all__ = ["sum_in_reach"]


@kernel
def sum_in_reach(
    points: Any,
    columns: Any,
    responses: Any,
    at: Any,
    first: Any,
    end: Any,
    quartic: Any,
    sums: Any,
    right: Any,
    squares: Any,
) -> None:
    """Add up kernel moments about each place.

    ``points`` and ``at`` are in bandwidths, ``columns`` (N, 2) weight and spread, ``first``
    and ``end`` (k,) the points in reach. ``sums`` and ``squares`` (k, moments) take powers of
    the distance times weight and kernel or squared kernel, the last of ``squares`` the
    spread; ``right`` (k, powers, r) those of the responses.
    """
    moments, powers, r = sums.shape[1], right.shape[1], right.shape[2]
    for g in range(at.shape[0]):
        s0 = s1 = s2 = s3 = s4 = q0 = q1 = q2 = q3 = q4 = spread = 0.0
        centre = at[g]
        for i in range(first[g], end[g]):
            u = points[i] - centre
            inside = max(1.0 - u * u, 0.0)
            height = 0.9375 * inside * inside if quartic else 0.75 * inside
            v0 = height * columns[i, 0]
            v1 = v0 * u
            v2 = v1 * u
            s0 += v0
            s1 += v1
            s2 += v2
            q0 += height * v0
            q1 += height * v1
            q2 += height * v2
            if moments > 3:
                s3 += v2 * u
                s4 += v2 * u * u
                q3 += height * v2 * u
                q4 += height * v2 * u * u
            spread += height * height * columns[i, 1]
            for k in range(r):
                y = responses[i, k]
                right[g, 0, k] += v0 * y
                if powers > 1:
                    right[g, 1, k] += v1 * y
                if powers > 2:
                    right[g, 2, k] += v2 * y
        found, powered = (s0, s1, s2, s3, s4), (q0, q1, q2, q3, q4)
        for m in range(moments):
            sums[g, m] = found[m]
            squares[g, m] = powered[m]
        squares[g, moments] = spread
