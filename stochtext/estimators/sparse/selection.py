"""Which terms of a linear regression to keep: backward elimination by an information criterion."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stochtext._shared.typing import BoolArray, FloatArray
from stochtext.estimators.redundancy import independent_in

__all__ = ["CRITERIA", "Selection", "eliminate"]

#: Penalty of one coefficient as a function of the number of rows.
CRITERIA: dict[str, Callable[[float], float]] = {"bic": math.log, "aic": lambda n: 2.0}


@dataclass(frozen=True)
class Selection:
    """Coefficients of a regression of which some are zero.

    Attributes
    ----------
    coefficients : ndarray of shape (k,)
    kept : ndarray of bool of shape (k,)
    redundant : ndarray of bool of shape (k,)
        Columns that are combinations of those before them: the data do not identify them.
    """

    coefficients: FloatArray
    kept: BoolArray
    redundant: BoolArray


def eliminate(
    design: FloatArray, response: FloatArray, weight: FloatArray, n: float, criterion: str | None
) -> Selection:
    """Fit by weighted least squares and leave out terms one by one.

    Parameters
    ----------
    design : ndarray of shape (rows, k)
    response, weight : ndarrays of shape (rows,)
    n : float
        How many independent rows there are.
    criterion : {"bic", "aic", None}
        Of all models on the path of backward elimination, in which each step drops the term
        with the smallest t value, the one with the smallest ``n log RSS + penalty`` is taken;
        None keeps all terms.

    Notes
    -----
    The criterion is that of Schwarz (1978), Estimating the dimension of a model, Annals of
    Statistics 6, 461-464, or of Akaike (1974), for Gaussian errors of unknown scale.
    """
    root = np.sqrt(weight)[:, None]
    both = np.hstack([design, response[:, None]]) * root
    scale = np.linalg.norm(both, axis=0)
    scale[scale == 0] = 1.0
    # The triangle has the same sums of squares and products as all rows.
    triangle = np.asarray(np.linalg.qr(both / scale, mode="r"), dtype=np.float64)
    kept = independent_in(triangle[:, :-1])
    redundant = ~kept
    best, path = np.inf, kept.copy()
    penalty = 0.0 if criterion is None else float(CRITERIA[criterion](n))
    while True:
        solution, rss, smallest = _fit(triangle, kept)
        loss = n * np.log(max(rss, 1e-300)) + penalty * kept.sum()
        if loss <= best:
            best, path, found = loss, kept.copy(), solution
        if criterion is None or not kept.any():
            break
        kept = kept.copy()
        kept[smallest] = False
    return Selection(found * scale[-1] / scale[:-1], path, redundant)


def _fit(triangle: FloatArray, kept: BoolArray) -> tuple[FloatArray, float, int]:
    """Return coefficients (zero where not kept), the residual sum of squares, the weakest term."""
    columns = np.flatnonzero(kept)
    coefficients = np.zeros(len(kept))
    right = triangle[:, -1]
    if not columns.size:
        return coefficients, float(right @ right), -1
    q, r = np.linalg.qr(triangle[:, columns])
    solution = np.linalg.solve(r, q.T @ right)
    coefficients[columns] = solution
    residual = right - triangle[:, columns] @ solution
    inverse = np.linalg.inv(r)
    t = np.abs(solution) / np.sqrt(np.sum(inverse**2, axis=1))
    return coefficients, float(residual @ residual), int(columns[np.argmin(t)])
