"""Likelihood ratio tests of restrictions, and tables of nested models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy import stats

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, RandomState
from stochtext._shared.validation import check_integer
from stochtext.processes.base import Process
from stochtext.processes.support import Support
from stochtext.results.inference.dynamics.mean_reversion import (
    MeanReversion,
    memory_parameters,
    moves_drift,
)
from stochtext.results.inference.nested.bootstrapped_ratio import bootstrapped_ratios
from stochtext.results.inference.parameters.covariance import ParameterCovariances
from stochtext.results.inference.parameters.same_data import data_difference
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.results.record import FitRecord

__all__ = ["LikelihoodRatioTest", "compare_nested", "likelihood_ratio_test", "values_held"]

# Log likelihoods that differ by less than this are those of the same optimum.
ROUNDING = 1e-6
_ON_A_LINE = 9
# Relaxation times from which on the chi-square law of a drift parameter has its size: of an
# Ornstein-Uhlenbeck process it rejects 10 % at 5 % after 10, 7 after 20 and 5 after 50.
ENOUGH = 30.0
_FEWEST_REPLICATES = 19
# More lost replicates than this and the others are no sample of the law.
MANY_FAILED = 0.05
NO_RETURN = (
    "under the restriction {observed}: the likelihood ratio of a parameter of the drift has no "
    "chi-square law there. Pass n_boot=199 for the parametric bootstrap"
)
CLUSTERED = (
    "a likelihood ratio has a chi-square law only if the model is right and trajectories are "
    'independent; these standard errors are of type "{kind}", which does not assume it. Use '
    'wald_test, or cov_type="nonrobust" if you do'
)


class LikelihoodFit(Protocol):
    """What a test needs of the results of a likelihood fit."""

    record: FitRecord
    process: Process
    support: Support
    params: pd.Series
    covariances: ParameterCovariances
    free: list[str]
    refitting: Refitting | None
    joint: bool

    @property
    def mean_reversion(self) -> MeanReversion | None:
        """Mean reversion times total time; None without one."""

    @property
    def llf(self) -> float:
        """Log likelihood."""

    @property
    def aic(self) -> float:
        """Akaike's criterion."""

    @property
    def bic(self) -> float:
        """Schwarz's criterion."""

    @property
    def converged(self) -> bool:
        """Whether the optimisation met its criterion."""

    @property
    def cov_type(self) -> str:
        """Type of the covariance."""


@dataclass(frozen=True)
class LikelihoodRatioTest:
    """A likelihood ratio test; ``pvalue`` is NaN with a ``reason`` where it cannot be honest.

    Attributes
    ----------
    statistic : float
        2 (llf of the full fit - llf of the restricted one).
    pvalue : float
    df : int
        Number of restrictions.
    restricted : ParametricResults
        The restricted fit.
    reason : str or None
        Why there is no p-value, or what it leaves out.
    n_boot : int
        Replicates that the p-value comes from; 0 for the chi-square law.
    """

    statistic: float
    pvalue: float
    df: int
    restricted: Any
    reason: str | None = None
    n_boot: int = 0

    def __repr__(self) -> str:
        tail = f" ({self.reason})" if self.reason else ""
        law = f", by {self.n_boot} replicates" if self.n_boot else ""
        return (
            f"Likelihood ratio test: chi2({self.df}) = {self.statistic:.4g}, "
            f"p = {self.pvalue:.4g}{law}{tail}"
        )


