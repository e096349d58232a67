"""The nonlinear rung: a smooth map of all coordinates, by ridge regression on Gaussian bumps.

Law of this file: the amount of smoothing is chosen on the training documents alone.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.analysis.adequacy.ladder.predictions import Prediction, gaussian
from stochtext.trajectories.panel import Trajectories

__all__ = ["smooth_map"]

MOST_CENTRES = 100
RIDGES = np.geomspace(1e-3, 1e4, 15)


def smooth_map(train: Trajectories, test: Trajectories) -> list[Prediction]:
    r"""Return the prediction of each coordinate by a smooth map of the last state.

    Notes
    -----
    The map is linear plus a weighted sum of at most 100 Gaussian bumps of the width of the
    median distance between states, at states spread evenly over the training rows; the
    ridge penalty of the bumps minimises the generalised cross-validation score of Golub,
    Heath and Wahba (1979, Technometrics 21).
    """
    steps, own = train.transitions(), test.transitions()
    mean, scale = steps.x.mean(axis=0), steps.x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    x, new = (steps.x - mean) / scale, (own.x - mean) / scale
    centres = x[np.unique(np.linspace(0, len(x) - 1, MOST_CENTRES).astype(int))]
    apart = _squares(centres, centres)
    width = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0
    line, bumps = _line(x), np.exp(-_squares(x, centres) / width)
    basis = np.linalg.qr(line)[0]
    inner = bumps - basis @ (basis.T @ bumps)
    left, size, right = np.linalg.svd(inner, full_matrices=False)
    bumps_new = np.exp(-_squares(new, centres) / width)
    found = []
    for j in range(x.shape[1]):
        y = steps.x_next[:, j]
        weight, variance = _ridge(left, size, y - basis @ (basis.T @ y), line.shape[1])
        bump = right.T @ weight
        beta = np.linalg.lstsq(line, y - bumps @ bump, rcond=1e-10)[0]
        found.append(gaussian(_line(new) @ beta + bumps_new @ bump, variance, own.x_next[:, j]))
    return found


def _ridge(
    left: FloatArray, size: FloatArray, y: FloatArray, free: int
) -> tuple[FloatArray, float]:
    """Return the weights of the singular directions, and the variance of what is left."""
    along, n = left.T @ y, len(y)
    rest = float(y @ y - along @ along)
    best, chosen = np.inf, (np.zeros_like(size), float(y @ y) / max(n - free, 1))
    for ridge in RIDGES:
        kept = size**2 / (size**2 + ridge)
        squares = rest + float(np.sum(((1 - kept) * along) ** 2))
        edf = free + float(kept.sum())
        score = squares / max(n - edf, 1e-9) ** 2
        if score < best:
            weight = np.where(size > 0, kept / np.where(size > 0, size, 1.0), 0.0) * along
            best, chosen = score, (weight, squares / max(n - edf, 1.0))
    return chosen


def _line(x: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(len(x)), x])


def _squares(x: FloatArray, y: FloatArray) -> FloatArray:
    total = np.sum(x**2, axis=1)[:, None] + np.sum(y**2, axis=1)[None] - 2 * x @ y.T
    return np.asarray(np.maximum(total, 0.0))
