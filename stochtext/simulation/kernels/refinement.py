"""The Brownian path of one step of the grid, seen in substeps: the same path for any number.

With standardised increments z (of W) and zeta (of the integral of W, given the increment of W)
an interval is halved by orthogonal maps of its own numbers and fresh ones, so that twice as many
substeps see the same path. An odd factor is split off first, all parts at once.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import routine
from stochtext.simulation.kernels.noise import fill_tile

FLOAT = np.float64

__all__ = ["odd_part", "refine"]

_NODE = np.uint64(256)
_ROOT_HALF = math.sqrt(0.5)


@routine
def odd_part(n: int) -> int:
    """Return the largest odd divisor."""
    while n % 2 == 0:
        n //= 2
    return n


@routine
def _fresh(
    key: Any, stream: Any, node: Any, path: Any, number: Any, mirrored: Any,
    words: Any, pair: Any, z: Any, row: Any,
) -> None:  # fmt: skip
    """Write the number at an address of each path into ``z[row]``."""
    address = np.uint64(stream) + _NODE * np.uint64(node)
    fill_tile(key, address, path, number // 2, mirrored, words, pair, number - number)
    for i in range(z.shape[1]):
        z[row, i] = pair[number % 2, i]


@routine
def refine(
    key: Any, stream: Any, path: Any, step: Any, parts: Any, m: Any, mirrored: Any,
    words: Any, pair: Any, z: Any,
) -> None:  # fmt: skip
    """Turn the increments of a step into those of ``parts`` substeps, in place.

    Parameters
    ----------
    key, path, mirrored
        As in ``fill_tile``.
    stream : uint64
        What the fresh numbers are for.
    step : int64
        Address of the step.
    parts, m : int64
        Number of substeps, and of noise sources.
    words, pair : ndarray
        Scratch: words for ``fill_tile``, and two rows.
    z : ndarray of shape (parts * m, lanes)
        Standardised increments: in, those of the step in the first m rows; out, those of
        each substep in turn.
    """
    odd = odd_part(parts)
    if odd > 1:
        _split(key, stream, path, step, odd, m, mirrored, words, pair, z)
    count = odd
    while count < parts:
        for k in range(count - 1, -1, -1):
            for j in range(m):
                # Node count + k of the tree of halvings; the address does not know its depth.
                above = k * m + j
                left = 2 * k * m + j
                right = left + m
                number = step * m + j
                node = count + k
                _fresh(key, stream, node, path, number, mirrored, words, pair, z, right)
                for i in range(z.shape[1]):
                    whole = z[above, i]
                    other = z[right, i]
                    z[left, i] = (whole + other) * _ROOT_HALF
                    z[right, i] = (whole - other) * _ROOT_HALF
        count *= 2


@routine
def _split(
    key: Any, stream: Any, path: Any, step: Any, odd: Any, m: Any, mirrored: Any,
    words: Any, pair: Any, z: Any,
) -> None:  # fmt: skip
    """Replace fresh numbers by themselves, with the mean that the whole step has."""
    lanes = z.shape[1]
    whole = np.empty(lanes, FLOAT)
    mean = np.empty(lanes, FLOAT)
    for j in range(m):
        for i in range(lanes):
            whole[i] = z[j, i]
            mean[i] = FLOAT(0.0)
        for k in range(odd):
            number = (step * odd + k) * m + j
            _fresh(key, stream, m - m, path, number, mirrored, words, pair, z, k * m + j)
            for i in range(lanes):
                mean[i] += z[k * m + j, i] / odd
        for k in range(odd):
            for i in range(lanes):
                z[k * m + j, i] += whole[i] / math.sqrt(odd) - mean[i]
