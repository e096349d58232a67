"""Coefficients that ask Python, for processes that have no machine code.

The address of what answers stands in theta: first for the drift, then for the diffusion.
"""

from __future__ import annotations

from typing import Any

from stochtext._shared.compilation.decorators import kernel
from stochtext._shared.compilation.intrinsics import call_address

__all__ = ["diffusion", "drift"]


@kernel
def drift(t: Any, x: Any, theta: Any, out: Any) -> None:
    """Ask for the drift of all states at once."""
    call_address(theta[0], t, x.ctypes.data, out.ctypes.data, x.shape[1])


@kernel
def diffusion(t: Any, x: Any, theta: Any, out: Any) -> None:
    """Ask for the diffusion of all states at once."""
    call_address(theta[1], t, x.ctypes.data, out.ctypes.data, x.shape[1])
