"""Twofold stochastic integrals over one step, with Lévy areas from a truncated series.

I(p, q) = int int dW_p dW_q = (dW_p dW_q - [p = q] h) / 2 + A(p, q). The Lévy area A is its Fourier
series cut after some terms, and the rest a Gaussian with the exact conditional covariance
2 I + 2 S, where (S G)_pq = (G xi)_p xi_q - (G xi)_q xi_p. S has the eigenvalues 0 and |xi|^2, so
the root is sqrt(2) (I + (sqrt(1 + |xi|^2) - 1) S / |xi|^2).

References
----------
Kloeden and Platen (1992), section 5.8. Wiktorsson (2001), Joint characteristic function and
simultaneous simulation of iterated Itô integrals for multiple independent Brownian motions,
Annals of Applied Probability 11, 470-487.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from stochtext._shared.compilation.decorators import routine

FLOAT = np.float64

__all__ = ["add_levy_areas", "iterated_integrals"]

_PI = math.pi
_TAIL = math.pi**2 / 6.0
_ROOT_2 = math.sqrt(2.0)


@routine
def iterated_integrals(z: Any, row: Any, m: Any, h: Any, out: Any) -> None:
    """Write I(p, q) without areas into row p * m + q; exact in sums that are symmetric in p, q.

    Parameters
    ----------
    z : ndarray of shape (rows, lanes)
        Increments divided by sqrt(h), from ``row`` on.
    row, m : int64
    h : float
        Length of the step.
    out : ndarray of shape (m * m, lanes)
    """
    half = FLOAT(0.5) * h
    for p in range(m):
        for q in range(m):
            one = FLOAT(1.0) if p == q else FLOAT(0.0)
            for i in range(z.shape[1]):
                out[p * m + q, i] = half * (z[row + p, i] * z[row + q, i] - one)


@routine
def add_levy_areas(
    z: Any, row: Any, m: Any, h: Any, further: Any, start: Any, more: Any, out: Any
) -> None:
    """Add the areas A(p, q) to I(p, q) and take them from I(q, p).

    Parameters
    ----------
    z, row, m, h, out
        As in ``iterated_integrals``.
    further : ndarray of shape (rows, lanes)
        Further normal numbers, ``more`` of them from ``start`` on: 2 m for each term of the
        series, then one for each pair.
    start, more : int64
    """
    terms = (more - m * (m - 1) // 2) // (2 * m)
    tail = _TAIL
    for r in range(1, terms + 1):
        tail -= 1.0 / r**2
        zeta = start + 2 * m * (r - 1)
        eta = zeta + m
        scale = FLOAT(h / (2.0 * _PI * r))
        root = FLOAT(_ROOT_2)
        for p in range(m):
            for q in range(p + 1, m):
                for i in range(z.shape[1]):
                    area = further[zeta + p, i] * (root * z[row + q, i] + further[eta + q, i])
                    area -= further[zeta + q, i] * (root * z[row + p, i] + further[eta + p, i])
                    out[p * m + q, i] += scale * area
                    out[q * m + p, i] -= scale * area
    _add_tail(
        z, row, m, further, start + 2 * m * terms, h / (2.0 * _PI) * math.sqrt(2.0 * tail), out
    )


@routine
def _add_tail(z: Any, row: Any, m: Any, further: Any, start: Any, scale: Any, out: Any) -> None:
    lanes = z.shape[1]
    along = np.zeros((m, lanes), FLOAT)
    factor = np.empty(lanes, FLOAT)
    for i in range(lanes):
        squared = FLOAT(0.0)
        for p in range(m):
            squared += z[row + p, i] * z[row + p, i]
        # (sqrt(1 + s) - 1) / s, written so that s = 0 is no exception.
        factor[i] = FLOAT(1.0) / (FLOAT(1.0) + math.sqrt(FLOAT(1.0) + squared))
    pair = start
    for p in range(m):
        for q in range(p + 1, m):
            for i in range(lanes):
                along[p, i] += further[pair, i] * z[row + q, i]
                along[q, i] -= further[pair, i] * z[row + p, i]
            pair += 1
    pair = start
    for p in range(m):
        for q in range(p + 1, m):
            for i in range(lanes):
                turned = along[p, i] * z[row + q, i] - along[q, i] * z[row + p, i]
                area = FLOAT(scale) * (further[pair, i] + factor[i] * turned)
                out[p * m + q, i] += area
                out[q * m + p, i] -= area
            pair += 1
