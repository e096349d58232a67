"""Bad input to every classical estimator: one of our errors, or an honest fit; nothing else."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import stochtext as st
from stochtext._shared.exceptions import StochtextWarning

ESTIMATORS = {
    "ornstein-uhlenbeck": lambda: st.ParametricSDE(st.OrnsteinUhlenbeck()),
    "euler": lambda: st.ParametricSDE(st.OrnsteinUhlenbeck(), "euler"),
    "brownian": lambda: st.ParametricSDE(st.BrownianMotion()),
    "linear": st.LinearSDE,
    "trend": lambda: st.LinearSDE("linear"),
    "kernel": lambda: st.KernelSDE("plug-in"),
    "bins": lambda: st.KramersMoyalSDE(method="bins"),
    "averages": lambda: st.KramersMoyalSDE(method="kernel"),
    "sparse": lambda: st.SparseSDE(degree=2),
    "threshold": st.JumpDiffusionSDE,
    "moments": lambda: st.JumpDiffusionSDE(method="moments"),
    "gaussian process": lambda: st.GaussianProcessSDE(n_inducing=5),
}


def path(n=120, d=1, seed=0):
    rng = np.random.default_rng(seed)
    x = np.zeros((n, d))
    for k in range(n - 1):
        x[k + 1] = 0.9 * x[k] + 0.3 * rng.standard_normal(d)
    return x


def spoiled(value):
    x = path()
    x[17] = value
    return x


X = path()
LINE = np.linspace(0.0, 1.0, 120)[:, None]
GRID = np.arange(120.0)

#: What cannot be used.
REFUSED = {
    "NaN": (spoiled(np.nan), {}),
    "infinity": (spoiled(np.inf), {}),
    "constant": (np.ones((120, 1)), {}),
    "constant column": (np.hstack([X, np.ones((120, 1))]), {}),
    "one point": (X[:1], {}),
    "two points": (X[:2], {}),
    "empty": (np.empty((0, 1)), {}),
    "no trajectory": ([], {}),
    "complex": (X + 0j, {}),
    "words": (np.array([["a"], ["b"], ["c"]]), {}),
    "equal times": (X, {"times": np.r_[0.0, 0.0, GRID[2:]]}),
    "times out of order": (X, {"times": np.r_[1.0, 0.0, GRID[2:]]}),
    "no step": (X, {"dt": 0.0}),
    "endless time": (X, {"dt": 1e307}),
    "step too short": (X, {"dt": 1e-200}),
    "step too long": (X, {"dt": 1e200}),
    "too large": (1e200 * X, {}),
    "too small": (1e-200 * X, {}),
    "one column too large": (np.hstack([X, 1e200 * path(seed=1)]), {}),
    "mixed dimensions": ([path(30), path(30, 2)], {}),
    "trajectory of one state": ([path(30), path(1)], {}),
    "weight zero": (X, {"sample_weight": [0.0]}),
    "weights of nothing": (X, {"sample_weight": [1e-200]}),
    "weights of everything": (X, {"sample_weight": [1e200]}),
    "line": (LINE, {}),
    "repeated column": (np.hstack([X, X]), {}),
    "column of others": (np.hstack([path(d=2), path(d=2).sum(axis=1, keepdims=True)]), {}),
}
#: What some estimators can use.
ODD = {
    "two states": (np.repeat([[0.0], [1.0]], 60, axis=0), {}),
    "one jump": (np.repeat([[0.0], [1.0]], 60, axis=0) + 1e-3 * X, {}),
    "decay": (np.exp(-0.1 * GRID)[:, None], {}),
    "growth": (np.exp(0.1 * GRID)[:, None] * (1 + 0.01 * X), {}),
    "far from zero": (X + 1e12, {}),
    "wild steps": (X, {"times": np.cumsum(10.0 ** np.random.default_rng(1).uniform(-8, 8, 120))}),
    "three points": (X[:4], {}),
    "pairs": ([path(2, seed=k) for k in range(12)], {}),
    "large units": (np.hstack([X, 1e10 * path(seed=1)]), {}),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_data_that_cannot_be_used_are_refused_in_a_sentence(name, case):
    data, options = REFUSED[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StochtextWarning)
        with pytest.raises(st.StochtextError, match=r"\w{3}"):
            ESTIMATORS[name]().fit(data, **options)


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_odd_data_are_refused_or_fitted_with_finite_coefficients(name, case):
    data, options = ODD[case]
    states = np.vstack(data) if isinstance(data, list) else data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", StochtextWarning)
        try:
            model = ESTIMATORS[name]().fit(data, **options)
        except st.StochtextError:
            return
        assert np.isfinite(model.predict_drift(states[:1])).all()
        assert np.isfinite(model.predict_covariance(states[:1])).all()
        assert model.results_.summary().as_text()
