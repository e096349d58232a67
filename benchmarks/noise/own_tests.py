"""Tests of the words and of the normal numbers; each is a dictionary from name to p-value."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from scipy import special, stats

__all__ = [
    "anderson_darling",
    "correlations",
    "distribution",
    "moments",
    "uniform_words",
]

_LAGS = (1, 2, 3, 4, 5, 7, 8, 16, 31, 32, 33, 64, 127, 128, 129, 256, 1024, 4096)

# Polynomials in Anderson and Darling's statistic, highest power first.
_SMALL = (0.00168691, -0.011672, 0.0347962, -0.0649821, 0.247105, 2.00012)
_LARGE = (-0.0003146, 0.008056, -0.082433, 0.43424, -2.30695, 1.0776)


def moments(z: np.ndarray, highest: int = 8) -> dict[str, float]:
    """Return p-values of the raw moments up to an order, each against its normal value."""
    found, power = {}, np.ones_like(z)
    for order in range(1, highest + 1):
        power = power * z
        expected, square = _normal_moment(order), _normal_moment(2 * order)
        error = math.sqrt((square - expected**2) / len(z))
        found[f"moment {order}"] = _two_sided((power.mean() - expected) / error)
    return found


def distribution(z: np.ndarray, parts: int = 64) -> dict[str, float]:
    """Return p-values of Kolmogorov-Smirnov and Anderson-Darling, and of their own p-values.

    The tests of the parts should have uniform p-values; a fault too small for one part shows
    there.
    """
    pieces = z.reshape(parts, -1)
    small = {
        "Kolmogorov-Smirnov": [stats.kstest(piece, "norm").pvalue for piece in pieces],
        "Anderson-Darling": [anderson_darling(piece) for piece in pieces],
    }
    found = {
        "Kolmogorov-Smirnov": float(stats.kstest(z, "norm").pvalue),
        "Anderson-Darling": anderson_darling(z),
        **{
            f"{name}, p-values of {parts} parts": float(stats.kstest(values, "uniform").pvalue)
            for name, values in small.items()
        },
    }
    edges = special.ndtri(np.linspace(0.0, 1.0, 4097)[1:-1])
    counts = np.bincount(np.searchsorted(edges, z), minlength=4096)
    return {**found, "4096 equal cells": float(stats.chisquare(counts).pvalue)}


def anderson_darling(z: np.ndarray) -> float:
    """Return the p-value of Anderson and Darling's test of the standard normal distribution.

    The asymptotic distribution by Marsaglia and Marsaglia (2004), Journal of Statistical
    Software 9(2), whose error is below 2e-6.
    """
    x = np.sort(z)
    n = len(x)
    weights = 2.0 * np.arange(1, n + 1) - 1.0
    a = -n - float(np.mean(weights * (special.log_ndtr(x) + special.log_ndtr(-x[::-1]))))
    if a < 2.0:
        series = np.polyval(_SMALL, a)
        return float(1.0 - math.exp(-1.2337141 / a) / math.sqrt(a) * series)
    return float(-np.expm1(-np.exp(np.polyval(_LARGE, a))))


def correlations(z: np.ndarray, lags: Iterable[int] = _LAGS) -> dict[str, float]:
    """Return p-values of the correlations of z, and of z^2, at distances in a stream."""
    found = {}
    for name, x, variance in (("z", z, 1.0), ("z^2", z * z - 1.0, 2.0)):
        for lag in lags:
            products = x[:-lag] * x[lag:]
            score = products.sum() / (variance * math.sqrt(len(products)))
            found[f"correlation of {name}, lag {lag}"] = _two_sided(score)
    return found


def uniform_words(chunks: Iterable[np.ndarray]) -> dict[str, float]:
    """Return p-values of the frequencies in 32-bit words: bits, bytes, 16-bit halves, pairs."""
    ones = np.zeros(32)
    bytes_ = np.zeros((4, 256))
    halves = np.zeros((2, 2**16))
    pairs = np.zeros(2**16)
    n = 0
    for chunk in chunks:
        n += chunk.size
        by_byte = chunk.view(np.uint8).reshape(-1, 4)
        by_half = chunk.view(np.uint16).reshape(-1, 2)
        bytes_ += [np.bincount(by_byte[:, k], minlength=256) for k in range(4)]
        halves += [np.bincount(by_half[:, k], minlength=2**16) for k in range(2)]
        leading = (chunk >> np.uint32(24)).astype(np.int64)
        pairs += np.bincount(leading[:-1:2] * 256 + leading[1::2], minlength=2**16)
        ones += [np.count_nonzero(chunk & np.uint32(1 << bit)) for bit in range(32)]
    scores = (ones - n / 2) / math.sqrt(n / 4)
    return {
        "32 bits, one by one": float(stats.chi2.sf((scores**2).sum(), 32)),
        **{f"byte {k}": float(stats.chisquare(bytes_[k]).pvalue) for k in range(4)},
        **{f"16-bit half {k}": float(stats.chisquare(halves[k]).pvalue) for k in range(2)},
        "first bytes of pairs of words": float(stats.chisquare(pairs).pvalue),
    }


def _normal_moment(order: int) -> float:
    return 0.0 if order % 2 else float(special.factorial2(order - 1)) if order else 1.0


def _two_sided(score: float) -> float:
    return float(2.0 * stats.norm.sf(abs(score)))
