"""The Kalman filter over a forest of nodes, and its adjoint. Imported late: it loads numba.

What a filter knows of its own error depends on the step lengths and on which coordinates
are seen, not on what is seen. A node is one such history: rows of different trajectories
with the same history share it, and covariances are computed once a node, means once a row.

Node n has a parent (-1 for a root), the number of its step (``group``) and the coordinates
seen (``seen``). Its arrays: p before the observation, f after it, gain, precision
S^-1 and the whitening matrix of the innovation, log det S. A root with ``flat`` knows
nothing before its observation. ``counts`` says whether a root's observation is weighed.

The adjoint is that of f = 1/2 sum_k (v' S^-1 v + log det S) with the innovation v: with u
= S^-1 v and w = gain' a_f_bar,

    v_bar = u + w,   S_bar = (S^-1 - u u' - w u' - u w') / 2,   a_bar = a_f_bar - H' v_bar,
    p_bar = (I - gain H)' f_bar (I - gain H) + H' S_bar H + (a_f_bar u' H + H' u a_f_bar') / 2.
"""

from __future__ import annotations

import math
from typing import Any

from stochtext._shared.compilation.decorators import kernel, routine

__all__ = ["covariances", "covariances_back", "means", "means_back"]


@routine
def whiten(
    node: Any, p: Any, r: Any, seen: Any, lower: Any, whitening: Any,
) -> float:  # fmt: skip
    """Write the inverse Cholesky factor of S for the coordinates seen; return log det S."""
    d = r.shape[0]
    log_det = 0.0
    for i in range(d):
        for j in range(d):
            lower[i, j] = 0.0
            whitening[node, i, j] = 0.0
    for i in range(d):
        if not seen[node, i]:
            continue
        for j in range(i + 1):
            if not seen[node, j]:
                continue
            s = p[node, i, j] + r[i, j]
            for k in range(j):
                s -= lower[i, k] * lower[j, k]
            if i > j:
                lower[i, j] = s / lower[j, j]
                continue
            if not s > 0.0:
                return math.nan
            lower[i, i] = math.sqrt(s)
            log_det += math.log(s)
        whitening[node, i, i] = 1.0 / lower[i, i]
        for j in range(i):
            total = 0.0
            for k in range(j, i):
                total += lower[i, k] * whitening[node, k, j]
            whitening[node, i, j] = -total / lower[i, i]
    return log_det


@routine
def observe(
    node: Any, p: Any, whitening: Any, precision: Any, gain: Any, f: Any,
) -> None:  # fmt: skip
    """Write S^-1, the gain and the covariance after the observation."""
    size, d = gain.shape[1], gain.shape[2]
    for i in range(d):
        for j in range(d):
            total = 0.0
            for k in range(max(i, j), d):
                total += whitening[node, k, i] * whitening[node, k, j]
            precision[node, i, j] = total
    for a in range(size):
        for j in range(d):
            total = 0.0
            for k in range(d):
                total += p[node, a, k] * precision[node, k, j]
            gain[node, a, j] = total
    for a in range(size):
        for b in range(a + 1):
            total = 0.0
            for k in range(d):
                total += 0.5 * (gain[node, a, k] * p[node, k, b] + gain[node, b, k] * p[node, k, a])
            f[node, a, b] = p[node, a, b] - total
            f[node, b, a] = f[node, a, b]


@routine
def advance(
    node: Any, group: Any, before: Any, phi: Any, q: Any, f: Any, p: Any, work: Any,
) -> None:  # fmt: skip
    """Write p = Phi f Phi' + Q."""
    size = phi.shape[1]
    for a in range(size):
        for b in range(size):
            total = 0.0
            for k in range(size):
                total += phi[group, a, k] * f[before, k, b]
            work[a, b] = total
    for a in range(size):
        for b in range(a + 1):
            total = 0.5 * (q[group, a, b] + q[group, b, a])
            for k in range(size):
                total += work[a, k] * phi[group, b, k]
            p[node, a, b] = total
            p[node, b, a] = total


