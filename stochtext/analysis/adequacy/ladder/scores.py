"""From squared errors and log densities of all rungs to R2, nats and their intervals."""

from __future__ import annotations

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.adequacy.ladder.ladder import RUNGS, Ladder
from stochtext.analysis.clusters import Jackknifed, cluster_sums, jackknife
from stochtext.analysis.quantities import Quantity

__all__ = ["SPLIT", "difference", "ladder_quantities", "pooled_gain", "pooled_r2"]

R2, NATS = "Ladder: held-out R2", "Ladder: nats per unit more than the mean"
SPLIT = "Ladder: one coordinate at a time"


def pooled_r2(ladder: Ladder, cluster: IntArray, alpha: float) -> Jackknifed:
    """Return R2 of each rung, all coordinates pooled, shape (r,)."""
    return _r2(ladder.error.sum(axis=1), ladder.spread.sum(axis=1), cluster, alpha)


def pooled_gain(ladder: Ladder, cluster: IntArray, alpha: float) -> Jackknifed:
    """Return nats per unit more than the mean, summed over coordinates, shape (r,)."""
    return _mean_gain(ladder.log_density.sum(axis=1), cluster, alpha)


def difference(
    ladder: Ladder, better: str, worse: str, cluster: IntArray, alpha: float,
    column: int | None = None,
) -> Jackknifed:  # fmt: skip
    """Return by how many nats per unit one rung beats another, shape (1,)."""
    density = ladder.log_density[..., [RUNGS.index(worse), RUNGS.index(better)]]
    own = density.sum(axis=1) if column is None else density[:, column]
    gain = _mean_gain(own, cluster, alpha)
    return Jackknifed(*(part[1:] for part in gain))


def ladder_quantities(
    ladder: Ladder, controls: list[Ladder], columns: tuple[str, ...], cluster: IntArray,
    alpha: float,
) -> list[Quantity]:  # fmt: skip
    """Return R2 and nats of every rung, of all coordinates and of each."""
    rows = []
    for part, score in ((R2, pooled_r2), (NATS, pooled_gain)):
        found = score(ladder, cluster, alpha)
        other = _mean_of([score(c, cluster, alpha).value for c in controls], len(RUNGS))
        rows += _rows(part, found, other, "R2" if part == R2 else "nats")
    if len(columns) == 1:
        return rows
    for j, column in enumerate(columns):
        ladders = (ladder, *controls)
        gains = [_mean_gain(one.log_density[:, j], cluster, alpha) for one in ladders]
        shares = [_r2(one.error[:, j], one.spread[:, j], cluster, alpha) for one in ladders]
        for name, both in (("R2", shares), ("nats", gains)):
            other = _mean_of([one.value for one in both[1:]], len(RUNGS))
            rows += _rows(SPLIT, both[0], other, f"{name}, {column}")
    return rows


def _r2(error: FloatArray, spread: FloatArray, cluster: IntArray, alpha: float) -> Jackknifed:
    squares = cluster_sums(np.concatenate([error, spread[:, None]], axis=1), cluster)
    return jackknife(squares, lambda s: 1 - s[..., :-1] / s[..., -1:], alpha)


def _rows(part: str, found: Jackknifed, control: FloatArray, name: str) -> list[Quantity]:
    return [
        Quantity(
            part,
            name,
            rung,
            found.value[k],
            found.lower[k],
            found.upper[k],
            control[k],
            note="" if np.isfinite(found.value[k]) else "this rung could not be fitted",
        )  # fmt: skip
        for k, rung in enumerate(RUNGS)
        if not (rung == "mean" and name.startswith("nats"))
    ]


def _mean_gain(density: FloatArray, cluster: IntArray, alpha: float) -> Jackknifed:
    """Return the mean of each column less that of the first, by document."""
    gain = np.concatenate([density - density[:, :1], np.ones((len(density), 1))], axis=1)
    return jackknife(cluster_sums(gain, cluster), lambda s: s[..., :-1] / s[..., -1:], alpha)


def _mean_of(values: list[FloatArray], size: int) -> FloatArray:
    return np.mean(values, axis=0) if values else np.full(size, np.nan)
