"""The rungs that need no dynamics: mean, level, persistence, the mean so far, a linear map.

Law of this file: every rung is a normal law fitted in closed form.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray
from stochtext.analysis.adequacy.ladder.predictions import Prediction, gaussian, past_means
from stochtext.trajectories.panel import Trajectories

__all__ = ["document_level", "linear_map", "overall_mean", "persistence", "running_mean"]


def overall_mean(train: Trajectories, test: Trajectories) -> Prediction:
    """Predict the mean of the training states."""
    target = train.transitions().x_next[:, 0]
    own = test.transitions().x_next[:, 0]
    return gaussian(np.full(len(own), target.mean()), float(target.var()), own)


def persistence(train: Trajectories, test: Trajectories) -> Prediction:
    """Predict the last state."""
    steps, own = train.transitions(), test.transitions()
    variance = float(np.mean((steps.x_next - steps.x) ** 2))
    return gaussian(own.x[:, 0], variance, own.x_next[:, 0])


def running_mean(train: Trajectories, test: Trajectories) -> Prediction:
    """Predict by regression on the mean of the document so far."""
    return _regression(
        past_means(train)[0], train.transitions().x_next[:, 0],
        past_means(test)[0], test.transitions().x_next[:, 0],
    )  # fmt: skip


def linear_map(train: Trajectories, test: Trajectories, column: int) -> Prediction:
    """Predict one coordinate by regression on all coordinates of the last state."""
    steps, own = train.transitions(), test.transitions()
    return _regression(steps.x, steps.x_next[:, column], own.x, own.x_next[:, column])


def document_level(train: Trajectories, test: Trajectories) -> Prediction:
    r"""Predict the level of the document, as far as its states so far tell it.

    Notes
    -----
    States are :math:`m + b_k + e_t`. With variances B and S and n states so far of mean y,
    the next is normal around :math:`m + \frac{nB}{nB + S}(y - m)` with variance
    :math:`S + \frac{BS}{nB + S}`; B and S are the analysis-of-variance estimates.
    """
    mean, between, within = _components(train)
    level, count = past_means(test)
    total = count * between + within
    predicted = mean + count * between / total * (level[:, 0] - mean)
    return gaussian(predicted, within + between * within / total, test.transitions().x_next[:, 0])


def _components(panel: Trajectories) -> tuple[float, float, float]:
    """Return mean, variance between documents and within them (one-way random effects)."""
    x, n, m = panel.values[:, 0], panel.lengths.astype(np.float64), panel.n_trajectories
    level = np.add.reduceat(x, panel.offsets[:-1]) / n
    error = x - np.repeat(level, panel.lengths)
    total = n.sum()
    within = float(error @ error / max(total - m, 1.0))
    if m < 2:
        return float(x.mean()), 0.0, within
    spread = float(n @ (level - x.mean()) ** 2 / (m - 1))
    size = (total - (n @ n) / total) / (m - 1)
    return float(x.mean()), max((spread - within) / size, 0.0), within


def _regression(z: FloatArray, y: FloatArray, z_new: FloatArray, y_new: FloatArray) -> Prediction:
    design = np.column_stack([np.ones(len(z)), z])
    beta = np.linalg.lstsq(design, y, rcond=1e-10)[0]
    error = y - design @ beta
    variance = float(error @ error / max(len(y) - design.shape[1], 1))
    return gaussian(np.column_stack([np.ones(len(z_new)), z_new]) @ beta, variance, y_new)
