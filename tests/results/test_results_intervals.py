"""Profile and bootstrap intervals, likelihood ratio tests, and what is said of mean reversion."""

from __future__ import annotations

import pickle
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

import stochtext as st
from stochtext.estimators import ckls_tests
from stochtext.results import BootstrapResults, compare_nested
from stochtext.results.inference.dynamics.mean_reversion import mean_reversion
from stochtext.results.inference.refits.bootstrap import bootstrap
from stochtext.results.inference.refits.refitting import Refitting
from stochtext.results.inference.refits.replication import replicated_panels

SEED = np.random.SeedSequence(5)


@pytest.fixture(scope="module")
def path():
    truth = st.OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    return st.simulate(truth, 0.5, dt=0.1, n_steps=150, scheme="exact", random_state=3)


@pytest.fixture(scope="module")
def results(path):
    return st.ParametricSDE(st.OrnsteinUhlenbeck()).fit(path).results_


@pytest.fixture(scope="module")
def panel():
    truth = st.OrnsteinUhlenbeck(1.2, 0.4, 0.6)
    return st.simulate(truth, 0.4, dt=0.2, n_steps=40, n_paths=14, scheme="exact", random_state=2)


@pytest.fixture(scope="module")
def clustered(panel):
    return st.ParametricSDE(st.OrnsteinUhlenbeck()).fit(panel).results_


def irregular():
    rng = np.random.default_rng(0)
    times = [np.cumsum(rng.uniform(0.1, 0.4, n)) for n in (30, 18, 25)]
    values = [0.5 + 0.3 * rng.standard_normal((len(t), 1)) for t in times]
    return st.Trajectories(values, times)


# -- profile likelihood ---------------------------------------------------------------------------


def profiled(path, kappa):
    """The log likelihood of an exact Ornstein-Uhlenbeck fit with kappa held, in closed form."""
    s, slope = path.transitions(), np.exp(-kappa * 0.1)
    moved = s.x_next[:, 0] - slope * s.x[:, 0]
    return -0.5 * len(moved) * (np.log(2 * np.pi * moved.var()) + 1)


def test_profile_interval_of_the_rate_is_where_the_closed_profile_falls(path, results):
    floor = results.llf - 0.5 * stats.chi2.ppf(0.9, 1)
    kappa = results.params["kappa"]
    ends = [
        optimize.brentq(lambda k: profiled(path, k) - floor, *bracket)
        for bracket in ((1e-3, kappa), (kappa, 10 * kappa))
    ]
    interval = results.conf_int(0.1, method="profile")
    np.testing.assert_allclose(interval.loc["kappa"], ends, rtol=1e-4)
    assert interval.loc["kappa", 1] - kappa > kappa - interval.loc["kappa", 0]


def test_profile_interval_of_the_diffusion_is_asymmetric_and_near_walds(results):
    wald, profile = results.conf_int().loc["sigma"], results.conf_int(method="profile").loc["sigma"]
    np.testing.assert_allclose(profile, wald, rtol=0.05)
    assert profile[0] > wald[0]
    assert profile[1] > wald[1]


def test_profile_interval_leaves_held_parameters_out(path):
    fit = st.ParametricSDE(st.OrnsteinUhlenbeck(mu=0.5), fixed="mu").fit(path)
    interval = fit.results_.conf_int(method="profile")
    assert interval.loc["mu"].isna().all()
    assert interval.loc[["kappa", "sigma"]].notna().all(axis=None)


def test_profile_interval_of_a_clustered_panel_is_refused_unless_independence_is_assumed(clustered):
    with pytest.raises(st.InputError, match='"cluster".*pass cov_type="nonrobust"'):
        clustered.conf_int(method="profile")
    assumed = clustered.conf_int(method="profile", cov_type="nonrobust")
    wald = clustered.conf_int(cov_type="nonrobust")
    np.testing.assert_allclose(assumed, wald, rtol=0.1, atol=0.02)


def test_wald_interval_of_another_type_has_its_own_quantile(clustered):
    half = stats.norm.ppf(0.975) * np.sqrt(np.diag(clustered.cov_params("robust")))
    interval = clustered.conf_int(cov_type="robust")
    np.testing.assert_allclose(interval[1] - interval[0], 2 * half, rtol=1e-12)


def test_unknown_interval_is_refused(results):
    with pytest.raises(st.InputError, match="`method` must be one of 'wald', 'profile', 'boots"):
        results.conf_int(method="jackknife")


