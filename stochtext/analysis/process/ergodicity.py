"""Whether one document tells what all do: the spread of document means against simulations.

Law of this file: means of finite documents differ by chance; the fit says by how much.
"""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.clusters import cluster_sums, jackknife
from stochtext.analysis.quantities import Quantity
from stochtext.trajectories.panel import Trajectories

__all__ = ["PART", "ergodicity_quantities"]

PART = "Ergodicity: variance of document means over that of simulated documents"


def ergodicity_quantities(
    panel: Trajectories, simulated: FloatArray, cluster: IntArray, alpha: float
) -> list[Quantity]:
    """Return the ratio for each coordinate; one if documents differ as the fit says.

    Parameters
    ----------
    panel : Trajectories
    simulated : ndarray of shape (copies, m, T, d)
        NaN after the ends.
    cluster : ndarray of int of shape (m,)
    alpha : float

    Notes
    -----
    p-values are one-sided ranks among the simulations: documents differ by more than the fit
    explains. Shuffling states leaves means as they are, so that there is no control.
    """
    rows = []
    means = np.array([x.mean(axis=0) for x in panel.arrays()])
    drawn = np.nanmean(simulated, axis=2).var(axis=1, ddof=1)
    for j, column in enumerate(panel.columns):
        expected = float(drawn[:, j].mean())
        y = means[:, j]
        sums = cluster_sums(np.stack([np.ones_like(y), y, y**2], axis=1), cluster)
        found = jackknife(sums, _variance, alpha)
        ends = (found.value[0] / expected, found.lower[0] / expected, found.upper[0] / expected)
        pvalue = float((1 + np.sum(drawn[:, j] >= found.value[0])) / (1 + len(drawn)))
        rows.append(Quantity(PART, "ratio", column, *ends, pvalue=pvalue))
    return rows


def _variance(s: FloatArray) -> FloatArray:
    n = s[..., 0]
    return np.asarray(((s[..., 2] - s[..., 1] ** 2 / n) / (n - 1))[..., None])
