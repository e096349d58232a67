"""GaussianProcessSDE: its posterior is that of the full Gaussian process."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel

import stochtext as st
from stochtext.estimators.gaussian_process.regression import posterior
from stochtext.processes.fitted.extrapolated import part_of_type
from stochtext.processes.fitted.gaussian_process import GaussianProcessDiffusion, InducedFeatures


@pytest.fixture(scope="module")
def well():
    truth = st.DoubleWell(1.0, 1.0, 0.7)
    return st.simulate(truth, 0.0, dt=0.02, n_steps=10_000, random_state=1)


def test_with_every_state_inducing_the_posterior_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    x, noise = rng.uniform(-1, 1, (25, 1)), 0.3
    y = np.sin(3 * x) + noise * rng.normal(size=x.shape)
    unit = np.ones(1)
    features = InducedFeatures(x, 0.7 * unit, 0 * unit, unit)
    found = posterior(features, x, y, np.full_like(y, noise**-2))[0]
    # The vague line is a linear kernel with a large variance.
    line = (1e3 * np.sqrt(np.mean(y**2))) ** 2
    grid = np.linspace(-1, 1, 7)[:, None]
    kernel = found.amplitude**2 * RBF(0.7)

    def covariance(a, b):
        return kernel(a, b) + line * (1 + a @ b.T)

    full = covariance(x, x) + noise**2 * np.eye(25)
    cross = covariance(grid, x)
    mean = cross @ np.linalg.solve(full, y[:, 0])
    variance = np.diag(covariance(grid, grid) - cross @ np.linalg.solve(full, cross.T))
    design = features(grid)
    np.testing.assert_allclose(design @ found.mean, mean, atol=1e-4)
    own = np.einsum("np,pq,nq->n", design, found.covariance, design)
    np.testing.assert_allclose(own, variance, atol=1e-4)


def test_the_evidence_prefers_the_amplitude_that_scikit_learn_prefers():
    rng = np.random.default_rng(3)
    x = np.linspace(-3, 3, 60)[:, None]
    y = np.sin(2 * x) - np.sin(2 * x).mean() + 0.2 * rng.normal(size=x.shape)
    unit = np.ones(1)
    features = InducedFeatures(x[::2], 0.8 * unit, 0 * unit, unit)
    found = posterior(features, x, y, np.full_like(y, 25.0))[0]
    peer = GaussianProcessRegressor(ConstantKernel(1.0) * RBF(0.8, "fixed"), alpha=0.04).fit(x, y)
    amplitude = np.sqrt(peer.kernel_.k1.constant_value)
    assert 0.5 < found.amplitude / amplitude < 2.0


def test_the_drift_of_a_double_well_lies_in_its_intervals(well):
    results = st.GaussianProcessSDE().fit(well).results_
    grid = np.linspace(-1.2, 1.2, 9)[:, None]
    curve = results.get_drift(grid)
    z = (curve.estimate - (grid - grid**3)) / curve.se
    assert np.abs(z).max() < 3.5
    assert abs(results.get_covariance([[0.0]]).estimate.item() - 0.49) < 0.02


def test_the_uncertainty_grows_away_from_the_data(well):
    process = part_of_type(st.GaussianProcessSDE().fit(well).process_, GaussianProcessDiffusion)
    near, far = process.drift_variance([[0.9], [6.0]])[:, 0]
    assert far > 10 * near


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_fit_does_not_depend_on_units(well, scale):
    one = st.GaussianProcessSDE(20).fit(well).predict_drift([[0.5]])
    other = st.GaussianProcessSDE(20).fit(well.with_values(well.values * scale))
    np.testing.assert_allclose(other.predict_drift([[0.5 * scale]]), one * scale, rtol=1e-3)


def test_two_coordinates_share_length_scales():
    truth = st.OrnsteinUhlenbeck([[1.0, 0.5], [0.0, 2.0]], [0.0, 0.0], [[0.5, 0.0], [0.2, 0.6]])
    X = st.simulate(truth, [0.0, 0.0], dt=0.05, n_steps=2000, random_state=3)
    fit = st.GaussianProcessSDE(n_inducing=25, max_iter=80).fit(X)
    assert fit.length_scale_.shape == (2,)
    states = np.array([[0.1, 0.2], [-0.2, 0.1]])
    curve = fit.results_.get_drift(states)
    assert np.abs((curve.estimate - truth.drift(states)) / curve.se).max() < 4


def test_results_are_stored_with_their_posterior(well, tmp_path):
    results = st.GaussianProcessSDE(n_inducing=10).fit(well).results_
    results.save(tmp_path / "gp.stx")
    again = st.load(tmp_path / "gp.stx")
    assert again.summary().as_text() == results.summary().as_text()
