"""Whether flipping one bit of the generator's input flips every bit of its output half the time."""

from __future__ import annotations

import numpy as np
from scipy import stats

from benchmarks.noise.own_words import words

__all__ = ["FIELDS", "avalanche", "neighbouring_streams"]

#: Parts of the input and the number of bits that are flipped.
FIELDS = {"key": 64, "purpose": 32, "path": 32, "block": 62}
_BITS = 128


def avalanche(bases: int, rng: np.random.Generator) -> dict[str, float]:
    """Return p-values, by field: of the most unusual input bit, and of all together."""
    inputs = {
        name: [int(v) for v in rng.integers(0, 2**bits, size=bases, dtype=np.uint64)]
        if bits < 64
        else [int(v) for v in rng.integers(0, 2**63, size=bases, dtype=np.uint64)]
        for name, bits in FIELDS.items()
    }
    points = [
        dict(zip(inputs, values, strict=True)) for values in zip(*inputs.values(), strict=True)
    ]
    outputs = [_bits(**point) for point in points]
    found = {}
    for name, bits in FIELDS.items():
        statistics = np.array([_chi_square(points, outputs, name, bit) for bit in range(bits)])
        least = float(stats.chi2.sf(statistics, _BITS).min())
        found[f"avalanche, {name}, most unusual bit"] = float(-np.expm1(bits * np.log1p(-least)))
        found[f"avalanche, {name}, all bits"] = float(stats.chi2.sf(statistics.sum(), bits * _BITS))
    return found


def _chi_square(
    points: list[dict[str, int]], outputs: list[np.ndarray], name: str, bit: int
) -> float:
    """Return the sum of squared scores of the 128 output bits, for one input bit flipped."""
    flips = np.zeros(_BITS)
    for point, output in zip(points, outputs, strict=True):
        flips += _bits(**{**point, name: point[name] ^ (1 << bit)}) != output
    n = len(points)
    return float((((flips - n / 2) ** 2) / (n / 4)).sum())


def _bits(key: int, purpose: int, path: int, block: int) -> np.ndarray:
    found = words(key, purpose, path, 1, block, 1)
    return np.unpackbits(np.ascontiguousarray(found).view(np.uint8))


def neighbouring_streams(key: int, blocks: int) -> dict[str, float]:
    """Return p-values of the agreement of long streams whose addresses differ by little."""
    addresses = {
        "next path": (key, 0, 1),
        "path with its highest bit flipped": (key, 0, 1 << 31),
        "next purpose": (key, 1, 0),
        "purpose 256 further": (key, 256, 0),
        "next key": (key + 1, 0, 0),
        "key with its highest bit flipped": (key ^ (1 << 63), 0, 0),
    }
    own = words(key, 0, 0, 1, 0, blocks)
    return {
        f"bits shared with {name}": _agreement(own, words(k, purpose, path, 1, 0, blocks))
        for name, (k, purpose, path) in addresses.items()
    }


def _agreement(a: np.ndarray, b: np.ndarray) -> float:
    differing, n = int(np.bitwise_count(a ^ b).sum()), 64 * a.size
    return float(2.0 * stats.norm.sf(abs(differing - n / 2) / np.sqrt(n / 4)))
