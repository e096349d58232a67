"""Whether documents come back to where they were, and follow the same way again.

Law of this file: closeness is a share of the pairs of each document, so that only order, and
no scale, is compared.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.clusters import cluster_sums, jackknife
from stochtext.analysis.quantities import Quantity
from stochtext.trajectories.panel import Trajectories

__all__ = ["recurrence_quantities"]

PART = "Recurrence (the closest fifth of the pairs of states of each document)"
CLOSE = 0.2
FEWEST_STATES = 10
APART = 2


def recurrence_quantities(
    panel: Trajectories, copy: Trajectories, cluster: IntArray, alpha: float
) -> list[Quantity]:
    """Return determinism and the lag of recurrences, with the control.

    Parameters
    ----------
    panel, copy : Trajectories
        As written and shuffled.
    cluster : ndarray of int of shape (m,)
    alpha : float

    Notes
    -----
    *Determinism*: the share of close pairs, at least two steps apart, that continue: the next
    two states are close as well (or the two before). *Return*: the mean lag of close pairs
    over that of all pairs; below one states come back soon, one is no memory.
    """
    own, other = _sums(panel), _sums(copy)
    names = ("share of close pairs that continue", "lag of close pairs over that of all")
    if not own.any():
        note = f"no document has {FEWEST_STATES} states"
        return [Quantity(PART, name, "", np.nan, note=note) for name in names]
    found = jackknife(cluster_sums(own, cluster), partial(_ratios), alpha)
    control = _ratios(other.sum(axis=0))
    return [
        Quantity(PART, name, "", found.value[k], found.lower[k], found.upper[k], float(control[k]))
        for k, name in enumerate(names)
    ]


def _sums(panel: Trajectories) -> FloatArray:
    rows = np.zeros((panel.n_trajectories, 4))
    for row, x in zip(rows, panel.arrays(), strict=True):
        n = len(x)
        if n < FEWEST_STATES:
            continue
        square = np.sum((x[:, None] - x[None]) ** 2, axis=2)
        i, j = np.triu_indices(n, k=APART)
        close = np.zeros((n + 1, n + 1), dtype=bool)
        close[i, j] = square[i, j] <= np.quantile(square[i, j], CLOSE)
        hit = close[i, j]
        on = close[i + 1, j + 1] | np.where(i > 0, close[i - 1, j - 1], False)
        row[:] = np.sum(hit & on), hit.sum(), (j - i)[hit].mean(), (j - i).mean()
    return rows


def _ratios(s: FloatArray) -> FloatArray:
    return np.stack([s[..., 0] / s[..., 1], s[..., 2] / s[..., 3]], axis=-1)
