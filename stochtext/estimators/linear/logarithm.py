"""The principal logarithm of a step matrix, where it is real.

Law of this file: nothing random; SciPy's ``logm`` estimates norms with the global generator.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["principal_logarithm", "real_logarithm"]

# Relative to its size, how far exp(log(Phi)) may be from Phi.
EXACT = 1e-10
NEAR = 0.25
ROOTS = 50
NODES = 9


def principal_logarithm(phi: FloatArray) -> FloatArray:
    """Return the real part of log(Phi): square roots until near I, then a Pade approximant.

    Parameters
    ----------
    phi : ndarray of shape (d, d)
        Without eigenvalues on the closed negative axis.

    References
    ----------
    Higham (2008), Functions of Matrices, section 11.5, and eq. 11.18 for the sum over
    Gauss-Legendre nodes.
    """
    from scipy.linalg import sqrtm

    eye, root = np.eye(len(phi)), np.asarray(phi, dtype=np.complex128)
    halvings = 0
    while np.abs(root - eye).sum(axis=0).max(initial=0.0) > NEAR and halvings < ROOTS:
        root = np.asarray(sqrtm(root))
        halvings += 1
    away = root - eye
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    total = np.zeros_like(away)
    for node, weight in zip((nodes + 1) / 2, weights / 2, strict=True):
        total = total + weight * np.linalg.solve(eye + node * away, away)
    return np.asarray(2.0**halvings * total.real, dtype=np.float64)


def real_logarithm(phi: FloatArray, smallest: float) -> FloatArray | None:
    """Return the principal logarithm if no eigenvalue is negative or of size below ``smallest``."""
    from scipy.linalg import expm

    values = np.linalg.eigvals(phi)
    real = np.abs(values.imag) <= 1e-12 * np.abs(values)
    if np.any(np.abs(values) <= smallest) or np.any(real & (values.real <= smallest)):
        return None
    found = principal_logarithm(phi)
    # The logarithm is used only where its exponential gives the matrix back.
    return found if np.abs(expm(found) - phi).max() <= EXACT * np.abs(phi).max() else None
