"""Whether the past matters once the present is known, and from which lag on it does not.

Law of the room: triples of states never reach from one trajectory into the next.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, rankdata

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext._shared.validation import check_fraction, check_integer
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["MarkovLength", "markov_length", "markov_test"]

_PER_CELL = 40
_MOST_CELLS = 50
_FEWEST = 20


@dataclass(frozen=True)
class MarkovLength:
    """Result of :func:`markov_length`.

    Attributes
    ----------
    lags : ndarray of int of shape (k,)
    statistic, pvalue : ndarray of shape (k,)
        Standard normal under the Markov property; two-sided p-values.
    n : ndarray of int of shape (k,)
        Triples used.
    lag : int or None
        Shortest lag from which on no test rejects; None if the longest rejects.
    time : float
        The same in units of time; NaN if there is none.
    """

    lags: np.ndarray
    statistic: FloatArray
    pvalue: FloatArray
    n: np.ndarray
    lag: int | None
    time: float

    def to_frame(self) -> pd.DataFrame:
        """Return one row a lag."""
        return pd.DataFrame(
            {"lag": self.lags, "statistic": self.statistic, "pvalue": self.pvalue, "n": self.n}
        )


def markov_test(
    X: Any, lag: int = 1, *, dt: Any = None, column: int = 0
) -> tuple[float, float, int]:
    r"""Test the Markov property at a lag by Wilcoxon's rank sums.

    Parameters
    ----------
    X : Trajectories, array or list of arrays
    lag : int, default 1
    dt : optional
        Sampling interval of plain arrays.
    column : int, default 0
        Which coordinate: the test asks whether it is Markov by itself.

    Returns
    -------
    statistic : float
        Standard normal if the process is Markov at this lag.
    pvalue : float
        Two-sided; NaN with fewer than twenty triples.
    n : int
        Number of triples.

    Notes
    -----
    Triples :math:`(x_1, x_2, x_3)` of states ``lag`` apart start every three lags, so that no
    step is used twice. They are sorted by the present :math:`x_2` into cells of equal number;
    within a cell past and future are taken less their quadratic regression on the
    present, and the futures of triples with a low past are ranked against the others. The
    rank sums of all cells are added (van Elteren).

    References
    ----------
    Renner, C., Peinke, J. and Friedrich, R. (2001), Experimental indications for Markov
    properties of small-scale turbulence, Journal of Fluid Mechanics 433, 383-409.
    van Elteren, P. (1960), On the combination of independent two-sample tests of Wilcoxon,
    Bulletin of the International Statistical Institute 37, 351-361.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import markov_test
    >>> rng = np.random.default_rng(0)
    >>> x = np.zeros(3000)
    >>> for k in range(2999):
    ...     x[k + 1] = 0.8 * x[k] + rng.standard_normal()
    >>> markov_test(x[:, None])[1] > 0.05
    True
    >>> markov_test((x + rng.standard_normal(3000))[:, None])[1] < 0.01
    True
    """
    panel = as_trajectories(X, dt=dt)
    triples = _triples(panel, check_integer("lag", lag, minimum=1), column)
    return _van_elteren(triples)


def markov_length(
    X: Any,
    lags: Sequence[int] = (1, 2, 3, 4, 6, 8, 12, 16),
    *,
    dt: Any = None,
    column: int = 0,
    alpha: float = 0.05,
) -> MarkovLength:
    """Return the Markov-Einstein length: the lag from which on the process looks Markov.

    Parameters
    ----------
    X : Trajectories, array or list of arrays
    lags : sequence of int
        Increasing.
    dt : optional
        Sampling interval of plain arrays.
    column : int, default 0
    alpha : float, default 0.05
        Level of each test.

    Returns
    -------
    MarkovLength

    Notes
    -----
    Longer lags have fewer triples, so that the tests lose power with the lag: a length is
    an upper end of what these data can refute.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import markov_length
    >>> rng = np.random.default_rng(0)
    >>> noise = np.convolve(rng.standard_normal(30_000), np.ones(4), "valid")
    >>> markov_length(np.cumsum(noise)[:, None], lags=(1, 2, 4, 8, 16, 32)).lag > 2
    True
    """
    panel = as_trajectories(X, dt=dt)
    chosen = [check_integer("lags", lag, minimum=1) for lag in lags]
    if not chosen or any(b <= a for a, b in zip(chosen, chosen[1:], strict=False)):
        raise InputError(f"`lags` must be increasing integers; got {lags!r}.")
    check_fraction("alpha", alpha)
    found = [_van_elteren(_triples(panel, lag, column)) for lag in chosen]
    pvalue = np.array([p for _, p, _ in found])
    length: int | None = None
    for lag, p in zip(chosen[::-1], pvalue[::-1], strict=True):
        if not p > alpha:
            break
        length = lag
    steps = panel.transitions().dt
    return MarkovLength(
        np.array(chosen), np.array([z for z, _, _ in found]), pvalue,
        np.array([n for _, _, n in found]), length,
        float("nan") if length is None else float(length * np.mean(steps)),
    )  # fmt: skip


def _triples(panel: Trajectories, lag: int, column: int) -> FloatArray:
    """Return past, present and future, shape (n, 3)."""
    parts = []
    for values in panel.arrays():
        x = values[:, column]
        start = np.arange(0, len(x) - 2 * lag, 3 * lag)
        parts.append(np.stack([x[start], x[start + lag], x[start + 2 * lag]], axis=1))
    return np.concatenate(parts)


def _van_elteren(triples: FloatArray) -> tuple[float, float, int]:
    n = len(triples)
    if n < _FEWEST:
        return float("nan"), float("nan"), n
    triples = triples[np.argsort(triples[:, 1], kind="stable")]
    number = int(np.clip(n // _PER_CELL, 1, _MOST_CELLS))
    total = variance = 0.0
    for cell in np.array_split(triples, number):
        past, future = _less_regression(cell)
        low = past <= np.median(past)
        size, others = int(low.sum()), int((~low).sum())
        if not size or not others:
            continue
        ranks = rankdata(future)
        centred = ranks - ranks.mean()
        # Permutation variance of the rank sum, ties included; weights 1 / (m + 1).
        spread = size * others / (len(cell) * (len(cell) - 1)) * np.sum(centred**2)
        weight = 1 / (len(cell) + 1)
        total += weight * float(centred[low].sum())
        variance += weight**2 * spread
    if variance == 0:
        return float("nan"), float("nan"), n
    statistic = total / np.sqrt(variance)
    return float(statistic), float(2 * norm.sf(abs(statistic))), n


def _less_regression(cell: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return past and future less their quadratic regression on the present."""
    present = cell[:, 1] - cell[:, 1].mean()
    scale = np.abs(present).max() or 1.0
    design = np.vander(present / scale, 3)
    outer = cell[:, [0, 2]]
    left = outer - design @ np.linalg.lstsq(design, outer, rcond=1e-10)[0]
    return left[:, 0], left[:, 1]
