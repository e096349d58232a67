"""Rates of kappa as time constants, half-lives and periods, with intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from stochtext.results.inference.dynamics.linear_dynamics import Eigenvalues

__all__ = ["CLOSE", "time_constant_frame"]

CLOSE = "another eigenvalue is too near for a standard error"


def time_constant_frame(
    found: Eigenvalues, quantile: float, bound: float | None, reason: str | None
) -> pd.DataFrame:
    """Return one row an eigenvalue; see :meth:`LinearResults.time_constants`.

    Parameters
    ----------
    found : Eigenvalues
    quantile : float
        Of the normal or t distribution.
    bound : float or None
        Time constants below it are not estimates, only that; None if there are none.
    reason : str or None
        Why standard errors are NaN, if they are.
    """
    rows = [
        _direction(value, se, turn_se, CLOSE if close else reason or "", quantile, bound)
        for value, se, turn_se, close in zip(
            found.values, found.real_se, found.imag_se, found.close, strict=True
        )
    ]
    return pd.DataFrame(rows, index=pd.RangeIndex(len(rows), name="direction"))


def _direction(
    value: complex, se: float, turn_se: float, why: str, quantile: float, bound: float | None
) -> dict[str, Any]:
    rate, turn = float(value.real), abs(float(value.imag))
    note = why if np.isnan(se) else ""
    if bound is not None and rate * bound > 1:
        note = f"white at this sampling: time constant < dt/3 = {bound:.3g}, upper bound only"
        rate = se = turn = np.nan
    if rate <= 0:
        note = "; ".join(filter(None, [note, "no return to the mean"]))
    low, high = _reciprocals(rate, se, quantile)
    fast, slow = _reciprocals(turn, turn_se, quantile)
    tau, half = (1 / rate if rate > 0 else np.nan), float(np.log(2))
    return {
        "rate": rate,
        "rate_se": se,
        "time_constant": tau,
        "time_constant_se": se * tau**2,
        "time_constant_lower": low,
        "time_constant_upper": high,
        "half_life": half * tau,
        "half_life_lower": half * low,
        "half_life_upper": half * high,
        "period": 2 * np.pi / turn if turn > 0 else np.nan,
        "period_lower": 2 * np.pi * fast,
        "period_upper": 2 * np.pi * slow,
        "note": note,
    }


def _reciprocals(rate: float, se: float, quantile: float) -> tuple[float, float]:
    """Return the reciprocals of the ends of a Wald interval of a rate, the smaller first."""
    if not (np.isfinite(rate) and np.isfinite(se)) or rate <= 0:
        return np.nan, np.nan
    low, high = rate - quantile * se, rate + quantile * se
    return 1 / high, 1 / low if low > 0 else np.inf
