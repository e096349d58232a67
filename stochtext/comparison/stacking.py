"""Weights of a mixture of models that predicts unseen transitions best."""

from __future__ import annotations

import numpy as np
import pandas as pd

from stochtext._shared.exceptions import InputError
from stochtext._shared.typing import FloatArray, IntArray

__all__ = ["stacking_weights"]

_ITERATIONS = 5000
_CONVERGED = 1e-10
_MOST_PARTS = 50
_FEWEST_CLUSTERS = 2


def stacking_weights(log_density: pd.DataFrame, cluster: IntArray | None = None) -> pd.DataFrame:
    r"""Return the mixture of predictive densities with the highest held-out log density.

    Parameters
    ----------
    log_density : DataFrame of shape (n, k)
        Held-out log densities of the same forecasts, one column a model.
    cluster : ndarray of int of shape (n,), optional
        What is independent of one another.

    Returns
    -------
    DataFrame
        One row a model: ``weight`` (they add up to one), ``se`` by the jackknife over
        clusters (at most 50 parts of them), and ``reason`` where that is NaN.

    Notes
    -----
    The weights maximise

    .. math:: \sum_i \log \sum_k w_k \, p_k(y_i), \qquad w_k \ge 0, \ \sum_k w_k = 1,

    by the EM algorithm: the problem is concave. Two models that say the same share their
    weight arbitrarily.

    References
    ----------
    Yao, Y., Vehtari, A., Simpson, D. and Gelman, A. (2018), Using stacking to average Bayesian
    predictive distributions, Bayesian Analysis 13, 917-1007, eq. 4.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from stochtext.comparison import stacking_weights
    >>> density = pd.DataFrame(np.log([[0.9, 0.1], [0.9, 0.1]]), columns=["a", "b"])
    >>> stacking_weights(density)["weight"].round(3).tolist()
    [1.0, 0.0]
    """
    values = log_density.to_numpy(dtype=np.float64)
    bad = [str(name) for name in log_density if log_density[name].isna().any()]
    if bad:
        raise InputError(f"The log densities of {', '.join(bad)} hold NaN; leave these models out.")
    impossible = np.isneginf(values).all(axis=1)
    if impossible.any():
        raise InputError(
            f"{int(impossible.sum())} forecasts have density zero under every model: no mixture "
            "of them has a log density."
        )
    weight = _best(values)
    se, reason = _jackknife(values, cluster)
    return pd.DataFrame(
        {"weight": weight, "se": se, "reason": reason},
        index=pd.Index(log_density.columns, name="model"),
    )


def _best(log_density: FloatArray) -> FloatArray:
    density = np.exp(log_density - log_density.max(axis=1, keepdims=True))
    weight = np.full(density.shape[1], 1.0 / density.shape[1])
    for _ in range(_ITERATIONS):
        share = density * weight
        following = (share / share.sum(axis=1, keepdims=True)).mean(axis=0)
        if np.abs(following - weight).max() < _CONVERGED:
            return np.asarray(following)
        weight = following
    return np.asarray(weight)


def _jackknife(log_density: FloatArray, cluster: IntArray | None) -> tuple[FloatArray, str]:
    k = log_density.shape[1]
    if cluster is None:
        return np.full(k, np.nan), "one path: its forecasts are not independent of one another"
    codes = np.unique(cluster, return_inverse=True)[1]
    m = int(codes.max()) + 1
    if m < _FEWEST_CLUSTERS:
        return np.full(k, np.nan), "one cluster only"
    parts = min(m, _MOST_PARTS)
    part = codes % parts
    without = np.array([_best(log_density[part != j]) for j in range(parts)])
    spread = (parts - 1) / parts * np.sum((without - without.mean(axis=0)) ** 2, axis=0)
    return np.sqrt(spread), ""
