"""How long documents stay near where they begin, beside simulations of the fit.

Law of this file: only documents that are watched to the end of the horizon count, so that
nothing is censored.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray, IntArray
from stochtext.analysis.clusters import Jackknifed, cluster_blocks, cluster_sums, left_out
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
    The horizon is the lower quartile of the lengths; the standard deviation is that of all states
    of a panel, of each simulated one its own. Errors leave one document (group) out at a time, of
    the standard deviation too. The p-value is the two-sided rank of the mean among simulated
    panels.
    """
    horizon = int(np.quantile(panel.lengths, 0.25)) - 1
    used = panel.lengths > horizon
    rows = []
    for j, column in enumerate(panel.columns):
        name = f"mean of min(time, {horizon})"
        if used.sum() < FEWEST or horizon < 2:
            note = f"fewer than {FEWEST} documents of {max(horizon, 3)} steps"
            rows.append(Quantity(PART, name, column, np.nan, note=note))
            continue
        states, other = (p.to_array(fill=np.nan)[:, :, j] for p in (panel, copy))
        control = float(_times(other[used, : horizon + 1], float(np.nanstd(other))).mean())
        found = _mean_time(states, used, horizon, cluster, alpha)
        copies = simulated[..., j]
        scales = np.nanstd(copies, axis=(1, 2))[:, None, None]
        drawn = _times(copies[:, used, : horizon + 1], scales).mean(axis=1)
        value = found.value[0]
        below, above = (np.sum(drawn <= value), np.sum(drawn >= value))
        pvalue = min(1.0, 2 * (1 + min(below, above)) / (1 + len(drawn)))
        rows.append(
            Quantity(PART, name, column, value, found.lower[0], found.upper[0], control,
                     float(pvalue), f"simulated {drawn.mean():.3g}")
        )  # fmt: skip
    return rows


def _mean_time(
    states: FloatArray, used: BoolArray, horizon: int, cluster: IntArray, alpha: float
) -> Jackknifed:
    """Return the mean time in documents (m, T) with errors that know the scale is estimated."""
    begun = states[used, : horizon + 1]
    known = np.isfinite(states)
    rows = np.stack([known.sum(axis=1), np.nansum(states, axis=1), np.nansum(states**2, axis=1)], 1)
    sums = cluster_sums(rows, cluster)
    member = cluster_blocks(cluster)
    total = sums.sum(axis=0)
    value = _times(begun, _deviation(total)).mean()
    without = np.full((len(sums), 1), np.nan)
    for b, own in enumerate(sums):
        others = begun[member[used] != b]
        if len(others):
            without[b] = _times(others, _deviation(total - own)).mean()
    return left_out(np.array([value]), without, alpha)


def _deviation(total: FloatArray) -> float:
    n, first, second = total
    return float(np.sqrt(max(second / n - (first / n) ** 2, 0.0)))


def _times(x: FloatArray, scale: FloatArray | float) -> FloatArray:
    """Return the first step at which a path (..., T) is a scale away from its start."""
    out = np.abs(x - x[..., :1]) > scale
    return np.where(out.any(axis=-1), out.argmax(axis=-1), x.shape[-1] - 1).astype(np.float64)
