"""Regimes of single documents: contractive, oscillating, exploratory, each by a permutation test.

Law of this file: the order of the states is all that is tested; a regime that random orders
show as often is not called one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.analysis.quantities import Quantity
from stochtext.trajectories.panel import Trajectories

__all__ = ["REGIMES", "UNDETERMINED", "document_regimes", "regime_quantities"]

REGIMES = ("contractive", "oscillating", "exploratory")
UNDETERMINED = "undetermined"
PART = "Regimes of single documents (share; Holm over three tests in each)"
CYCLE = "two-cycle (share with p <= level)"
FEWEST_STATES = 6


def document_regimes(
    panel: Trajectories, n_permutations: int, alpha: float, root: np.random.SeedSequence, key: str
) -> pd.DataFrame:
    r"""Return the regime of each document.

    Parameters
    ----------
    panel : Trajectories
    n_permutations : int
    alpha : float
    root : SeedSequence
    key : str
        Name of the stream of random numbers.

    Returns
    -------
    DataFrame
        One row a document: a p-value for each regime (NaN for fewer than six states) and
        ``regime``.

    Notes
    -----
    *Contractive*: steps shrink, by the correlation of the logarithm of their size with time.
    *Oscillating*: a two-cycle, states two steps apart are closer than neighbours, by the
    difference of the mean squared distances. *Exploratory*: states move away from the mean of
    the first third, by the covariance of that squared distance with time. Each is compared
    with random orders of the same states; one-sided p-values, exact if order means nothing.
    """
    rows = []
    for k, x in enumerate(panel.arrays()):
        if len(x) < FEWEST_STATES:
            rows.append((np.nan,) * 3)
            continue
        rng = generator(root, key, k)
        orders = np.argsort(rng.random((n_permutations, len(x))), axis=1)
        every = np.concatenate([np.arange(len(x))[None], orders])
        found = _statistics(np.asarray(x), every)
        least = np.sum(found[1:] >= found[0] - 1e-12 * np.abs(found[0]), axis=0)
        rows.append(tuple((1 + least) / (1 + n_permutations)))
    frame = pd.DataFrame(rows, index=panel.ids, columns=list(REGIMES))
    smallest = frame.min(axis=1)
    named = frame.fillna(2.0).idxmin(axis=1).where(smallest * len(REGIMES) <= alpha, UNDETERMINED)
    return frame.assign(regime=named)


def regime_quantities(own: pd.DataFrame, control: pd.DataFrame, alpha: float) -> list[Quantity]:
    """Return the share of documents in each regime, and with a two-cycle.

    Parameters
    ----------
    own, control : DataFrame
        Of the documents as written and of shuffled ones.
    alpha : float
    """
    tested = own["oscillating"].notna()
    n = int(tested.sum())
    if not n:
        note = f"no document has {FEWEST_STATES} states"
        return [Quantity(PART, name, "", np.nan, note=note) for name in REGIMES]
    rows = []
    for name in REGIMES:
        hits = int((own["regime"] == name).sum())
        other = float((control.loc[tested.to_numpy(), "regime"] == name).mean())
        rows.append(_share(name, hits, n, other, alpha))
    hits = int((own["oscillating"] <= alpha).sum())
    other = float((control.loc[tested.to_numpy(), "oscillating"] <= alpha).mean())
    return [*rows, _share(CYCLE, hits, n, other, alpha)]


def _share(name: str, hits: int, n: int, control: float, alpha: float) -> Quantity:
    ends = stats.binomtest(hits, n).proportion_ci(1 - alpha)
    return Quantity(PART, name, "", hits / n, float(ends.low), float(ends.high), control)


def _statistics(x: FloatArray, orders: np.ndarray) -> FloatArray:
    """Return the three statistics of each order, shape (orders, 3)."""
    n = len(x)
    square = np.sum((x[:, None] - x[None]) ** 2, axis=2)
    one = square[orders[:, :-1], orders[:, 1:]]
    two = square[orders[:, :-2], orders[:, 2:]]
    time = np.arange(n - 1) - (n - 2) / 2
    size = np.log(one + 1e-9 * square.mean())
    spread = size.std(axis=1)
    contractive = -(size @ time) / np.where(spread > 0, spread, 1.0)
    oscillating = one.mean(axis=1) - two.mean(axis=1)
    third = max(n // 3, 1)
    start = x[orders[:, :third]].mean(axis=1)
    away = np.sum((x[orders] - start[:, None]) ** 2, axis=2)[:, third:]
    exploratory = away @ (np.arange(n - third) - (n - third - 1) / 2)
    return np.stack([contractive, oscillating, exploratory], axis=1)
