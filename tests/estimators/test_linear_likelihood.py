"""Moments of linear transitions and their adjoint, against independent linear algebra."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, stats

import stochtext as st
from stochtext.estimators.linear_likelihood import LinearLikelihood, LinearParameters
from stochtext.estimators.sample import transition_sample
from stochtext.processes.linear.moments import linear_moments

ROTATION = np.array([[0.3, 2.0], [-2.0, 0.3]])
KAPPAS = {
    "scalar": np.array([[0.7]]),
    "scalar zero": np.array([[0.0]]),
    "scalar unstable": np.array([[-0.4]]),
    "symmetric": np.array([[1.0, 0.3], [0.3, 0.5]]),
    "rotating": ROTATION,
    "singular": np.array([[1.0, 1.0], [1.0, 1.0]]),
    "nilpotent": np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]),
    "defective": np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0], [0.0, 0.0, 1.0]]),
    "non-normal": np.array([[1.0, 30.0], [0.0, 1.2]]),
    "stiff": np.diag([1e-3, 1.0, 40.0]),
}
DT = np.array([0.01, 0.3, 1.7])
FACTORS = {d: 0.4 * np.tril(np.ones((d, d))) + 0.3 * np.eye(d) for d in (1, 2, 3)}
RATES = {d: factor @ factor.T for d, factor in FACTORS.items()}


def van_loan(kappa, rate, h):
    """Phi, J and Q by exponentials of block matrices, in extended working size."""
    d = len(kappa)
    zero, eye = np.zeros((d, d)), np.eye(d)
    phi = linalg.expm(-kappa * h)
    integral = linalg.expm(np.block([[-kappa, eye], [zero, zero]]) * h)[:d, d:]
    drift = np.kron(-kappa, eye) + np.kron(eye, -kappa)
    wide = np.block([[drift, np.eye(d * d)], [np.zeros((d * d, 2 * d * d))]])
    covariance = (linalg.expm(wide * h)[: d * d, d * d :] @ rate.ravel()).reshape(d, d)
    return phi, integral, covariance


@pytest.mark.parametrize("name", KAPPAS)
def test_moments_equal_block_exponentials(name):
    kappa = KAPPAS[name]
    rate = RATES[len(kappa)]
    moments = linear_moments(kappa, rate, DT)
    for k, h in enumerate(DT):
        expected = van_loan(kappa, rate, h)
        found = moments.phi[k], moments.integral[k], moments.covariance[k]
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13 * np.abs(b).max())


@pytest.mark.parametrize("name", ["scalar", "symmetric", "rotating", "defective", "stiff"])
def test_covariance_is_what_the_lyapunov_equation_leaves(name):
    kappa = KAPPAS[name]
    rate = RATES[len(kappa)]
    stationary = linalg.solve_continuous_lyapunov(kappa, rate)
    moments = linear_moments(kappa, rate, DT)
    for phi, covariance in zip(moments.phi, moments.covariance, strict=True):
        expected = stationary - phi @ stationary @ phi.T
        tolerance = 1e-13 * np.abs(stationary).max()  # what the subtraction leaves
        np.testing.assert_allclose(covariance, expected, rtol=1e-10, atol=tolerance)


def test_scalar_moments_equal_closed_forms_for_every_kappa():
    for kappa in (-3.0, -1e-9, 0.0, 1e-9, 1e-3, 1.0, 30.0, 3000.0):
        moments = linear_moments(np.array([[kappa]]), np.array([[0.36]]), DT)
        length = DT if kappa == 0 else -np.expm1(-kappa * DT) / kappa
        double = DT if kappa == 0 else -np.expm1(-2 * kappa * DT) / (2 * kappa)
        phi = np.exp(-kappa * DT)
        np.testing.assert_allclose(moments.phi[:, 0, 0], phi, rtol=1e-11, atol=1e-300)
        np.testing.assert_allclose(moments.integral[:, 0, 0], length, rtol=1e-12)
        np.testing.assert_allclose(moments.covariance[:, 0, 0], 0.36 * double, rtol=1e-12)


def test_long_steps_end_in_the_stationary_law():
    kappa, rate = KAPPAS["symmetric"], RATES[2]
    moments = linear_moments(kappa, rate, np.array([1e4]))
    np.testing.assert_allclose(moments.phi[0], 0.0, atol=1e-300)
    stationary = linalg.solve_continuous_lyapunov(kappa, rate)
    np.testing.assert_allclose(moments.covariance[0], stationary, rtol=1e-12)
    np.testing.assert_allclose(moments.integral[0], np.linalg.inv(kappa), rtol=1e-12)


@pytest.mark.parametrize("name", KAPPAS)
def test_adjoint_equals_finite_differences(name):
    kappa = KAPPAS[name]
    d = len(kappa)
    rate = RATES[d]
    rng = np.random.default_rng(len(name))
    bars = rng.standard_normal((3, len(DT), d, d))

    def value(kappa, rate):
        m = linear_moments(kappa, rate, DT)
        parts = (m.phi, m.integral, m.covariance)
        return sum(np.sum(b * v) for b, v in zip(bars, parts, strict=True))

    kappa_bar, rate_bar = linear_moments(kappa, rate, DT).pull_back(*bars)
    size = max(np.abs(kappa_bar.sum(0)).max(), np.abs(rate_bar.sum(0)).max())
    for i, j in np.ndindex(d, d):
        unit = np.zeros((d, d))
        unit[i, j] = 1e-6
        by_kappa = (value(kappa + unit, rate) - value(kappa - unit, rate)) / 2e-6
        by_rate = (value(kappa, rate + unit) - value(kappa, rate - unit)) / 2e-6
        # Central differences of a value of this size: truncation 1e-12, rounding 1e-10.
        assert kappa_bar.sum(0)[i, j] == pytest.approx(by_kappa, rel=1e-6, abs=1e-7 * size)
        assert rate_bar.sum(0)[i, j] == pytest.approx(by_rate, rel=1e-6, abs=1e-7 * size)


def test_many_gradients_of_one_step_are_pulled_back_at_once():
    kappa, rate = KAPPAS["rotating"], RATES[2]
    moments = linear_moments(kappa, rate, DT[1:2])
    bars = np.random.default_rng(0).standard_normal((3, 5, 2, 2))
    together = moments.pull_back(*bars)
    for k in range(5):
        alone = moments.pull_back(*bars[:, k : k + 1])
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[k], b[0], rtol=1e-13)


def irregular_panel(dim, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    times = [np.cumsum(rng.uniform(0.05, 0.5, n)) for n in (9, 14, 20)]
    values = [offset + 0.3 * np.cumsum(rng.standard_normal((len(t), dim)), axis=0) for t in times]
    return st.Trajectories(values, times)


CASES = [(1, 0, "time"), (1, 1, "relative"), (2, 0, "time"), (2, 1, "relative"), (3, 1, "time")]


def parameters(dim, degree):
    rng = np.random.default_rng(dim)
    kappa = np.eye(dim) + 0.3 * rng.standard_normal((dim, dim))
    trend = rng.standard_normal((degree + 1, dim))
    return LinearParameters(kappa, trend, FACTORS[dim])


@pytest.mark.parametrize(("dim", "degree", "clock"), CASES)
def test_likelihood_equals_the_process_own_transitions(dim, degree, clock):
    sample = transition_sample(irregular_panel(dim), clock=clock)
    p = parameters(dim, degree)
    value, _ = LinearLikelihood(sample, degree).value_and_gradient(p.to_vector())
    if degree:
        from stochtext.processes import TrendingOrnsteinUhlenbeck

        process = TrendingOrnsteinUhlenbeck(p.kappa, p.trend, p.factor, clock=clock)
    else:
        process = st.OrnsteinUhlenbeck(p.kappa, p.trend[0], p.factor)
    means, covariances = process.transition_moments(sample.x, sample.dt, sample.t, sample.clock_dt)
    expected = sum(
        stats.multivariate_normal(m, v).logpdf(y)
        for m, v, y in zip(means, covariances, sample.x_next, strict=True)
    )
    assert -value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("dim", "degree", "clock"), CASES)
def test_gradient_equals_finite_differences_and_the_sum_of_the_scores(dim, degree, clock):
    weight = np.array([1.0, 2.0, 0.5])
    sample = transition_sample(irregular_panel(dim), clock=clock, weight=weight)
    likelihood = LinearLikelihood(sample, degree)
    theta = parameters(dim, degree).to_vector()
    _, gradient = likelihood.value_and_gradient(theta)
    numerical = np.empty_like(theta)
    for k in range(len(theta)):
        unit = 1e-6 * np.eye(len(theta))[k]
        ends = [likelihood.value_and_gradient(theta + s * unit)[0] for s in (1, -1)]
        numerical[k] = (ends[0] - ends[1]) / 2e-6
    np.testing.assert_allclose(gradient, numerical, rtol=1e-6, atol=1e-6 * np.abs(gradient).max())
    np.testing.assert_allclose(
        likelihood.scores(theta).sum(axis=0), -gradient, rtol=1e-9, atol=1e-9
    )


def test_a_far_away_origin_costs_no_digits():
    near = LinearLikelihood(transition_sample(irregular_panel(2)), 0)
    far = LinearLikelihood(transition_sample(irregular_panel(2, offset=1e6)), 0)
    p = parameters(2, 0)
    here, gradient = near.value_and_gradient(p.to_vector())
    there, moved = far.value_and_gradient(p.moved(np.full(2, 1e6)).to_vector())
    # The data themselves were rounded to 1e-10 when the offset was added.
    assert there == pytest.approx(here, rel=1e-8)
    np.testing.assert_allclose(moved, gradient, rtol=1e-6, atol=1e-6)


def test_steps_that_differ_by_rounding_only_are_one_step():
    times = [0.1 * np.arange(n) + 7 for n in (9, 14, 20)]
    panel = st.Trajectories(irregular_panel(1).arrays(), times)
    likelihood = LinearLikelihood(transition_sample(panel), 0)
    assert len(likelihood.steps) == 1
    assert likelihood.counts.tolist() == [40.0]


def test_likelihood_is_infinite_where_the_diffusion_is_singular():
    likelihood = LinearLikelihood(transition_sample(irregular_panel(1)), 0)
    value, gradient = likelihood.value_and_gradient(np.array([1.0, 0.0, 0.0]))
    assert value == np.inf
    assert np.isnan(gradient).all()
