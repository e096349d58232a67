"""Whether single coordinates look stationary: unit-root and stationarity tests on panels.

Law of this file: these tests ask about the data, not about a fitted model, so that they are no
part of a goodness-of-fit table; every trajectory has its own level, and none is joined to another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_choice, check_integer
from stochtext.trajectories.panel import Trajectories
from stochtext.trajectories.reading import as_trajectories

__all__ = ["StationarityTest", "adf_test", "kpss_test"]

TRENDS = ("constant", "linear")
FEWEST_STATES = 12
# Above this many states in one trajectory the limit law of Dickey and Fuller is used.
LONG = 4000
NUMBERS_AT_ONCE = 2_000_000
LARGEST_MEMORY = 0.995

Statistic = Callable[[FloatArray], FloatArray]
Draw = Callable[[np.random.Generator, int, int], FloatArray]


@dataclass(frozen=True)
class StationarityTest:
    """Result of :func:`adf_test` or :func:`kpss_test`.

    Attributes
    ----------
    test : str
    null : str
        What a small p-value speaks against: ``"unit root"`` or ``"stationary"``.
    statistic : float
        Mean over trajectories.
    pvalue : float
        NaN where it cannot be honest; ``meaning`` then says why.
    lags : int
        Lagged differences (ADF), or lags of the long-run variance (KPSS).
    n : int
        States used.
    n_trajectories : int
        Trajectories used: those of twelve states or more.
    calibration : str
        Where the p-value comes from.
    meaning : str
        What a rejection means; for a NaN, why there is no number.
    """

    test: str
    null: str
    statistic: float
    pvalue: float
    lags: int
    n: int
    n_trajectories: int
    calibration: str
    meaning: str


def adf_test(
    X: Any,
    *,
    dt: Any = None,
    column: int = 0,
    trend: str = "constant",
    lags: int | None = None,
    n_draws: int = 499,
    random_state: RandomState = None,
) -> StationarityTest:
    r"""Test the null of a unit root by augmented Dickey-Fuller regressions.

    Parameters
    ----------
    X : Trajectories, array or list of arrays
    dt : optional
        Sampling interval of plain arrays.
    column : int, default 0
        Which coordinate.
    trend : {"constant", "linear"}, default "constant"
        What a stationary trajectory would move about; each has its own.
    lags : int, optional
        Lagged differences in the regression; by default
        :math:`\lfloor 4 (T / 100)^{1/4} \rfloor` for the shortest trajectory used, fewer
        where it is shorter than 40 states.
    n_draws : int, default 499
        Panels of random walks behind the p-value.
    random_state : int, Generator, SeedSequence or None

    Returns
    -------
    StationarityTest

    Notes
    -----
    In each trajectory :math:`\Delta x_t = a + \rho x_{t-1} + \sum_k \gamma_k \Delta x_{t-k} + e_t`
    is fitted by least squares (with a slope in t for ``"linear"``). The statistic is the mean
    over trajectories of the t-values of :math:`\rho` (Im, Pesaran and Shin); for one trajectory
    it is the one of statsmodels' ``adfuller`` with as many lags and no choice among them. The
    p-value is its rank among panels of Gaussian random walks of the same lengths, treated alike:
    exact for such walks, asymptotically right for others. A single trajectory of more than 4000
    states takes MacKinnon's p-value from statsmodels.

    References
    ----------
    Dickey, D. A. and Fuller, W. A. (1979). Distribution of the estimators for autoregressive
    time series with a unit root. Journal of the American Statistical Association 74, 427-431.

    Im, K. S., Pesaran, M. H. and Shin, Y. (2003). Testing for unit roots in heterogeneous
    panels. Journal of Econometrics 115, 53-74.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import adf_test
    >>> rng = np.random.default_rng(0)
    >>> adf_test(rng.standard_normal((200, 1)), random_state=0).pvalue < 0.05
    True
    >>> adf_test(np.cumsum(rng.standard_normal(200))[:, None], random_state=0).pvalue > 0.05
    True
    """
    panel, degree = as_trajectories(X, dt=dt), 1 + _degree(trend)
    paths, reason = _paths(panel, column)
    depth = _default_lags(paths) if lags is None else check_integer("lags", lags, minimum=0)
    reason = reason or _too_short(paths, depth + degree + 4)
    meaning = "the trajectories return to a level: no unit root."
    if reason:
        return _nothing("ADF", "unit root", depth, paths, reason)

    def statistic(x: FloatArray) -> FloatArray:
        return _unit_root_t(x, depth, degree)

    observed = _panel_means(paths, statistic)
    if len(paths) == 1 and len(paths[0]) > LONG:
        from statsmodels.tsa.adfvalues import mackinnonp

        pvalue, calibration = float(mackinnonp(observed, "c" if degree == 1 else "ct")), "limit law"
    else:
        draws = check_integer("n_draws", n_draws, minimum=19)
        null = _null_means(paths, statistic, _random_walks, draws, random_state)
        pvalue = float((1 + np.sum(null <= observed)) / (draws + 1))
        calibration = f"simulated ({draws} random walks)"
    return _found("ADF", "unit root", observed, pvalue, depth, paths, calibration, meaning)


def kpss_test(
    X: Any,
    *,
    dt: Any = None,
    column: int = 0,
    trend: str = "constant",
    lags: int | None = None,
    n_draws: int = 499,
    random_state: RandomState = None,
) -> StationarityTest:
    r"""Test the null of stationarity about a level or a line (KPSS).

    Parameters
    ----------
    X, dt, column, trend, random_state
        As in :func:`adf_test`.
    lags : int, optional
        Lags of the long-run variance; the default is that of :func:`adf_test`.
    n_draws : int, default 499
        Simulated panels behind the p-value.

    Returns
    -------
    StationarityTest

    Notes
    -----
    With residuals e from a level (or a line) in each trajectory of T states and their
    partial sums S, the statistic is the mean over trajectories of
    :math:`T^{-2} \sum_t S_t^2 / \hat s^2`, where :math:`\hat s^2` is Bartlett's estimate of the
    long-run variance (statsmodels' ``kpss`` with as many lags). Its limit law over-rejects
    series with memory badly; the p-value is instead the rank among simulated stationary
    autoregressions of order one with the pooled within-trajectory coefficient, corrected for
    its bias and never above 0.995. A small p-value therefore says: more wandering than such
    a memory explains.

    References
    ----------
    Kwiatkowski, D., Phillips, P. C. B., Schmidt, P. and Shin, Y. (1992). Testing the null
    hypothesis of stationarity against the alternative of a unit root. Journal of Econometrics
    54, 159-178.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import kpss_test
    >>> rng = np.random.default_rng(0)
    >>> kpss_test(rng.standard_normal((200, 1)), random_state=0).pvalue > 0.05
    True
    """
    panel, degree = as_trajectories(X, dt=dt), _degree(trend)
    paths, reason = _paths(panel, column)
    depth = _default_lags(paths) if lags is None else check_integer("lags", lags, minimum=0)
    reason = reason or _too_short(paths, depth + 2)
    meaning = "the level wanders more than a stationary memory of one step explains."
    if reason:
        return _nothing("KPSS", "stationary", depth, paths, reason)

    def statistic(x: FloatArray) -> FloatArray:
        return _partial_sum_ratio(x, depth, degree)

    memory = _memory(paths, degree)

    def autoregressions(rng: np.random.Generator, count: int, length: int) -> FloatArray:
        return _autoregressions(rng, count, length, memory)

    draws = check_integer("n_draws", n_draws, minimum=19)
    observed = _panel_means(paths, statistic)
    null = _null_means(paths, statistic, autoregressions, draws, random_state)
    pvalue = float((1 + np.sum(null >= observed)) / (draws + 1))
    calibration = f"bootstrap ({draws}), memory {memory:.3g} a step"
    return _found("KPSS", "stationary", observed, pvalue, depth, paths, calibration, meaning)


def _found(
    test: str, null: str, statistic: float, pvalue: float, lags: int, paths: list[FloatArray],
    calibration: str, meaning: str,
) -> StationarityTest:  # fmt: skip
    n = sum(map(len, paths))
    return StationarityTest(
        test, null, statistic, pvalue, lags, n, len(paths), calibration, meaning
    )


def _nothing(
    test: str, null: str, lags: int, paths: list[FloatArray], reason: str
) -> StationarityTest:
    nan = math.nan
    return _found(test, null, nan, nan, lags, paths, "none", f"not computed: {reason}")


def _degree(trend: str) -> int:
    return TRENDS.index(check_choice("trend", trend, TRENDS))


def _paths(panel: Trajectories, column: int) -> tuple[list[FloatArray], str]:
    """Return the trajectories that are long enough, and why there is no test at all."""
    if not 0 <= column < panel.n_features:
        raise InputError(f"`column` must be 0 to {panel.n_features - 1}; got {column}.")
    paths = [x[:, column] for x in panel.arrays() if len(x) >= FEWEST_STATES]
    if not paths:
        return paths, f"no trajectory has {FEWEST_STATES} states."
    steps = panel.transitions().dt
    if np.ptp(steps) > 1e-6 * steps.max():
        return paths, "the sampling intervals differ, and the test needs equal ones."
    if any(np.ptp(x) <= 1e-12 * np.abs(x).max() for x in paths):
        return paths, "a trajectory does not move."
    return paths, ""


def _default_lags(paths: list[FloatArray]) -> int:
    if not paths:
        return 0
    shortest = min(map(len, paths))
    return max(0, min(int(4 * (shortest / 100) ** 0.25), (shortest - 10) // 6))


def _too_short(paths: list[FloatArray], needed: int) -> str:
    shortest = min(map(len, paths), default=0)
    return f"a trajectory of {shortest} states is too short." if shortest < needed else ""


def _panel_means(paths: list[FloatArray], statistic: Statistic) -> float:
    return float(np.mean([statistic(x[None])[0] for x in paths]))


def _null_means(
    paths: list[FloatArray], statistic: Statistic, draw: Draw, draws: int,
    random_state: RandomState,
) -> FloatArray:  # fmt: skip
    """Return the mean statistic of ``draws`` panels with these lengths."""
    rng = generator(random_state, "stationarity")
    total = np.zeros(draws)
    lengths, counts = np.unique([len(x) for x in paths], return_counts=True)
    for length, count in zip(lengths.tolist(), counts.tolist(), strict=True):
        block = max(1, NUMBERS_AT_ONCE // length)
        rows = draws * count
        values = [statistic(draw(rng, min(block, rows - k), length)) for k in range(0, rows, block)]
        total += np.concatenate(values).reshape(draws, count).sum(axis=1)
    return total / len(paths)


def _random_walks(rng: np.random.Generator, count: int, length: int) -> FloatArray:
    walks: FloatArray = np.cumsum(rng.standard_normal((count, length)), axis=1)
    return walks


def _autoregressions(
    rng: np.random.Generator, count: int, length: int, memory: float
) -> FloatArray:
    from scipy.signal import lfilter

    noise = rng.standard_normal((count, length))
    noise[:, 0] /= math.sqrt(1.0 - memory**2)
    return np.asarray(lfilter([1.0], [1.0, -memory], noise, axis=1))


def _unit_root_t(x: FloatArray, lags: int, degree: int) -> FloatArray:
    """Return the t-value of the lagged level in each row of x, shape (count,)."""
    change = np.diff(x, axis=1)
    rows = change.shape[1] - lags
    response = change[:, lags:]
    past = [change[:, lags - k : lags - k + rows] for k in range(1, lags + 1)]
    line = np.broadcast_to(np.vander(np.linspace(-1, 1, rows), degree), (len(x), rows, degree))
    others = np.concatenate([np.stack(past, axis=2), line], axis=2) if past else line
    left = np.stack([x[:, lags:-1], response], axis=2)
    basis = np.linalg.qr(others)[0]
    left = left - basis @ (np.swapaxes(basis, 1, 2) @ left)
    level, answer = left[:, :, 0], left[:, :, 1]
    power = np.einsum("ij,ij->i", level, level)
    slope = np.einsum("ij,ij->i", level, answer) / power
    error = answer - slope[:, None] * level
    free = rows - others.shape[2] - 1
    t: FloatArray = slope * np.sqrt(power * free / np.einsum("ij,ij->i", error, error))
    return t


def _detrended(x: FloatArray, degree: int) -> FloatArray:
    length = x.shape[1]
    basis = np.linalg.qr(np.vander(np.linspace(-1, 1, length), degree + 1))[0]
    left: FloatArray = x - (x @ basis) @ basis.T
    return left


def _partial_sum_ratio(x: FloatArray, lags: int, degree: int) -> FloatArray:
    """Return the KPSS statistic of each row of x."""
    length = x.shape[1]
    error = _detrended(x, degree)
    variance = np.einsum("ij,ij->i", error, error)
    for k in range(1, lags + 1):
        weight = 2 * (1 - k / (lags + 1))
        variance = variance + weight * np.einsum("ij,ij->i", error[:, k:], error[:, :-k])
    sums = np.cumsum(error, axis=1)
    ratio: FloatArray = np.einsum("ij,ij->i", sums, sums) / (length * variance)
    return ratio


def _memory(paths: list[FloatArray], degree: int) -> float:
    """Return the pooled within-trajectory autocorrelation less its small-sample bias."""
    errors = [_detrended(x[None], degree)[0] for x in paths]
    raw = sum(e[1:] @ e[:-1] for e in errors) / sum(e[:-1] @ e[:-1] for e in errors)
    length = sum(map(len, paths)) / len(paths)
    # Kendall (1954): the bias is -(1 + 3 phi) / T about a level, -(2 + 4 phi) / T about a line.
    bias = (1 + 3 * raw) / length if degree == 0 else (2 + 4 * raw) / length
    return float(np.clip(raw + bias, -LARGEST_MEMORY, LARGEST_MEMORY))
