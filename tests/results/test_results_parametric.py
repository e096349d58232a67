"""Tables, intervals and tests of a likelihood fit, against their formulas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import stochtext as st
from stochtext.results.inference.parameters.hypotheses import linear_restrictions, wald_test

CONVENTION = "Kramers-Moyal: D1 = b, D2 = a/2."


@pytest.fixture(scope="module")
def planar():
    truth = st.OrnsteinUhlenbeck([[1.0, 0.3], [-0.2, 0.5]], [0.0, 1.0], [[0.5, 0.0], [0.2, 0.4]])
    return st.simulate(
        truth, [0.0, 1.0], dt=0.2, n_steps=50, n_paths=24, n_substeps=5, random_state=2
    )


@pytest.fixture(scope="module")
def results(planar):
    return st.LinearSDE().fit(planar).results_


@pytest.fixture(scope="module")
def single(planar):
    return st.LinearSDE().fit(planar[0]).results_


def test_errors_are_roots_of_the_diagonal_of_the_covariance(results):
    matrix = results.cov_params()
    assert list(matrix.index) == list(matrix.columns) == list(results.params.index)
    np.testing.assert_allclose(results.bse, np.sqrt(np.diag(matrix)), rtol=1e-14)
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12)


def test_t_values_and_p_values_follow_the_t_law_of_the_clusters(results):
    t = results.params / results.bse
    pd.testing.assert_series_equal(results.tvalues, t)
    np.testing.assert_allclose(results.pvalues, 2 * stats.t.sf(np.abs(t), 23), rtol=1e-12)


def test_single_path_has_normal_p_values(single):
    expected = 2 * stats.norm.sf(np.abs(single.tvalues))
    np.testing.assert_allclose(single.pvalues, expected, rtol=1e-12)


@pytest.mark.parametrize("alpha", [0.05, 0.32])
def test_intervals_are_estimate_plus_minus_quantile_times_error(results, alpha):
    half = stats.t.ppf(1 - alpha / 2, 23) * results.bse
    interval = results.conf_int(alpha)
    assert list(interval.columns) == [0, 1]
    np.testing.assert_allclose(interval[0], results.params - half, rtol=1e-12)
    np.testing.assert_allclose(interval[1], results.params + half, rtol=1e-12)


def test_interval_and_p_value_agree_about_significance(results):
    interval = results.conf_int(0.05)
    excludes_zero = (interval[0] > 0) | (interval[1] < 0)
    np.testing.assert_array_equal(excludes_zero, results.pvalues < 0.05)


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, "5%"])
def test_level_must_be_a_fraction(results, alpha):
    with pytest.raises(st.InputError, match="`alpha`"):
        results.conf_int(alpha)


def test_clustered_wald_statistic_is_hotellings(results):
    matrix, theta = results.cov_params().to_numpy(), results.params.to_numpy()
    pick = np.eye(9)[[1, 2]]
    gap = pick @ theta
    w = gap @ np.linalg.solve(pick @ matrix @ pick.T, gap)
    test = results.wald_test("kappa[0,1] = 0, kappa[1,0] = 0")
    assert test.distribution == "F"
    assert (test.df_num, test.df_denom) == (2, 22.0)
    assert test.statistic == pytest.approx(w * 22 / (2 * 23), rel=1e-10)
    assert test.pvalue == pytest.approx(stats.f.sf(w * 22 / (2 * 23), 2, 22), rel=1e-10)


def test_one_restriction_is_the_squared_t_test(results):
    test = results.wald_test("mu[1] = 0")
    assert test.statistic == pytest.approx(results.tvalues["mu[1]"] ** 2, rel=1e-10)
    assert test.pvalue == pytest.approx(results.pvalues["mu[1]"], rel=1e-8)


@pytest.mark.parametrize("cov_type", ["nonrobust", "robust", "hac"])
def test_other_covariances_refer_to_chi_square(results, cov_type):
    test = results.wald_test("mu[0] = 0, mu[1] = 1", cov_type=cov_type)
    matrix = results.cov_params(cov_type).loc[["mu[0]", "mu[1]"], ["mu[0]", "mu[1]"]].to_numpy()
    gap = results.params[["mu[0]", "mu[1]"]].to_numpy() - [0.0, 1.0]
    w = gap @ np.linalg.solve(matrix, gap)
    assert (test.distribution, test.df_num, test.df_denom) == ("chi2", 2, np.inf)
    assert test.statistic == pytest.approx(w, rel=1e-10)
    assert test.pvalue == pytest.approx(stats.chi2.sf(w, 2), rel=1e-10)


def test_restrictions_may_be_matrices_or_relations(results):
    by_name = results.wald_test("kappa[0,1] = kappa[1,0]")
    row = np.zeros(9)
    row[[1, 2]] = 1.0, -1.0
    assert results.wald_test(row).statistic == pytest.approx(by_name.statistic, rel=1e-12)
    pair = results.wald_test((row, 0.1)).statistic
    assert pair == pytest.approx(results.wald_test("kappa[0,1] - kappa[1,0] = 0.1").statistic)


def test_as_many_restrictions_as_clusters_give_nan_with_the_reason(planar):
    with pytest.warns(st.SampleSizeWarning):
        few = st.LinearSDE().fit(planar[:4]).results_
    allowed = few.wald_test("mu[0] = 0, mu[1] = 0")
    test = few.wald_test("mu[0] = 0, mu[1] = 0, kappa[0,1] = 0")
    assert np.isfinite(allowed.pvalue)
    assert np.isnan(test.statistic)
    assert np.isnan(test.pvalue)
    assert test.reason == "3 restrictions need more than 4 clusters, there are 4"
    assert test.reason in repr(test)


def test_rank_advice_appears_when_parameters_outnumber_half_the_clusters(planar, results):
    with pytest.warns(st.SampleSizeWarning):
        few = st.LinearSDE().fit(planar[:9]).results_
    advice = "the clustered covariance has rank at most 9; prefer a bootstrap over trajectories."
    assert advice in few.summary().as_text()
    assert "prefer a bootstrap" not in results.summary().as_text()


def test_redundant_restrictions_give_nan_with_the_reason(results):
    test = results.wald_test("mu[0] = 0, 2 * mu[0] = 0")
    assert np.isnan(test.pvalue)
    assert test.reason == "the restrictions are redundant"


def test_nan_covariance_gives_a_nan_test_with_the_reason():
    restrictions = linear_restrictions(["a", "b"], "a = 0")
    test = wald_test(np.ones(2), np.full((2, 2), np.nan), restrictions, n_clusters=None)
    assert np.isnan(test.pvalue)
    assert test.reason == "the covariance of the parameters is NaN"


@pytest.mark.parametrize(
    ("hypothesis", "said"),
    [
        ("nu = 0", "not a linear restriction on"),
        ("mu[0] * mu[1] = 0", "not a linear restriction on"),
        (np.ones((1, 3)), r"one column per parameter \(9\); got \(1, 3\)"),
    ],
)
def test_impossible_restrictions_are_refused(results, hypothesis, said):
    with pytest.raises(st.InputError, match=said):
        results.wald_test(hypothesis)


def test_covariance_type_can_be_chosen_after_the_fit_or_is_refused(results, single):
    assert not np.allclose(results.cov_params("nonrobust"), results.cov_params())
    with pytest.raises(st.InputError, match="`cov_type` must be one of"):
        results.cov_params("HC0")
    with pytest.raises(st.InputError, match='cov_type="hac" for a single path'):
        single.cov_params("cluster")


@pytest.mark.parametrize("form", ["text", "html", "latex", "markdown", "csv"])
def test_summary_has_every_parameter_and_the_convention_in_every_form(results, form):
    page = getattr(results.summary(), f"as_{form}")()
    rows = results.params.index
    shown = [name.replace("_", r"\_") for name in rows] if form == "latex" else rows
    for name in shown:
        assert name in page
    for value in results.bse:
        assert f"{value:.4g}" in page
    if form == "html":
        assert "a = sigma sigma&#x27; the covariance rate" in page
    assert CONVENTION in page


def test_head_states_the_facts_of_the_fit(results):
    text = results.summary().as_text()
    for fact in ("LinearSDE", "exact", "1200", "24", "0.2", f"{results.llf:.3f}", "yes"):
        assert fact in text
    assert f"{results.aic:.2f}" in text
    assert f"{results.bic:.2f}" in text
    assert "sandwich clustered over 24 trajectories or groups, t(23) quantiles" in text


def test_summary_is_the_repr_and_the_html_repr(results):
    assert repr(results) == results.summary().as_text()
    assert results._repr_html_() == results.summary().as_html()


def test_summary_level_changes_the_interval_only(results):
    wide, usual = results.summary(alpha=0.01).as_text(), results.summary().as_text()
    assert "[0.005" in wide
    assert "[0.025" in usual


def test_irregular_steps_show_their_range_and_unit():
    rng = np.random.default_rng(1)
    times = [np.cumsum(rng.uniform(0.1, 0.5, 40)) for _ in range(12)]
    panel = st.Trajectories([rng.standard_normal(40).cumsum() for _ in times], times, time_unit="h")
    text = st.LinearSDE().fit(panel).results_.summary().as_text()
    dt = panel.transitions().dt
    assert f"{dt.min():.4g} to {dt.max():.4g} h" in text


def test_hostile_column_names_are_escaped_in_html(planar):
    named = planar.with_values(planar.values, columns=["<script>", "a&b"])
    page = st.LinearSDE().fit(named).results_.get_drift([[0.0, 1.0]]).summary_frame()
    assert ("<script>") in page.index.get_level_values("component")
    kernel = st.KernelSDE(bandwidth=0.5).fit(named).results_
    html = kernel.summary().as_html()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html


def test_parameters_do_not_depend_on_the_covariance_type(planar, results):
    for cov_type in ("nonrobust", "robust", "hac"):
        other = st.LinearSDE(cov_type=cov_type).fit(planar).results_
        np.testing.assert_allclose(other.params, results.params, rtol=1e-12)
        np.testing.assert_allclose(other.cov_params(), results.cov_params(cov_type), rtol=1e-9)
