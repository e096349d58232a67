"""How often intervals held what came, with an error that respects trajectories."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stochtext._shared.typing import FloatArray, IntArray

__all__ = ["calibration_frame"]


def calibration_frame(
    observed: FloatArray,
    interval: FloatArray,
    pit: FloatArray,
    crps: FloatArray,
    trajectory: IntArray | None,
    horizons: tuple[int, ...],
    columns: tuple[str, ...],
) -> pd.DataFrame:
    """Return one row a horizon and coordinate; see ``Prediction.calibration``.

    Parameters
    ----------
    observed, pit, crps : ndarray of shape (n, h, d)
    interval : ndarray of shape (n, h, d, 2)
    trajectory : ndarray of int of shape (n,) or None
        None takes each row as a cluster of its own.
    horizons, columns : tuple
    """
    rows = []
    cluster = np.arange(len(observed)) if trajectory is None else trajectory
    for k in range(len(horizons)):
        for j in range(len(columns)):
            known = np.isfinite(pit[:, k, j])
            seen, ends = observed[known, k, j], interval[known, k, j]
            inside = ((seen >= ends[:, 0]) & (seen <= ends[:, 1])).astype(np.float64)
            own = pit[known, k, j]
            rows.append(
                (int(known.sum()), *_clustered(inside, cluster[known]), _mean(own),
                 float(own.std()) if own.size else np.nan, _mean(crps[known, k, j]))
            )  # fmt: skip
    return pd.DataFrame(
        rows,
        index=pd.MultiIndex.from_product([horizons, columns], names=["horizon", "component"]),
        columns=["n", "coverage", "coverage_se", "pit_mean", "pit_sd", "crps"],
    )


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else np.nan


def _clustered(inside: FloatArray, cluster: IntArray) -> tuple[float, float]:
    """Return a share and its standard error, clustered."""
    if not inside.size:
        return np.nan, np.nan
    share = float(inside.mean())
    codes, place = np.unique(cluster, return_inverse=True)
    m = len(codes)
    if m < 2:
        return share, np.nan
    sums = np.bincount(place, weights=inside - share)
    return share, float(np.sqrt(m / (m - 1) * np.sum(sums**2)) / len(inside))
