"""Gauss-Legendre quadrature of a function and of its running integral."""

from __future__ import annotations

from functools import cache

import numpy as np

from stochtext._shared.typing import FloatArray

__all__ = ["gauss_legendre", "running_integrals"]


@cache
def gauss_legendre(n_nodes: int) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights on [0, 1], each of shape (n_nodes,)."""
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return 0.5 * (nodes + 1.0), 0.5 * weights


@cache
def running_integrals(n_nodes: int) -> FloatArray:
    """Return A with sum_j A[i, j] f(v_j) = int_0^{v_i} f(v) dv, shape (n_nodes, n_nodes).

    It is exact for polynomials of degree below ``n_nodes``.
    """
    nodes, weights = gauss_legendre(n_nodes)
    legendre = np.polynomial.legendre
    degrees = np.arange(n_nodes)
    values = legendre.legvander(2.0 * nodes - 1.0, n_nodes - 1)
    # Coefficients of the interpolating polynomial by the orthogonality of Legendre polynomials.
    coefficients = (2.0 * degrees[:, None] + 1.0) * values.T * weights
    integrals = np.empty((n_nodes, n_nodes))
    for degree in degrees:
        unit = np.zeros(degree + 1)
        unit[degree] = 1.0
        integrals[:, degree] = legendre.legval(2.0 * nodes - 1.0, legendre.legint(unit, lbnd=-1.0))
    return 0.5 * integrals @ coefficients
