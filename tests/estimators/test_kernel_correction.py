"""Finite sampling intervals, plug-in bandwidths, and what other packages get wrong."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.polynomial import Polynomial

import stochtext as st
from stochtext._shared.exceptions import InputError
from stochtext.estimators.kernel import KernelSDE
from stochtext.estimators.local.bandwidth import rule_bandwidth, state_scale
from stochtext.estimators.local.plug_in import plug_in_bandwidth
from stochtext.estimators.local.polynomial_pilot import PolynomialPilot
from stochtext.estimators.sample import transition_sample
from stochtext.processes.fitted.smoothing.kernels import KERNELS
from stochtext.results.inference.curves.local.discretization import DiscretizationBias
from stochtext.trajectories.panel import Trajectories
from stochtext.transitions import EulerDensity


def linear_path(n, dt, kappa=1.0, s2=1.0, seed=0):
    """Return exact samples of dX = -kappa X dt + sqrt(s2) dW."""
    rng = np.random.default_rng(seed)
    decay = np.exp(-kappa * dt)
    noise = np.sqrt(s2 * (1 - decay**2) / (2 * kappa)) * rng.standard_normal(n)
    x = np.zeros(n + 1)
    for k, z in enumerate(noise.tolist()):
        x[k + 1] = decay * x[k] + z
    return x[:, None]


def test_the_expansion_of_a_linear_process_is_its_series_to_second_order():
    k, s, dt, x = 1.5, 0.7, 0.02, np.array([-0.4, 0.3, 1.0])
    window = {"domain": [-2, 2], "window": [-2, 2]}
    bias = DiscretizationBias(Polynomial([0, -k], **window), Polynomial([s], **window), dt)
    drift = (np.exp(-k * dt) - 1) / dt * x + k * x
    variance = s * (1 - np.exp(-2 * k * dt)) / (2 * k * dt) - s
    # What is left is of third order: (k dt)**3 / 24 and (2 k dt)**3 / 24 of the terms.
    np.testing.assert_allclose(bias.drift(x), drift, atol=k * 2e-6)
    np.testing.assert_allclose(bias.covariance(x), variance, atol=s * 1e-5)
    steps = np.array([0.01, 0.02, 0.03])
    each = [bias.drift(x[j : j + 1], steps[j : j + 1])[0] for j in range(3)]
    np.testing.assert_allclose(bias.drift(x, steps), each, rtol=1e-12)


@pytest.mark.parametrize("which", ["drift", "covariance"])
def test_sensitivities_are_derivatives_by_the_pilots_coefficients(which):
    window = {"domain": [-2, 2], "window": [-1, 1]}
    b, a = [0.1, -1.0, 0.2, 0.3, 0.1], [0.5, 0.1, 0.05]
    x, dt, small = np.array([0.3, 1.0]), 1e-5, 1e-5
    by_b, by_a = getattr(
        DiscretizationBias(Polynomial(b, **window), Polynomial(a, **window), dt),
        f"{which}_sensitivity",
    )(x)

    def bias(b, a):
        pilot = DiscretizationBias(Polynomial(b, **window), Polynomial(a, **window), dt)
        return getattr(pilot, which)(x)

    for found, values, place in ((by_b, b, 0), (by_a, a, 1)):
        for j in range(len(values)):
            ends = []
            for sign in (1, -1):
                moved = [list(b), list(a)]
                moved[place][j] += sign * small
                ends.append(bias(*moved))
            numeric = (ends[0] - ends[1]) / (2 * small)
            # The sensitivities are those of the first order in dt.
            np.testing.assert_allclose(found[:, j], numeric, atol=dt * 1e-3)


def test_correction_recovers_drift_and_variance_of_a_linear_process():
    x = linear_path(60_000, 0.1)
    states = np.array([[-0.8], [0.8]])
    raw = KernelSDE(bandwidth=1.0, correction=None).fit(x, dt=0.1)
    true = KernelSDE(bandwidth=1.0).fit(x, dt=0.1)
    slope = [np.diff(m.predict_drift(states)[:, 0])[0] / 1.6 for m in (raw, true)]
    # The raw slope is (exp(-.1) - 1) / .1 = -.952; its standard error is .018 in T = 6,000.
    assert slope[0] == pytest.approx(-0.952, abs=0.04)
    assert slope[1] - slope[0] == pytest.approx(-0.048, abs=0.01)
    variance = [m.predict_covariance([[0.0]])[0, 0, 0] for m in (raw, true)]
    assert variance[0] == pytest.approx(0.906, abs=0.02)
    assert variance[1] == pytest.approx(1.0, abs=0.02)
    assert "up to second order" in str(true.results_.summary())
    assert "No correction was asked for" in str(raw.results_.summary())


def test_two_coordinates_are_corrected_by_their_jacobian():
    rng = np.random.default_rng(3)
    kappa, dt, n = np.array([[1.0, -0.5], [0.7, 0.8]]), 0.1, 12_000
    fine = np.eye(2) - kappa * dt / 20
    x, state = np.zeros((n + 1, 2)), np.zeros(2)
    noise = np.sqrt(dt / 20) * rng.standard_normal((n, 20, 2))
    for k in range(n):
        for z in noise[k]:
            state = fine @ state + z
        x[k + 1] = state
    raw = KernelSDE(bandwidth=1.5, correction=None).fit(x, dt=dt)
    true = KernelSDE(bandwidth=1.5).fit(x, dt=dt)
    # Var = a - dt (kappa a + a kappa') / 2 to first order.
    lost = raw.predict_covariance(np.zeros((1, 2)))[0] - np.eye(2)
    np.testing.assert_allclose(lost, -dt * (kappa + kappa.T) / 2, atol=0.025)
    np.testing.assert_allclose(true.predict_covariance(np.zeros((1, 2)))[0], np.eye(2), atol=0.03)
    states = np.array([[0.5, 0.0], [0.0, 0.5]])
    moved = true.predict_drift(states) - raw.predict_drift(states)
    np.testing.assert_allclose(moved, -dt * states @ (kappa @ kappa).T / 2, atol=0.02)


def test_a_pilot_knows_value_slope_and_curvature_of_a_cubic(rng):
    x = rng.normal(size=(500, 2))
    b = np.stack([x[:, 0] - x[:, 0] ** 3 + x[:, 1], x[:, 0] * x[:, 1] ** 2], axis=1)
    a = np.array([[0.5, 0.1], [0.1, 0.8]])
    pilot = PolynomialPilot.fit(x, b * 0.1, np.full(500, 0.1), np.ones(500), a)
    at = np.array([[0.3, -0.5]])
    value, jacobian, curvature = pilot.at(at)
    u, v = at[0]
    np.testing.assert_allclose(value[0], [u - u**3 + v, u * v**2], rtol=1e-8)
    np.testing.assert_allclose(jacobian[0], [[1 - 3 * u**2, 1], [v**2, 2 * u * v]], rtol=1e-8)
    expected = [0.5 * 0.5 * -6 * u, 0.1 * 2 * v + 0.5 * 0.8 * 2 * u]
    np.testing.assert_allclose(curvature[0], expected, rtol=1e-7)


def test_an_interval_too_long_for_the_expansion_leaves_the_curves_and_says_so():
    x = linear_path(3000, 0.5)
    coarse = KernelSDE(bandwidth=1.0).fit(x, dt=0.5)
    raw = KernelSDE(bandwidth=1.0, correction=None).fit(x, dt=0.5)
    states = np.array([[-0.5], [0.5]])
    np.testing.assert_array_equal(coarse.predict_drift(states), raw.predict_drift(states))
    said = " ".join(str(coarse.results_.summary()).split())
    assert "dt-drift" in said
    assert "too long to correct for" in said
    assert np.isfinite(coarse.results_.get_drift(states).se).all()


def test_units_of_state_and_time_change_curves_and_errors_by_their_powers():
    # Other packages multiply error bars by 1000 when the state is multiplied by 100.
    x = linear_path(1500, 0.05, seed=4)
    states = np.linspace(-0.8, 0.8, 5)[:, None]
    for bandwidth in ("cv", "plug-in", 0.7):
        one = KernelSDE(bandwidth).fit(x, dt=0.05)
        other = KernelSDE(bandwidth).fit(100 * x, dt=0.5)
        np.testing.assert_allclose(100 * one.bandwidth_, other.bandwidth_, rtol=1e-8)
        for which, factor in (("get_drift", 100 / 10), ("get_covariance", 1e4 / 10)):
            a = getattr(one.results_, which)(states)
            b = getattr(other.results_, which)(100 * states)
            np.testing.assert_allclose(factor * a.estimate, b.estimate, rtol=1e-6)
            np.testing.assert_allclose(factor * a.se, b.se, rtol=1e-6)
            np.testing.assert_allclose(factor * a.conf_int(), b.conf_int(), rtol=1e-6)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_is_finite_in_one_coordinate_and_nan_without_data(kernel):
    # Others return NaN for Gaussian weights everywhere, or zero where there are no data.
    model = KernelSDE(bandwidth=0.6, kernel=kernel).fit(linear_path(1500, 0.05), dt=0.05)
    inside = model.results_.get_drift(np.linspace(-0.5, 0.5, 5)[:, None])
    assert np.isfinite(inside.estimate).all()
    assert np.isfinite(inside.se).all()
    outside = model.results_.get_drift([[9.0]])
    assert np.isnan(outside.estimate).all()
    assert np.isnan(outside.se).all()


def test_degree_zero_is_the_kernel_average_of_the_data_and_not_of_bin_centres():
    x = linear_path(900, 0.1, seed=6)[:, 0]
    model = KernelSDE(bandwidth=0.4, degree=0, correction=None).fit(x[:, None], dt=0.1)
    at = np.array([-0.513, 0.0, 0.297])
    weight = np.exp(-0.5 * ((x[:-1] - at[:, None]) / model.bandwidth_[0]) ** 2)
    expected = weight @ np.diff(x) / 0.1 / weight.sum(axis=1)
    np.testing.assert_allclose(model.predict_drift(at[:, None])[:, 0], expected, rtol=1e-9)


def test_the_second_coefficient_has_little_finite_time_bias_at_a_steep_place():
    # D2 of the double well at -1.2 is .245; a fit over three lags gives .187 there.
    rng = np.random.default_rng(9)
    x, path = 1.0, np.empty(40_001)
    path[0] = x
    for k, step in enumerate((0.7 * np.sqrt(0.002) * rng.standard_normal((40_000, 10))).tolist()):
        for z in step:
            x += (x - x**3) * 0.002 + z
        path[k + 1] = x
    model = KernelSDE().fit(path[:, None], dt=0.02)
    found = model.results_.get_covariance([[-1.2]])
    low, high = found.conf_int()[0, 0, 0] / 2
    assert found.estimate[0, 0, 0] / 2 == pytest.approx(0.245, abs=0.012)
    assert low < 0.245 < high


def test_the_plug_in_shrinks_like_a_fifth_root_of_time_and_grows_for_a_line():
    def bandwidth(x, dt, **options):
        sample = transition_sample(Trajectories(x, dt=dt))
        scale, rule = state_scale(sample), rule_bandwidth(sample, "gaussian")
        chosen = {"degree": 1, "kernel": "gaussian"} | options
        return (plug_in_bandwidth(sample, scale, rule, **chosen) / scale)[0]

    rng = np.random.default_rng(2)
    wells = np.zeros(80_001)
    for k, z in enumerate((0.7 * np.sqrt(0.05) * rng.standard_normal(80_000)).tolist()):
        wells[k + 1] = wells[k] + (wells[k] - wells[k] ** 3) * 0.05 + z
    wells = wells[:, None]
    whole = bandwidth(wells, 0.05)
    # The same time with half the samples; an eighth of the time: 8**(1/5) = 1.52.
    assert bandwidth(wells[::2], 0.1) == pytest.approx(whole, rel=0.1)
    assert bandwidth(wells[:10_001], 0.05) / whole == pytest.approx(1.52, rel=0.2)
    assert bandwidth(linear_path(10_000, 0.05), 0.05) > 2 * bandwidth(wells[:10_001], 0.05)
    # Canonical kernels: the same smoothing by another kernel (Marron and Nolan, 1988).
    ratio = bandwidth(wells, 0.05, kernel="quartic") / whole
    assert ratio == pytest.approx(2.0362 / 0.7764, rel=1e-3)
    assert np.isfinite(bandwidth(wells, 0.05, degree=0))
    assert bandwidth(wells, 0.05, degree=2) > whole


def test_the_plug_in_refuses_degree_two_in_more_coordinates():
    x = np.column_stack([linear_path(300, 0.1, seed=k) for k in (0, 1)])
    with pytest.raises(InputError, match="one coordinate only"):
        KernelSDE("plug-in", degree=2).fit(x, dt=0.1)
    assert np.isfinite(KernelSDE("plug-in").fit(x, dt=0.1).bandwidth_).all()


def test_a_wrong_correction_is_named():
    with pytest.raises(InputError, match="correction"):
        KernelSDE(correction="third-order").fit(linear_path(100, 0.1), dt=0.1)


@pytest.mark.parametrize("estimator", [st.KernelSDE("plug-in"), st.KramersMoyalSDE()])
def test_instantaneous_curves_are_weighed_by_the_moments_of_their_diffusion(estimator):
    truth = st.OrnsteinUhlenbeck(1.0, 0.0, 0.7)
    X = st.simulate(truth, 0.0, dt=0.1, n_steps=3000, n_paths=6, random_state=1)
    model = estimator.fit(X[:4])
    assert model.results_.record.density == "cubature"
    s = X[4:].transitions()
    euler = EulerDensity().log_density(model.process_, s.x, s.x_next, s.t, s.dt)
    # Euler's mean is off by kappa**2 dt x / 2, and its variance by kappa dt of itself.
    assert model.score(X[4:]) > euler.mean() + 1e-3
    assert estimator.set_params(correction=None).fit(X[:4]).results_.record.density == "euler"


def test_what_is_computed_when_asked_for_is_what_the_density_says():
    truth = st.OrnsteinUhlenbeck(1.0, 0.0, 0.7)
    X = st.simulate(truth, 0.0, dt=0.05, n_steps=300, n_paths=2, random_state=1)
    model = st.KernelSDE(0.5).fit(X, sample_weight=[2.0, 1.0])
    s, results = X.transitions(), model.results_
    rows = (results.process, s.x, s.x_next, s.t, s.dt)
    weight = np.where(s.trajectory == 0, 2.0, 1.0)
    copy = pickle.loads(pickle.dumps(results.record))
    assert results.llf == pytest.approx(weight @ results.transition.log_density(*rows), rel=1e-12)
    assert copy.llf == results.llf
    assert copy.to_dict()["llf"] == results.record.to_dict()["llf"]
    np.testing.assert_array_equal(results.resid, results.transition.residuals(*rows))
    np.testing.assert_array_equal(results.pit, results.transition.pit(*rows))
