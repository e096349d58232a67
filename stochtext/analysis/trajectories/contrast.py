"""Whether complex texts are predicted worse: a contrast between documents, by permutation.

Law of this file: a document is one observation, and length is taken out before anything else
is blamed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.clusters import cluster_codes
from stochtext.analysis.quantities import Quantity
from stochtext.trajectories.panel import Trajectories

__all__ = ["contrast_quantities", "document_errors", "read_complexity"]

PART = "Error against complexity of the text (rank correlation over documents, length held fixed)"
FEWEST = 10
LENGTH = "units"


def document_errors(scaled: FloatArray, trajectory: IntArray, m: int) -> FloatArray:
    """Return the mean squared standardised error of each document; NaN without one.

    Parameters
    ----------
    scaled : ndarray of shape (n, d)
        Errors over the predicted standard deviations.
    trajectory : ndarray of int of shape (n,)
    m : int
        Number of documents.
    """
    square = np.mean(scaled**2, axis=1)
    known = np.isfinite(square)
    count = np.bincount(trajectory[known], minlength=m)
    with np.errstate(invalid="ignore"):
        total = np.bincount(trajectory[known], weights=square[known], minlength=m)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def read_complexity(panel: Trajectories, complexity: Any, texts: Any) -> pd.DataFrame:
    """Return measures of complexity, one row a document; always its length in units."""
    from stochtext.analysis.trajectories.complexity import text_complexity

    frame = pd.DataFrame({LENGTH: panel.lengths.astype(np.float64)}, index=panel.ids)
    if texts is not None:
        documents = list(texts)
        if len(documents) != panel.n_trajectories:
            raise InputError(
                f"`texts` has {len(documents)} documents, X has {panel.n_trajectories}: one each, "
                "in order. Leave out those that became no trajectory."
            )
        own = text_complexity(documents).drop(columns=LENGTH).set_axis(panel.ids)
        frame = frame.join(own)
    if complexity is not None:
        given = pd.DataFrame(complexity)
        if len(given) != panel.n_trajectories:
            raise InputError(
                f"`complexity` has {len(given)} rows, X has {panel.n_trajectories} documents."
            )
        numeric = given.select_dtypes("number").set_axis(panel.ids)
        if numeric.shape[1] == 0:
            raise InputError("`complexity` has no numeric column.")
        frame = frame.join(numeric.drop(columns=LENGTH, errors="ignore"))
    return frame.astype(np.float64)


def contrast_quantities(
    panel: Trajectories, measures: pd.DataFrame, error: FloatArray, control: FloatArray,
    n_permutations: int, alpha: float, rng: np.random.Generator,
) -> list[Quantity]:  # fmt: skip
    """Return the rank correlation of the error with each measure.

    Parameters
    ----------
    panel : Trajectories
    measures : DataFrame
        One row a document.
    error, control : ndarray of shape (m,)
        Of each document, as written and shuffled.
    n_permutations : int
    alpha : float
    rng : Generator
    """
    known = np.isfinite(error) & np.isfinite(measures.to_numpy()).all(axis=1)
    if known.sum() < FEWEST:
        note = f"{int(known.sum())} documents only; at least {FEWEST} are needed"
        return [Quantity(PART, name, "", np.nan, note=note) for name in measures.columns]
    group = cluster_codes(panel)[known]
    length = stats.rankdata(measures[LENGTH].to_numpy()[known])
    orders = [_order(group, panel.groups is not None, rng) for _ in range(n_permutations)]
    rows = []
    for name in measures.columns:
        ranks = stats.rankdata(measures[name].to_numpy()[known])
        if name != LENGTH:
            ranks = _without(ranks, length)
        observed, low, high, pvalue = _correlated(ranks, error[known], length, name, orders, alpha)
        other = _correlated(ranks, control[known], length, name, orders[:1], alpha)[0]
        rows.append(Quantity(PART, name, "", observed, low, high, other, pvalue))
    return rows


def _correlated(
    ranks: FloatArray, error: FloatArray, length: FloatArray, name: str,
    orders: list[IntArray], alpha: float,
) -> tuple[float, float, float, float]:  # fmt: skip
    other = stats.rankdata(error)
    if name != LENGTH:
        other = _without(other, length)
    observed = _correlation(ranks, other)
    drawn = np.array([_correlation(ranks, other[order]) for order in orders])
    pvalue = float((1 + np.sum(np.abs(drawn) >= abs(observed) - 1e-12)) / (1 + len(drawn)))
    half = stats.norm.ppf(1 - alpha / 2) * np.sqrt(1.06 / (len(error) - 3))
    centre = np.arctanh(np.clip(observed, -1 + 1e-12, 1 - 1e-12))
    return observed, float(np.tanh(centre - half)), float(np.tanh(centre + half)), pvalue


def _order(group: IntArray, grouped: bool, rng: np.random.Generator) -> IntArray:
    """Return an order of the documents; within groups where several answer one prompt."""
    if not grouped or np.bincount(group).max() < 2:
        return rng.permutation(len(group))
    order = np.empty(len(group), dtype=np.int64)
    order[np.argsort(group, kind="stable")] = np.lexsort((rng.random(len(group)), group))
    return order


def _without(ranks: FloatArray, length: FloatArray) -> FloatArray:
    """Return what a line in the rank of the length leaves."""
    design = np.column_stack([np.ones(len(length)), length])
    left = ranks - design @ np.linalg.lstsq(design, ranks, rcond=1e-10)[0]
    return np.where(np.abs(left) > 1e-9 * len(left), left, 0.0)


def _correlation(a: FloatArray, b: FloatArray) -> float:
    x, y = a - a.mean(), b - b.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 0 else 0.0
