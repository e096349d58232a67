"""The kernels of local regression: weights by scaled distance, their width and their reach."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["KERNELS", "kernel_sd", "pair_kernel", "peak", "product_kernel", "reach"]

KERNELS = ("gaussian", "epanechnikov", "quartic")

# exp(-8.5**2 / 2) is the rounding error of one.
_GAUSSIAN_REACH = 8.5
_PEAK = {"gaussian": 1.0, "epanechnikov": 0.75, "quartic": 0.9375}
_SD = {"gaussian": 1.0, "epanechnikov": 1 / np.sqrt(5.0), "quartic": 1 / np.sqrt(7.0)}


def kernel_sd(kernel: str) -> float:
    """Return the kernel's standard deviation as a share of its bandwidth."""
    return float(_SD[kernel])


def peak(kernel: str, dim: int) -> float:
    """Return the kernel's weight at distance zero."""
    return float(_PEAK[kernel] ** dim)


def reach(kernel: str) -> float:
    """Return the scaled distance beyond which the kernel is zero to rounding."""
    return _GAUSSIAN_REACH if kernel == "gaussian" else 1.0


def product_kernel(kernel: str, u: FloatArray) -> FloatArray:
    """Return the kernel weights of scaled differences along the last axis."""
    if kernel == "gaussian":
        return np.exp(-0.5 * np.einsum("...j,...j->...", u, u))
    return np.prod(_compact(kernel, u), axis=-1)


def pair_kernel(kernel: str, at: FloatArray, u: FloatArray) -> FloatArray:
    """Return the kernel weights between scaled states and points, shape (n, N)."""
    if kernel != "gaussian":
        weight = np.ones((len(at), len(u)))
        for j in range(at.shape[1]):
            weight *= _compact(kernel, np.subtract.outer(at[:, j], u[:, j]))
        return weight
    if at.shape[1] == 1:
        exponent = np.subtract.outer(at[:, 0], u[:, 0])
        exponent *= exponent
        exponent *= -0.5
        return np.exp(exponent, out=exponent)
    exponent = at @ u.T
    exponent -= 0.5 * np.einsum("nj,nj->n", at, at)[:, None]
    exponent -= 0.5 * np.einsum("nj,nj->n", u, u)
    np.minimum(exponent, 0.0, out=exponent)
    return np.exp(exponent, out=exponent)


def _compact(kernel: str, u: FloatArray) -> FloatArray:
    inside = np.maximum(1.0 - u * u, 0.0)
    return 0.75 * inside if kernel == "epanechnikov" else 0.9375 * inside * inside
