"""Whether one document alone shows any dynamics: a permutation test of each.

Law of this file: the test is exact if the states of a document are exchangeable; nothing is
fitted and nothing is pooled.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy import stats

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray
from stochtext.trajectories.panel import Trajectories

__all__ = ["DocumentTests", "document_tests"]

FEWEST_STATES = 5
ROWS_AT_ONCE = 1_000_000


class DocumentTests(NamedTuple):
    """One test a document, and the share of those that reject.

    Attributes
    ----------
    frame : DataFrame
        One row a document: ``n``, ``ratio`` = V(1) (1 means that neighbours are as far apart
        as any two states), ``pvalue``; NaN for fewer than five states.
    share, lower, upper : float
        Of documents with p <= alpha, with the Clopper-Pearson interval.
    n : int
        Documents tested.
    """

    frame: pd.DataFrame
    share: float
    lower: float
    upper: float
    n: int


def document_tests(
    panel: Trajectories, n_permutations: int, alpha: float, root: np.random.SeedSequence,
    n_jobs: int | None = None,
) -> DocumentTests:  # fmt: skip
    """Test each document by the distance of neighbouring states.

    Parameters
    ----------
    panel : Trajectories
    n_permutations : int
    alpha : float
    root : SeedSequence
    n_jobs : int, optional

    Notes
    -----
    The statistic is the sum of the inner products of neighbours about the document's mean;
    the p-value is (1 + permutations at least as large) / (1 + permutations), one-sided: are
    neighbours more alike than states in random order?
    """
    found = Parallel(n_jobs=n_jobs)(
        delayed(_test)(np.asarray(x), n_permutations, root, k) for k, x in enumerate(panel.arrays())
    )
    frame = pd.DataFrame(found, index=panel.ids, columns=["n", "ratio", "pvalue"])
    known = frame["pvalue"].dropna()
    hits, n = int((known <= alpha).sum()), len(known)
    if not n:
        return DocumentTests(frame, np.nan, np.nan, np.nan, 0)
    interval = stats.binomtest(hits, n).proportion_ci(0.95)
    return DocumentTests(frame, hits / n, float(interval.low), float(interval.high), n)


def _test(
    x: FloatArray, copies: int, root: np.random.SeedSequence, k: int
) -> tuple[int, float, float]:
    n = len(x)
    centred = x - x.mean(axis=0)
    variance = float(np.sum(centred**2)) / (n - 1)
    if n < FEWEST_STATES or variance == 0:
        return n, np.nan, np.nan
    gram = centred @ centred.T
    rng = generator(root, "document", k)
    observed = float(np.trace(gram, offset=1))
    least, done = 0, 0
    while done < copies:
        block = min(copies - done, max(ROWS_AT_ONCE // n, 1))
        order = np.argsort(rng.random((block, n)), axis=1)
        sums = gram[order[:, :-1], order[:, 1:]].sum(axis=1)
        least += int(np.sum(sums >= observed - 1e-12 * abs(observed)))
        done += block
    ratio = float(np.sum(np.diff(x, axis=0) ** 2)) / (2 * (n - 1) * variance)
    return n, ratio, (1 + least) / (1 + copies)
