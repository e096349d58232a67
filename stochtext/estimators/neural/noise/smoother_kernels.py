"""The cubature Kalman smoother between noisy observations of a diffusion, one path at a time.

Imported late: it loads numba. Mean m, covariance P and covariance C with the state at the last
observation move by ``m' = E b``, ``P' = G + G' + E a`` and ``C' = C P^-1 G'`` with
``G = E b (x - m)'``, expectations at the 2 d points of the spherical cubature rule.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import kernel, routine

__all__ = ["run_smoother"]


@routine
def factor_into(p: Any, d: Any, low: Any) -> Any:
    """Write the lower Cholesky factor; return whether p is positive definite."""
    for j in range(d):
        for i in range(j, d):
            value = p[i, j]
            for k in range(j):
                value -= low[i, k] * low[j, k]
            if i == j:
                if not value > 0.0:
                    return False
                low[j, j] = math.sqrt(value)
            else:
                low[i, j] = value / low[j, j]
                low[j, i] = 0.0
    return True


@routine
def solve_into(low: Any, d: Any, right: Any, out: Any) -> None:
    """Write (L L')^-1 right for a square right-hand side."""
    for c in range(d):
        for i in range(d):
            value = right[i, c]
            for k in range(i):
                value -= low[i, k] * out[k, c]
            out[i, c] = value / low[i, i]
        for back in range(d):
            i = d - 1 - back
            value = out[i, c]
            for k in range(i + 1, d):
                value -= low[k, i] * out[k, c]
            out[i, c] = value / low[i, i]


@routine
def write_points(mean: Any, root: Any, low: Any, d: Any, x: Any) -> None:
    """Write the cubature points, one a column."""
    for j in range(d):
        for k in range(d):
            x[k, 2 * j] = mean[k] + root * low[k, j]
            x[k, 2 * j + 1] = mean[k] - root * low[k, j]


@routine
def write_rates(
    drift: Any, diffusion: Any, theta: Any, t: Any, sizes: Any, state: Any, rate: Any, x: Any,
    b: Any, s: Any, low: Any, work: Any,
) -> Any:  # fmt: skip
    """Write time derivatives of the rows (m, P, C') of ``state``; return whether P is fine."""
    d, diagonal, n_noise = sizes[0], sizes[1], sizes[2]
    p, c = state[1 : d + 1], state[d + 1 : 2 * d + 1]
    if not factor_into(p, d, low):
        return False
    root, share = math.sqrt(1.0 * d), 1.0 / (2 * d)
    write_points(state[0], root, low, d, x)
    drift(t, x, theta, b)
    diffusion(t, x, theta, s)
    for i in range(d):
        total = 0.0
        for j in range(2 * d):
            total += b[i, j]
        rate[0, i] = share * total
        for k in range(d):
            total = 0.0
            for j in range(d):
                total += (b[i, 2 * j] - b[i, 2 * j + 1]) * low[k, j]
            work[i, k] = share * root * total
    for i in range(d):
        for k in range(d):
            total = 0.0
            for j in range(2 * d):
                if diagonal:
                    if i == k:
                        total += s[i, j] * s[i, j]
                else:
                    for q in range(n_noise):
                        total += s[i * n_noise + q, j] * s[k * n_noise + q, j]
            rate[1 + i, k] = work[i, k] + work[k, i] + share * total
    solved = work[d : 2 * d]
    solve_into(low, d, c, solved)
    for i in range(d):
        for k in range(d):
            total = 0.0
            for q in range(d):
                total += work[i, q] * solved[q, k]
            rate[1 + d + i, k] = total
    return True


@routine
def predict(
    drift: Any, diffusion: Any, theta: Any, t: Any, dt: Any, pace: Any, n_sub: Any, sizes: Any,
    state: Any, trial: Any, rates: Any, x: Any, b: Any, s: Any, low: Any, work: Any,
) -> Any:  # fmt: skip
    """Move the rows (m, P, C') over one sampling interval by Runge-Kutta steps."""
    rows, d = state.shape
    h, step = dt / n_sub, pace / n_sub
    for sub in range(n_sub):
        for stage in range(4):
            lag = 0.0 if stage == 0 else 1.0 if stage == 3 else 0.5
            for i in range(rows):
                for k in range(d):
                    trial[i, k] = state[i, k]
                    if stage > 0:
                        trial[i, k] += lag * h * rates[stage - 1, i, k]
            fine = write_rates(
                drift, diffusion, theta, t + (sub + lag) * step, sizes, trial, rates[stage], x, b,
                s, low, work,
            )  # fmt: skip
            if not fine:
                return False
        for i in range(rows):
            for k in range(d):
                ends = rates[0, i, k] + rates[3, i, k]
                state[i, k] += h / 6.0 * (ends + 2.0 * (rates[1, i, k] + rates[2, i, k]))
    for i in range(d):
        for k in range(i):
            middle = 0.5 * (state[1 + i, k] + state[1 + k, i])
            state[1 + i, k] = middle
            state[1 + k, i] = middle
    return True


@routine
def update(y: Any, noise: Any, d: Any, m: Any, p: Any, low: Any, work: Any) -> Any:
    """Condition on an observation in place; return its log density, NaN if there is none."""
    total, gain, kept = work[:d], work[d : 2 * d], work[2 * d : 3 * d]
    for i in range(d):
        for k in range(d):
            total[i, k] = p[i, k] + noise[i, k]
    if not factor_into(total, d, low):
        return math.nan
    density = -0.5 * d * math.log(2.0 * math.pi)
    white = work[3 * d]
    for i in range(d):
        value = y[i] - m[i]
        for k in range(i):
            value -= low[i, k] * white[k]
        white[i] = value / low[i, i]
        density -= math.log(low[i, i]) + 0.5 * white[i] * white[i]
    solve_into(low, d, p, gain)  # the transposed gain
    residual = work[3 * d + 1]
    for i in range(d):
        residual[i] = y[i] - m[i]
    for i in range(d):
        for k in range(d):
            m[i] += gain[k, i] * residual[k]
    for i in range(d):
        for k in range(d):
            value = p[i, k]
            for q in range(d):
                value -= gain[q, i] * p[q, k]
            kept[i, k] = value
    for i in range(d):
        for k in range(d):
            p[i, k] = 0.5 * (kept[i, k] + kept[k, i])
    return density


@kernel
def run_smoother(
    drift: Any, diffusion: Any, theta: Any, sizes: Any, y: Any, offsets: Any, steps: Any,
    n_sub: Any, noise: Any, first_mean: Any, first_covariance: Any, mean: Any, covariance: Any,
    cross: Any, innovations: Any, densities: Any,
) -> None:  # fmt: skip
    """Write smoothed means, covariances, covariances with the next state, innovations, densities.

    Innovations are standardised; the log density of a path is given its first observation.
    ``steps`` (3, N): clock at each observation, time and clock to the next one. A path whose
    covariance stops being positive definite has a NaN log likelihood.
    """
    d = sizes[0]
    n_noise = sizes[2]
    x, b, s = np.empty((d, 2 * d)), np.empty((d, 2 * d)), np.empty((d * n_noise, 2 * d))
    if sizes[1]:
        s = np.empty((d, 2 * d))
    low, work = np.zeros((d, d)), np.zeros((3 * d + 2, d))
    state, trial = np.zeros((2 * d + 1, d)), np.zeros((2 * d + 1, d))
    rates = np.zeros((4, 2 * d + 1, d))
    before_mean, before = np.empty_like(mean), np.empty_like(covariance)
    for path in range(offsets.size - 1):
        first, last = offsets[path], offsets[path + 1]
        total = 0.0
        before_mean[first] = first_mean
        before[first] = first_covariance
        for k in range(first, last):
            mean[k] = before_mean[k]
            covariance[k] = before[k]
            density = update(y[k], noise, d, mean[k], covariance[k], low, work)
            innovations[k] = work[3 * d]
            total += density if k > first else 0.0 * density
            if not math.isfinite(total):
                break
            if k + 1 < last:
                state[0] = mean[k]
                state[1 : d + 1] = covariance[k]
                state[d + 1 :] = covariance[k]
                fine = predict(
                    drift, diffusion, theta, steps[0, k], steps[1, k], steps[2, k], n_sub[k],
                    sizes, state, trial, rates, x, b, s, low, work,
                )  # fmt: skip
                if not fine:
                    total = math.nan
                    break
                before_mean[k + 1] = state[0]
                before[k + 1] = state[1 : d + 1]
                cross[k] = state[d + 1 :]
        densities[path] = total
        if math.isfinite(total):
            smooth_back(first, last, d, before_mean, before, mean, covariance, cross, low, work)


@routine
def smooth_back(
    first: Any, last: Any, d: Any, before_mean: Any, before: Any, mean: Any, covariance: Any,
    cross: Any, low: Any, work: Any,
) -> None:  # fmt: skip
    """Run the Rauch-Tung-Striebel recursion; ``cross`` holds transposed covariances."""
    gain, moved = work[:d], work[d : 2 * d]
    for back in range(last - first - 1):
        k = last - 2 - back
        if not factor_into(before[k + 1], d, low):
            continue
        solve_into(low, d, cross[k], gain)  # the transposed gain
        for i in range(d):
            for q in range(d):
                mean[k, i] += gain[q, i] * (mean[k + 1, q] - before_mean[k + 1, q])
        for i in range(d):
            for j in range(d):
                total = 0.0
                for q in range(d):
                    total += (covariance[k + 1, i, q] - before[k + 1, i, q]) * gain[q, j]
                moved[i, j] = total
        for i in range(d):
            for j in range(d):
                total = 0.0
                for q in range(d):
                    total += gain[q, i] * moved[q, j]
                covariance[k, i, j] += total
        for i in range(d):
            for j in range(d):
                total = 0.0
                for q in range(d):
                    total += gain[q, i] * covariance[k + 1, q, j]
                cross[k, i, j] = total
