"""Proposals of paths between two given states, and their importance weights.

References
----------
Durham and Gallant (2002), Numerical techniques for maximum likelihood estimation of
continuous-time diffusion processes, Journal of Business and Economic Statistics 20, 297-316.
Whitaker, Golightly, Boys and Sherlock (2017), Improved bridge constructs for stochastic
differential equations, Statistics and Computing 27, 885-900.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import formula, inlined, kernel, routine
from stochtext._shared.compilation.intrinsics import fma, wide_vectors
from stochtext.simulation.kernels.noise import _minus_two_log, fill_tile

FLOAT = np.float64

__all__ = ["run_bridges"]

#: What the numbers are for.
BRIDGES = np.uint64(5)
# A pivot this small against the variance has lost all its digits.
_SINGULAR = 1e-13
_LOG_TWO_PI = math.log(2.0 * math.pi)


@routine
def _factorise(d: Any, s: Any, f: Any) -> None:
    """Write the lower Cholesky factor of sigma sigma^T, row j * d + k; the last row is scratch.

    A vanishing pivot becomes zero, which makes the weight zero.
    """
    m = s.shape[0] // d
    lanes = s.shape[1]
    whole = d * d
    for j in range(d):
        for k in range(j + 1):
            row = j * d + k
            for i in range(lanes):
                f[row, i] = 0.0
            for p in range(m):
                for i in range(lanes):
                    f[row, i] = fma(s[j * m + p, i], s[k * m + p, i], f[row, i])
            if k == j:
                for i in range(lanes):
                    f[whole, i] = f[row, i]
            for q in range(k):
                for i in range(lanes):
                    f[row, i] = fma(-f[j * d + q, i], f[k * d + q, i], f[row, i])
            if k < j:
                for i in range(lanes):
                    f[row, i] /= f[k * d + k, i]
            else:
                for i in range(lanes):
                    pivot = f[row, i]
                    f[row, i] = math.sqrt(pivot) if pivot > _SINGULAR * f[whole, i] else 0.0


@routine
def _aim(k: Any, n_inner: Any, residual: Any, curve: Any, x: Any, end: Any, pull: Any) -> None:
    """Write how far the mean of the proposal moves in step k."""
    d, lanes = x.shape
    share = 1.0 / (n_inner - k)
    for j in range(d):
        if residual:
            here, there, last = k * d + j, (k + 1) * d + j, n_inner * d + j
            for i in range(lanes):
                bent = (end[j, i] - x[j, i]) - (curve[last, i] - curve[here, i])
                pull[j, i] = fma(bent, share, curve[there, i] - curve[here, i])
        else:
            for i in range(lanes):
                pull[j, i] = (end[j, i] - x[j, i]) * share


@routine
def _move_own(
    spread: Any, noisy: Any, root: Any, h: Any, b: Any, s: Any, z: Any, row: Any, pull: Any,
    x: Any, log_weight: Any,
) -> None:  # fmt: skip
    """Advance x and the weight, each coordinate with its own noise."""
    wide_vectors()
    d, lanes = x.shape
    for j in range(d):
        for i in range(lanes):
            scale = abs(s[j, i]) * root[i]
            number = noisy * z[row + j, i]
            along = (pull[j, i] - b[j, i] * h[i]) / scale
            under_process = fma(spread, number, along)
            change = fma(number, number, -under_process * under_process)
            log_weight[i] = fma(0.5, change, log_weight[i])
            x[j, i] = fma(spread * scale, number, x[j, i] + pull[j, i])


@routine
def _move_general(
    spread: Any, noisy: Any, root: Any, h: Any, b: Any, f: Any, z: Any, row: Any, pull: Any,
    x: Any, log_weight: Any, along: Any,
) -> None:  # fmt: skip
    """Advance x and the weight with the Cholesky factor f of the covariance rate."""
    wide_vectors()
    d, lanes = x.shape
    for j in range(d):
        for i in range(lanes):
            along[j, i] = (pull[j, i] - b[j, i] * h[i]) / root[i]
            x[j, i] += pull[j, i]
        for p in range(j):
            for i in range(lanes):
                along[j, i] = fma(-f[j * d + p, i], along[p, i], along[j, i])
        for i in range(lanes):
            along[j, i] /= f[j * d + j, i]
            number = noisy * z[row + j, i]
            under_process = fma(spread, number, along[j, i])
            change = fma(number, number, -under_process * under_process)
            log_weight[i] = fma(0.5, change, log_weight[i])
        for p in range(j + 1):
            for i in range(lanes):
                noise = spread * root[i] * noisy * z[row + p, i]
                x[j, i] = fma(f[j * d + p, i], noise, x[j, i])


@inlined
def _lose_outside(limits: Any, x: Any, log_weight: Any) -> None:
    """Give proposals that left the state space or the floating-point range no weight."""
    d, lanes = x.shape
    for i in range(lanes):
        inside = True
        for j in range(d):
            inside &= (x[j, i] >= limits[0, j]) & (x[j, i] <= limits[1, j])
            inside &= abs(x[j, i]) < np.inf
        if not inside:
            log_weight[i] = np.nan
            for j in range(d):
                x[j, i] = np.nan


@routine
def _follow_drift(
    drift: Any, theta: Any, t: Any, clock_step: Any, n_inner: Any, h: Any, x: Any, b: Any,
    place: Any, curve: Any,
) -> None:  # fmt: skip
    """Write the solution without noise; it stands still where it leaves the finite numbers."""
    d, lanes = x.shape
    for j in range(d):
        for i in range(lanes):
            curve[j, i] = place[j, i] = x[j, i]
    for k in range(n_inner):
        drift(t + k * clock_step, place, theta, b)
        for j in range(d):
            for i in range(lanes):
                moved = fma(b[j, i], h[i], place[j, i])
                place[j, i] = moved if abs(moved) < np.inf else place[j, i]
                curve[(k + 1) * d + j, i] = place[j, i]


@routine
def _last_terms(n_inner: Any, own: Any, root: Any, f: Any, log_weight: Any) -> None:
    """Add the constants of the densities that do not cancel."""
    d = f.shape[0] if own else int(math.sqrt(f.shape[0]))
    lanes = f.shape[1]
    constant = -0.5 * d * (_LOG_TWO_PI + math.log(n_inner))
    for i in range(lanes):
        log_weight[i] += constant
    for j in range(d):
        row = j if own else j * d + j
        for i in range(lanes):
            scale = abs(f[row, i]) * root[i]
            usable = scale > 0.0 and scale < np.inf
            log_weight[i] += 0.5 * _minus_two_log(scale) if usable else np.nan


@routine
def _keep_states(x: Any, first: Any, stop: Any, step: Any, paths: Any) -> None:
    for i in range(stop - first):
        for j in range(x.shape[0]):
            paths[first + i, step, j] = x[j, i]


@inlined
def _load(
    first: Any, stop: Any, n_draws: Any, steps: Any, start: Any, end: Any, x: Any, target: Any,
    h: Any, root: Any, log_weight: Any,
) -> None:  # fmt: skip
    """Put each bridge of a tile at its start; the last bridge fills what is left of the lanes."""
    d, lanes = x.shape
    for i in range(lanes):
        row = min(first + i, stop - 1) // n_draws
        h[i] = steps[row]
        root[i] = math.sqrt(steps[row])
        log_weight[i] = 0.0
        for j in range(d):
            x[j, i] = start[row, j]
            target[j, i] = end[row, j]


@formula
def _bridge_tiles(
    drift: Any, diffusion: Any, theta: Any, limits: Any, sizes: Any, key: Any, clock: Any,
    steps: Any, start: Any, end: Any, tiles: Any, lanewise: Any, noise: Any, work: Any,
    log_weights: Any, paths: Any,
) -> None:  # fmt: skip
    """Propose and weigh the bridges of all tiles, one tile after another."""
    own, _, n_inner, n_draws, path0, mirrored, residual, _, kept = sizes
    h, root, log_weight = lanewise
    words, z = noise
    x, target, b, s, f, pull, along, curve = work
    d = start.shape[1]
    for tile in range(tiles.shape[0]):
        first, stop = tiles[tile, 0], tiles[tile, 1]
        t, clock_step = clock[first // n_draws, 0], clock[first // n_draws, 1]
        _load(first, stop, n_draws, steps, start, end, x, target, h, root, log_weight)
        if kept:
            _keep_states(x, first, stop, 0, paths)
        if residual:
            _follow_drift(drift, theta, t, clock_step, n_inner, h, x, b, pull, curve)
        for k in range(n_inner):
            last = k == n_inner - 1
            if k % 2 == 0 and not last:
                for pair in range(d):
                    block = k // 2 * d + pair
                    fill_tile(key, BRIDGES, path0 + first, block, mirrored, words, z, 2 * pair)
            number = k % 2 * d
            drift(t + k * clock_step, x, theta, b)
            diffusion(t + k * clock_step, x, theta, s)
            _aim(k, n_inner, residual, curve, x, target, pull)
            spread = math.sqrt((n_inner - k - 1) / (n_inner - k))
            noisy = 0.0 if last else 1.0
            if own:
                _move_own(spread, noisy, root, h, b, s, z, number, pull, x, log_weight)
            else:
                _factorise(d, s, f)
                _move_general(spread, noisy, root, h, b, f, z, number, pull, x, log_weight, along)
            if not last:
                _lose_outside(limits, x, log_weight)
                if kept:
                    _keep_states(x, first, stop, k + 1, paths)
        _last_terms(n_inner, own, root, s if own else f, log_weight)
        for i in range(stop - first):
            log_weights[first + i] = log_weight[i] if log_weight[i] > -np.inf else -np.inf
        if kept:
            _keep_states(target, first, stop, n_inner, paths)


@kernel
def run_bridges(
    drift: Any, diffusion: Any, theta: Any, limits: Any, sizes: Any, key: Any, clock: Any,
    steps: Any, start: Any, end: Any, tiles: Any, log_weights: Any, paths: Any,
) -> None:  # fmt: skip
    """Propose paths from the rows of ``start`` to those of ``end``, several for each.

    Parameters
    ----------
    drift, diffusion : coefficient
    theta : ndarray
        All parameters.
    limits : ndarray of shape (2, d)
        Lower and upper end of the state space.
    sizes : ndarray of int64
        1 if each coordinate has its own noise; rows of the diffusion; steps of a bridge;
        bridges of a row; first path; 1 for mirrored pairs; 1 for the residual proposal;
        lanes of a tile; 1 if paths are kept.
    key : uint64
    clock : ndarray of shape (n, 2)
        Clock reading at the start, and length of a step on the clock.
    steps : ndarray of shape (n,)
        Length of a step in time.
    start, end : ndarray of shape (n, d)
    tiles : ndarray of int64, shape (tiles, 2)
        First bridge and end of each tile; the bridges of a tile share the clock.
    log_weights : ndarray of shape (bridges,)
        Receives the log weights, -inf for lost proposals.
    paths : ndarray of shape (bridges, steps + 1, d)
        Receives the paths if they are kept.
    """
    own, rows, n_inner, _, _, _, residual, lanes, _ = sizes
    d = start.shape[1]
    lanewise = (np.empty(lanes, FLOAT), np.empty(lanes, FLOAT), np.empty(lanes, FLOAT))
    noise = (np.empty((2, lanes), np.uint64), np.zeros((2 * d, lanes), FLOAT))
    work = (
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty((rows, lanes), FLOAT),
        np.empty((0 if own else d * d + 1, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty((d, lanes), FLOAT),
        np.empty(((n_inner + 1) * d if residual else 0, lanes), FLOAT),
    )
    _bridge_tiles(
        drift, diffusion, theta, limits, sizes, key, clock, steps, start, end, tiles, lanewise,
        noise, work, log_weights, paths,
    )  # fmt: skip