# -- likelihood ratio -----------------------------------------------------------------------------


def test_likelihood_ratio_of_one_value_is_the_closed_profile(path, results):
    test = results.lr_test("kappa = 2")
    assert test.statistic == pytest.approx(2 * (results.llf - profiled(path, 2.0)), rel=1e-8)
    assert test.df == 1
    assert test.pvalue == pytest.approx(stats.chi2.sf(test.statistic, 1), rel=1e-12)
    assert test.restricted.params["kappa"] == 2.0


def test_several_values_and_restricted_results_are_the_same_test(path, results):
    family = st.OrnsteinUhlenbeck(1.0, 0.4)
    restricted = st.ParametricSDE(family, fixed=("kappa", "mu")).fit(path).results_
    by_results, by_name = results.lr_test(restricted), results.lr_test("kappa = 1, 2 * mu = 0.8")
    assert by_name.statistic == pytest.approx(by_results.statistic, rel=1e-7)
    assert by_name.df == by_results.df == 2
    assert "chi2(2)" in repr(by_name)


def test_likelihood_ratio_of_a_clustered_panel_has_no_p_value(clustered):
    test = clustered.lr_test("mu = 0.4")
    assert np.isfinite(test.statistic)
    assert np.isnan(test.pvalue)
    assert "chi-square law only if the model is right" in test.reason
    assert np.isfinite(clustered.lr_test("mu = 0.4", cov_type="nonrobust").pvalue)


def test_likelihood_ratio_of_two_steps_has_no_p_value(path):
    full = st.ParametricSDE(st.OrnsteinUhlenbeck(), "euler", two_step=True).fit(path).results_
    part = st.ParametricSDE(st.OrnsteinUhlenbeck(mu=0.5), "euler", fixed="mu").fit(path).results_
    assert "two-step estimates do not maximise" in full.lr_test(part).reason
    with pytest.raises(st.InputError, match="took two steps"):
        full.conf_int(method="profile")


@pytest.mark.parametrize(
    ("restriction", "said"),
    [
        ("kappa = mu", "relates several"),
        ("nu = 0", "not a linear restriction"),
        (3.0, "must be a string"),
    ],
)
def test_impossible_likelihood_ratio_is_refused(results, restriction, said):
    with pytest.raises(st.InputError, match=said):
        results.lr_test(restriction)


def test_fits_that_do_not_compare_are_refused(path, panel, results, clustered):
    other = st.ParametricSDE(st.OrnsteinUhlenbeck(mu=0.5), "euler", fixed="mu").fit(path).results_
    with pytest.raises(st.InputError, match="different densities"):
        results.lr_test(other)
    with pytest.raises(st.InputError, match="different data"):
        results.lr_test(clustered)
    with pytest.raises(st.InputError, match="must have fewer"):
        results.lr_test(results)


def test_nested_fits_are_a_table_with_tests(path, results):
    held = st.ParametricSDE(st.OrnsteinUhlenbeck(mu=0.5), fixed="mu").fit(path).results_
    table = compare_nested({"mean 0.5": held, "full": results})
    assert table.loc["full", "reason"] == "the full model"
    assert np.isnan(table.loc["full", "pvalue"])
    assert table.loc["mean 0.5", "lr"] == pytest.approx(2 * (results.llf - held.llf), rel=1e-10)
    assert table["k"].tolist() == [2, 3]
    assert table.loc["mean 0.5", "aic"] == held.aic
    with pytest.raises(st.InputError, match="at least two"):
        compare_nested({"full": results})


def test_the_eight_models_nested_in_ckls_are_found_and_ordered():
    truth = st.CoxIngersollRoss(1.0, 0.06, 0.1)
    rate = st.simulate(truth, 0.06, dt=1 / 12, n_steps=900, scheme="exact", random_state=0)
    table = ckls_tests(rate)
    assert len(table) == 9
    assert table["converged"].all()
    assert (table["lr"].dropna() >= 0).all()
    assert table.loc["CIR square root", "pvalue"] > 0.05
    assert table.loc["CIR square root", "gamma"] == 0.5
    assert table.loc["CIR variable rate", "lr"] > 40
    assert np.isnan(table.loc["CIR variable rate", "pvalue"])
    assert "does not return to a level" in table.loc["CIR variable rate", "reason"]
    assert table.loc["Dothan", "df"] == 3
    assert "upper bound" in table.loc["Vasicek", "reason"]
    nested = table.loc[["Dothan", "geometric Brownian motion", "Brennan-Schwartz"], "llf"]
    assert nested.is_monotonic_increasing


