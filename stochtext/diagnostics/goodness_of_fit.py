"""Tests whether standardised residuals are independent standard normal numbers.

Law of the room: arrays in, a table out; which model left the residuals is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import chi2

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import ArrayLike, FloatArray, IntArray
from stochtext._shared.validation import as_float_array, check_fraction, check_integer
from stochtext.diagnostics.calibration_table import GoodnessOfFit, ResidualTest
from stochtext.diagnostics.normality import jarque_bera
from stochtext.diagnostics.serial_correlation import (
    MINIMUM_PAIRS,
    arch_lm,
    default_lags,
    free_correlations,
    ljung_box,
    pair_counts,
)

__all__ = ["GoodnessOfFit", "goodness_of_fit"]

Outcome = tuple[float, float, float]

MEANING = {
    "Ljung-Box": (
        "residuals are correlated in time, so the drift misses structure, or the state does not "
        "hold all memory (not Markov at this sampling interval)."
    ),
    "Ljung-Box on squares": (
        "the size of the residuals is correlated in time, so the diffusion misses a dependence on "
        "the state, on time or on something unobserved."
    ),
    "ARCH-LM": ("large steps follow large steps more than the fitted diffusion explains."),
    "Jarque-Bera": (
        "residuals are not normal: jumps, outliers, noise that depends on the state, or a sampling "
        "interval too long for a Gaussian step."
    ),
}


def goodness_of_fit(
    resid: ArrayLike,
    trajectory: ArrayLike | None = None,
    *,
    lags: int | None = None,
    alpha: float = 0.05,
    regressors: ArrayLike | None = None,
    by_component: bool = False,
    names: Sequence[str] | None = None,
) -> GoodnessOfFit:
    r"""Test standardised one-step residuals for dependence and non-normality.

    Parameters
    ----------
    resid : array_like of shape (n, d) or (n,)
        Residuals, whitened: under the model each component is standard normal
        and independent of the others and of the past.
    trajectory : array_like of shape (n,), optional
        Trajectory of each residual; the rows of a trajectory stand together and
        in order of time. By default all rows are one trajectory.
    lags : int, optional
        Number of lags of both Ljung-Box tests and of ARCH-LM. By default as many
        as the lengths of the trajectories carry
        (:func:`~stochtext.diagnostics.default_lags`), at most 10, at most 5 for
        ARCH-LM.
    alpha : float, default 0.05
        Level at which the summary speaks of a rejection.
    regressors : array_like of shape (n, p), optional
        What the conditional mean was fitted to on these same data, such as the state
        from which each step started. The Ljung-Box row then allows for the
        estimation: its degrees of freedom are smaller
        (:func:`~stochtext.diagnostics.free_correlations`). Without it, the test of
        residuals of a fitted drift is conservative. Leave it out for data that were
        not used in the fit.
    by_component : bool, default False
        One row per test and component instead of one per test.
    names : sequence of d str, optional
        Names of the components, by default their numbers.

    Returns
    -------
    GoodnessOfFit
        Rows Ljung-Box (1978), Ljung-Box on squares (McLeod and Li, 1983), ARCH-LM
        (Engle, 1982) and Jarque-Bera (1987). A row that the data cannot carry has
        NaN, and the reason as its meaning.

    Raises
    ------
    InputError
        If shapes disagree, a residual is not finite, or the rows of a trajectory
        do not stand together.

    Notes
    -----
    Components are independent under the model, so statistics and degrees of
    freedom of the components add up. Dependence of one component on the past of
    another is not looked for. No lag pair joins two trajectories; a test needs at
    least 20 pairs (rows, residuals) at each lag.

    Sizes at the 5 % level in per cent, with parameters estimated and the state given
    as ``regressors`` (2000 samples of exact Ornstein-Uhlenbeck data, 99.9 % band
    [3.4, 6.6]; ``benchmarks/calibration/residual_tests.py``):

    ============================  =========  ==========  =======  ===========
    design                        Ljung-Box  on squares  ARCH-LM  Jarque-Bera
    ============================  =========  ==========  =======  ===========
    path, n = 50                  6.2        3.8         1.9      4.2
    path, n = 100                 6.2        3.9         2.7      4.5
    path, n = 250                 6.0        6.1         5.0      4.0
    path, n = 1000                5.5        4.2         4.3      5.0
    path, n = 250, d = 2          5.9        5.7         4.3      5.2
    30 short paths (8 to 30)      5.4        5.3         4.7      4.2
    30 short paths, d = 2         5.0        6.0         4.8      4.5
    50 paths of 20, d = 2         5.2        6.2         5.3      4.8
    12 paths of 8                 5.5        4.8         6.4      4.9
    60 paths of 4                 4.9        5.3         5.5      5.0
    ============================  =========  ==========  =======  ===========

    Without ``regressors`` Ljung-Box rejects 2.8 to 4.3 per cent of them. ARCH-LM is
    conservative on a single path of 100 steps or fewer.

    References
    ----------
    McLeod, A. I. and Li, W. K. (1983). Diagnostic checking ARMA time series models
    using squared-residual autocorrelations. Journal of Time Series Analysis 4,
    269-273.

    Holm, S. (1979). A simple sequentially rejective multiple test procedure.
    Scandinavian Journal of Statistics 6, 65-70.

    Examples
    --------
    >>> import numpy as np
    >>> from stochtext.diagnostics import goodness_of_fit
    >>> rng = np.random.default_rng(0)
    >>> noise = rng.standard_normal(400)
    >>> trajectory = np.repeat(np.arange(20), 20)
    >>> goodness_of_fit(noise + 0.3 * np.roll(noise, 1), trajectory).rejected()
    ['Ljung-Box']
    """
    array, codes = _read(resid, trajectory)
    check_fraction("alpha", alpha)
    depth = default_lags(codes) if lags is None else check_integer("lags", lags)
    depths = (depth, min(5, depth) if lags is None else depth)
    fitted = _read_regressors(regressors, len(array))
    labels = _labels(names, array.shape[1])
    parts = [(f" [{labels[j]}]", array[:, [j]]) for j in range(array.shape[1])]
    if not by_component:
        parts = [("", array)]
    rows = [row for label, part in parts for row in _rows(label, part, codes, depths, fitted)]
    pairs = tuple(int(count) for count in pair_counts(codes, depth))
    return GoodnessOfFit(tuple(rows), pairs, int(codes[-1]) + 1, alpha)


def _rows(
    label: str,
    resid: FloatArray,
    trajectory: IntArray,
    depths: tuple[int, int],
    regressors: FloatArray | None,
) -> list[ResidualTest]:
    n, (lags, lags_arch) = len(resid), depths
    rows_arch = int(pair_counts(trajectory, lags_arch)[-1])
    few = _too_few(
        f"pairs within trajectories at lag {lags}",
        int(pair_counts(trajectory, lags)[-1]),
        MINIMUM_PAIRS,
    )
    few_arch = _too_few(
        f"residuals with {lags_arch} predecessors in their trajectory",
        rows_arch,
        max(MINIMUM_PAIRS, 4 * (lags_arch + 1)),
    )

    def levels(r: FloatArray) -> Outcome:
        free = None if regressors is None else free_correlations(r, trajectory, lags, regressors)
        return ljung_box(r, trajectory, lags, free)

    def squares(r: FloatArray) -> Outcome:
        return ljung_box(r**2, trajectory, lags)

    def arch(r: FloatArray) -> Outcome:
        return arch_lm(r, trajectory, lags_arch)[:3]

    return [
        _row("Ljung-Box", label, resid, n, few, levels),
        _row("Ljung-Box on squares", label, resid, n, few, squares),
        _row("ARCH-LM", label, resid, rows_arch, few_arch, arch),
        _row("Jarque-Bera", label, resid, n, _too_few("residuals", n, MINIMUM_PAIRS), jarque_bera),
    ]


def _row(
    test: str,
    label: str,
    resid: FloatArray,
    n: int,
    reason: str,
    apply: Callable[[FloatArray], Outcome],
) -> ResidualTest:
    name = test + label
    reason = reason or _constant(resid)
    if reason:
        return _not_computed(name, n, reason)
    outcomes = [apply(column) for column in resid.T]
    statistic = sum(outcome[0] for outcome in outcomes)
    df = float(sum(outcome[1] for outcome in outcomes))
    if df < resid.shape[1]:
        return _not_computed(name, n, f"`regressors` leave {df:.2g} degrees of freedom.")
    pvalue = float(chi2.sf(statistic, df))
    return ResidualTest(name, statistic, df, pvalue, "asymptotic", n, MEANING[test])


def _not_computed(name: str, n: int, reason: str) -> ResidualTest:
    nan = math.nan
    return ResidualTest(name, nan, nan, nan, "none", n, f"not computed: {reason}")


def _too_few(what: str, count: int, needed: int) -> str:
    if count >= needed:
        return ""
    return f"only {count} {what}; at least {needed} are needed."


def _constant(resid: FloatArray) -> str:
    spread = resid.max(axis=0) - resid.min(axis=0)
    scale = np.abs(resid).max(axis=0)
    flat = np.flatnonzero(spread <= 1e-12 * scale)
    return f"the residuals of component {flat[0]} do not vary." if flat.size else ""


def _read(resid: ArrayLike, trajectory: ArrayLike | None) -> tuple[FloatArray, IntArray]:
    array = as_float_array("resid", resid)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or 0 in array.shape:
        raise InputError(f"`resid` must have shape (n, d) with n, d >= 1; got {array.shape}.")
    _check_finite("resid", array)
    labels = np.zeros(len(array)) if trajectory is None else np.asarray(trajectory)
    if labels.shape != (len(array),):
        raise InputError(
            f"`trajectory` must name the trajectory of each of the {len(array)} residuals; "
            f"got shape {labels.shape}."
        )
    return array, _runs(labels)


def _read_regressors(regressors: ArrayLike | None, n: int) -> FloatArray | None:
    if regressors is None:
        return None
    array = as_float_array("regressors", regressors)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or len(array) != n:
        raise InputError(
            f"`regressors` must have one row for each of the {n} residuals; got {array.shape}."
        )
    _check_finite("regressors", array)
    return array


def _check_finite(name: str, array: FloatArray) -> None:
    bad = np.argwhere(~np.isfinite(array))
    if bad.size:
        row, column = bad[0]
        raise InputError(
            f"`{name}` is {array[row, column]} in row {row}, column {column}; "
            "give finite rows only, and say which were left out."
        )


def _runs(labels: np.ndarray) -> IntArray:
    starts = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
    if len(np.unique(labels)) != len(starts):
        seen = labels[starts]
        again = next(value for k, value in enumerate(seen) if value in seen[:k])
        raise InputError(
            f"The residuals of trajectory {again} do not stand together in `trajectory`; "
            "sort the rows by trajectory and time."
        )
    return np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(labels)]))


def _labels(names: Sequence[str] | None, d: int) -> list[str]:
    labels = [str(j) for j in range(d)] if names is None else [str(name) for name in names]
    if len(labels) != d:
        raise InputError(f"`names` must name the {d} components; got {len(labels)} names.")
    return labels
