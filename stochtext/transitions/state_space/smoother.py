"""States given all observations, past and future (Rauch, Tung and Striebel, 1965)."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.transitions.state_space.filter import Filtered

__all__ = ["smoothed"]


def smoothed(filtered: Filtered) -> tuple[FloatArray, FloatArray]:
    """Return mean (N, D) and covariance (N, D, D) of every state given its whole trajectory."""
    layout, rows = filtered.layout, filtered.rows
    inner = layout.parent >= 0
    phi = filtered.laws.phi[layout.group[inner]]
    before = filtered.p[inner]
    gain = np.zeros_like(filtered.p)
    # A mean that stands still may be known exactly: no inverse then.
    gain[inner] = (
        filtered.f[layout.parent[inner]]
        @ np.swapaxes(phi, 1, 2)
        @ np.linalg.pinv(before, hermitian=True)
    )
    mean, covariance = filtered.after.copy(), filtered.f[layout.node].copy()
    for low, high in zip(rows.offsets[:-1], rows.offsets[1:], strict=True):
        for row in range(high - 2, low - 1, -1):
            at = layout.node[row + 1]
            own = gain[at]
            mean[row] += own @ (mean[row + 1] - filtered.before[row + 1])
            covariance[row] += own @ (covariance[row + 1] - filtered.p[at]) @ own.T
    return mean, covariance
