"""Forecasts against closed forms of the Ornstein-Uhlenbeck process, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import stochtext as st
from stochtext._shared.exceptions import InputError, ResourceLimitError
from stochtext.diagnostics import crps_of_samples, energy_score_of_samples
from stochtext.estimators import GaussianProcessSDE, JumpDiffusionSDE, KramersMoyalSDE

KAPPA, MU, SIGMA, DT = 1.0, 0.3, 0.8, 0.1


@pytest.fixture(scope="module")
def panel() -> st.Trajectories:
    process = st.OrnsteinUhlenbeck(KAPPA, MU, SIGMA)
    return st.simulate(process, 0.0, dt=DT, n_steps=60, n_paths=20, scheme="exact", random_state=3)


@pytest.fixture(scope="module")
def linear(panel):
    return st.LinearSDE().fit(panel).results_


def test_mean_and_intervals_of_a_linear_fit_are_those_of_its_gaussian_law(linear):
    forecast = linear.get_prediction([[1.5], [-1.0]], horizons=(1, 7), n_samples=8000, n_draws=0)
    kappa, mu, sigma = (float(np.squeeze(linear.process.params[k])) for k in
                        ("kappa", "mu", "sigma"))  # fmt: skip
    for k, h in enumerate((1, 7)):
        decay = np.exp(-kappa * h * DT)
        mean = mu + (np.array([[1.5], [-1.0]]) - mu) * decay
        sd = sigma * np.sqrt((1 - decay**2) / (2 * kappa))
        np.testing.assert_allclose(forecast.mean[:, k], mean, rtol=1e-10)
        lower, upper = np.moveaxis(forecast.conf_int(0.1)[:, k], -1, 0)
        # A 5 % quantile of 8000 samples has a standard error of 0.024 sd.
        np.testing.assert_allclose(lower, mean - 1.645 * sd, atol=0.1 * sd)
        np.testing.assert_allclose(upper, mean + 1.645 * sd, atol=0.1 * sd)
    assert np.all(forecast.mean_simulation_se == 0.0)


def test_error_of_the_mean_is_that_of_the_delta_method(linear):
    x, h = 1.5, 7
    forecast = linear.get_prediction([[x]], horizons=(h,), n_samples=2000, n_draws=1000,
                                     random_state=1)  # fmt: skip
    names = list(linear.process.free_parameters)
    kappa, mu = (float(linear.params[name]) for name in names[:2])
    decay = np.exp(-kappa * h * DT)
    gradient = np.array([-h * DT * (x - mu) * decay, 1 - decay, 0.0])
    se = float(np.sqrt(gradient @ linear.cov_params().to_numpy() @ gradient))
    # A standard deviation of 1000 draws has a relative error of 2.2 %.
    assert forecast.mean_se[0, 0, 0] == pytest.approx(se, rel=0.12)


def test_parameter_uncertainty_widens_the_samples_and_can_be_left_out(panel):
    short = st.LinearSDE(cov_type="nonrobust").fit(panel[:2]).results_
    forecast = short.get_prediction([[3.0]], horizons=(20,), n_samples=4000, n_draws=400,
                                    random_state=0)  # fmt: skip
    assert forecast.samples.var() > 1.1 * forecast.fitted_samples.var()
    alone = short.get_prediction([[3.0]], horizons=(20,), n_samples=4000, n_draws=0,
                                 random_state=0)  # fmt: skip
    np.testing.assert_array_equal(alone.samples, forecast.fitted_samples)
    assert np.isnan(alone.mean_se).all()
    assert alone.reason == "n_draws is 0"


def test_forecasts_of_every_state_are_calibrated_and_never_cross_trajectories(panel, linear):
    forecast = linear.get_prediction(
        panel, horizons=(1, 10), origin="every", n_samples=200, random_state=2
    )
    frame = forecast.calibration(0.1)
    # Every trajectory of 60 steps has 60 and 51 states with one and ten steps left.
    assert frame["n"].tolist() == [20 * 60, 20 * 51]
    assert np.all(np.abs(frame["coverage"] - 0.9) < 4 * frame["coverage_se"])
    pit = forecast.pit()[:, 0, 0]
    assert stats.kstest(pit, "uniform").pvalue > 0.01
    ends = np.isnan(forecast.observed[:, 1, 0]).reshape(20, 60)
    assert np.all(ends.sum(axis=1) == 9)
    assert np.array_equal(forecast.observed[:, 0, 0], panel.transitions().x_next[:, 0])


@pytest.mark.parametrize(
    ("estimator", "is_exact"),
    [
        (st.ParametricSDE(st.OrnsteinUhlenbeck(), density="euler"), True),
        (st.KernelSDE(bandwidth=0.5), False),
        (KramersMoyalSDE(bins=12), False),
        (GaussianProcessSDE(), True),
        (JumpDiffusionSDE(), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_fit_forecasts_close_to_the_truth_and_so_does_its_file(
    panel, estimator, is_exact, tmp_path
):
    results = estimator.fit(panel).results_
    asked = {"horizons": (1, 4), "n_samples": 400, "n_draws": 20, "random_state": 0}
    forecast = results.get_prediction([[1.0]], **asked)
    truth = MU + (1.0 - MU) * np.exp(-KAPPA * DT * np.array([1, 4]))
    # Within the error of the fit (0.06 after four steps) and of 400 samples (0.025).
    np.testing.assert_allclose(forecast.mean[0, :, 0], truth, atol=0.2)
    assert (forecast.mean_simulation_se[0, 0, 0] == 0.0) == is_exact
    known = np.isfinite(forecast.mean_se).all()
    assert known == (forecast.reason is None)
    results.save(tmp_path / "fit.stx")
    again = st.load(tmp_path / "fit.stx").get_prediction([[1.0]], **asked)
    np.testing.assert_allclose(again.samples, forecast.samples, rtol=1e-6, atol=1e-8)


def test_draws_of_a_kernel_drift_have_its_standard_error(panel):
    results = st.KernelSDE(bandwidth=0.6, correction=None).fit(panel).results_
    forecast = results.get_prediction([[0.3]], n_samples=2000, n_draws=1000, random_state=0)
    se = results.get_drift([[0.3]]).se[0, 0] * DT
    assert forecast.mean_se[0, 0, 0] == pytest.approx(se, rel=0.15)


def test_noisy_observations_are_forecast_from_the_filtered_state(panel):
    rng = np.random.default_rng(0)
    noisy = panel.with_values(panel.values + 0.3 * rng.standard_normal(panel.values.shape))
    results = st.LinearSDE(observation_noise=0.3).fit(noisy).results_
    forecast = results.get_prediction(noisy, n_samples=4000, n_draws=0, random_state=0)
    # The one-step law of the filter is that of its standardised residuals.
    extended = [np.vstack([path, [[0.7]]]) for path in noisy.arrays()]
    panel_next = st.Trajectories(extended, dt=DT)
    residual = results.observed.residuals(panel_next)[np.cumsum(panel_next.lengths - 1) - 1, 0]
    spread = forecast.samples[:, 0, :, 0].std(axis=1)
    np.testing.assert_allclose((0.7 - forecast.mean[:, 0, 0]) / spread, residual, atol=0.1)


def test_crps_of_many_normal_samples_is_the_closed_form():
    rng = np.random.default_rng(1)
    samples = rng.standard_normal((1, 20000, 1))
    y = 0.7
    closed = y * (2 * stats.norm.cdf(y) - 1) + 2 * stats.norm.pdf(y) - 1 / np.sqrt(np.pi)
    # Its Monte Carlo error is below 0.01.
    assert crps_of_samples(samples, np.array([[y]]))[0, 0] == pytest.approx(closed, abs=0.02)
    assert energy_score_of_samples(samples, np.array([[y]]))[0] == pytest.approx(closed, abs=0.02)


def test_fair_scores_do_not_depend_on_the_number_of_samples():
    rng = np.random.default_rng(2)
    samples, seen = rng.standard_normal((40000, 3, 2)), rng.standard_normal((40000, 2))
    few = energy_score_of_samples(samples, seen).mean()
    pairs = rng.standard_normal((3, 40000, 2))
    truth = np.linalg.norm(pairs[0] - pairs[1], axis=1).mean() / 2
    assert few == pytest.approx(truth, abs=0.02)
    assert crps_of_samples(samples, seen).mean() == pytest.approx(1 / np.sqrt(np.pi), abs=0.02)


def test_frame_has_the_columns_of_statsmodels(linear):
    frame = linear.get_prediction([[0.0], [1.0]], horizons=(1, 2), random_state=0).summary_frame()
    assert frame.columns.tolist() == [
        "mean", "mean_se", "mean_ci_lower", "mean_ci_upper", "obs_ci_lower", "obs_ci_upper",
    ]  # fmt: skip
    assert frame.index.names == ["point", "horizon", "component"]
    assert len(frame) == 4


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"horizons": (2, 1)}, "increasing whole numbers"),
        ({"horizons": (0,)}, "increasing whole numbers"),
        ({"horizons": (1.5,)}, "increasing whole numbers"),
        ({"origin": "first"}, "`origin` must be one of"),
        ({"dt": -1.0}, "`dt`"),
        ({"n_samples": 1}, "`n_samples`"),
    ],
)
def test_bad_requests_are_named(linear, asked, said):
    with pytest.raises(InputError, match=said):
        linear.get_prediction([[0.0]], **asked)


def test_too_many_samples_are_refused_before_they_are_drawn(linear):
    with pytest.raises(ResourceLimitError, match="GiB"):
        linear.get_prediction(np.zeros((10**5, 1)), n_samples=10**5)


def test_relative_clock_needs_positions(panel):
    results = st.LinearSDE(trend="linear").fit(panel).results_
    with pytest.raises(InputError, match="relative clock"):
        results.get_prediction([[0.0]])
    with pytest.raises(InputError, match="origin='every'"):
        results.get_prediction(panel)
    forecast = results.get_prediction([[0.0]], t=0.2, clock_dt=0.01, n_samples=10, n_draws=0)
    process = results.process
    expected = process.transition_moments([[0.0]], DT, 0.2, 0.01)[0]
    np.testing.assert_allclose(forecast.mean[:, 0], expected)