# -- bootstrap ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def draws(results):
    return results.bootstrap(n_boot=199, random_state=1)


def test_basic_interval_reflects_the_order_statistics(draws):
    ordered = np.sort(draws.draws["kappa"])
    estimate = draws.params["kappa"]
    low, high = draws.conf_int().loc["kappa"]
    assert low == pytest.approx(2 * estimate - ordered[-5], rel=1e-12)
    assert high == pytest.approx(2 * estimate - ordered[4], rel=1e-12)
    percentile = draws.conf_int(method="percentile").loc["kappa"]
    np.testing.assert_allclose(percentile, [ordered[4], ordered[-5]], rtol=1e-12)
    half = stats.norm.ppf(0.975) * draws.bse["kappa"]
    centre = estimate - draws.bias["kappa"]
    normal = draws.conf_int(method="normal").loc["kappa"]
    np.testing.assert_allclose(normal, [centre - half, centre + half], rtol=1e-12)


def test_bootstrap_sees_the_upward_bias_of_mean_reversion(results, draws):
    # Tang and Chen: about 4 / T = 0.27; the standard error of the mean of 199 draws is 0.05.
    expected = results.mean_reversion.bias
    assert expected == pytest.approx(4 / 15, rel=0.2)
    assert draws.bias["kappa"] == pytest.approx(expected, abs=0.2)
    assert draws.bias["kappa"] > 0
    assert draws.n_failed == 0


def test_bootstrap_interval_is_the_basic_one(results, draws):
    interval = results.conf_int(method="bootstrap", random_state=1)
    pd.testing.assert_frame_equal(interval, draws.conf_int())


def test_bootstrap_does_not_depend_on_the_number_of_jobs_or_samples(results, draws):
    again = results.bootstrap(n_boot=70, random_state=1, n_jobs=2)
    np.testing.assert_array_equal(again.draws, draws.draws[:70])


def test_replicates_keep_first_states_lengths_and_irregular_times():
    panel = irregular()
    process = st.OrnsteinUhlenbeck(1.0, 0.5, 0.4)
    first, second = replicated_panels(process, panel, SEED, 3, 2)
    np.testing.assert_array_equal(first.times, panel.times)
    np.testing.assert_array_equal(first.offsets, panel.offsets)
    starts = panel.offsets[:-1]
    np.testing.assert_array_equal(first.values[starts], panel.values[starts])
    assert not np.array_equal(first.values, second.values)
    (alone,) = replicated_panels(process, panel, SEED, 4, 1)
    np.testing.assert_array_equal(alone.values, second.values)


@pytest.mark.parametrize(
    "process",
    [
        st.OrnsteinUhlenbeck(1.0, 0.5, 0.4),
        st.CoxIngersollRoss(1.0, 0.5, 0.4),
        st.SDE(lambda t, x: 0.5 - x, lambda t, x: 0.4),
    ],
)
def test_replicates_have_the_moments_of_the_transition(process):
    start = [np.array([[0.8], [0.8], [0.8]])] * 2000
    panel = st.Trajectories(start, dt=0.3)
    (own,) = replicated_panels(process, panel, SEED, 0, 1)
    step = own.to_array()[:, 1, 0]
    mean = 0.5 + np.exp(-0.3) * 0.3
    # Euler with ten substeps: its mean is off by 1 %.
    assert step.mean() == pytest.approx(mean, abs=4 * step.std() / np.sqrt(2000) + 0.005)
    if isinstance(process, st.OrnsteinUhlenbeck):
        sd = 0.4 * np.sqrt((1 - np.exp(-0.6)) / 2)
        assert step.std() == pytest.approx(sd, rel=0.06)


def test_trajectory_bootstrap_agrees_with_the_clustered_errors(clustered):
    draws = clustered.bootstrap("trajectory", n_boot=199, random_state=0)
    # 14 clusters and 199 draws: within a factor.
    ratio = draws.bse / clustered.bse
    assert ratio.between(0.6, 1.5).all()
    assert "trajectory" in draws.summary().as_text()


