"""Normal numbers by address, many at a time.

Philox4x32-10 is a function of a counter, here (path, block, stream), so no number depends on how
many threads run, how paths are grouped or what was drawn before. A block gives two numbers.

References
----------
Salmon, Moraes, Dror and Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, Proceedings of
SC11. Box and Muller (1958), Annals of Mathematical Statistics 29, 610-611.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import formula, kernel, routine
from stochtext._shared.compilation.intrinsics import bits_of, float_of, fma, wide_vectors

__all__ = ["fill_normals", "fill_tile", "fill_words", "normal_pair", "philox"]

_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_ONE = np.uint64(0x3FF0000000000000)
_ROOT_OF_HALF = np.uint64(0x3FE6A09E667F3BCD)
_EXPONENT = np.uint64(0xFFF0000000000000)
_SIGN = np.uint64(0x8000000000000000)
_SHIFT_1 = np.uint64(1)
_SHIFT_2 = np.uint64(2)
_SHIFT_12 = np.uint64(12)
_SHIFT_52 = np.int64(52)
_TWO_LOG_2 = 2.0 * math.log(2.0)


@formula
def philox(c0: Any, c1: Any, c2: Any, c3: Any, k0: Any, k1: Any) -> Any:
    """Return two 64-bit words for a counter and a key of 32-bit words.

    The upper halves of the counters may hold anything: they are masked where they count.
    """
    for _ in range(10):
        p0 = _MULTIPLIER_0 * (c0 & _LOW)
        p1 = _MULTIPLIER_1 * (c2 & _LOW)
        c0 = (p1 >> _HALF) ^ c1 ^ k0
        c2 = (p0 >> _HALF) ^ c3 ^ k1
        c1 = p1
        c3 = p0
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return (c1 << _HALF) | (c0 & _LOW), (c3 << _HALF) | (c2 & _LOW)


@formula
def _minus_two_log(u: Any) -> Any:
    """Return -2 log(u) for u in (0, 1], to 1e-15: polynomial in ((m - 1) / (m + 1))^2."""
    bits = bits_of(u)
    above = bits - _ROOT_OF_HALF
    exponent = np.float64(np.int64(above) >> _SHIFT_52)
    m = float_of(bits - (above & _EXPONENT))
    s = (m - 1.0) / (m + 1.0)
    q = s * s
    p = fma(0.083109085764294640906, q, 0.090700969014329955449)
    p = fma(p, q, 0.11111431140054357776)
    p = fma(p, q, 0.14285712069162080292)
    p = fma(p, q, 0.20000000005603253161)
    p = fma(p, q, 0.33333333333331041612)
    return fma(exponent, -_TWO_LOG_2, -4.0 * fma(s * q, p, s))


@formula
def _sine_and_cosine(f: Any) -> Any:
    """Return sin(f) and cos(f) for |f| <= pi / 4, to 2e-14."""
    y = f * f
    s = fma(y, -2.4805636241834364315e-8, 2.7555990929565313119e-6)
    s = fma(s, y, -0.00019841266916985965528)
    s = fma(s, y, 0.0083333333310792230778)
    s = fma(s, y, -0.16666666666663885933)
    c = fma(y, 2.0665504870122397404e-9, -2.7555855511929499286e-7)
    c = fma(c, y, 0.00002480158262335195142)
    c = fma(c, y, -0.001388888888212795134)
    c = fma(c, y, 0.041666666666630926251)
    c = fma(c, y, -0.49999999999999969381)
    return fma(s * y, f, f), fma(c, y, 1.0)


@formula
def normal_pair(r0: Any, r1: Any) -> Any:
    """Return two independent normal numbers made of two words.

    52 bits of the first word give the radius, up to 8.49. Of the second word the two highest
    bits turn by half and by a quarter of the circle, 52 others give the angle between.
    """
    radius = math.sqrt(_minus_two_log(2.0 - float_of((r0 >> _SHIFT_12) | _ONE)))
    part = float_of(((r1 << _SHIFT_2) >> _SHIFT_12) | _ONE)
    sine, cosine = _sine_and_cosine(fma(part, 0.5 * math.pi, -0.75 * math.pi))
    signed = float_of(bits_of(radius) ^ ((r1 << _SHIFT_1) & _SIGN))
    along = signed * cosine
    across = signed * sine
    quarter = np.int64(r1) < 0
    return (across if quarter else along), (-along if quarter else across)


@routine
def fill_tile(
    key: Any, stream: Any, path: Any, block: Any, mirrored: Any, words: Any, out: Any, row: Any
) -> None:
    """Write the two numbers of one block for neighbouring paths.

    Parameters
    ----------
    key : uint64
        From ``noise_key``.
    stream : uint64
        What the numbers are for.
    path : int64
        Path of the first lane.
    block : int64
        Address of the block on its path.
    mirrored : int64
        0, or 1 if paths 2k and 2k + 1 have opposite numbers.
    words : ndarray of uint64, shape (2, lanes)
        Scratch.
    out : ndarray of shape (rows, lanes)
        Receives the numbers in the rows ``row`` and ``row + 1``. Rows are told by their
        number throughout: a view of one costs more than what is done with it.
    row : int64
    """
    wide_vectors()
    k0 = np.uint64(key) & _LOW
    k1 = np.uint64(key) >> _HALF
    low = np.uint64(block) & _LOW
    high = np.uint64(block) >> _HALF
    start = np.uint64(path)
    halved = np.uint64(mirrored)
    for i in range(out.shape[1]):
        r0, r1 = philox((start + np.uint64(i)) >> halved, low, high, np.uint64(stream), k0, k1)
        words[0, i] = r0
        words[1, i] = r1
    # A second loop: together they need more registers than there are.
    for i in range(out.shape[1]):
        a, b = normal_pair(words[0, i], words[1, i])
        out[row, i] = a
        out[row + 1, i] = b
    if mirrored:
        for i in range(out.shape[1]):
            if (path + i) % 2 == 1:
                out[row, i] = -out[row, i]
                out[row + 1, i] = -out[row + 1, i]


@routine
def fill_path(
    key: Any, stream: Any, path: Any, block: Any, mirrored: Any, words: Any, out: Any
) -> None:
    """Write the numbers of neighbouring blocks of one path; as ``fill_tile``, the other way."""
    wide_vectors()
    k0 = np.uint64(key) & _LOW
    k1 = np.uint64(key) >> _HALF
    own = np.uint64(path) >> np.uint64(mirrored)
    sign = -1.0 if mirrored and path % 2 == 1 else 1.0
    blocks = out.size // 2
    for i in range(blocks):
        at = np.uint64(block) + np.uint64(i)
        r0, r1 = philox(own, at & _LOW, at >> _HALF, np.uint64(stream), k0, k1)
        words[0, i] = r0
        words[1, i] = r1
    for i in range(blocks):
        a, b = normal_pair(words[0, i], words[1, i])
        out[2 * i] = sign * a
        out[2 * i + 1] = sign * b


@kernel
def fill_normals(key: Any, stream: Any, first_path: Any, first_block: Any, out: Any) -> None:
    """Write the numbers of whole blocks, one row a path."""
    words = np.empty((2, out.shape[1] // 2), np.uint64)
    for row in range(out.shape[0]):
        fill_path(key, stream, first_path + row, first_block, 0, words, out[row])


@kernel
def fill_words(key: Any, stream: Any, first_path: Any, first_block: Any, out: Any) -> None:
    """Write the two words of each block, ``out`` of shape (paths, blocks, 2)."""
    wide_vectors()
    k0 = np.uint64(key) & _LOW
    k1 = np.uint64(key) >> _HALF
    for row in range(out.shape[0]):
        for i in range(out.shape[1]):
            at = np.uint64(first_block + i)
            path = np.uint64(first_path + row)
            r0, r1 = philox(path, at & _LOW, at >> _HALF, np.uint64(stream), k0, k1)
            out[row, i, 0] = r0
            out[row, i, 1] = r1
