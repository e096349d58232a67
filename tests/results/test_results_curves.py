"""Curves with errors, residuals and tests on old and new data."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import stochtext as st
from stochtext.results.inference.curves.prediction import CurveEstimate

TRUTH = st.OrnsteinUhlenbeck(1.2, 0.4, 0.6)


def exact_panel(m, n, seed, dt=0.25):
    """Paths of TRUTH by its exact transition, from the stationary law."""
    rng = np.random.default_rng(seed)
    phi, stationary = np.exp(-1.2 * dt), 0.36 / 2.4
    x = np.empty((m, n))
    x[:, 0] = 0.4 + np.sqrt(stationary) * rng.standard_normal(m)
    for j in range(1, n):
        noise = np.sqrt(stationary * (1 - phi**2)) * rng.standard_normal(m)
        x[:, j] = 0.4 + phi * (x[:, j - 1] - 0.4) + noise
    return st.Trajectories(list(x), dt=dt)


@pytest.fixture(scope="module")
def panel():
    return exact_panel(20, 80, seed=1)


@pytest.fixture(scope="module")
def results(panel):
    return st.LinearSDE().fit(panel).results_


@pytest.fixture(scope="module")
def planar():
    truth = st.OrnsteinUhlenbeck([[1.0, 0.3], [-0.2, 0.5]], [0.0, 1.0], [[0.5, 0.0], [0.2, 0.4]])
    panel = st.simulate(truth, [0.0, 1.0], dt=0.2, n_steps=50, n_paths=24, random_state=2)
    return st.LinearSDE().fit(panel.with_values(panel.values, columns=["a", "b"])).results_


X = np.array([[0.1], [0.4], [0.9]])


def test_drift_error_is_the_delta_method_by_hand(results):
    kappa, mu, _ = results.params
    # b = kappa (mu - x): the gradient in (kappa, mu, sigma) is (mu - x, kappa, 0).
    gradient = np.column_stack([mu - X[:, 0], np.full(3, kappa), np.zeros(3)])
    expected = np.sqrt(np.einsum("nk,kl,nl->n", gradient, results.cov_params(), gradient))
    curve = results.get_drift(X)
    np.testing.assert_allclose(curve.estimate[:, 0], kappa * (mu - X[:, 0]), rtol=1e-12)
    np.testing.assert_allclose(curve.se[:, 0], expected, rtol=1e-6)


def test_covariance_error_is_the_delta_method_by_hand(results):
    sigma = results.params["sigma"]
    curve = results.get_covariance(X)
    np.testing.assert_allclose(curve.estimate[:, 0, 0], sigma**2, rtol=1e-12)
    np.testing.assert_allclose(curve.se[:, 0, 0], 2 * sigma * results.bse["sigma"], rtol=1e-6)


def test_planar_drift_error_is_the_delta_method_by_hand(planar):
    x = np.array([0.2, 0.8])
    mu, kappa = planar.params[["mu[0]", "mu[1]"]].to_numpy(), planar.process.params["kappa"]
    gradient = np.zeros((2, 9))
    gradient[0, 0:2] = gradient[1, 2:4] = mu - x
    gradient[:, 4:6] = kappa
    expected = np.sqrt(np.diag(gradient @ planar.cov_params().to_numpy() @ gradient.T))
    np.testing.assert_allclose(planar.get_drift([x]).se[0], expected, rtol=1e-5)


def test_intervals_use_the_t_quantile_of_the_fit(results):
    curve = results.get_drift(X)
    half = stats.t.ppf(0.95, 19) * curve.se
    interval = curve.conf_int(alpha=0.1)
    assert interval.shape == (3, 1, 2)
    np.testing.assert_allclose(interval[..., 1] - curve.estimate, half, rtol=1e-12)
    np.testing.assert_allclose(curve.estimate - interval[..., 0], half, rtol=1e-12)


def test_drift_frame_has_a_row_per_point_and_component(planar):
    frame = planar.get_drift([[0.0, 1.0], [0.2, 0.8]]).summary_frame()
    assert list(frame.columns) == ["mean", "mean_se", "mean_ci_lower", "mean_ci_upper"]
    assert frame.index.names == ["point", "component"]
    assert list(frame.index) == [(0, "a"), (0, "b"), (1, "a"), (1, "b")]
    curve = planar.get_drift([[0.0, 1.0], [0.2, 0.8]])
    assert frame.loc[(1, "b"), "mean"] == curve.estimate[1, 1]
    assert frame.loc[(0, "b"), "mean_ci_upper"] == curve.conf_int()[0, 1, 1]


def test_covariance_frame_has_the_lower_triangle(planar):
    frame = planar.get_covariance([[0.0, 1.0]]).summary_frame()
    assert list(frame.index) == [(0, "a, a"), (0, "b, a"), (0, "b, b")]
    assert frame.loc[(0, "b, a"), "mean"] == planar.get_covariance([[0.0, 1.0]]).estimate[0, 1, 0]


def test_outside_the_data_everything_is_nan_with_the_reason(results, panel):
    far = panel.values.max() + 0.5
    for curve in (results.get_drift([[0.4], [far]]), results.get_covariance([[0.4], [far]])):
        assert np.isfinite(curve.estimate[0]).all()
        assert np.isfinite(curve.se[0]).all()
        assert np.isnan(curve.estimate[1]).all()
        assert np.isnan(curve.se[1]).all()
        assert np.isnan(curve.conf_int()[1]).all()
        assert curve.reason == "NaN where the state lies outside the support of the fitted data"
        assert curve.reason in repr(curve)


def test_inside_the_data_there_is_no_reason(results):
    assert results.get_drift(X).reason is None


@pytest.mark.parametrize("t", [[0.0, 1.0], "noon", [[0.0], [0.0], [0.0]]])
def test_clock_readings_of_another_shape_are_refused(results, t):
    with pytest.raises(st.InputError, match="`t`"):
        results.get_drift(X, t)


def test_states_of_another_dimension_are_refused(results):
    with pytest.raises(st.InputError, match=r"`x` must have shape \(n, 1\)"):
        results.get_drift([[0.0, 1.0]])


def test_moving_mean_is_evaluated_at_the_clock_reading(panel):
    moved = [a + np.linspace(0, 1, len(a))[:, None] for a in panel.arrays()]
    results = st.LinearSDE(trend="linear").fit(moved, dt=0.25).results_
    early, late = results.get_drift([[0.5], [0.5]], [0.0, 1.0]).estimate[:, 0]
    expected = results.params["kappa"] * results.params["trend[1,0]"]
    assert late - early == pytest.approx(expected, rel=1e-10)


def test_interval_is_centred_on_the_bias_corrected_curve():
    one = np.ones((1, 1))
    curve = CurveEstimate(one, 0.1 * one, columns=("x0",), centre=one + 0.5)
    np.testing.assert_allclose(curve.conf_int().mean(axis=-1), [[1.5]])
    assert curve.summary_frame()["mean"].tolist() == [1.0]


def test_residuals_and_pit_of_the_true_model_are_standard(panel):
    """Parameters held at the truth but one, so that nothing is fitted away."""
    fit = st.ParametricSDE(TRUTH, fixed=("kappa", "mu")).fit(exact_panel(40, 100, seed=5))
    resid, pit = fit.results_.resid, fit.results_.pit
    n = resid.size
    assert resid.shape == pit.shape == (3960, 1)
    # Four standard errors of a mean, a variance and a lag-one correlation.
    assert abs(resid.mean()) < 4 / np.sqrt(n)
    assert abs(resid.var() - 1) < 4 * np.sqrt(2 / n)
    pairs = resid.reshape(40, 99)
    assert abs(np.mean(pairs[:, 1:] * pairs[:, :-1])) < 4 / np.sqrt(n)
    assert stats.kstest(pit[:, 0], "uniform").pvalue > 1e-3
    np.testing.assert_allclose(pit, stats.norm.cdf(resid), rtol=1e-12)


def test_residuals_follow_the_closed_form(panel, results):
    kappa, mu, sigma = results.params
    s, phi = panel.transitions(), np.exp(-kappa * 0.25)
    sd = sigma * np.sqrt((1 - phi**2) / (2 * kappa))
    expected = (s.x_next - mu - phi * (s.x - mu)) / sd
    np.testing.assert_allclose(results.resid, expected, rtol=1e-10, atol=1e-12)


def test_goodness_of_fit_on_new_data_uses_the_residuals_of_the_new_data(results):
    fresh = exact_panel(10, 60, seed=9)
    table = results.goodness_of_fit(fresh, n_boot=0).to_frame()
    assert (table["n"] <= fresh.n_transitions).all()
    by_list = results.goodness_of_fit(fresh.arrays(), n_boot=0).to_frame()
    np.testing.assert_allclose(by_list["statistic"], table["statistic"], rtol=1e-10)


def test_other_columns_and_time_units_are_refused(results, panel):
    with pytest.raises(st.InputError, match="X has 2 columns, the fit had 1: x0"):
        results.goodness_of_fit(np.zeros((30, 2)))
    hours = st.Trajectories(panel.arrays(), dt=0.25, time_unit="h")
    with pytest.raises(st.InputError, match="X has time unit 'h', the fit had None"):
        results.goodness_of_fit(hours)


def test_without_a_common_dt_plain_arrays_need_one():
    rng = np.random.default_rng(1)
    times = [np.cumsum(rng.uniform(0.1, 0.5, 60)) for _ in range(12)]
    values = [0.3 * rng.standard_normal(60).cumsum() for _ in times]
    results = st.LinearSDE().fit(values, times=times).results_
    with pytest.raises(st.InputError, match="no common dt: pass `dt=` or `times=`"):
        results.goodness_of_fit(values)
    given = results.goodness_of_fit(values, times=times, n_boot=0).to_frame()
    assert np.isfinite(given["statistic"]).all()


def test_results_simulate_the_fitted_process(results):
    own = results.simulate(0.4, dt=0.25, n_steps=5, n_paths=2, random_state=3)
    other = st.simulate(results.process, 0.4, dt=0.25, n_steps=5, n_paths=2, random_state=3)
    np.testing.assert_array_equal(own.values, other.values)


def test_functional_results_have_curves_for_parameters(panel):
    results = st.KernelSDE(bandwidth=0.5).fit(panel).results_
    assert results.params.empty
    curve = results.get_drift(X)
    frame = curve.summary_frame()
    assert np.isfinite(frame["mean"]).all()
    assert frame["mean_se"].isna().any() == bool(curve.reason)
    assert frame["mean_se"].notna().any()


def test_plots_of_results_draw_on_the_given_axes(results):
    import matplotlib.pyplot as plt

    _, axes = plt.subplots(1, 2)
    assert results.plot_drift(ax=axes[0]) is axes[0]
    assert results.plot_diffusion(ax=axes[1]) is axes[1]
    assert axes[0].get_xlabel() == "x0"
    assert results.plot_diagnostics() is not None
    with pytest.raises(st.InputError, match="at least two coordinates"):
        results.plot_phase()


def test_phase_portrait_of_two_coordinates(planar):
    assert planar.plot_phase() is not None
