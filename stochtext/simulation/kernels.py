"""The step loops in machine code: noise in, states out.

Each kernel advances a tile of paths through a block of steps. It draws nothing: the same
noise can be given to any scheme. Imported late, because it loads numba. All kernels that call
one another stand in this file, because numba's cache notices changes of one file only.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numba import types

from stochtext.processes.compiled.compilation import COEFFICIENT, kernel

__all__ = ["advance_kernel", "iterated_integrals"]

# A central difference with this relative step has an error near 1e-10.
_RELATIVE_STEP = 6e-6
_SMALLEST_SCALE = 1e-3

_MATRIX = types.float64[:, ::1]
_SIGNATURE = types.void(
    COEFFICIENT,  # drift
    COEFFICIENT,  # diffusion
    types.float64[::1],  # theta
    types.float64[::1],  # grid: clock at step 0, clock step, dt
    types.int64[::1],  # first step, steps per saved state, Fourier terms, Milstein?, steps here
    _MATRIX,  # noise, one row a path
    _MATRIX,  # further noise for the areas
    _MATRIX,  # state
    types.float64[:, :, ::1],  # out
    types.int64[::1],  # exploded
)


@kernel()
def _add_area(out: Any, i: int, j: int, area: float) -> None:
    out[i, j] += area
    out[j, i] -= area


@kernel()
def _add_tail(xi: Any, numbers: Any, scale: float, out: Any) -> None:
    m = xi.size
    g = np.zeros((m, m))
    k = 0
    squared = 0.0
    for i in range(m):
        squared += xi[i] * xi[i]
        for j in range(i + 1, m):
            g[i, j] = numbers[k]
            g[j, i] = -numbers[k]
            k += 1
    projected = np.zeros(m)
    for i in range(m):
        for j in range(m):
            projected[i] += g[i, j] * xi[j]
    # (sqrt(1 + s) - 1) / s, written so that s = 0 is no exception.
    factor = 1.0 / (1.0 + math.sqrt(1.0 + squared))
    for i in range(m):
        for j in range(i + 1, m):
            along = projected[i] * xi[j] - projected[j] * xi[i]
            _add_area(out, i, j, scale * (g[i, j] + factor * along))


@kernel()
def iterated_integrals(xi: Any, extra: Any, terms: int, dt: float, out: Any) -> None:
    """Write I(i, j) = int int dW_i dW_j over one step into ``out``.

    Parameters
    ----------
    xi : ndarray of shape (m,)
        Increments divided by sqrt(dt).
    extra : ndarray of shape (area_numbers(m, terms),)
        Further normal numbers.
    terms : int
        Fourier terms of the Lévy areas; 0 leaves the areas out, which is exact
        in the Milstein scheme for commutative noise.
    dt : float
        Length of the step.
    out : ndarray of shape (m, m)

    Notes
    -----
    I(i, j) = (dW_i dW_j - [i = j] dt) / 2 + A(i, j), where the Lévy area A is its
    Fourier series cut after ``terms`` terms, and the rest a Gaussian with the exact
    conditional covariance 2 I + 2 S, with (S G)_ij = (G xi)_i xi_j - (G xi)_j xi_i. S has
    the eigenvalues 0 and |xi|^2, so the root is sqrt(2) (I + (sqrt(1 + |xi|^2) - 1) S / |xi|^2).

    References
    ----------
    Kloeden and Platen (1992), section 5.8. Wiktorsson (2001), Joint characteristic
    function and simultaneous simulation of iterated Itô integrals for multiple
    independent Brownian motions, Annals of Applied Probability 11, 470-487.
    """
    m = xi.size
    for i in range(m):
        for j in range(m):
            out[i, j] = 0.5 * dt * (xi[i] * xi[j] - (1.0 if i == j else 0.0))
    if terms == 0:
        return
    tail = math.pi**2 / 6.0
    for r in range(1, terms + 1):
        tail -= 1.0 / r**2
        zeta = extra[2 * m * (r - 1) : 2 * m * (r - 1) + m]
        eta = extra[2 * m * (r - 1) + m : 2 * m * r]
        for i in range(m):
            for j in range(i + 1, m):
                area = zeta[i] * (math.sqrt(2.0) * xi[j] + eta[j])
                area -= zeta[j] * (math.sqrt(2.0) * xi[i] + eta[i])
                _add_area(out, i, j, dt / (2.0 * math.pi * r) * area)
    _add_tail(xi, extra[2 * m * terms :], dt / (2.0 * math.pi) * math.sqrt(2.0 * tail), out)


@kernel()
def _settle(x: Any, step: int, per_save: int, out: Any, exploded: Any) -> None:
    """Mark paths that left the floating-point range, and save the state when due."""
    n, d = x.shape
    for i in range(n):
        if exploded[i] < 0:
            for j in range(d):
                if not math.isfinite(x[i, j]):
                    exploded[i] = step
        if exploded[i] >= 0:
            # A function of the user may turn NaN into a number again.
            for j in range(d):
                x[i, j] = np.nan
    if step % per_save == 0:
        k = step // per_save
        for i in range(n):
            for j in range(d):
                out[i, k, j] = x[i, j]


@kernel()
def _scale(value: float) -> float:
    return _RELATIVE_STEP * max(abs(value), _SMALLEST_SCALE)


@kernel()
def _own_derivatives(
    diffusion: Any, theta: Any, t: float, x: Any, shifted: Any, above: Any, below: Any
) -> None:
    """Write d sigma_j / d x_j into ``above`` (diagonal noise)."""
    n, d = x.shape
    for i in range(n):
        for j in range(d):
            shifted[i, j] = x[i, j] + _scale(x[i, j])
    diffusion(t, shifted, theta, above)
    for i in range(n):
        for j in range(d):
            shifted[i, j] = x[i, j] - _scale(x[i, j])
    diffusion(t, shifted, theta, below)
    for i in range(n):
        for j in range(d):
            above[i, j] = (above[i, j] - below[i, j]) / (2.0 * _scale(x[i, j]))


def _advance_diagonal(
    drift: Any,
    diffusion: Any,
    theta: Any,
    grid: Any,
    counts: Any,
    noise: Any,
    extra: Any,
    x: Any,
    out: Any,
    exploded: Any,
) -> None:
    """Euler-Maruyama or Milstein steps with a diagonal diffusion matrix."""
    n, d = x.shape
    dt = grid[2]
    b, s = np.empty((n, d)), np.empty((n, d))
    shifted, slope, below = np.empty((n, d)), np.zeros((n, d)), np.empty((n, d))
    for k in range(counts[4]):
        step = counts[0] + k
        t = grid[0] + step * grid[1]
        drift(t, x, theta, b)
        diffusion(t, x, theta, s)
        if counts[3]:
            _own_derivatives(diffusion, theta, t, x, shifted, slope, below)
        for i in range(n):
            for j in range(d):
                dw = math.sqrt(dt) * noise[i, k * d + j]
                x[i, j] += b[i, j] * dt + s[i, j] * dw
                if counts[3]:
                    x[i, j] += 0.5 * s[i, j] * slope[i, j] * (dw * dw - dt)
        _settle(x, step + 1, counts[1], out, exploded)


@kernel()
def _along(x: Any, direction: Any) -> float:
    """Return how far to go along a column of sigma for a central difference; 0 if it is zero."""
    size = 0.0
    position = 0.0
    for j in range(x.size):
        size = max(size, abs(direction[j]))
        position = max(position, abs(x[j]))
    if size == 0.0:
        return 0.0
    return _RELATIVE_STEP * max(position, _SMALLEST_SCALE) / size


@kernel()
def _add_corrections(
    diffusion: Any,
    theta: Any,
    t: float,
    dt: float,
    terms: int,
    x: Any,
    s: Any,
    noise: Any,
    extra: Any,
    change: Any,
) -> None:
    """Add sum_(p, q) (sigma_p . grad) sigma_q I(p, q), Kloeden and Platen (1992), eq. 10.3.3."""
    n, d = x.shape
    m = noise.shape[1]
    integrals = np.empty((n, m, m))
    for i in range(n):
        iterated_integrals(noise[i], extra[i], terms, dt, integrals[i])
    shifted, length = np.empty((n, d)), np.empty(n)
    above, below = np.empty((n, d * m)), np.empty((n, d * m))
    for p in range(m):
        for i in range(n):
            length[i] = _along(x[i], s[i, p::m])
            for j in range(d):
                shifted[i, j] = x[i, j] + length[i] * s[i, j * m + p]
        diffusion(t, shifted, theta, above)
        for i in range(n):
            for j in range(d):
                shifted[i, j] = x[i, j] - length[i] * s[i, j * m + p]
        diffusion(t, shifted, theta, below)
        for i in range(n):
            for j in range(d):
                for q in range(m):
                    if length[i] > 0.0:
                        slope = (above[i, j * m + q] - below[i, j * m + q]) / (2.0 * length[i])
                        change[i, j] += slope * integrals[i, p, q]


def _advance_general(
    drift: Any,
    diffusion: Any,
    theta: Any,
    grid: Any,
    counts: Any,
    noise: Any,
    extra: Any,
    x: Any,
    out: Any,
    exploded: Any,
) -> None:
    """Euler-Maruyama or Milstein steps with a full diffusion matrix, stored row by row."""
    n, d = x.shape
    steps = counts[4]
    m = noise.shape[1] // steps
    q = extra.shape[1] // steps
    dt = grid[2]
    b, s, change = np.empty((n, d)), np.empty((n, d * m)), np.empty((n, d))
    for k in range(steps):
        step = counts[0] + k
        t = grid[0] + step * grid[1]
        drift(t, x, theta, b)
        diffusion(t, x, theta, s)
        for i in range(n):
            for j in range(d):
                total = 0.0
                for source in range(m):
                    total += s[i, j * m + source] * noise[i, k * m + source]
                change[i, j] = b[i, j] * dt + math.sqrt(dt) * total
        if counts[3]:
            own = noise[:, k * m : (k + 1) * m].copy()
            more = extra[:, k * q : (k + 1) * q].copy()
            _add_corrections(diffusion, theta, t, dt, counts[2], x, s, own, more, change)
        for i in range(n):
            for j in range(d):
                x[i, j] += change[i, j]
        _settle(x, step + 1, counts[1], out, exploded)


@cache
def advance_kernel(diagonal: bool) -> Any:
    """Return the compiled step loop for a diagonal or for a full diffusion matrix.

    Only the one that is needed is compiled.
    """
    return kernel(_SIGNATURE)(_advance_diagonal if diagonal else _advance_general)
