"""How many normal numbers the Lévy areas of one step take."""

from __future__ import annotations

import math

__all__ = ["area_numbers", "area_terms"]

_LARGEST_TERMS = 1000


def area_terms(dt: float) -> int:
    """Return the number of Fourier terms that keeps strong order 1 at the step ``dt``.

    With the tail approximated, of order dt^(-1/2) terms are enough; the number must not
    depend on anything but the step, or a longer run would not repeat a shorter one.
    """
    return min(max(4, math.ceil(dt**-0.5)), _LARGEST_TERMS)


def area_numbers(noise_dim: int, terms: int) -> int:
    """Return how many normal numbers the areas of one step take."""
    return 2 * terms * noise_dim + noise_dim * (noise_dim - 1) // 2 if terms else 0
