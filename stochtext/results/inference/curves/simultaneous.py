"""Quantiles of the largest of many studentised errors."""

from __future__ import annotations

import numpy as np
from scipy import stats

from stochtext._shared.random import generator
from stochtext._shared.typing import FloatArray, RandomState
from stochtext.results.inference.parameters.covariance import ParameterCovariances

__all__ = ["common_quantile", "simultaneous_quantile"]

_DRAWS = 20_000


def simultaneous_quantile(
    covariance: FloatArray, alpha: float, random_state: RandomState, df: float = np.inf
) -> float:
    """Return the 1 - alpha quantile of the largest absolute studentised Gaussian error.

    Parameters
    ----------
    covariance : ndarray of shape (k, k)
        Of the errors, with a positive diagonal.
    alpha : float
    random_state : None, int, Generator or SeedSequence
    df : float
        Degrees of freedom of the standard errors: all are too small or too large together.

    Returns
    -------
    float
        Never below the quantile of one error.
    """
    scale = np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(scale, scale))
    kept = values > values[-1] * 1e-10
    root = vectors[:, kept] * np.sqrt(values[kept])
    rng = generator(random_state, "simultaneous band")
    largest = np.empty(_DRAWS)
    for start in range(0, _DRAWS, 1000):
        draws = rng.standard_normal((1000, root.shape[1])) @ root.T
        largest[start : start + 1000] = np.abs(draws).max(axis=1)
    if np.isfinite(df):
        largest /= np.sqrt(rng.chisquare(df, _DRAWS) / df)
    return max(float(np.quantile(largest, 1 - alpha)), float(stats.t.ppf(1 - alpha / 2, df)))


def common_quantile(
    covariances: ParameterCovariances, alpha: float, cov_type: str, random_state: RandomState
) -> float:
    """Return the quantile of the largest t-ratio of all parameters with an error.

    Parameters
    ----------
    covariances : ParameterCovariances
    alpha : float
    cov_type : str
    random_state : None, int, Generator or SeedSequence
        None stands for 0: an interval is the same every time.
    """
    covariance = covariances.matrix(cov_type)
    known = np.flatnonzero(np.diag(covariance) > 0)
    if not known.size:
        return np.nan
    df = covariances.n_clusters - 1 if cov_type == "cluster" else np.inf
    own = covariance[np.ix_(known, known)]
    return simultaneous_quantile(own, alpha, 0 if random_state is None else random_state, df)
