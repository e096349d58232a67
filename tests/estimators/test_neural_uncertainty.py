from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from stochtext import Trajectories
from stochtext.estimators.neural.errors.uncertainty import (
    compressed,
    error_functions,
    laplace_factor,
)
from stochtext.estimators.neural.networks.architecture import Architecture, initial_parameters
from stochtext.estimators.neural.networks.members import Member
from stochtext.estimators.neural.networks.preparation import linear_model, scale_transitions
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.sample import transition_sample
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.results.inference.curves.network_features import network_features


@pytest.fixture(scope="module")
def linear_fit():
    """A linear drift and a constant covariance rate, which no ridge touches."""
    rng = np.random.default_rng(0)
    x = np.zeros((20, 31, 1))
    for k in range(30):
        x[:, k + 1] = 0.9 * x[:, k] + 0.3 * rng.normal(size=(20, 1))
    sample = transition_sample(Trajectories(list(x), dt=0.1))
    data, scaling = scale_transitions(sample, with_clock=False)
    architecture = Architecture(1, 1, None, None, "full")
    theta = initial_parameters(architecture, [linear_model(data)], data.inputs, rng)[0]
    member = Member(architecture, theta, np.zeros(0), 0.0)
    engine = Engine(architecture, data, scaling, np.ones(sample.n, dtype=int), "euler")
    return sample, data, scaling, engine, member


def test_robust_laplace_of_a_linear_drift_is_the_clustered_regression(linear_fit) -> None:
    sample, data, scaling, engine, member = linear_fit
    factor = laplace_factor(engine, member, data.weight, sample.trajectory)
    points = np.array([[-1.0], [0.0], [2.0]])
    errors = error_functions([member], [factor], scaling, points)
    ours = np.sqrt((errors.drift**2).sum(axis=2))[:, 0]
    design = sm.add_constant(data.inputs)
    slope = (sample.x_next - sample.x)[:, 0] / sample.dt
    fit = sm.OLS(slope, design).fit(
        cov_type="cluster",
        cov_kwds={"groups": sample.trajectory, "use_correction": False},
    )
    where = sm.add_constant(points)
    theirs = np.sqrt(np.einsum("ni,ij,nj->n", where, fit.cov_params(), where) * 20 / 19)
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)


def test_error_of_a_constant_variance_is_that_of_its_clustered_mean(linear_fit) -> None:
    sample, data, scaling, engine, member = linear_fit
    factor = laplace_factor(engine, member, data.weight, sample.trajectory)
    errors = error_functions([member], [factor], scaling, np.zeros((1, 1)))
    relative = 2 * np.sqrt((errors.covariance**2).sum())  # of a = L L', T = d log L
    design = sm.add_constant(data.inputs)
    squares = sm.OLS((sample.x_next - sample.x)[:, 0], design).fit().resid ** 2
    excess = np.bincount(sample.trajectory, squares / squares.mean() - 1.0)
    expected = np.sqrt((excess**2).sum() * 20 / 19) / sample.n
    # the score of the variance is uncorrelated with those of the drift up to sampling error
    assert relative == pytest.approx(expected, rel=0.05)


def test_equal_starts_have_the_errors_of_one_and_others_add_to_them(linear_fit) -> None:
    sample, data, scaling, engine, member = linear_fit
    factor = laplace_factor(engine, member, data.weight, sample.trajectory)
    z = np.array([[-1.0], [1.0]])
    one = error_functions([member], [factor], scaling, z)
    three = error_functions([member] * 3, [factor] * 3, scaling, z)
    np.testing.assert_allclose((three.drift**2).sum(axis=2), (one.drift**2).sum(axis=2), rtol=1e-9)
    moved = [
        Member(member.architecture, member.parameters + shift, np.zeros(0), 0.0)
        for shift in (-0.3, 0.0, 0.3)
    ]
    spread = error_functions(moved, [factor] * 3, scaling, z, between=1.0)
    gained = (spread.drift**2).sum(axis=2) - (one.drift**2).sum(axis=2)
    # intercept and slope move by -.3, 0, .3: a variance of .09 times (1 + z)^2 drift units
    expected = 0.09 * (1 + z) ** 2 * scaling.drift_unit**2
    np.testing.assert_allclose(gained, expected, atol=1e-9 * expected.max())


def test_few_functions_keep_the_variances_of_many() -> None:
    rng = np.random.default_rng(1)
    draw, one = rng.standard_normal, np.ones(1)
    arrays = {
        "centre": 0 * one, "spread": one, "drift_unit": one, "noise_unit": one,
        "drift.slope": draw((4, 1, 1)), "drift.intercept": draw((4, 1, 1)),
        "drift.layer0.weight": 2 * draw((4, 1, 12)), "drift.layer0.bias": 2 * draw((4, 1, 12)),
        "drift.layer1.weight": draw((4, 12, 1)),
        "covariance.log_scale": np.zeros((4, 1, 1)), "covariance.lower": np.zeros((4, 1, 0)),
    }  # fmt: skip
    process = NetworkProcess(arrays)
    x, t = rng.normal(size=(400, 1)), np.zeros(400)
    # smooth functions that are not in the span of the features
    centres, width = np.linspace(-2, 2, 40), 0.7
    errors = np.exp(-(((x - centres) / width) ** 2))[:, None, :] * draw(40)
    weights = compressed(process, errors, "drift", x, t)
    assert weights.shape[0] <= 32
    features = network_features(process, "drift", x, t)
    inside = np.abs(x[:, 0]) < 1.5
    got = np.sqrt((np.einsum("nf,kcf->nck", features, weights) ** 2).sum(axis=2))[inside, 0]
    wanted = np.sqrt((errors**2).sum(axis=2))[inside, 0]
    np.testing.assert_allclose(got, wanted, rtol=0.05)
