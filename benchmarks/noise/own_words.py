"""The raw words of the package's generator: the one place that looks behind the public API."""

from __future__ import annotations

import numpy as np

from stochtext.simulation import noise

__all__ = ["words"]


def words(
    key: int, purpose: int, first_path: int, n_paths: int, first_block: int, n_blocks: int
) -> np.ndarray:
    """Return the 64-bit words of blocks of paths, uint64 of shape (n_paths, n_blocks, 2)."""
    return noise.words(np.uint64(key), purpose, first_path, n_paths, first_block, n_blocks)
