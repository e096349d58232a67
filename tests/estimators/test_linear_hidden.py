"""LinearSDE hands noise, gaps and first states to the filter, and its answers to the results."""

from __future__ import annotations

import numpy as np
import pytest

import stochtext as st


@pytest.fixture(scope="module")
def noisy():
    truth = st.OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    clean = st.simulate(truth, [0.5], dt=0.2, n_steps=60, n_paths=25, n_substeps=10, random_state=7)
    rng = np.random.default_rng(3)
    return clean.with_values(clean.values + 0.15 * rng.standard_normal(clean.values.shape))


@pytest.fixture(scope="module")
def fit(noisy):
    return st.LinearSDE(observation_noise="diagonal").fit(noisy)


def test_noise_is_estimated_beside_the_process(fit):
    results = fit.results_
    truth = [1.0, 0.5, 0.6, 0.15]
    assert list(results.params.index) == ["kappa", "mu", "sigma", "noise"]
    assert np.abs((results.params - truth) / results.bse).max() < 3.5
    assert results.conf_int().shape == (4, 2)
    assert "noise" in results.summary().as_text()


def test_without_noise_in_the_model_mean_reversion_is_too_fast(noisy, fit):
    plain = st.LinearSDE().fit(noisy)
    assert plain.results_.params["kappa"] > 1.3 * fit.results_.params["kappa"]
    assert fit.score(noisy) > plain.score(noisy)


def test_scores_are_those_of_the_filter_and_sum_to_the_likelihood(noisy, fit):
    per_step = fit.score_transitions(noisy)
    assert per_step.sum() == pytest.approx(fit.results_.llf, rel=1e-9)
    assert fit.score(noisy) == pytest.approx(per_step.mean(), rel=1e-12)


def test_prediction_uses_the_past_of_the_trajectory(noisy, fit):
    ahead = fit.predict(noisy)
    assert ahead.shape == noisy.values.shape
    later = np.ones(len(noisy.values), dtype=bool)
    later[noisy.offsets[1:] - 1] = False
    following = noisy.values[np.flatnonzero(later) + 1]
    filtered = np.mean((ahead[later] - following) ** 2)
    by_state = fit.process_.transition_moments(noisy.values[later], 0.2)[0]
    assert filtered < np.mean((by_state - following) ** 2)


def test_innovations_are_the_residuals(fit):
    resid = fit.results_.resid
    assert resid.std() == pytest.approx(1.0, rel=0.05)
    lag = np.corrcoef(resid[:-1, 0], resid[1:, 0])[0, 1]
    assert abs(lag) < 4 / np.sqrt(len(resid))
    assert len(fit.results_.goodness_of_fit(n_boot=0).to_frame()) > 0


def test_noise_is_tested(fit):
    test = fit.results_.noise_test()
    assert test.pvalue < 1e-6
    assert test.statistic == pytest.approx(2 * (fit.results_.llf - test.llf_null), rel=1e-9)
    with pytest.raises(st.InputError, match="mean_effect='random'"):
        fit.results_.mean_effect_test()


def test_curves_have_errors_and_stationary_law_is_of_the_hidden_process(fit):
    results = fit.results_
    curve = results.get_drift([[0.3], [0.8]])
    assert np.isfinite(curve.se).all()
    law = results.stationary_law()
    # Var X = 0.36 / 2 without the noise.
    row = law.loc["covariance[x0,x0]"]
    assert row["lower"] < 0.18 < row["upper"]


def test_what_only_holds_for_observed_states_is_refused(fit):
    with pytest.raises(st.InputError, match="observation noise"):
        fit.results_.bootstrap()
    with pytest.raises(st.InputError, match="no regression"):
        _ = fit.results_.one_step_matrix


def test_results_are_restored_with_the_filter(noisy, fit, tmp_path):
    path = tmp_path / "noisy.stx"
    fit.results_.save(path)
    loaded = st.load(path)
    assert loaded.summary().as_text() == fit.results_.summary().as_text()
    assert np.isfinite(loaded.goodness_of_fit(noisy).to_frame()["statistic"]).any()


def test_missing_coordinates_are_skipped_when_asked():
    rng = np.random.default_rng(1)
    paths = np.cumsum(0.2 * rng.standard_normal((12, 40, 2)), axis=1) * 0.5
    paths[0, 5, 0] = np.nan
    paths[3, 17] = np.nan
    with pytest.raises(st.InputError):
        st.LinearSDE().fit(list(paths))
    fit = st.LinearSDE(missing="kalman").fit(list(paths))
    assert fit.results_.converged
    assert "3 missing value(s)" in fit.results_.summary().as_text()
    assert np.isfinite(fit.score(list(paths)))


def test_kalman_without_gaps_is_the_plain_fit():
    panel = st.simulate(
        st.OrnsteinUhlenbeck(1.0, 0.5, 0.6), [0.5], dt=0.2, n_steps=40, n_paths=12, random_state=1
    )
    plain = st.LinearSDE().fit(panel).results_
    filtered = st.LinearSDE(missing="kalman").fit(panel).results_
    np.testing.assert_allclose(filtered.params, plain.params, rtol=1e-6)
    np.testing.assert_allclose(filtered.bse, plain.bse, rtol=1e-4)
    assert filtered.llf == pytest.approx(plain.llf, rel=1e-9)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"initial": "guess"}, "`initial` must be one of"),
        ({"mean_effect": "fixed"}, "`mean_effect` must be one of"),
        ({"missing": "drop"}, "`missing` must be one of"),
        ({"observation_noise": "some"}, "`observation_noise` must be one of"),
        ({"observation_noise": -1.0}, "observation_noise"),
    ],
)
def test_unknown_options_are_refused(noisy, options, said):
    with pytest.raises(st.InputError, match=said):
        st.LinearSDE(**options).fit(noisy)


def test_a_single_path_has_no_sandwich_of_trajectories():
    path = st.simulate(
        st.OrnsteinUhlenbeck(1.0, 0.5, 0.6), [0.5], dt=0.2, n_steps=200, random_state=1
    )
    with pytest.raises(st.InputError, match="nonrobust"):
        st.LinearSDE(initial="stationary", cov_type="hac").fit(path)
    results = st.LinearSDE(initial="stationary").fit(path).results_
    assert results.cov_type == "nonrobust"
    assert results.bse.notna().all()


@pytest.mark.parametrize(
    "options",
    [
        {"observation_noise": "diagonal"},
        {"mean_effect": "random", "trend": "linear"},
        {"initial": "free", "observation_noise": 0.1},
    ],
)
def test_a_restored_fit_filters_new_data(noisy, tmp_path, options):
    results = st.LinearSDE(**options).fit(noisy[:20]).results_
    results.save(tmp_path / "hidden.stx")
    restored = st.load(tmp_path / "hidden.stx")
    one, other = (r.one_step_sample(noisy[20:])[0] for r in (results, restored))
    np.testing.assert_array_equal(one.resid, other.resid)
    seed = np.random.SeedSequence(1)
    drawn = [r.replicates(noisy[20:], seed, 0, 1)[0].values for r in (results, restored)]
    np.testing.assert_array_equal(*drawn)
