"""Derivatives of the log density of each transition by the estimated parameters.

Law of this file: which columns there are depends on the model and the number of rows alone, so
that a fit and its refits have the same.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray
from stochtext.processes.base import Process
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.processes.linear.trending_ornstein_uhlenbeck import TrendingOrnsteinUhlenbeck
from stochtext.trajectories.panel import Trajectories
from stochtext.transitions.base import TransitionDensity

__all__ = ["score_columns"]

ROWS_PER_COLUMN = 4
# Above this many parameters differences of the log density cost more than the refit.
MOST_DIFFERENCES = 12


def score_columns(
    process: Process,
    transition: TransitionDensity,
    free: Sequence[str],
    panel: Trajectories,
    resid: FloatArray,
) -> FloatArray | None:
    """Return scores of the free parameters, shape (n, k); None where they do not help.

    Parameters
    ----------
    process : Process
    transition : TransitionDensity
    free : sequence of str
        Names of the estimated parameters.
    panel : Trajectories
    resid : ndarray of shape (n, d)
        Its standardised residuals.

    Raises
    ------
    InputError
        If a score is not finite.

    Notes
    -----
    A linear process of which everything was estimated spans, with equal sampling intervals,
    the scores of a regression: residuals times regressors, and products of residuals less
    their expectation. These stand for its own scores, which would be differences.
    """
    steps = panel.transitions(clock=process.clock)
    names = list(process.free_parameters)
    if not free or ROWS_PER_COLUMN * len(free) > len(resid):
        return None
    terms = _terms(process)
    if terms and len(free) == len(names):
        columns = _regression_scores(resid, steps.x, steps.t, terms)
    elif len(free) <= MOST_DIFFERENCES:
        arguments = (steps.x, steps.x_next, steps.t, steps.dt, steps.clock_dt)
        vector = process.to_vector()
        every = transition.likelihood(process, *arguments).scores(vector)
        columns = every[:, [names.index(name) for name in free]]
    else:
        return None
    if not np.all(np.isfinite(columns)):
        raise InputError("The log density has no finite derivative by the parameters.")
    return columns


def _terms(process: Process) -> int:
    """Return the number of powers of t in the mean, 0 for other processes."""
    if isinstance(process, TrendingOrnsteinUhlenbeck):
        return len(np.atleast_2d(process.params["trend"]))
    return int(isinstance(process, OrnsteinUhlenbeck))


def _regression_scores(resid: FloatArray, x: FloatArray, t: FloatArray, terms: int) -> FloatArray:
    d = resid.shape[1]
    centred = (x - x.mean(axis=0)) / x.std(axis=0)
    regressors = np.hstack([np.vander(t, terms, increasing=True), centred])
    first, second = np.tril_indices(d)
    products = resid[:, first] * resid[:, second] - (first == second)
    by_mean = (resid[:, :, None] * regressors[:, None, :]).reshape(len(resid), -1)
    return np.hstack([by_mean, products])