@kernel
def covariances(
    flat: Any, parent: Any, group: Any, seen: Any, phi: Any, q: Any, r: Any, first: Any, p: Any,
    f: Any, gain: Any, precision: Any, whitening: Any, log_det: Any, work: Any,
) -> bool:  # fmt: skip
    """Fill the arrays of all nodes; return False where an innovation has no density."""
    size, d = gain.shape[1], gain.shape[2]
    for node in range(len(parent)):
        if parent[node] >= 0:
            advance(node, group[node], parent[node], phi, q, f, p, work)
        elif flat:
            for i in range(d):
                for j in range(d):
                    precision[node, i, j] = 0.0
                    whitening[node, i, j] = 0.0
                    gain[node, i, j] = 1.0 if i == j else 0.0
                    f[node, i, j] = r[i, j]
            log_det[node] = 0.0
            continue
        else:
            for a in range(size):
                for b in range(size):
                    p[node, a, b] = first[a, b]
        log_det[node] = whiten(node, p, r, seen, work, whitening)
        if math.isnan(log_det[node]):
            return False
        observe(node, p, whitening, precision, gain, f)
    return True


@routine
def predict(
    row: Any, group: Any, phi: Any, forcing: Any, drive: Any, after: Any, out: Any,
) -> None:  # fmt: skip
    """Write the mean before row + 1: Phi a_f + F times what drives the step into it."""
    size, d = phi.shape[1], forcing.shape[1]
    for a in range(size):
        total = 0.0
        for b in range(size):
            total += phi[group, a, b] * after[row, b]
        if a < d:
            for k in range(forcing.shape[2]):
                total += forcing[group, a, k] * drive[row + 1, k]
        out[row + 1, a] = total


@kernel
def means(
    counts: Any, offsets: Any, node: Any, group: Any, seen: Any, phi: Any, forcing: Any,
    drive: Any, start: Any, y: Any, gain: Any, whitening: Any, log_det: Any, before: Any,
    after: Any, error: Any, scaled: Any, log_density: Any,
) -> None:  # fmt: skip
    """Filter all rows: means before and after, innovations, scaled ones, log densities."""
    size, d = gain.shape[1], gain.shape[2]
    for k in range(len(offsets) - 1):
        for row in range(offsets[k], offsets[k + 1]):
            at = node[row]
            if row == offsets[k]:
                for a in range(size):
                    before[row, a] = start[k, a]
            else:
                predict(row - 1, group[at], phi, forcing, drive, after, before)
            squares, number = 0.0, 0
            for i in range(d):
                error[row, i] = y[row, i] - before[row, i] if seen[at, i] else 0.0
                number += seen[at, i]
            for i in range(d):
                total = 0.0
                for j in range(i + 1):
                    total += whitening[at, i, j] * error[row, j]
                scaled[row, i] = total
                squares += total * total
            for a in range(size):
                total = before[row, a]
                for j in range(d):
                    total += gain[at, a, j] * error[row, j]
                after[row, a] = total
            log_density[row] = 0.0
            if counts or row > offsets[k]:
                log_density[row] = -0.5 * (log_det[at] + squares + number * math.log(2 * math.pi))


@routine
def row_back(
    row: Any, at: Any, weight: Any, counted: Any, error: Any, gain: Any, precision: Any,
    after_bar: Any, u: Any, w: Any, s_bar: Any, p_bar: Any, y_bar: Any,
) -> None:  # fmt: skip
    """Take the adjoint of one observation: after_bar becomes that of the mean before it."""
    size, d = gain.shape[1], gain.shape[2]
    for i in range(d):
        u[i] = 0.0
        w[i] = 0.0
        for j in range(d):
            u[i] += precision[at, i, j] * error[row, j]
        for a in range(size):
            w[i] += gain[at, a, i] * after_bar[a]
    for i in range(d):
        for j in range(d):
            own = 0.5 * weight * (precision[at, i, j] - u[i] * u[j]) if counted else 0.0
            s_bar[at, i, j] += own - 0.5 * (w[i] * u[j] + u[i] * w[j])
    for a in range(size):
        for j in range(d):
            p_bar[at, a, j] += 0.5 * after_bar[a] * u[j]
            p_bar[at, j, a] += 0.5 * after_bar[a] * u[j]
    for i in range(d):
        y_bar[row, i] = w[i] + (weight * u[i] if counted else 0.0)
        after_bar[i] -= y_bar[row, i]


@routine
def step_back(
    row: Any, group: Any, slot: Any, phi: Any, forcing: Any, drive: Any, after: Any, bar: Any,
    phi_bar: Any, forcing_bar: Any, drive_bar: Any, work: Any,
) -> None:  # fmt: skip
    """Take the adjoint of the step into a row: bar becomes that of the mean after the last."""
    size, d = phi.shape[1], forcing.shape[1]
    for a in range(size):
        work[0, a] = 0.0
        for b in range(size):
            work[0, a] += phi[group, b, a] * bar[b]
            phi_bar[slot, a, b] += bar[a] * after[row - 1, b]
    for k in range(forcing.shape[2]):
        total = 0.0
        for i in range(d):
            forcing_bar[slot, i, k] += bar[i] * drive[row, k]
            total += forcing[group, i, k] * bar[i]
        drive_bar[row, k] = total
    for a in range(size):
        bar[a] = work[0, a]


