"""Profile likelihood intervals: values that the data do not reject by a likelihood ratio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy import optimize, stats

from stochtext._shared.exceptions import InputError, StochtextError
from stochtext.processes.base import Process
from stochtext.results.inference.refits.refitting import Refitting

__all__ = ["profile_interval", "profile_intervals"]

WIDENINGS = 12
FIRST = 1.0


def profile_intervals(
    refitting: Refitting,
    process: Process,
    params: pd.Series,
    errors: pd.Series,
    *,
    llf: float,
    alpha: float,
) -> pd.DataFrame:
    """Return an interval for every estimated parameter, NaN for the others.

    Parameters
    ----------
    refitting, process, llf, alpha
        As in `profile_interval`.
    params : Series
        All parameters.
    errors : Series
        Standard errors of those estimated.
    """
    natural = zip(process.free_parameters, process.bounds(), strict=True)
    own = refitting.estimator.get_params(deep=False).get("bounds") or {}
    bounds = {name: own.get(name, own.get(name.partition("[")[0], b)) for name, b in natural}
    table = pd.DataFrame(np.nan, index=params.index, columns=[0, 1])
    for name in errors.index:
        table.loc[name] = profile_interval(
            refitting, process, name, llf=llf, error=float(errors[name]), bounds=bounds[name],
            alpha=alpha,
        )  # fmt: skip
    return table


def profile_interval(
    refitting: Refitting,
    process: Process,
    name: str,
    *,
    llf: float,
    error: float,
    bounds: tuple[float, float],
    alpha: float,
) -> tuple[float, float]:
    """Return the values of one parameter with 2 (llf - profile) <= chi2 quantile.

    Parameters
    ----------
    refitting : Refitting
    process : Process
        The fitted one.
    name : str
        Entry of ``process.free_parameters``.
    llf : float
        Log likelihood of the fit.
    error : float
        Its standard error, or NaN: how far away the search begins.
    bounds : (float, float)
        Allowed interval; an end of the result that would lie beyond is that bound.
    alpha : float
        The level is 1 - alpha.

    Returns
    -------
    lower, upper : float
        NaN where the likelihood does not fall far enough within reach.
    """
    centre = float(process.to_vector()[list(process.free_parameters).index(name)])
    excess = _Excess(refitting, process, name, llf, float(stats.chi2.ppf(1 - alpha, 1)))
    width = error if np.isfinite(error) and error > 0 else 0.1 * max(abs(centre), 1e-3)
    step = width * float(stats.norm.ppf(1 - alpha / 2))
    return (
        _end(excess, centre, -step, bounds[0]),
        _end(excess, centre, step, bounds[1]),
    )


class _Excess:
    """How far twice the loss of log likelihood exceeds the quantile when one value is held."""

    def __init__(
        self, refitting: Refitting, process: Any, name: str, llf: float, quantile: float
    ) -> None:
        self.refitting, self.process = refitting, process
        self.name, self.llf, self.quantile = name, llf, quantile

    def __call__(self, value: float) -> float:
        results = self.refitting.restricted(self.process, {self.name: value})
        self.process = results.process  # the next search starts where this one ended
        return 2.0 * (self.llf - results.llf) - self.quantile


def _end(excess: Callable[[float], float], centre: float, step: float, bound: float) -> float:
    """Return where the excess is zero, going from the centre in the direction of the step."""
    inner, outer = centre, centre + FIRST * step
    for _ in range(WIDENINGS):
        beyond = outer <= bound if step < 0 else outer >= bound
        if beyond:
            outer = bound + 1e-6 * (centre - bound)
        try:
            over = excess(outer)
        except StochtextError:
            over = np.inf
        if over > 0:
            break
        if beyond:
            return bound
        inner, outer = outer, outer + (outer - centre)
    else:
        return float("nan")
    return _root(excess, inner, outer, abs(step))


def _root(excess: Callable[[float], float], inner: float, outer: float, scale: float) -> float:
    def finite(value: float) -> float:
        try:
            return float(min(excess(value), 1e3))
        except StochtextError:
            return 1e3

    root = optimize.brentq(finite, inner, outer, xtol=1e-5 * scale, rtol=1e-10)
    return float(root)


def check_profile(cov_type: str, joint: bool) -> None:
    """Refuse what is assumed of the data where a profile would be no interval.

    Parameters
    ----------
    cov_type : str
    joint : bool
        Whether all parameters maximise the likelihood together.
    """
    if cov_type == "nonrobust" and joint:
        return
    why = f'the covariance is of type "{cov_type}"' if joint else "it took two steps"
    raise InputError(
        "A profile interval is a likelihood ratio, whose chi-square law takes the model "
        f"as right, the trajectories as independent and the fit as joint; here {why}. Use "
        'method="wald" or "bootstrap", or pass cov_type="nonrobust" if you assume it.'
    )
