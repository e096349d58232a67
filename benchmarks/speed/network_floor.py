"""What a step of a drift network must cost on this machine: its products and its tanh.

Products at the rate at which NumPy multiplies float32 matrices of 1024 x 1024; tanh by a
polynomial exponential on vectors that stay in the nearest cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from stochtext._shared.compilation.intrinsics import wide_vectors

__all__ = ["MATRIX", "TANHS", "matrix_product", "multiply_adds", "tanh_fill"]

#: Rows and columns of the matrices, and values of tanh in one run.
MATRIX, TANHS = 1024, 2**20
_LANES = 2048


def multiply_adds(dim: int, hidden: int) -> int:
    """Return the multiply-adds of a network dim -> hidden -> hidden -> dim."""
    return 2 * dim * hidden + hidden * hidden


def matrix_product() -> Callable[[], Any]:
    """Return a run of one float32 product of two square matrices."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((MATRIX, MATRIX)).astype(np.float32)
    out = np.zeros_like(a)
    return lambda: np.matmul(a, a, out=out)


def tanh_fill() -> Callable[[], Any]:
    """Return a run of 2^20 values of tanh in float32; checked once."""
    x = np.linspace(-4.0, 4.0, _LANES, dtype=np.float32)
    out = np.zeros_like(x)
    _repeat_tanh(x, out, 1)
    if not np.max(np.abs(out - np.tanh(x.astype(np.float64)))) < 1e-6:
        raise AssertionError("The polynomial tanh of the floor is wrong.")
    return lambda: _repeat_tanh(x, out, TANHS // _LANES)


_fast = numba.njit(error_model="numpy", fastmath={"contract", "nsz", "arcp"})


@_fast
def _tanh(x: Any) -> Any:
    """Return tanh(x) = 1 - 2 / (exp(2x) + 1), exp by a polynomial of degree 6 after reduction."""
    x = x if x < np.float32(9.0) else np.float32(9.0)
    x = x if x > np.float32(-9.0) else np.float32(-9.0)
    y = x * np.float32(2.885390081777927)
    whole = np.floor(y + np.float32(0.5))
    f = (y - whole) * np.float32(0.6931471805599453)
    p = np.float32(1.0 / 720.0)
    p = p * f + np.float32(1.0 / 120.0)
    p = p * f + np.float32(1.0 / 24.0)
    p = p * f + np.float32(1.0 / 6.0)
    p = p * f + np.float32(0.5)
    p = p * f + np.float32(1.0)
    p = p * f + np.float32(1.0)
    power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
    return np.float32(1.0) - np.float32(2.0) / (p * power + np.float32(1.0))


@_fast
def _repeat_tanh(x: Any, out: Any, times: int) -> None:
    wide_vectors()
    for _ in range(times):
        for i in range(x.size):
            out[i] = _tanh(x[i])
        # Another input, so that no pass can be left out.
        x[0] += np.float32(1e-6)
