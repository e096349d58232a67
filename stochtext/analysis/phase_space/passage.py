"""How long documents stay near where they begin, beside simulations of the fit.

Law of this file: only documents that are watched to the end of the horizon count, so that
nothing is censored.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.clusters import cluster_sums, jackknife
from stochtext.analysis.quantities import Quantity
from stochtext.trajectories.panel import Trajectories

__all__ = ["passage_quantities"]

PART = "First passage: mean time until one standard deviation from the start (steps, capped)"
FEWEST = 10


def passage_quantities(
    panel: Trajectories, copy: Trajectories, simulated: FloatArray, cluster: IntArray,
    alpha: float,
) -> list[Quantity]:  # fmt: skip
    """Return the mean passage time of each coordinate, capped at the horizon.

    Parameters
    ----------
    panel, copy : Trajectories
        As written and shuffled.
    simulated : ndarray of shape (copies, m, T, d)
        NaN after the ends.
    cluster : ndarray of int of shape (m,)
    alpha : float

    Notes
    -----
    The horizon is the lower quartile of the lengths. The p-value is the two-sided rank of the
    mean among simulated panels.
    """
    horizon = int(np.quantile(panel.lengths, 0.25)) - 1
    used = panel.lengths > horizon
    rows = []
    scale = panel.values.std(axis=0)
    for j, column in enumerate(panel.columns):
        name = f"mean of min(time, {horizon})"
        if used.sum() < FEWEST or horizon < 2:
            note = f"fewer than {FEWEST} documents of {max(horizon, 3)} steps"
            rows.append(Quantity(PART, name, column, np.nan, note=note))
            continue
        own, other = (
            _times(p.to_array(fill=np.nan)[used, : horizon + 1, j], scale[j]) for p in (panel, copy)
        )
        drawn = _times(simulated[:, used, : horizon + 1, j], scale[j]).mean(axis=1)
        sums = cluster_sums(np.stack([own, np.ones_like(own)], axis=1), cluster[used])
        found = jackknife(sums, lambda s: (s[..., 0] / s[..., 1])[..., None], alpha)
        below, above = (np.sum(drawn <= own.mean()), np.sum(drawn >= own.mean()))
        pvalue = min(1.0, 2 * (1 + min(below, above)) / (1 + len(drawn)))
        rows.append(
            Quantity(PART, name, column, found.value[0], found.lower[0], found.upper[0],
                     float(other.mean()), float(pvalue), f"simulated {drawn.mean():.3g}")
        )  # fmt: skip
    return rows


def _times(x: FloatArray, scale: float) -> FloatArray:
    """Return the first step at which a path (..., T) is a scale away from its start."""
    out = np.abs(x - x[..., :1]) > scale
    return np.where(out.any(axis=-1), out.argmax(axis=-1), x.shape[-1] - 1).astype(np.float64)
