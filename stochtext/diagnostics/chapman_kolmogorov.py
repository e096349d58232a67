"""Whether two steps of a process are its one step taken twice.

Law of the room: steps never reach from one trajectory into the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, IntArray, RandomState
from stochtext._shared.validation import check_integer
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["ChapmanKolmogorovTest", "chapman_kolmogorov_test"]

_FEWEST_STEPS = 50


@dataclass(frozen=True)
class ChapmanKolmogorovTest:
    """Result of :func:`chapman_kolmogorov_test`.

    Attributes
    ----------
    statistic : float
    pvalue : float
        From the bootstrap.
    direct, composed : ndarray of shape (c, c)
        Probability to go from one cell to another in two steps: as observed, and as the
        observed one step taken twice.
    edges : ndarray of shape (c + 1,)
    n : int
        Pairs of steps.
    n_boot : int
    """

    statistic: float
    pvalue: float
    direct: FloatArray
    composed: FloatArray
    edges: FloatArray
    n: int
    n_boot: int


def chapman_kolmogorov_test(
    X: Any,
    lag: int = 1,
    *,
    dt: Any = None,
    column: int = 0,
    n_cells: int = 8,
    n_boot: int = 199,
    random_state: RandomState = None,
) -> ChapmanKolmogorovTest:
    r"""Test the Chapman-Kolmogorov equation between one and two steps of ``lag``.

    Parameters
    ----------
    X : Trajectories, array or list of arrays
    lag : int, default 1
        Length of a step, in sampling intervals.
    dt : optional
        Sampling interval of plain arrays.
    column : int, default 0
        Which coordinate: the test asks whether it is Markov by itself.
    n_cells : int, default 8
        Cells of equal number of states.
    n_boot : int, default 199
        Bootstrap samples.
    random_state : int, Generator, SeedSequence or None

    Returns
    -------
    ChapmanKolmogorovTest

    Notes
    -----
    The statistic is :math:`\sum_{ij} n_i (\hat P_2 - \hat P_1^2)_{ij}^2 / (\hat P_1^2)_{ij}`
    over cells. A Markov process seen in cells is not quite Markov, so that no chi-squared law
    holds; the null law comes from a Markov bootstrap: paths that start and end with the
    trajectories and take at each state the observed increment from a randomly chosen one of
    its nearest neighbours among the observed states. The test is conservative where the
    process is persistent.

    References
    ----------
    Aït-Sahalia, Y., Fan, J. and Jiang, J. (2010), Nonparametric tests of the Markov
    hypothesis in continuous-time models, Annals of Statistics 38, 3129-3163, for the idea.
    Paparoditis, E. and Politis, D. N. (2002), The local bootstrap for Markov processes,
    Journal of Statistical Planning and Inference 108, 301-328.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import chapman_kolmogorov_test
    >>> rng = np.random.default_rng(0)
    >>> x = np.zeros(2000)
    >>> for k in range(1999):
    ...     x[k + 1] = 0.8 * x[k] + rng.standard_normal()
    >>> chapman_kolmogorov_test(x[:, None], n_boot=39, random_state=0).pvalue > 0.05
    True
    """
    panel = as_trajectories(X, dt=dt)
    paths = _thinned(panel, check_integer("lag", lag, minimum=1), column)
    cells = check_integer("n_cells", n_cells, minimum=2)
    draws = check_integer("n_boot", n_boot, minimum=19)
    states = np.concatenate(paths)
    edges = np.unique(np.quantile(states, np.linspace(0, 1, cells + 1)))
    if len(edges) < 3:
        raise InputError("The states take too few values for cells; the test needs a continuum.")
    length = max(map(len, paths))
    padded = np.full((1, len(paths), length), np.nan)
    for j, path in enumerate(paths):
        padded[0, j, : len(path)] = path
    (observed,), direct, composed = _statistics(padded, edges)
    again = _markov_paths(paths, length, draws, generator(random_state, "chapman kolmogorov"))
    null, _, _ = _statistics(again, edges)
    pvalue = (1 + np.sum(null >= observed)) / (draws + 1)
    pairs = sum(len(path) - 2 for path in paths)
    return ChapmanKolmogorovTest(
        float(observed), float(pvalue), direct, composed, edges, pairs, draws
    )


def _thinned(panel: Trajectories, lag: int, column: int) -> list[FloatArray]:
    paths = [values[::lag, column] for values in panel.arrays()]
    paths = [path for path in paths if len(path) >= 3]
    steps = sum(len(path) - 1 for path in paths)
    if steps < _FEWEST_STEPS:
        raise InputError(
            f"The Chapman-Kolmogorov test needs at least {_FEWEST_STEPS} steps of {lag} sampling "
            f"intervals in trajectories of two or more; got {steps}."
        )
    return paths


def _statistics(paths: FloatArray, edges: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the statistic of each panel (B, m, T), and both matrices of the first."""
    c = len(edges) - 1
    place = np.clip(np.searchsorted(edges, paths, side="right") - 1, 0, c - 1)
    known = np.isfinite(paths)
    values, first = [], (np.empty((c, c)), np.empty((c, c)))
    for k in range(len(paths)):
        one = _counts(place[k], known[k], 1, c)
        two = _counts(place[k], known[k], 2, c)
        transition = one / np.maximum(one.sum(axis=1, keepdims=True), 1)
        composed = transition @ transition
        n = two.sum(axis=1, keepdims=True)
        direct = two / np.maximum(n, 1)
        terms = n * (direct - composed) ** 2 / np.maximum(composed, 1e-300)
        values.append(np.sum(np.where(n * composed >= 1, terms, 0.0)))
        if k == 0:
            first = (direct, composed)
    return np.array(values), *first


def _counts(place: IntArray, known: np.ndarray, lag: int, c: int) -> FloatArray:
    start, end = place[:, :-lag], place[:, lag:]
    seen = known[:, lag:]
    flat = np.bincount((start * c + end)[seen], minlength=c * c)
    return flat.reshape(c, c).astype(np.float64)


def _markov_paths(
    paths: list[FloatArray], length: int, draws: int, rng: np.random.Generator
) -> FloatArray:
    """Return bootstrap panels, shape (draws, m, length), NaN after the end of a trajectory."""
    origin = np.concatenate([path[:-1] for path in paths])
    change = np.concatenate([np.diff(path) for path in paths])
    order = np.argsort(origin, kind="stable")
    origin, change = origin[order], change[order]
    reach = max(2, int(len(origin) ** 0.5) // 4)
    ends = np.array([len(path) for path in paths])
    result = np.full((draws, len(paths), length), np.nan)
    x = np.broadcast_to([path[0] for path in paths], (draws, len(paths))).copy()
    result[:, :, 0] = x
    for k in range(1, length):
        near = np.searchsorted(origin, x) + rng.integers(-reach, reach, x.shape)
        x = x + change[np.clip(near, 0, len(origin) - 1)]
        result[:, ends > k, k] = x[:, ends > k]
    return result
