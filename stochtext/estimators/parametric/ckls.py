"""The eight models of the short rate nested in that of Chan, Karolyi, Longstaff and Sanders."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stochtext._shared.typing import RandomState
from stochtext.estimators.parametric.estimator import ParametricSDE
from stochtext.processes.named.ckls import CKLS
from stochtext.results.inference.nested.likelihood_ratio import compare_nested
from stochtext.transitions.base import TransitionDensity

__all__ = ["CKLS_MODELS", "ckls_tests"]

#: What each model holds in dX = (alpha + beta X) dt + sigma X^gamma dW.
CKLS_MODELS: dict[str, dict[str, float]] = {
    "unrestricted": {},
    "Merton": {"beta": 0.0, "gamma": 0.0},
    "Vasicek": {"gamma": 0.0},
    "CIR square root": {"gamma": 0.5},
    "Dothan": {"alpha": 0.0, "beta": 0.0, "gamma": 1.0},
    "geometric Brownian motion": {"alpha": 0.0, "gamma": 1.0},
    "Brennan-Schwartz": {"gamma": 1.0},
    "CIR variable rate": {"alpha": 0.0, "beta": 0.0, "gamma": 1.5},
    "constant elasticity of variance": {"alpha": 0.0},
}


def ckls_tests(
    X: Any,
    *,
    density: str | TransitionDensity = "euler",
    dt: Any = None,
    times: Any = None,
    groups: Any = None,
    cov_type: str | None = None,
    n_boot: int = 0,
    random_state: RandomState = None,
    n_jobs: int | None = None,
) -> pd.DataFrame:
    """Fit the CKLS model and the eight nested in it, and test each against it.

    Parameters
    ----------
    X : Trajectories or array_like
        Positive states of one coordinate, as in ``ParametricSDE.fit``.
    density : str or TransitionDensity, default "euler"
        Of the unrestricted and of all restricted likelihoods.
    dt, times, groups : optional
        As in ``ParametricSDE.fit``.
    cov_type : str, optional
        What the tests assume; default that of the fit. For a panel pass ``"nonrobust"`` to
        take its trajectories as independent and the model as right, without which a
        likelihood ratio has no p-value.
    n_boot : int, default 0
        Replicates simulated under each model for its p-value; 0 for the chi-square law, which
        the models without return to a level (alpha = 0 or beta = 0) do not have: their
        p-values are NaN then.
    random_state, n_jobs : optional
        As in ``ParametricResults.bootstrap``.

    Returns
    -------
    DataFrame
        One row a model, columns as in ``stochtext.results.compare_nested``.

    Notes
    -----
    The original tests were by the generalised method of moments; these are likelihood
    ratios of the same hypotheses. gamma = 0 is the end of the allowed interval: the
    p-values of Merton and Vasicek are upper bounds.

    References
    ----------
    Chan, Karolyi, Longstaff and Sanders (1992), An empirical comparison of alternative
    models of the short-term interest rate, Journal of Finance 47, 1209-1227, table I.

    Examples
    --------
    >>> import stochtext as st
    >>> from stochtext.estimators import ckls_tests
    >>> rate = st.simulate(st.CoxIngersollRoss(1.0, 0.06, 0.1), 0.06, dt=1 / 12, n_steps=600,
    ...                    scheme="exact", random_state=0)
    >>> table = ckls_tests(rate)
    >>> table.loc["CIR square root", "df"], len(table)
    (np.int64(1), 9)
    """
    options = {k: v for k, v in (("dt", dt), ("times", times), ("groups", groups)) if v is not None}
    full: Any = ParametricSDE(CKLS(), density).fit(X, **options).results_
    found = {"unrestricted": full}
    for name, values in CKLS_MODELS.items():
        if values:
            start = {**full.params.to_dict(), **values}
            model = ParametricSDE(CKLS(**start), density, fixed=tuple(values))
            found[name] = model.fit(X, **options).results_
    return compare_nested(found, cov_type, n_boot=n_boot, random_state=random_state, n_jobs=n_jobs)
