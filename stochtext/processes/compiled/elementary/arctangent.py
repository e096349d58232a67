"""The inverse tangent, around the nearest of 0, 1/2, 1, 3/2 and infinity."""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined
from stochtext._shared.compilation.intrinsics import fma

__all__ = ["arctan32", "arctan64"]


@inlined
def arctan64(x: Any) -> Any:
    """Return the inverse tangent. Error below 1 ulp."""
    size = abs(x)
    above = -1.0
    below = size
    high = 1.5707963267948966
    low = 6.123233995736766e-17
    middle = size < 2.4375
    above = size - 1.5 if middle else above
    below = fma(1.5, size, 1.0) if middle else below
    high = 0.982793723247329 if middle else high
    low = 1.3903311031230998e-17 if middle else low
    middle = size < 1.1875
    above = size - 1.0 if middle else above
    below = size + 1.0 if middle else below
    high = 0.7853981633974483 if middle else high
    low = 3.061616997868383e-17 if middle else low
    middle = size < 0.6875
    above = fma(2.0, size, -1.0) if middle else above
    below = size + 2.0 if middle else below
    high = 0.4636476090008061 if middle else high
    low = 2.2698777452961687e-17 if middle else low
    near = size < 0.4375
    above = size if near else above
    below = 1.0 if near else below
    high = 0.0 if near else high
    low = 0.0 if near else low
    r = above / below
    z = r * r
    q = fma(-0.017398493746311847, z, 0.03768901965761332)
    q = fma(q, z, -0.05028655774469561)
    q = fma(q, z, 0.058465916600748055)
    q = fma(q, z, -0.06663093015943815)
    q = fma(q, z, 0.07692075701061427)
    q = fma(q, z, -0.0909089963318541)
    q = fma(q, z, 0.11111110885034843)
    q = fma(q, z, -0.14285714282932097)
    q = fma(q, z, 0.19999999999986603)
    q = fma(q, z, -0.3333333333333332)
    result = high + (r + fma(r * z, q, low))
    result = -result if x < 0.0 else result
    return x if size < 1e-9 else result


@inlined
def arctan32(x: Any) -> Any:
    """Return the inverse tangent in float32. Error below 0.51 ulp."""
    return np.float32(arctan64(np.float64(x)))
