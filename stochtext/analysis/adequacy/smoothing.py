"""Signs that neighbouring states share material: marks left by the front end, and traces in data.

Law of this file: a sign is a reason for doubt in words, never a correction.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.adequacy.residual_checks import autocorrelation
from stochtext.analysis.clusters import cluster_sums, jackknife
from stochtext.trajectories.panel import Trajectories

__all__ = ["smoothing_signs"]

ALPHA = 0.01
POSITIVE, NEGATIVE, FADING = 0.08, -0.15, 0.5
MARKS = ("overlap", "smoothing")
LAGS = (1, 2, 3, 4, 5, 6, 8)


def smoothing_signs(panel: Trajectories, cluster: IntArray) -> list[str]:
    """Return reasons to think that the states were smoothed or overlap.

    Parameters
    ----------
    panel : Trajectories
        Its metadata columns ``overlap`` and ``smoothing`` are marks of the front end.
    cluster : ndarray of int of shape (m,)

    Notes
    -----
    One-step errors of a linear map are uncorrelated for a diffusion, negatively correlated
    at lag 1 for one seen with noise. Averages leave positive correlation at lag 1, windows of
    L units that overlap a negative one at lag L, cumulative means increments that fade along
    the document. Each is called a sign where its 99 % interval lies beyond a margin.
    """
    return [*_marks(panel), *_traces(panel, cluster)]


def _marks(panel: Trajectories) -> list[str]:
    known = panel.metadata
    said = []
    for name in MARKS:
        if name in known and bool(np.any(known[name].to_numpy(dtype=object).astype(bool))):
            said.append(f"The trajectories are marked as made with {name}.")
    return said


def _traces(panel: Trajectories, cluster: IntArray) -> list[str]:
    steps = panel.transitions()
    design = np.column_stack([np.ones(len(steps.x)), steps.x])
    if len(design) < 10 * design.shape[1] or len(np.unique(cluster)) < 5:
        return []
    residual = steps.x_next - design @ np.linalg.lstsq(design, steps.x_next, rcond=1e-10)[0]
    own = cluster[steps.trajectory]
    lags = tuple(k for k in LAGS if np.maximum(panel.lengths - 1 - k, 0).sum() >= 200)
    said = _correlated(residual, steps.trajectory, own, lags) if lags else []
    fading = _fading(panel, cluster)
    if fading < FADING:
        said.append("Increments fade along the documents, as those of cumulative means do.")
    return said


def _correlated(
    residual: FloatArray, trajectory: IntArray, cluster: IntArray, lags: tuple[int, ...]
) -> list[str]:
    found = autocorrelation(residual, trajectory, cluster, lags, ALPHA)
    if found.lower[0] > POSITIVE:
        return [
            f"One-step errors follow one another (correlation {found.value[0]:.2f}), as those of "
            "moving averages do."
        ]
    late = [k for k in range(1, len(lags)) if found.upper[k] < NEGATIVE]
    if late:
        return [
            f"One-step errors are undone {lags[late[0]]} steps later (correlation "
            f"{found.value[late[0]]:.2f}), as those of overlapping windows are."
        ]
    return []


def _fading(panel: Trajectories, cluster: IntArray) -> float:
    """Return the upper end for the ratio of late to early squared increments."""
    rows = np.zeros((panel.n_trajectories, 4))
    for row, x in zip(rows, panel.arrays(), strict=True):
        size = np.sum(np.diff(x, axis=0) ** 2, axis=1)
        half = len(size) // 2
        if half:
            row[:] = size[:half].sum(), half, size[-half:].sum(), half
    if not rows[:, 1].sum():
        return 1.0
    found = jackknife(
        cluster_sums(rows, cluster),
        lambda s: (s[..., 2] / s[..., 3] / (s[..., 0] / s[..., 1]))[..., None], ALPHA,
    )  # fmt: skip
    return float(found.upper[0]) if np.isfinite(found.upper[0]) else 1.0
