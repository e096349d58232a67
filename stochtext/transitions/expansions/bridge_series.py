"""The expansion of many steps from the local functions at their nodes, and its adjoint.

Joined with other sources before it is compiled: all names stand side by side. Tables have a
line for each node and, along the vector lanes, an entry for each step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import kernel, routine
from stochtext._shared.compilation.intrinsics import wide_vectors

__all__ = ["bridge_series"]

HALF_LOG_TWO_PI = 0.9189385332046728


@routine
def combine_lines(columns: Any, across: Any, values: Any, out: Any) -> None:
    """Set line i of out to the sum over j of columns[j, i] (or of columns[i, j]) values[j]."""
    wide_vectors()
    nodes, lanes = values.shape
    for i in range(nodes):
        for k in range(lanes):
            out[i, k] = 0.0
        for j in range(nodes):
            factor = columns[i, j] if across else columns[j, i]
            for k in range(lanes):
                out[i, k] += factor * values[j, k]


@routine
def add_lines(h: Any, order: Any, f: Any, f_bar: Any, weights: Any, pace: Any, u: Any,
              u_bar: Any, pace_bar: Any, terms: Any, work: Any) -> None:  # fmt: skip
    """Add the integrals of single functions: the mean of lambda over the Brownian bridge."""
    wide_vectors()
    nodes, lanes = pace.shape
    # v^power, and v^(power - 1), with v = u (1 - u); and h^(power + 1) / (2^power power!).
    now, before, scale = work[0], work[1], work[2, 0]
    now[:], before[:], scale[:] = 1.0, 0.0, h
    for power in range(order):
        row = 2 if power == 0 else 2 * power + 1
        for i in range(nodes):
            weight, at = weights[i], i * lanes
            for k in range(lanes):
                part, share = weight * pace[i, k] * scale[k], f[row, at + k]
                terms[power, k] += part * now[i, k] * share
                f_bar[row, at + k] = part * now[i, k]
                pace_bar[i, k] += weight * scale[k] * now[i, k] * share
                u_bar[i, k] += part * power * before[i, k] * (1.0 - 2.0 * u[i, k]) * share
                before[i, k] = now[i, k]
                now[i, k] *= u[i, k] * (1.0 - u[i, k])
        for k in range(lanes):
            scale[k] *= 0.5 * h[k] / (power + 1)


@routine
def bridge_weights(kind: Any, v: Any) -> Any:
    """Return what stands before the late and the early function, and its derivatives by v."""
    w = 1.0 - v
    if kind == 0:
        return w, v, -1.0, 1.0
    if kind == 1:
        return w, v * v * w, -1.0, v * (2.0 - 3.0 * v)
    if kind == 2:
        return v * w * w, v, w * (1.0 - 3.0 * v), 1.0
    return w * w, v * v, -2.0 * w, 2.0 * v


@routine
def add_pair(scale: Any, kind: Any, f: Any, f_bar: Any, weights: Any, columns: Any, pace: Any,
             u: Any, u_bar: Any, pace_bar: Any, term: Any, work: Any) -> None:  # fmt: skip
    """Add ``scale`` times an integral over s < t: a covariance along the bridge, s (1 - t).

    Kind 0: its product with lambda'(s) lambda'(t); 1 and 2: with s (1 - s) lambda'''(s)
    lambda'(t) and with the two points exchanged; 3: its square with lambda''(s) lambda''(t).
    """
    wide_vectors()
    nodes, lanes = pace.shape
    inner, running, outer, rest = work[0], work[1], work[2], work[3]
    first = 4 if kind < 2 else 6 if kind == 2 else 3
    second = 4 if kind == 0 or kind == 2 else 6 if kind == 1 else 3
    for i in range(nodes):
        for k in range(lanes):
            _, early, _, _ = bridge_weights(kind, u[i, k])
            inner[i, k] = pace[i, k] * early * f[second, i * lanes + k]
    combine_lines(columns, False, inner, running)
    for i in range(nodes):
        weight, at = weights[i], i * lanes
        for k in range(lanes):
            late, _, slope, _ = bridge_weights(kind, u[i, k])
            share, part = f[first, at + k], weight * scale[k]
            term[k] += part * pace[i, k] * late * share * running[i, k]
            f_bar[first, at + k] += part * pace[i, k] * late * running[i, k]
            u_bar[i, k] += part * pace[i, k] * slope * share * running[i, k]
            pace_bar[i, k] += part * late * share * running[i, k]
            outer[i, k] = part * pace[i, k] * late * share
    combine_lines(columns, True, outer, rest)
    for i in range(nodes):
        at = i * lanes
        for k in range(lanes):
            _, early, _, slope = bridge_weights(kind, u[i, k])
            share = f[second, at + k]
            f_bar[second, at + k] += pace[i, k] * early * rest[i, k]
            u_bar[i, k] += pace[i, k] * slope * share * rest[i, k]
            pace_bar[i, k] += early * share * rest[i, k]


@routine
def bridge_terms(h: Any, order: Any, f: Any, f_bar: Any, weights: Any, columns: Any, pace: Any,
                 u: Any, pace_bar: Any, terms: Any, work: Any) -> None:  # fmt: skip
    """Set the terms of the step's powers 1 to ``order``, and their adjoints."""
    u_bar, scale = work[4], work[5, 0]
    f_bar[2:], u_bar[:], pace_bar[:], terms[:] = 0.0, 0.0, 0.0, 0.0
    add_lines(h, order, f, f_bar, weights, pace, u, u_bar, pace_bar, terms, work)
    for kind in range(0 if order < 3 else 1 if order == 3 else 4):
        for k in range(len(h)):
            scale[k] = h[k] ** 3 if kind == 0 else 0.5 * h[k] ** 4
        term = terms[2] if kind == 0 else terms[3]
        add_pair(scale, kind, f, f_bar, weights, columns, pace, u, u_bar, pace_bar, term, work)
    combine_lines(columns, True, u_bar, work[0])
    pace_bar += work[0]


@kernel
def bridge_series(
    x: Any, x_next: Any, dt: Any, sigma: Any, sigma_bar: Any, f: Any, f_bar: Any, order: Any,
    weights: Any, columns: Any, out: Any, largest: Any,
) -> None:  # fmt: skip
    """Set out to the log density of each step, and the bars to its derivatives.

    ``sigma`` (2, n) holds the diffusion at both ends, ``f`` (rows, q * n) the local functions
    at the first node of all steps, then at the second one, and so on. ``largest`` (n,) gets
    the size of the largest term of a power of two or more.
    """
    wide_vectors()
    n, q = len(x), len(weights)
    work, terms = np.empty((9, q, n)), np.empty((4, n))
    pace, u, pace_bar = work[6], work[7], work[8]
    length, shift, common = np.zeros(n), np.zeros(n), np.zeros(n)
    crossed = np.zeros(n)
    for i in range(q):
        for k in range(n):
            length[k] += weights[i] * f[0, i * n + k]
            shift[k] += weights[i] * f[1, i * n + k]
            crossed[k] += 0.0 if f[0, i * n + k] * sigma[0, k] > 0.0 else 1.0
    for i in range(q):
        for k in range(n):
            pace[i, k] = f[0, i * n + k] / length[k]
    combine_lines(columns, False, pace, u)
    bridge_terms(dt, order, f, f_bar, weights, columns, pace, u, pace_bar, terms, work)
    for k in range(n):
        h, z = dt[k], (x_next[k] - x[k]) * length[k]
        largest[k] = max(abs(terms[1, k]), max(abs(terms[2, k]), abs(terms[3, k])))
        ends = -1.5 * math.log(abs(sigma[1, k])) + 0.5 * math.log(abs(sigma[0, k]))
        value = ends - HALF_LOG_TWO_PI - 0.5 * math.log(h) - 0.5 * z * z / h
        value += (x_next[k] - x[k]) * shift[k]
        value += terms[0, k] + terms[1, k] + terms[2, k] + terms[3, k]
        # A path cannot cross a point without noise in the way that is assumed here.
        same = crossed[k] == 0.0 and sigma[0, k] * sigma[1, k] > 0.0
        out[k] = value if same else math.nan
        sigma_bar[0, k], sigma_bar[1, k] = 0.5 / sigma[0, k], -1.5 / sigma[1, k]
    for i in range(q):
        for k in range(n):
            common[k] += pace_bar[i, k] * pace[i, k]
    for i in range(q):
        for k in range(n):
            span, at = x_next[k] - x[k], i * n + k
            bar = (pace_bar[i, k] - weights[i] * common[k]) / length[k]
            f_bar[0, at] = bar - weights[i] * span * span * length[k] / dt[k]
            f_bar[1, at] = weights[i] * span
