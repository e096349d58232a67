"""The closed form is the optimum of the general search, with the errors of its Hessian."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

import stochtext as st
from stochtext.estimators.linear.closed_form import closed_form
from stochtext.estimators.linear.logarithm import real_logarithm
from stochtext.estimators.linear.regression import one_step_regression
from stochtext.estimators.linear.search import maximise
from stochtext.estimators.linear.start import least_squares_start
from stochtext.estimators.linear_likelihood import LinearLikelihood
from stochtext.estimators.sample import transition_sample
from stochtext.results.inference.parameters.covariance import parameter_covariances

CASES = [(1, "constant"), (2, "constant"), (3, "constant"), (1, "linear"), (2, "linear")]


def var_panel(dim, *, m=20, n=40, seed=0, dt=0.5, slope=0.0):
    """Exact stationary paths with a full, non-symmetric kappa."""
    rng = np.random.default_rng(seed)
    kappa = np.eye(dim) + 0.3 * rng.standard_normal((dim, dim)) / np.sqrt(dim)
    phi = linalg.expm(-kappa * dt)
    stationary = linalg.solve_continuous_lyapunov(kappa, np.eye(dim))
    noise = np.linalg.cholesky(stationary - phi @ stationary @ phi.T)
    x = np.empty((m, n + 1, dim))
    x[:, 0] = rng.standard_normal((m, dim)) @ np.linalg.cholesky(stationary).T
    for k in range(n):
        x[:, k + 1] = x[:, k] @ phi.T + rng.standard_normal((m, dim)) @ noise.T
    x += 3.0 + slope * np.linspace(0, 1, n + 1)[:, None]
    return st.Trajectories(list(x), dt=dt)


def prepared(dim, trend, weight=None):
    panel = var_panel(dim, slope=2.0 * (trend == "linear"))
    clock = "relative" if trend == "linear" else "time"
    sample = transition_sample(panel, clock=clock, weight=weight)
    likelihood = LinearLikelihood(sample, int(trend == "linear"))
    columns = likelihood.design.columns[:, : likelihood.basis.size]
    fit = closed_form(likelihood, one_step_regression(likelihood, columns), 6.0)
    return panel, sample, likelihood, fit


@pytest.mark.parametrize(("dim", "trend"), CASES)
def test_closed_form_is_the_end_of_the_general_search(dim, trend):
    panel, _, likelihood, fit = prepared(dim, trend)
    searched = maximise(likelihood, least_squares_start(likelihood), 500)
    found = st.LinearSDE(trend=trend).fit(panel).results_
    np.testing.assert_allclose(fit.parameters.to_vector(), searched.theta, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(found.params, searched.theta, rtol=1e-8, atol=1e-8)
    assert found.llf == pytest.approx(-searched.value, rel=1e-12)


@pytest.mark.parametrize(("dim", "trend"), CASES)
@pytest.mark.parametrize("kind", ["nonrobust", "robust", "hac", "cluster"])
def test_errors_are_those_of_hessian_and_scores(dim, trend, kind):
    weight = np.linspace(0.5, 2.0, 20)
    panel, sample, likelihood, fit = prepared(dim, trend, weight)
    theta = fit.parameters.to_vector()
    hessian = np.array(
        [
            (
                likelihood.value_and_gradient(theta + 1e-5 * unit)[1]
                - likelihood.value_and_gradient(theta - 1e-5 * unit)[1]
            )
            / 2e-5
            for unit in np.eye(len(theta))
        ]
    )
    expected = parameter_covariances(
        hessian, likelihood.scores(theta), trajectory=sample.trajectory, cluster=sample.cluster,
        cov_type=None,
    ).matrix(kind)  # fmt: skip
    found = st.LinearSDE(trend=trend).fit(panel, sample_weight=weight).results_
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    # The Hessian by differences has eight digits.
    np.testing.assert_allclose(
        found.cov_params(kind) / scale, expected / scale, rtol=1e-6, atol=1e-6
    )


def test_step_matrix_and_its_errors_are_those_of_statsmodels():
    from statsmodels.tsa.api import VAR

    path = var_panel(2, m=1, n=400, seed=3)
    fit = st.LinearSDE().fit(path)
    theirs = VAR(path.values).fit(1, trend="c")
    phi = linalg.expm(-fit.results_.kappa * 0.5)
    np.testing.assert_allclose(phi, theirs.coefs[0], rtol=1e-9)
    np.testing.assert_allclose(fit.results_.one_step_matrix, theirs.coefs[0], rtol=1e-9)
    mean, covariance = fit.process_.transition_moments(np.zeros((1, 2)), 0.5)
    np.testing.assert_allclose(mean[0], theirs.intercept, rtol=1e-8)
    np.testing.assert_allclose(covariance[0], theirs.sigma_u_mle, rtol=1e-9)
    # Errors of Phi from those of kappa by differences against those of statsmodels, which
    # divides by the degrees of freedom.
    place = np.arange(4)
    jacobian = np.empty((4, 4))
    for k in range(4):
        step = np.zeros(4)
        step[k] = 1e-6
        ends = [linalg.expm(-(fit.results_.kappa + s * step.reshape(2, 2)) * 0.5) for s in (1, -1)]
        jacobian[:, k] = (ends[0] - ends[1]).ravel() / 2e-6
    own = fit.results_.cov_params("nonrobust").to_numpy()[np.ix_(place, place)]
    se = np.sqrt(np.diag(jacobian @ own @ jacobian.T)).reshape(2, 2)
    ratio = np.sqrt((400 - 3) / 400)
    np.testing.assert_allclose(se, theirs.stderr[1:].T * ratio, rtol=1e-6)


def test_thirty_two_dimensions_have_finite_errors():
    results = st.LinearSDE().fit(var_panel(32, m=30, n=100, seed=1)).results_
    assert results.converged
    assert len(results.params) == 32 * 32 + 32 + 32 * 33 // 2
    assert np.isfinite(results.cov_params("nonrobust").to_numpy()).all()


@pytest.mark.parametrize(
    "phi",
    [
        np.diag([0.5, -0.2]),
        np.diag([0.5, 0.0]),
        np.diag([0.5, np.exp(-6.5)]),
    ],
)
def test_white_and_negative_directions_have_no_logarithm_here(phi):
    assert real_logarithm(phi, np.exp(-6.0)) is None


@pytest.mark.parametrize(
    "phi",
    [
        np.array([[0.5, 1.0], [0.0, 0.5]]),
        0.8 * np.array([[0.0, 1.0], [-1.0, 0.0]]),
        np.array([[1.0]]),
    ],
)
def test_defective_turning_and_unit_steps_have_one(phi):
    found = real_logarithm(phi, np.exp(-6.0))
    np.testing.assert_allclose(linalg.expm(found), phi, atol=1e-14)
