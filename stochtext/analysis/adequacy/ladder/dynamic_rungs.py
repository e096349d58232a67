"""The rungs with dynamics: Ornstein-Uhlenbeck, seen with noise, about levels of their own.

Law of this file: one coordinate at a time, by the same exact likelihood as LinearSDE.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from stochtext._shared.exceptions import StochtextError, StochtextWarning
from stochtext._shared.typing import FloatArray
from stochtext.analysis.adequacy.ladder.predictions import Prediction, last_rows
from stochtext.estimators.linear.estimator import LinearSDE
from stochtext.trajectories.panel import Trajectories

__all__ = ["DYNAMIC", "fitted_linear", "innovations", "linear_rung"]

#: Options of LinearSDE by the name of the rung.
DYNAMIC: dict[str, dict[str, Any]] = {
    "OU": {},
    "OU, document mean": {"mean_effect": "random"},
    "OU + noise": {"observation_noise": "diagonal"},
    "OU + noise, document mean": {"observation_noise": "diagonal", "mean_effect": "random"},
    "position-OU": {"trend": "spline"},
}


def fitted_linear(train: Trajectories, options: dict[str, Any]) -> LinearSDE | None:
    """Return the fit, or None where the data cannot carry it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StochtextWarning)
        try:
            return LinearSDE(**options).fit(train)
        except StochtextError:
            return None


def linear_rung(model: LinearSDE | None, test: Trajectories) -> Prediction:
    """Return what a fitted rung says about a test panel; NaN without a fit."""
    if model is None:
        nothing = np.full(test.n_transitions, np.nan)
        return Prediction(nothing, nothing)
    mean = np.delete(model.predict(test), last_rows(test), axis=0)[:, 0]
    return Prediction(mean, model.score_transitions(test))


def innovations(model: LinearSDE | None, test: Trajectories) -> FloatArray:
    """Return the standardised one-step errors of a test panel, shape (n,)."""
    if model is None:
        return np.full(test.n_transitions, np.nan)
    if model.state_space_ is not None:
        return model.state_space_.residuals(test)[:, 0]
    s = test.transitions(model.process_.clock)
    residuals = model.transition_.residuals(
        model.process_, s.x, s.x_next, s.t, s.dt, clock_dt=s.clock_dt
    )
    return residuals[:, 0]
