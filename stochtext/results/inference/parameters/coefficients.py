"""The table of estimates that heads a summary."""

from __future__ import annotations

import pandas as pd

__all__ = ["coefficient_table"]


def coefficient_table(
    params: pd.Series,
    errors: pd.Series,
    pvalues: pd.Series,
    interval: pd.DataFrame,
    letter: str,
    alpha: float,
) -> pd.DataFrame:
    """Return one row per parameter, with the columns of statsmodels.

    Parameters
    ----------
    params, errors, pvalues : Series
    interval : DataFrame
        Columns 0 and 1.
    letter : {"z", "t"}
        Law of the ratio of estimate and error.
    alpha : float
        The interval has level 1 - alpha.
    """
    return pd.DataFrame(
        {
            "coef": params,
            "std err": errors,
            letter: (params / errors).map("{:.3f}".format),
            f"P>|{letter}|": pvalues.map("{:.3f}".format),
            f"[{alpha / 2:.3g}": interval[0],
            f"{1 - alpha / 2:.3g}]": interval[1],
        }
    )