@kernel
def means_back(
    counts: Any, offsets: Any, weight: Any, node: Any, group: Any, slot: Any, phi: Any,
    forcing: Any, drive: Any, gain: Any, precision: Any, after: Any, error: Any,
    phi_bar: Any, forcing_bar: Any, drive_bar: Any, start_bar: Any, y_bar: Any, s_bar: Any,
    p_bar: Any, work: Any, bar: Any, u: Any, w: Any,
) -> None:  # fmt: skip
    """Add the adjoint of all means; s_bar and p_bar are left for the covariances."""
    size = gain.shape[1]
    for k in range(len(offsets) - 1):
        for a in range(size):
            bar[a] = 0.0
        for row in range(offsets[k + 1] - 1, offsets[k] - 1, -1):
            at = node[row]
            counted = counts or row > offsets[k]
            row_back(
                row, at, weight[k], counted, error, gain, precision, bar, u, w, s_bar, p_bar, y_bar
            )
            if row > offsets[k]:
                step_back(
                    row, group[at], slot[at], phi, forcing, drive, after, bar,
                    phi_bar, forcing_bar, drive_bar, work,
                )  # fmt: skip
        for a in range(size):
            start_bar[k, a] = bar[a]


@routine
def observation_back(
    node: Any, gain: Any, s_bar: Any, p_bar: Any, f_bar: Any, own: Any, r_bar: Any, work: Any,
) -> None:  # fmt: skip
    """Add to p_bar what comes through f and S, and to r_bar."""
    size, d = gain.shape[1], gain.shape[2]
    for a in range(size):
        for j in range(d):
            work[a, j] = 0.0
            for b in range(size):
                work[a, j] += f_bar[node, a, b] * gain[node, b, j]
    for i in range(d):
        for j in range(d):
            total = s_bar[node, i, j]
            for a in range(size):
                total += gain[node, a, i] * work[a, j]
            r_bar[own, i, j] += total
            p_bar[node, i, j] += total
    for a in range(size):
        for b in range(size):
            p_bar[node, a, b] += f_bar[node, a, b]
        for j in range(d):
            p_bar[node, a, j] -= work[a, j]
            p_bar[node, j, a] -= work[a, j]


@routine
def covariance_step_back(
    node: Any, before: Any, group: Any, slot: Any, phi: Any, f: Any, p_bar: Any, f_bar: Any,
    phi_bar: Any, q_bar: Any, work: Any,
) -> None:  # fmt: skip
    """Take the adjoint of p = Phi f Phi' + Q."""
    size = phi.shape[1]
    for a in range(size):
        for b in range(size):
            q_bar[slot, a, b] += p_bar[node, a, b]
            work[a, b] = 0.0
            for k in range(size):
                work[a, b] += p_bar[node, a, k] * phi[group, k, b]
    for a in range(size):
        for b in range(size):
            total, back = 0.0, 0.0
            for k in range(size):
                total += work[a, k] * f[before, k, b]
                back += phi[group, k, a] * work[k, b]
            phi_bar[slot, a, b] += 2.0 * total
            f_bar[before, a, b] += back


@kernel
def covariances_back(
    flat: Any, parent: Any, group: Any, slot: Any, owner: Any, phi: Any, f: Any, gain: Any,
    s_bar: Any, p_bar: Any, f_bar: Any, phi_bar: Any, q_bar: Any, r_bar: Any, first_bar: Any,
    work: Any,
) -> None:  # fmt: skip
    """Add the adjoint of all covariances, children before their parents."""
    size, d = gain.shape[1], gain.shape[2]
    for node in range(len(parent) - 1, -1, -1):
        own = owner[node]
        if parent[node] < 0 and flat:
            for i in range(d):
                for j in range(d):
                    r_bar[own, i, j] += f_bar[node, i, j]
            continue
        observation_back(node, gain, s_bar, p_bar, f_bar, own, r_bar, work)
        if parent[node] >= 0:
            covariance_step_back(
                node, parent[node], group[node], slot[node], phi, f, p_bar, f_bar,
                phi_bar, q_bar, work,
            )  # fmt: skip
        else:
            for a in range(size):
                for b in range(size):
                    first_bar[own, a, b] += p_bar[node, a, b]
