"""Where the variance lies: within a path, between replicates, between prompts.

Law of this file: increments tell how content changes; only replicates of one prompt tell what
sampling contributes, so the two stand side by side.
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.clusters import cluster_codes, cluster_sums, jackknife
from stochtext.analysis.quantities import Quantity
from stochtext.analysis.shuffling import shuffled
from stochtext.trajectories.panel import Trajectories

__all__ = ["replicate_curve", "replicate_variance", "variance_quantities", "within_path"]

PART = "Where the variance lies (trace over coordinates)"
NO_REPLICATES = "no group has two trajectories: give the prompt as `groups`"
FEWEST_REPLICATES = 2


def within_path(panel: Trajectories) -> FloatArray:
    """Return per trajectory: squared increments, steps, squares about its mean, states - 1."""
    rows = np.zeros((panel.n_trajectories, 4))
    for row, x in zip(rows, panel.arrays(), strict=True):
        row[:] = (
            np.sum(np.diff(x, axis=0) ** 2), len(x) - 1, np.sum((x - x.mean(axis=0)) ** 2),
            len(x) - 1,
        )  # fmt: skip
    return rows


def replicate_variance(values: FloatArray, group: IntArray) -> FloatArray:
    """Return per group the sum over steps of squares between replicates, and its freedom.

    Parameters
    ----------
    values : ndarray of shape (m, T, d)
        NaN after the end of a trajectory.
    group : ndarray of int of shape (m,)

    Returns
    -------
    ndarray of shape (G, 2)
        At each step the squares of the replicates about their mean, and their number less one.
    """
    found = np.zeros((int(group.max()) + 1, 2))
    for g in range(len(found)):
        own = values[group == g]
        if len(own) < FEWEST_REPLICATES:
            continue
        there = np.isfinite(own[:, :, 0])
        count = there.sum(axis=0)
        used = count >= FEWEST_REPLICATES
        filled = np.where(there[..., None], own, 0.0)[:, used]
        mean = filled.sum(axis=0) / count[used][:, None]
        away = np.where(there[:, used, None], filled - mean, 0.0)
        found[g] = np.sum(away**2), np.sum(count[used] - 1)
    return found


def variance_quantities(
    panel: Trajectories, alpha: float, rng: np.random.Generator
) -> list[Quantity]:
    """Return within-path, between-replicate and between-prompt variances with intervals.

    Parameters
    ----------
    panel : Trajectories
        Its groups are the prompts, or whatever replicates share.
    alpha : float
    rng : Generator
        Of the shuffled control.
    """
    cluster = cluster_codes(panel)
    copy = shuffled(panel, rng)
    found = jackknife(cluster_sums(within_path(panel), cluster), _within, alpha)
    other = _within(within_path(copy).sum(axis=0))
    names = ("diffusion within a path (half the squared increment)", "variance within a path")
    rows = [
        Quantity(PART, name, "", found.value[k], found.lower[k], found.upper[k], float(other[k]))
        for k, name in enumerate(names)
    ]
    values, name = panel.to_array(fill=np.nan), "variance between replicates of one prompt"
    sizes = np.bincount(cluster)
    if panel.groups is None or sizes.max() < FEWEST_REPLICATES:
        return [*rows, Quantity(PART, name, "", np.nan, note=NO_REPLICATES)]
    sums = replicate_variance(values, cluster)
    if len(sums) == 1:
        return [*rows, _single_prompt(values, name, alpha, copy)]
    between = jackknife(sums, partial(_share, k=0), alpha)
    again = _share(replicate_variance(copy.to_array(fill=np.nan), cluster).sum(axis=0), 0)
    rows.append(
        Quantity(PART, name, "", between.value[0], between.lower[0], between.upper[0],
                 float(again[0]), note="at the same step of the answer")
    )  # fmt: skip
    return rows


def _single_prompt(values: FloatArray, name: str, alpha: float, copy: Trajectories) -> Quantity:
    """One prompt: the replicates themselves are left out one at a time."""
    members = np.arange(len(values))
    group = np.zeros(len(values), dtype=np.int64)
    whole = replicate_variance(values, group)[0]
    without = np.array([_ratio(replicate_variance(values[members != k], group[1:])[0])
                        for k in members])  # fmt: skip
    m = len(members)
    if m < 4:
        return Quantity(PART, name, "", _ratio(whole), note="fewer than four replicates")
    se = np.sqrt((m - 1) / m * np.sum((without - without.mean()) ** 2))
    half = stats.t.ppf(1 - alpha / 2, m - 1) * se
    control = _ratio(replicate_variance(copy.to_array(fill=np.nan), group)[0])
    value = _ratio(whole)
    return Quantity(PART, name, "", value, value - half, value + half, control,
                    note="at the same step; one prompt, replicates left out in turn")  # fmt: skip


def _ratio(pair: FloatArray) -> float:
    return float(pair[0] / pair[1]) if pair[1] > 0 else float("nan")


def _within(s: FloatArray) -> FloatArray:
    return np.stack([0.5 * s[..., 0] / s[..., 1], s[..., 2] / s[..., 3]], axis=-1)


def _share(s: FloatArray, k: int) -> FloatArray:
    return np.asarray((s[..., k] / s[..., k + 1])[..., None])


def replicate_curve(panel: Trajectories) -> pd.DataFrame:
    """Return the variance between replicates by step, pooled over prompts."""
    values, group = panel.to_array(fill=np.nan), cluster_codes(panel)
    rows = []
    for step in range(values.shape[1]):
        total = replicate_variance(values[:, step : step + 1], group).sum(axis=0)
        rows.append((step, _ratio(total), int(total[1])))
    return pd.DataFrame(rows, columns=["step", "variance", "df"])
