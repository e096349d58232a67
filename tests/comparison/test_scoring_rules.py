"""Scores at a horizon, tests between models, weights, and tables for papers."""

from __future__ import annotations

import json
import sys
import types

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.pipeline import make_pipeline

import stochtext as st
from stochtext._shared.exceptions import InputError, MissingDependencyError
from stochtext.comparison import (
    model_confidence_set,
    stacking_weights,
    summary_table,
    vuong_test,
)
from stochtext.comparison.rules import has_horizon
from stochtext.results import data_difference
from stochtext.results.inference.forecasting.densities import horizon_log_density
from stochtext.trajectories import TrajectoryScaler


@pytest.fixture(scope="module")
def panel():
    return st.simulate(
        st.OrnsteinUhlenbeck(1.0, 0.0, 1.0), 0.0, dt=0.2, n_steps=15, n_paths=24,
        scheme="exact", random_state=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def fits(panel):
    euler = st.ParametricSDE(st.OrnsteinUhlenbeck(), density="euler")
    return {"linear": st.LinearSDE().fit(panel), "euler": euler.fit(panel)}


MODELS = {"ou": st.LinearSDE(), "walk": st.ParametricSDE(st.processes.BrownianMotion())}


@pytest.mark.parametrize("scoring", ["log", "crps", "energy"])
def test_the_true_model_wins_by_every_score_five_steps_ahead(panel, scoring):
    result = st.compare(MODELS, panel, scoring=scoring, horizon=5, n_samples=50, random_state=0)
    assert result.best == "ou"
    assert len(result.scores) == 24 * 11
    assert "5 steps ahead" in repr(result)
    assert "264 forecasts" in repr(result)
    assert np.isfinite(result.to_frame().at["walk", "pvalue"])


def test_score_at_a_horizon_is_the_gaussian_density_of_the_whole_step(panel):
    result = st.compare({"ou": st.LinearSDE()}, panel, cv=3, horizon=4, random_state=0)
    fitted = st.LinearSDE().fit(panel)
    density = horizon_log_density(fitted.results_, panel, 4, 10, 0)
    kept = has_horizon(panel, 4)
    assert np.array_equal(np.isfinite(density), kept)
    process, steps = fitted.process_, panel.transitions()
    mean, covariance = process.transition_moments(steps.x[kept], 0.8)
    goal = panel.to_array()[:, 4:, 0].ravel()
    expected = stats.norm.logpdf(goal, mean[:, 0], np.sqrt(covariance[:, 0, 0]))
    np.testing.assert_allclose(density[kept], expected, rtol=1e-10)
    # The held-out score is of fits to two thirds of the trajectories.
    assert result.to_frame()["score"].iloc[0] == pytest.approx(expected.mean(), abs=0.1)


def test_sampled_density_of_a_chain_is_its_gaussian_law(panel, fits):
    results = fits["euler"].results_
    density = horizon_log_density(results, panel, 3, 4000, 0)
    kept = has_horizon(panel, 3)
    kappa, mu, sigma = results.params
    a = 1 - kappa * 0.2
    x, goal = panel.transitions().x[kept, 0], panel.to_array()[:, 3:, 0].ravel()
    variance = sigma**2 * 0.2 * (1 + a**2 + a**4)
    expected = stats.norm.logpdf(goal, mu + a**3 * (x - mu), np.sqrt(variance))
    # The relative error of a mean of 4000 densities is a few per cent in the tails.
    assert np.median(np.abs(density[kept] - expected)) < 0.02


def test_scores_of_scaled_data_are_in_the_units_of_the_data(panel):
    models = {"raw": st.LinearSDE(), "scaled": make_pipeline(TrajectoryScaler(), st.LinearSDE())}
    result = st.compare(models, panel, scoring="crps", n_samples=200, cv=3, random_state=0)
    frame = result.to_frame()
    assert frame["diff"].abs().max() < 1e-3
    with pytest.raises(InputError, match="scored by 'crps'"):
        result.stacking_weights()


def test_a_horizon_longer_than_the_trajectories_is_refused(panel):
    with pytest.raises(InputError, match="16 steps or more"):
        st.compare(MODELS, panel, horizon=16)
    with pytest.raises(InputError, match="`scoring` must be one of"):
        st.compare(MODELS, panel, scoring="mse")


def test_one_path_has_errors_with_at_least_the_lags_of_the_horizon():
    path = st.simulate(st.OrnsteinUhlenbeck(1.0, 0.0, 1.0), 0.0, dt=0.2, n_steps=150,
                       random_state=0)  # fmt: skip
    models = {"a": st.LinearSDE(), "b": st.ParametricSDE(st.processes.BrownianMotion())}
    result = st.compare(models, path, horizon=12, cv=3)
    assert "with 11 lags" in repr(result)
    assert len(result.scores) == 150 - 3 * 11


def test_diebold_mariano_is_the_clustered_t_test_of_the_differences(panel):
    result = st.compare(MODELS, panel, random_state=0)
    test, row = result.diebold_mariano("ou", "walk"), result.difference("ou", "walk")
    assert test["statistic"] == pytest.approx(row["diff"] / row["diff_se"])
    assert test["df"] == 23
    assert test["pvalue"] == pytest.approx(row["pvalue"])
    same = st.compare({"a": st.LinearSDE(), "b": st.LinearSDE()}, panel, random_state=0)
    assert np.isnan(same.diebold_mariano("a", "b")["pvalue"])
    assert "densities are those of" in same.diebold_mariano("a", "b")["reason"]


def test_table_points_nested_models_to_the_likelihood_ratio(panel):
    text = repr(st.compare(MODELS, panel, random_state=0))
    assert "favour the smaller one" in text
    assert "lr_test" in text


def test_stacking_weights_maximise_the_mixture_and_add_up_to_one():
    rng = np.random.default_rng(0)
    y = np.where(rng.random(4000) < 0.3, rng.normal(2, 1, 4000), rng.normal(-2, 1, 4000))
    frame = pd.DataFrame({"right": stats.norm.logpdf(y, 2), "left": stats.norm.logpdf(y, -2)})
    found = stacking_weights(frame, np.arange(4000) // 40)
    assert found["weight"].sum() == pytest.approx(1.0)
    # The mixture is the law of the data: weight 0.3 with error sqrt(0.3 * 0.7 / 4000).
    assert found.at["right", "weight"] == pytest.approx(0.3, abs=0.03)
    assert found.at["right", "se"] == pytest.approx(0.0072, rel=0.35)
    alone = stacking_weights(frame)
    assert alone["se"].isna().all()
    assert alone["reason"].str.contains("one path").all()


def test_impossible_forecasts_have_no_stacking_weights():
    frame = pd.DataFrame({"a": [0.0, -np.inf], "b": [0.0, -np.inf]})
    with pytest.raises(InputError, match="density zero under every model"):
        stacking_weights(frame)


def test_model_confidence_set_names_the_extra_that_is_missing(panel, monkeypatch):
    monkeypatch.setitem(sys.modules, "arch", None)
    monkeypatch.setitem(sys.modules, "arch.bootstrap", None)
    result = st.compare(MODELS, panel, random_state=0)
    with pytest.raises(MissingDependencyError, match=r"stochtext\[inference\]"):
        result.model_confidence_set(method="arch")


def test_model_confidence_set_gives_arch_one_row_a_cluster(monkeypatch):
    seen = {}

    class MCS:
        def __init__(self, losses, **options):
            seen.update(losses=losses, **options)
            self.pvalues = pd.DataFrame({"Pvalue": [0.01, 1.0]}, index=["bad", "good"])

        def compute(self):
            pass

    monkeypatch.setitem(sys.modules, "arch", types.ModuleType("arch"))
    monkeypatch.setitem(sys.modules, "arch.bootstrap", types.SimpleNamespace(MCS=MCS))
    scores = pd.DataFrame({"good": [0.0, 1.0, 2.0], "bad": [-1.0, -1.0, -1.0]})
    frame = model_confidence_set(scores, np.array([0, 0, 1]), 0.1, method="arch")
    assert frame["included"].to_dict() == {"good": True, "bad": False}
    assert seen["block_size"] == 1
    # Sums of clusters, scaled so that their mean is that of all forecasts.
    np.testing.assert_allclose(seen["losses"].mean(), [-1.0, 1.0])


def test_vuong_is_the_clustered_t_test_of_the_own_likelihoods(panel, fits):
    moving = st.LinearSDE(trend="linear").fit(panel).results_
    first = fits["linear"].results_
    test = vuong_test(first, moving, correction="bic")
    assert test.n_clusters == 24
    own = first.transition.log_density(
        first.process, *(getattr(panel.transitions(), n) for n in ("x", "x_next", "t", "dt"))
    )
    assert own.sum() == pytest.approx(first.llf)
    expected = (first.llf - moving.llf + 0.5 * np.log(360)) / 360
    assert test.difference == pytest.approx(expected)
    # The constant mean is nested in the moving one: the data see no difference.
    assert test.indistinguishable_pvalue > 0.05


def test_vuong_of_the_same_model_twice_has_no_p_value(fits):
    first = fits["linear"].results_
    test = vuong_test(first, first)
    assert np.isnan(test.pvalue)
    assert "say the same" in test.reason


def _two_models(**options):
    processes = st.OrnsteinUhlenbeck(), st.processes.BrownianMotion()
    return [st.ParametricSDE(process, **options) for process in processes]


def test_vuong_with_few_clusters_has_no_p_value(panel):
    few = [m.fit(panel[:8]).results_ for m in _two_models(cov_type="nonrobust")]
    test = vuong_test(*few)
    assert np.isfinite(test.difference)
    assert np.isnan(test.pvalue)
    assert "fewer than 10" in test.reason


def test_vuong_without_scores_has_no_p_value(panel):
    fits = [m.fit(panel).results_ for m in (st.LinearSDE(), st.KernelSDE())]
    test = vuong_test(*fits)
    assert np.isfinite(test.difference)
    assert np.isnan(test.pvalue)
    assert "no scores" in test.reason


def test_vuong_counts_trajectories_as_fits_without_them_would(panel):
    panel = panel[:20]
    fits = [m.fit(panel).results_ for m in _two_models(cov_type="nonrobust")]
    others = [np.setdiff1d(np.arange(20), k) for k in range(20)]
    gaps = np.array([
        np.subtract(*(
            m.fit(panel[kept]).score(panel[[k]]) * panel[[k]].n_transitions
            for m in _two_models(cov_type="nonrobust")
        ))
        for k, kept in enumerate(others)
    ])  # fmt: skip
    steps = np.diff(panel.offsets) - 1
    moved = gaps - gaps.sum() * steps / steps.sum()
    se = np.sqrt(20 / 19 * np.sum(moved**2)) / steps.sum()
    test = vuong_test(*fits)
    assert test.difference / test.statistic == pytest.approx(se, rel=0.1)


def test_variance_test_of_vuong_has_its_size():
    # Two parametrisations of one true model: their difference has the weighted chi-square law.
    pvalues = []
    for k in range(40):
        panel = st.simulate(st.OrnsteinUhlenbeck(1.0, 0.0, 1.0), np.zeros(25), dt=0.2,
                            n_steps=20, scheme="exact", random_state=k)  # fmt: skip
        fits = [m.fit(panel).results_ for m in (st.LinearSDE(), st.LinearSDE(trend="linear"))]
        pvalues.append(vuong_test(*fits).indistinguishable_pvalue)
    # 99.9 % band of 40 draws at 5 %.
    assert np.mean(np.array(pvalues) < 0.05) <= 0.2
    assert np.max(pvalues) > 0.5


def test_fits_to_different_data_are_refused_with_the_difference(panel, fits):
    first = fits["linear"].results_
    other = st.LinearSDE().fit(panel[:20]).results_
    assert data_difference(first, other) == "trajectories: 24 against 20"
    moved = st.LinearSDE().fit(panel.with_values(panel.values + 1.0)).results_
    assert "first that differs is row 0" in data_difference(first, moved)
    with pytest.raises(InputError, match="trajectories: 24 against 20"):
        summary_table({"a": first, "b": other})
    with pytest.raises(InputError, match="states: the first"):
        vuong_test(first, moved)
    assert "left out" in summary_table([first, other], same_data=False).as_text()


def test_table_of_fits_shows_every_estimate_with_its_error(panel, fits):
    kernel = st.KernelSDE(bandwidth=0.7).fit(panel)
    table = summary_table({**fits, "kernel": kernel})
    text = table.as_text()
    first = fits["linear"].results_
    for value in (first.params["kappa"], first.bse["kappa"], first.llf):
        assert f"{value:.4g}" in text
    assert "b[x0] at the mean state" in text
    assert table.as_markdown().count("|") > 20
    assert r"\begin{tabular}" in table.as_latex()
    assert "<table>" in table.as_html()
    ends = first.conf_int()
    assert (
        f"[{ends.loc['mu', 0]:.4g}, {ends.loc['mu', 1]:.4g}]"
        in summary_table(fits, uncertainty="ci").as_text()
    )
    names = summary_table([first, first]).as_markdown()
    assert "LinearSDE (1)" in names


def test_what_is_no_result_is_refused_in_a_table():
    with pytest.raises(InputError, match="'a' is neither"):
        summary_table({"a": 3})


def test_size_of_vuongs_test_is_stored(project_root):
    record = json.loads(
        (project_root / "benchmarks/calibration/results/vuong.json").read_text("utf-8")
    )
    sizes = [d["size at 5 %"] for name, d in record["designs"].items() if "10 x" not in name]
    # 99.9 % band of 150 draws at 5 %.
    assert max(sizes) <= 12
