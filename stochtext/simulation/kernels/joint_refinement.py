"""The path and its time integral over one step of the grid, seen in substeps.

An interval of length h has the standard normal numbers z and zeta: W grows by sqrt(h) z and the
integral of W - W(start) is h^(3/2) (z / 2 + zeta / (2 sqrt(3))). Both are kept at the times of
the grid for any number of substeps, and everywhere for twice as many: the maps below are
orthogonal, so all numbers are independent again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import routine
from stochtext.simulation.kernels.noise import fill_tile

FLOAT = np.float64

__all__ = ["refine_jointly"]

_TREE = np.uint64(256)
_EVEN_SHARE = math.sqrt(0.5)
_ROOT_3 = math.sqrt(3.0)


@routine
def refine_jointly(
    key: Any, stream: Any, path: Any, step: Any, parts: Any, m: Any, mirrored: Any,
    words: Any, pair: Any, z: Any, zeta: Any,
) -> None:  # fmt: skip
    """Turn the numbers of a step into those of ``parts`` substeps, in place.

    Parameters
    ----------
    key, path, mirrored, stream, step, parts, m, words, pair
        As in ``refine``.
    z, zeta : ndarray of shape (parts * m, lanes)
        In: those of the step in the first m rows. Out: those of each substep in turn.
    """
    odd = parts
    while odd % 2 == 0:
        odd //= 2
    if odd > 1:
        _split_jointly(key, stream, path, step, odd, m, mirrored, words, pair, z, zeta)
    count = odd
    while count < parts:
        for k in range(count - 1, -1, -1):
            address = np.uint64(stream) + _TREE * np.uint64(count + k)
            for j in range(m):
                fill_tile(key, address, path, step * m + j, mirrored, words, pair, j - j)
                _halve(k * m + j, 2 * k * m + j, m, pair, z, zeta)
        count *= 2


@routine
def _halve(above: Any, left: Any, m: Any, pair: Any, z: Any, zeta: Any) -> None:
    half = FLOAT(0.5)
    root = FLOAT(_EVEN_SHARE)
    slope = FLOAT(0.5 * _ROOT_3)
    right = left + m
    for i in range(z.shape[1]):
        whole = z[above, i]
        swing = zeta[above, i]
        apart = slope * swing + half * pair[0, i]
        level = half * swing - slope * pair[0, i]
        z[left, i] = root * (whole + apart)
        z[right, i] = root * (whole - apart)
        zeta[left, i] = root * (level + pair[1, i])
        zeta[right, i] = root * (level - pair[1, i])


@routine
def _split_jointly(
    key: Any, stream: Any, path: Any, step: Any, odd: Any, m: Any, mirrored: Any,
    words: Any, pair: Any, z: Any, zeta: Any,
) -> None:  # fmt: skip
    """Replace fresh numbers by themselves, moved so that z and zeta of the step come out.

    With n parts z is the sum of z_k / n^(1/2), and zeta that of
    (zeta_k + sqrt(3) (n - 1 - 2 k) z_k) / n^(3/2).
    """
    lanes = z.shape[1]
    along = np.empty((2, lanes), FLOAT)
    level = FLOAT(odd**-0.5)
    across = FLOAT(odd**-1.5)
    for j in range(m):
        for i in range(lanes):
            along[0, i] = z[j, i]
            along[1, i] = zeta[j, i]
        for k in range(odd):
            slope = FLOAT(_ROOT_3 * (odd - 1 - 2 * k) * odd**-1.5)
            block = (step * odd + k) * m + j
            fill_tile(key, stream, path, block, mirrored, words, pair, j - j)
            for i in range(lanes):
                z[k * m + j, i] = pair[0, i]
                zeta[k * m + j, i] = pair[1, i]
                along[0, i] -= level * pair[0, i]
                along[1, i] -= across * pair[1, i] + slope * pair[0, i]
        for k in range(odd):
            slope = FLOAT(_ROOT_3 * (odd - 1 - 2 * k) * odd**-1.5)
            for i in range(lanes):
                z[k * m + j, i] += level * along[0, i] + slope * along[1, i]
                zeta[k * m + j, i] += across * along[1, i]
