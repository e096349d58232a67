"""What is left after a rung: serial correlation, tails, memory that one state does not hold.

Law of this file: numbers of held-out documents, with the spread over documents.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from stochtext._shared.typing import FloatArray, IntArray
from stochtext.analysis.adequacy.ladder.predictions import past_means
from stochtext.analysis.clusters import Jackknifed, cluster_sums, jackknife
from stochtext.comparison.folds import Design
from stochtext.trajectories.panel import Trajectories

__all__ = ["autocorrelation", "held_out_gain", "lagged_products", "tails"]


def lagged_products(values: FloatArray, trajectory: IntArray, lag: int) -> FloatArray:
    """Return per row the product with the value ``lag`` rows before; 0 where there is none."""
    found = np.zeros_like(values)
    same = trajectory[lag:] == trajectory[:-lag]
    found[lag:] = np.where(same.reshape(-1, *(1,) * (values.ndim - 1)), values[lag:], 0.0)
    found[lag:] *= np.where(np.isfinite(values[:-lag]), values[:-lag], 0.0)
    return found


def autocorrelation(
    residual: FloatArray, trajectory: IntArray, cluster: IntArray, lags: tuple[int, ...],
    alpha: float,
) -> Jackknifed:  # fmt: skip
    """Return serial correlations of residuals at lags, shape (k,).

    Parameters
    ----------
    residual : ndarray of shape (n,) or (n, d)
        Of several coordinates the pooled correlation.
    trajectory, cluster : ndarray of int of shape (n,)
    lags : tuple of int
    alpha : float
    """
    z = np.nan_to_num(residual.reshape(len(residual), -1))
    rows = []
    for lag in lags:
        pairs = lagged_products(np.ones((len(z), 1)), trajectory, lag)[:, 0]
        rows += [lagged_products(z, trajectory, lag).sum(axis=1), pairs]
    rows += [np.sum(z**2, axis=1), np.ones(len(z))]
    sums = cluster_sums(np.stack(rows, axis=1), cluster)
    return jackknife(sums, partial(_correlations, k=len(lags)), alpha)


def _correlations(s: FloatArray, k: int) -> FloatArray:
    products, pairs = s[..., 0 : 2 * k : 2], s[..., 1 : 2 * k : 2]
    return np.asarray(products / pairs / (s[..., -2] / s[..., -1])[..., None])


def tails(residual: FloatArray, cluster: IntArray, alpha: float) -> Jackknifed:
    r"""Return excess kurtosis and Pawula's ratio M4 / (3 M2^2), shape (2,).

    For a diffusion the ratio of conditional moments tends to one with the step; jumps, and
    states that fall into clusters, raise it.
    """
    z = residual[np.isfinite(residual)]
    own = cluster[np.isfinite(residual)]
    powers = np.stack([np.ones_like(z), z, z**2, z**3, z**4], axis=1)
    return jackknife(cluster_sums(powers, own), _kurtosis, alpha)


def _kurtosis(s: FloatArray) -> FloatArray:
    m1, m2, m3, m4 = (s[..., k] / s[..., 0] for k in range(1, 5))
    variance = m2 - m1**2
    fourth = m4 - 4 * m1 * m3 + 6 * m1**2 * m2 - 3 * m1**4
    ratio = fourth / variance**2
    return np.stack([ratio - 3, ratio / 3], axis=-1)


def held_out_gain(
    folds: Design, panel: Trajectories, cluster: IntArray, alpha: float
) -> Jackknifed:
    """Return R2 of the state, R2 of the position, and R2 gained by history, shape (3,).

    History is the mean of the document so far and the state before the last; position is a
    cubic in u. All by least squares, judged on documents not fitted to.
    """
    n, d = panel.n_transitions, panel.n_features
    error = np.zeros((n, 4))
    for fold in folds.folds:
        train, test = _regressors(fold.train), _regressors(fold.test)
        y, own = fold.train.transitions().x_next, fold.test.transitions().x_next
        for k, chosen in enumerate(("state", "position", "history", "none")):
            beta = np.linalg.lstsq(train[chosen], y, rcond=1e-10)[0]
            error[fold.rows, k] = np.sum((own - test[chosen] @ beta) ** 2, axis=1)
    del d
    return jackknife(cluster_sums(error, cluster), _r2_of, alpha)


def _regressors(panel: Trajectories) -> dict[str, FloatArray]:
    s = panel.transitions("relative")
    one = np.ones((len(s.x), 1))
    before = np.concatenate([x[np.maximum(np.arange(len(x) - 1) - 1, 0)] for x in panel.arrays()])
    u = (s.t + s.clock_dt)[:, None]
    return {
        "none": one,
        "state": np.hstack([one, s.x]),
        "position": np.hstack([one, u, u**2, u**3]),
        "history": np.hstack([one, s.x, past_means(panel)[0], before]),
    }


def _r2_of(s: FloatArray) -> FloatArray:
    state, position, history = (1 - s[..., k] / s[..., 3] for k in range(3))
    return np.stack([state, position, history - state], axis=-1)
