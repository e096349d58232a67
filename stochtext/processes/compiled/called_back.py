"""Coefficients that ask Python, for processes that have no machine code.

The address of what answers stands in theta, first for the drift, then for the diffusion, in four
pieces of 16 bits, which are exact in single precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import inlined, kernel
from stochtext._shared.compilation.intrinsics import call_address

__all__ = ["diffusion", "drift"]


@inlined
def _address(theta: Any, first: Any) -> Any:
    place = np.int64(0)
    for k in range(4):
        place = place * np.int64(65536) + np.int64(theta[first + k])
    return place


@kernel
def drift(t: Any, x: Any, theta: Any, out: Any) -> None:
    """Ask for the drift of all states at once."""
    call_address(_address(theta, 0), t, x.ctypes.data, out.ctypes.data, x.shape[1])


@kernel
def diffusion(t: Any, x: Any, theta: Any, out: Any) -> None:
    """Ask for the diffusion of all states at once."""
    call_address(_address(theta, 4), t, x.ctypes.data, out.ctypes.data, x.shape[1])