def likelihood_ratio_test(
    full: LikelihoodFit,
    restricted: LikelihoodFit,
    cov_type: str | None = None,
    *,
    n_boot: int = 0,
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> LikelihoodRatioTest:
    """Test a restricted fit against a full one to the same data.

    Parameters
    ----------
    full, restricted : ParametricResults
    cov_type : str, optional
        What is assumed; default that of the full fit.
    n_boot : int, default 0
        Panels simulated from the restricted fit to which both models are fitted; 0 for the
        chi-square law.
    random_state, n_jobs : optional
        As in ``ParametricResults.bootstrap``.

    Notes
    -----
    2 (l(full) - l(restricted)) is referred to chi2 with the difference of the numbers of
    estimated parameters (Wilks, 1938). Where a restriction puts a parameter on the end of
    its interval the law is a mixture with a smaller tail (Self and Liang, 1987): the p-value
    is then an upper bound, and ``reason`` says so. A restriction of the drift under which the
    process does not return to a level within the data, such as a unit root, has another law
    (Dickey and Fuller, 1979); referred to chi2 it is rejected three to four times as often as
    it should be. There, and with fewer than 30 relaxation times, the p-value is NaN without
    ``n_boot``; with it it is (1 + #{ratios >= statistic}) / (1 + replicates).

    References
    ----------
    Wilks (1938), Annals of Mathematical Statistics 9, 60-62. Self and Liang (1987), JASA 82,
    605-610. Dickey and Fuller (1979), JASA 74, 427-431. Davison and Hinkley (1997), Bootstrap
    Methods and their Application, section 4.4.
    """
    _check_comparable(full, restricted)
    df = len(full.free) - len(restricted.free)
    statistic = 2.0 * (full.llf - restricted.llf)
    kind = full.cov_type if cov_type is None else full.covariances.checked(cov_type)
    reason = _no_pvalue(full, restricted, df, statistic, kind)
    if reason is not None:
        return LikelihoodRatioTest(statistic, np.nan, df, restricted, reason)
    statistic = max(statistic, 0.0)
    if n_boot:
        check_integer("n_boot", n_boot, minimum=_FEWEST_REPLICATES)
        ratios = bootstrapped_ratios(
            full, restricted, n_boot=n_boot, random_state=random_state, n_jobs=n_jobs
        )
        return _by_replicates(statistic, ratios, df, restricted)
    reason = _no_return(full, restricted)
    if reason is not None:
        return LikelihoodRatioTest(statistic, np.nan, df, restricted, reason)
    pvalue = float(stats.chi2.sf(statistic, df))
    return LikelihoodRatioTest(statistic, pvalue, df, restricted, _boundary(restricted))


def _by_replicates(
    statistic: float, ratios: FloatArray, df: int, restricted: LikelihoodFit
) -> LikelihoodRatioTest:
    known = ratios[np.isfinite(ratios)]
    lost = len(ratios) - len(known)
    reason = f"{lost} of {len(ratios)} replicates could not be fitted" if lost else None
    if lost > MANY_FAILED * len(ratios):
        return LikelihoodRatioTest(statistic, np.nan, df, restricted, reason, len(ratios))
    beyond = int(np.count_nonzero(known >= statistic))
    pvalue = (1 + beyond) / (1 + len(known))
    return LikelihoodRatioTest(statistic, pvalue, df, restricted, reason, len(ratios))


def values_held(
    names: list[str], restrictions: tuple[Any, Any], hypothesis: Any
) -> dict[str, float]:
    """Return the values at which restrictions R theta = q hold single parameters.

    Raises
    ------
    InputError
        If a row of R has not exactly one entry.
    """
    matrix, right = restrictions
    values = {}
    for row, value in zip(matrix, right, strict=True):
        entries = np.flatnonzero(row)
        if len(entries) != 1:
            raise InputError(
                f"A likelihood ratio test takes values of single parameters, such as "
                f"'{names[0]} = 0.5'; {hypothesis!r} relates several. Use wald_test, or pass the "
                "results of the restricted fit."
            )
        values[names[int(entries[0])]] = float(value / row[entries[0]])
    return values


def compare_nested(
    results: Mapping[str, LikelihoodFit],
    cov_type: str | None = None,
    *,
    n_boot: int = 0,
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Test nested fits against the one with the most parameters.

    Parameters
    ----------
    results : mapping of str to ParametricResults
        Fits to the same data with the same density, by the names of the models.
    cov_type : str, optional
        What the tests assume; default that of the full fit.
    n_boot, random_state, n_jobs : optional
        As in :func:`likelihood_ratio_test`, for every test.

    Returns
    -------
    DataFrame
        One row a model: every parameter, ``llf``, ``k`` (estimated parameters), ``lr``,
        ``df``, ``pvalue``, ``aic``, ``bic``, ``converged`` and ``reason`` (why there is no
        p-value, or what it leaves out). The full model has no test.

    Examples
    --------
    >>> import stochtext as st
    >>> from stochtext.results import compare_nested
    >>> X = st.simulate(st.OrnsteinUhlenbeck(1.0, 0.0, 0.5), 0.0, dt=0.1, n_steps=300,
    ...                 random_state=0)
    >>> full = st.ParametricSDE(st.OrnsteinUhlenbeck()).fit(X).results_
    >>> centred = st.ParametricSDE(st.OrnsteinUhlenbeck(mu=0.0), fixed="mu").fit(X).results_
    >>> table = compare_nested({"free mean": full, "mean zero": centred})
    >>> table["k"].tolist()
    [3, 2]
    """
    if len(results) < 2:
        raise InputError("`results` needs at least two fits to compare.")
    full_name = max(results, key=lambda name: len(results[name].free))
    full = results[full_name]
    options: dict[str, Any] = {"n_boot": n_boot, "random_state": random_state, "n_jobs": n_jobs}
    rows = {}
    for name, own in results.items():
        test = None if own is full else likelihood_ratio_test(full, own, cov_type, **options)
        rows[name] = {
            **own.params.to_dict(),
            "llf": own.llf,
            "k": len(own.free),
            "lr": np.nan if test is None else test.statistic,
            "df": 0 if test is None else test.df,
            "pvalue": np.nan if test is None else test.pvalue,
            "aic": own.aic,
            "bic": own.bic,
            "converged": own.converged,
            "reason": "the full model" if test is None else (test.reason or ""),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def _check_comparable(full: LikelihoodFit, restricted: LikelihoodFit) -> None:
    a, b = full.record, restricted.record
    difference = data_difference(full, restricted)
    if difference:
        raise InputError(
            f"The two fits are to different data ({difference}), so their likelihoods do not "
            "compare. Fit both to the same trajectories."
        )
    if a.density != b.density:
        raise InputError(
            f"The likelihoods are of different densities, {a.density!r} and {b.density!r}; fit "
            "both with the same."
        )
    if len(restricted.free) >= len(full.free):
        raise InputError(
            f"The restricted fit has {len(restricted.free)} estimated parameters and the full one "
            f"{len(full.free)}; it must have fewer."
        )


def _no_pvalue(
    full: LikelihoodFit, restricted: LikelihoodFit, df: int, statistic: float, kind: str
) -> str | None:
    if not (full.joint and restricted.joint):
        return "two-step estimates do not maximise the likelihood; fit with two_step=False"
    if not (full.converged and restricted.converged):
        return "one of the fits did not converge"
    if statistic < -ROUNDING * max(1.0, abs(full.llf)):
        return (
            "the restricted fit is the more likely one: it is not nested, or the full fit is not "
            "at its maximum (try n_starts > 1)"
        )
    if full.covariances.reason is not None:
        return f"the full fit has no regular maximum: {full.covariances.reason}"
    if kind != "nonrobust":
        return CLUSTERED.format(kind=kind)
    return None


def _no_return(full: LikelihoodFit, restricted: LikelihoodFit) -> str | None:
    """Say so where a restriction of the drift leaves it hardly any mean reversion."""
    reversion = restricted.mean_reversion
    if reversion is not None and reversion.memories >= ENOUGH:
        return None
    held = set(full.free) - set(restricted.free)
    x = full.support.lines(_ON_A_LINE)
    if not (moves_drift(full.process, held, x) and memory_parameters(full.process, full.free, x)):
        return None
    observed = "the process does not return to a level"
    if reversion is not None:
        observed = f"{reversion.memories:.2g} relaxation times were observed, not {ENOUGH:.0f}"
    return NO_RETURN.format(observed=observed)


def _boundary(restricted: LikelihoodFit) -> str | None:
    """Say so where a parameter that is held is at the end of its natural interval."""
    process = restricted.process
    names = list(process.free_parameters)
    values = process.to_vector()
    ends = [
        name
        for name, value, pair in zip(names, values, process.bounds(), strict=True)
        if name not in restricted.free and value in pair
    ]
    if not ends:
        return None
    return f"{', '.join(ends)} at the end of the allowed interval: the p-value is an upper bound"