def test_trajectory_bootstrap_resamples_groups(panel):
    grouped = panel.with_groups(np.repeat(np.arange(7), 2))
    results = st.ParametricSDE(st.OrnsteinUhlenbeck(), cov_type="robust").fit(grouped).results_
    plain = st.ParametricSDE(st.OrnsteinUhlenbeck(), cov_type="robust").fit(panel).results_
    one = results.bootstrap("trajectory", n_boot=40, random_state=0)
    other = plain.bootstrap("trajectory", n_boot=40, random_state=0)
    assert not np.allclose(one.draws, other.draws)


def test_trajectory_bootstrap_of_one_path_is_refused(results):
    with pytest.raises(st.InputError, match="there is one only.*kind='parametric'"):
        results.bootstrap("trajectory")


class Moody:
    """An estimator that fails on every panel with a mean above one half."""

    def get_params(self, deep=True):
        return {}

    def fit(self, X, y=None, **options):
        if X.values.mean() > 0.5:
            raise st.ConvergenceError("not this one")
        process = st.OrnsteinUhlenbeck(1.0, float(X.values.mean()), 0.6)
        self.results_ = SimpleNamespace(converged=True, process=process)
        return self


def test_failed_refits_are_counted_and_warn(path, results):
    with pytest.warns(st.SampleSizeWarning, match=r"of 40 bootstrap refits failed"):
        draws = bootstrap(
            Refitting(Moody(), path, None), results.process, results.params, n_boot=40,
            random_state=0,
        )  # fmt: skip
    assert 2 < draws.n_failed < 38
    assert len(draws.draws) == 40 - draws.n_failed
    assert (draws.draws["mu"] <= 0.5).all()


def test_too_few_draws_for_a_level_are_refused():
    frame = pd.DataFrame({"a": np.arange(30.0)})
    draws = BootstrapResults(pd.Series({"a": 15.0}), frame, "parametric", 30, 0)
    assert np.isfinite(draws.conf_int(0.2)).all(axis=None)
    with pytest.raises(st.InputError, match="at least 39 successful refits, there are 30"):
        draws.conf_int(0.05)


# -- mean reversion -------------------------------------------------------------------------------


def test_short_memory_warns_in_the_summary_with_the_bias():
    truth = st.OrnsteinUhlenbeck(1.0, 0.0, 0.5)
    path = st.simulate(truth, 0.0, dt=0.1, n_steps=40, scheme="exact", random_state=1)
    text = st.ParametricSDE(st.OrnsteinUhlenbeck()).fit(path).results_.summary().as_text()
    assert "Mean reversion: kappa times total time" in text
    assert "WARNING: fewer than 10 relaxation times" in text
    assert "biased upward by about" in text
    assert "conf_int(method='bootstrap')" in text


def test_long_memory_does_not_warn():
    truth = st.OrnsteinUhlenbeck(1.0, 0.0, 0.5)
    path = st.simulate(truth, 0.0, dt=0.2, n_steps=400, scheme="exact", random_state=1)
    text = st.ParametricSDE(st.OrnsteinUhlenbeck()).fit(path).results_.summary().as_text()
    assert "Mean reversion: kappa times total time" in text
    assert "WARNING" not in text


@pytest.mark.parametrize(
    ("truth", "family", "warned"),
    [
        (st.CKLS(0.0, 0.08, 0.2, 1.0), st.CKLS(gamma=1.0), True),
        (st.GeometricBrownianMotion(0.08, 0.2), st.GeometricBrownianMotion(), False),
        (st.BrownianMotion(0.5, 0.2), st.BrownianMotion(), False),
    ],
)
def test_a_drift_of_two_parameters_without_return_warns_in_the_summary(truth, family, warned):
    path = st.simulate(truth, 1.0, dt=0.1, n_steps=300, scheme="euler", random_state=3)
    results = st.ParametricSDE(family, "euler").fit(path).results_
    assert ("does not return to a level" in results.summary().as_text()) is warned


STATES = np.linspace(0.2, 2.0, 40)[:, None]


@pytest.mark.parametrize(
    ("process", "parameter", "rate", "linear"),
    [
        (st.OrnsteinUhlenbeck(2.0, 0.5, 0.6), "kappa", 2.0, True),
        (st.CoxIngersollRoss(2.0, 0.5, 0.6), "kappa", 2.0, True),
        (st.CKLS(0.5, -0.25, 0.3, 1.5), "beta", 0.25, True),
        (st.SDE(lambda t, x, r: 2 * r * (1.0 - x), lambda t, x: 1.0, params={"r": 1.5}),
         None, 3.0, True),
    ],
)  # fmt: skip
def test_rate_is_found_from_the_drift(process, parameter, rate, linear):
    names = list(process.free_parameters)
    own = mean_reversion(process, names, STATES, 50.0, 500, "exact")
    assert own.parameter == parameter
    assert own.rate == pytest.approx(rate, rel=1e-9)
    assert own.memories == pytest.approx(50 * rate, rel=1e-9)
    assert own.linear is linear
    assert np.isfinite(own.bias) == (parameter is not None)


