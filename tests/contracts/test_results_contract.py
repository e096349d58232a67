"""The results of every estimator answer the same questions in the same form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import stochtext as st

ESTIMATORS = {
    "neural": st.NeuralSDE(hidden=(4,), diffusion_hidden=(4,), n_starts=1, random_state=0),
    "kernel": st.KernelSDE(),
    "kramers-moyal": st.KramersMoyalSDE(),
    "jump-diffusion": st.JumpDiffusionSDE(),
    "linear": st.LinearSDE(),
    "moving mean": st.LinearSDE(trend="linear"),
    "spline mean": st.LinearSDE(trend="spline"),
    "parametric": st.ParametricSDE(st.OrnsteinUhlenbeck()),
}


@pytest.fixture(scope="module")
def panel():
    process = st.OrnsteinUhlenbeck([[1.0, 0.2], [0.0, 0.8]], [0.0, 0.5], 0.5 * np.eye(2))
    X = st.simulate(
        process, [0.0, 0.5], dt=0.1, n_steps=60, n_paths=20, n_substeps=5, random_state=4
    )
    return X.with_values(X.values, columns=["east", "north"])


@pytest.fixture(scope="module", params=list(ESTIMATORS))
def results(request, panel):
    return ESTIMATORS[request.param].fit(panel).results_


def test_counts_are_those_of_the_data(results, panel):
    assert results.nobs == panel.n_transitions
    assert results.n_trajectories == panel.n_trajectories
    assert results.converged


def test_log_likelihood_is_the_sum_of_the_transition_densities(results, panel):
    s = panel.transitions(clock=results.record.clock)
    density = results.transition.log_density(
        results.process, s.x, s.x_next, s.t, s.dt, clock_dt=s.clock_dt
    )
    assert results.llf == pytest.approx(density.sum(), rel=1e-9)


@pytest.mark.parametrize("form", ["as_text", "as_html", "as_latex", "as_markdown", "as_csv"])
def test_summary_has_every_form_and_states_the_convention(results, form):
    text = getattr(results.summary(), form)()
    assert "covariance rate" in text
    assert results.model.split("(")[0] in text


def test_the_repr_is_the_summary(results):
    assert repr(results) == results.summary().as_text()


@pytest.mark.parametrize(("which", "rows"), [("get_drift", 2), ("get_covariance", 3)])
def test_curves_have_the_columns_of_statsmodels(results, panel, which, rows):
    frame = getattr(results, which)(panel.values[:4], 0.5).summary_frame()
    assert list(frame.columns) == ["mean", "mean_se", "mean_ci_lower", "mean_ci_upper"]
    assert frame.index.names == ["point", "component"]
    assert len(frame) == 4 * rows
    assert np.isfinite(frame["mean"]).all()


@pytest.mark.parametrize("which", ["get_drift", "get_covariance"])
def test_curves_outside_the_data_are_nan_with_the_reason(results, which):
    curve = getattr(results, which)([[50.0, 50.0]], 0.5)
    assert np.isnan(curve.estimate).all()
    assert "outside the support" in curve.reason


@pytest.mark.parametrize("which", ["get_drift", "get_covariance"])
def test_missing_standard_errors_have_a_reason(results, panel, which):
    curve = getattr(results, which)(panel.values[:30], 0.5)
    assert np.isfinite(curve.se).all() or curve.reason


def test_residuals_and_transforms_have_one_row_a_transition(results, panel):
    assert results.resid.shape == results.pit.shape == (panel.n_transitions, 2)
    assert results.pit.min() >= 0
    assert results.pit.max() <= 1


def test_goodness_of_fit_has_the_agreed_columns(results, panel):
    columns = ["test", "statistic", "df", "pvalue", "pvalue_holm", "calibration", "n", "meaning"]
    own = results.goodness_of_fit(n_boot=0).to_frame()
    assert list(own.columns) == columns
    assert np.isfinite(own["statistic"]).all()
    asymptotic = own["calibration"] == "asymptotic"
    assert own.loc[asymptotic, "pvalue"].between(0, 1).all()
    assert own.loc[~asymptotic, "pvalue"].isna().all()
    assert own.loc[~asymptotic, "meaning"].str.contains("n_boot=0").all()
    assert own["meaning"].str.len().min() > 20
    other = results.goodness_of_fit(panel[:12], n_boot=0).to_frame()
    assert other["pvalue"].isna().all()


def test_loaded_results_say_the_same(results, panel, tmp_path):
    results.save(tmp_path / "fit.stx")
    again = st.load(tmp_path / "fit.stx")
    assert again.summary().as_text() == results.summary().as_text()
    x = panel.values[:5]
    for which in ("get_drift", "get_covariance"):
        pd.testing.assert_frame_equal(
            getattr(again, which)(x, 0.5).summary_frame(),
            getattr(results, which)(x, 0.5).summary_frame(),
        )
    with pytest.raises(st.InputError, match="no data"):
        _ = again.resid


def test_simulation_runs_from_the_results(results):
    assert results.simulate([0.0, 0.5], dt=0.1, n_steps=5, random_state=1).lengths.tolist() == [6]


def test_every_plot_returns_axes_or_a_figure(results):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    assert isinstance(results.plot_drift(), Axes)
    assert isinstance(results.plot_diffusion(component=1), Axes)
    assert isinstance(results.plot_phase(), Axes)
    assert isinstance(results.plot_diagnostics(), Figure)


def test_data_with_other_columns_are_refused(results):
    with pytest.raises(st.InputError, match="columns"):
        results.goodness_of_fit(np.random.default_rng(0).normal(size=(30, 3)))


def test_parameters_and_their_errors_have_the_same_index(results):
    for other in (results.bse, results.tvalues, results.pvalues, results.conf_int()):
        assert list(other.index) == list(results.params.index)
    assert results.cov_params().shape == (len(results.params),) * 2


def test_diagnostics_are_drawn_where_told(results):
    from matplotlib.figure import Figure

    figure = Figure()
    axes = figure.subplots(1, 4)
    assert results.plot_diagnostics(ax=axes) is figure
    with pytest.raises(st.InputError, match="four axes"):
        results.plot_diagnostics(ax=axes[:2])