def test_bias_is_tang_and_chens_and_half_with_a_known_mean():
    process, h = st.OrnsteinUhlenbeck(2.0, 0.5, 0.6), 2.0 * 0.1
    full = mean_reversion(process, ["kappa", "mu", "sigma"], STATES, 50.0, 500, "exact")
    expected = (5 + 2 * np.exp(h) + np.exp(2 * h)) / (2 * 50.0)
    assert full.bias == pytest.approx(expected, rel=1e-9)
    known = mean_reversion(process, ["kappa", "sigma"], STATES, 50.0, 500, "exact")
    assert known.bias == pytest.approx((3 + np.exp(2 * h)) / 100.0, rel=1e-9)
    euler = mean_reversion(process, ["kappa", "mu", "sigma"], STATES, 50.0, 500, "euler")
    assert euler.bias == pytest.approx((1 + 3 * 0.8) / 50.0, rel=1e-9)


def test_nonlinear_drift_is_linearised_and_has_no_bias_formula():
    own = mean_reversion(st.DoubleWell(1.0, 1.0, 0.7), ["alpha"], STATES, 50.0, 500, "euler")
    assert not own.linear
    assert np.isnan(own.bias)
    assert "linearised drift" in own.notes()[0]


def test_process_without_return_has_no_mean_reversion():
    moving = st.BrownianMotion(0.5, 1.0)
    assert mean_reversion(moving, ["mu"], STATES, 50.0, 500, "exact") is None


def test_coupled_coordinates_report_the_slowest_rate():
    kappa = np.array([[1.0, 0.3], [0.0, 0.25]])
    process = st.OrnsteinUhlenbeck(kappa, np.zeros(2), np.eye(2))
    x = np.random.default_rng(0).standard_normal((50, 2))
    own = mean_reversion(process, list(process.free_parameters), x, 40.0, 400, "exact")
    assert own.rate == pytest.approx(0.25, rel=1e-9)
    assert "slowest rate" in own.notes()[0]


# -- without the data -----------------------------------------------------------------------------


def test_restored_results_say_what_needs_the_data(results, tmp_path):
    file = tmp_path / "fit.stx"
    results.save(file)
    again = st.load(file)
    assert again.summary().as_text() == results.summary().as_text()
    assert again.mean_reversion == results.mean_reversion
    pd.testing.assert_frame_equal(again.conf_int(), results.conf_int())
    assert again.optima is None
    calls = (
        lambda: again.conf_int(method="profile"), again.bootstrap, lambda: again.lr_test("mu = 0")
    )  # fmt: skip
    for call in calls:
        with pytest.raises(st.InputError, match="restored from a file hold none"):
            call()


def test_pickled_results_keep_every_covariance(clustered):
    copy = pickle.loads(pickle.dumps(clustered))
    for kind in ("nonrobust", "robust", "hac", "cluster"):
        pd.testing.assert_frame_equal(copy.cov_params(kind), clustered.cov_params(kind))
    np.testing.assert_array_equal(copy.resid, clustered.resid)
    assert copy.summary().as_text() == clustered.summary().as_text()


def test_refits_keep_the_weights_of_the_fit(panel):
    weights = np.r_[3.0, np.ones(13)]
    estimator = st.ParametricSDE(st.OrnsteinUhlenbeck(), cov_type="nonrobust")
    results = estimator.fit(panel, sample_weight=weights).results_
    held = st.ParametricSDE(st.OrnsteinUhlenbeck(mu=0.3), fixed="mu", cov_type="nonrobust")
    held.fit(panel, sample_weight=weights)
    test = results.lr_test("mu = 0.3")
    assert test.restricted.llf == pytest.approx(held.results_.llf, rel=1e-10)
    # Later changes of the estimator do not reach the results.
    estimator.set_params(fixed=("kappa",))
    assert results.lr_test("mu = 0.3").statistic == pytest.approx(test.statistic, rel=1e-10)
