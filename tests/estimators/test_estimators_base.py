"""What all estimators take from their base: reading, samples, prediction, refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

import stochtext as st
from stochtext.estimators.inference import checked_covariances
from stochtext.estimators.newton import Optimum, polish
from stochtext.estimators.sample import (
    check_motion,
    check_weight,
    states_on_clock,
    transition_sample,
)


@pytest.fixture(scope="module")
def panel():
    return st.simulate(
        st.OrnsteinUhlenbeck(1.0, 0.5, 0.6), 0.2, dt=0.2, n_steps=40, n_paths=12, random_state=0
    )


@pytest.fixture(scope="module")
def fitted(panel):
    return st.LinearSDE().fit(panel)


def ragged():
    rng = np.random.default_rng(0)
    times = [np.cumsum(rng.uniform(0.1, 0.4, n)) for n in (4, 3, 6)]
    return st.Trajectories([rng.standard_normal((len(t), 2)) for t in times], times)


# -- samples -----------------------------------------------------------------------------------


def test_sample_never_joins_two_trajectories():
    data = ragged()
    sample = transition_sample(data)
    assert sample.n == 3 + 2 + 5
    assert sample.dim == 2
    for k, (x, t) in enumerate(zip(data.arrays(), data.time_arrays(), strict=True)):
        rows = sample.trajectory == k
        np.testing.assert_array_equal(sample.x[rows], x[:-1])
        np.testing.assert_array_equal(sample.x_next[rows], x[1:])
        np.testing.assert_allclose(sample.dt[rows], np.diff(t), rtol=1e-12)
        np.testing.assert_allclose(sample.t[rows], t[:-1], rtol=1e-12)


def test_relative_clock_runs_from_zero_to_one_in_each_trajectory():
    data = ragged()
    sample = transition_sample(data, clock="relative")
    for k, t in enumerate(data.time_arrays()):
        rows = sample.trajectory == k
        u = (t - t[0]) / (t[-1] - t[0])
        np.testing.assert_allclose(sample.t[rows], u[:-1], atol=1e-12)
        np.testing.assert_allclose(sample.clock_dt[rows], np.diff(u), rtol=1e-9)
        np.testing.assert_allclose(sample.dt[rows], np.diff(t), rtol=1e-9)


def test_weights_go_to_every_transition_of_their_trajectory():
    sample = transition_sample(ragged(), weight=np.array([1.0, 0.0, 2.5]))
    assert sample.weight.tolist() == [1.0] * 3 + [0.0] * 2 + [2.5] * 5
    assert sample.n_effective == 15.5


def test_clusters_are_groups_or_else_trajectories():
    data = ragged()
    assert transition_sample(data).cluster.tolist() == [0, 1, 2]
    grouped = data.with_groups(["b", "a", "b"])
    assert transition_sample(grouped).cluster.tolist() == [0, 1, 0]


def test_subset_keeps_rows_together():
    sample = transition_sample(ragged(), weight=np.array([1.0, 2.0, 3.0]))
    part = sample.subset(sample.trajectory == 1)
    assert part.n == 2
    assert part.weight.tolist() == [2.0, 2.0]
    np.testing.assert_array_equal(part.x, sample.x[3:5])


def test_last_state_of_a_trajectory_has_the_step_before_it():
    data = ragged()
    x, t, dt, _ = states_on_clock(data, "time")
    assert len(x) == 13
    steps = [np.diff(times) for times in data.time_arrays()]
    expected = np.concatenate([np.append(s, s[-1]) for s in steps])
    np.testing.assert_allclose(dt, expected, rtol=1e-9)
    np.testing.assert_array_equal(t, data.times)


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (np.ones(2), r"one weight per trajectory: shape \(3,\); got \(2,\)"),
        (np.ones((3, 1)), r"got \(3, 1\)"),
        ([1.0, -1.0, 1.0], "trajectory 1 has -1.0"),
        ([1.0, 1.0, np.nan], "trajectory 2 has nan"),
        ([0.0, 0.0, 0.0], "zero for every trajectory"),
    ],
)
def test_impossible_weights_are_refused(weight, said):
    with pytest.raises(st.InputError, match=said):
        check_weight(weight, 3)


@pytest.mark.parametrize("weight", [["a", "b", "c"], [1.0, 1j, 1.0], [[1.0], [1.0, 2.0], []]])
def test_weights_that_are_no_numbers_are_refused(weight):
    with pytest.raises(st.InputError, match="`sample_weight`"):
        check_weight(weight, 3)


def test_no_weight_is_no_weight():
    assert check_weight(None, 3) is None


def test_motion_of_one_trajectory_is_enough():
    still, moving = np.zeros((4, 1)), np.arange(4.0)[:, None]
    check_motion(st.Trajectories([still, moving]))
    with pytest.raises(st.DegenerateDataError, match="Column 'x0' never changes.*Remove"):
        check_motion(st.Trajectories([still, still + 5]))


# -- reading ---------------------------------------------------------------------------------


def test_frame_names_its_columns_in_the_results(panel):
    frame = pd.DataFrame({"heat": panel.arrays()[0][:, 0]})
    fit = st.LinearSDE().fit(frame, dt=0.2)
    assert fit.feature_names_in_.tolist() == ["heat"]
    assert fit.results_.record.columns == ("heat",)


def test_refit_on_a_panel_forgets_the_frame(panel):
    fit = st.LinearSDE().fit(pd.DataFrame({"heat": panel.arrays()[0][:, 0]}), dt=0.2)
    fit.fit(panel)
    assert not hasattr(fit, "feature_names_in_")
    assert fit.results_.record.columns == ("x0",)


def test_two_dimensional_array_is_one_trajectory(panel):
    fit = st.LinearSDE().fit(panel.arrays()[0], dt=0.2)
    assert fit.results_.n_trajectories == 1


@pytest.mark.parametrize("form", ["3-D array", "list", "tuple"])
def test_every_form_of_a_panel_is_the_same_panel(panel, fitted, form):
    X = {"3-D array": panel.to_array(), "list": panel.arrays(), "tuple": tuple(panel.arrays())}
    again = st.LinearSDE().fit(X[form], dt=0.2)
    np.testing.assert_allclose(again.results_.params, fitted.results_.params, rtol=1e-9)


def test_single_row_is_refused_with_the_count():
    with pytest.raises(st.InputError, match="n_samples=1"):
        st.LinearSDE().fit(np.zeros((1, 2)))


def test_failed_refit_leaves_the_first_fit_as_it_was(panel):
    fit = st.LinearSDE().fit(panel)
    before = fit.results_
    with pytest.raises(st.InputError):
        fit.fit(np.array([[0.0], [np.nan], [1.0]]))
    assert fit.results_ is before


@pytest.mark.parametrize(
    "call",
    ["predict", "predict_drift", "predict_diffusion", "predict_covariance", "score", "simulate"],
)
def test_unfitted_estimator_says_so(call):
    arguments = () if call == "simulate" else (np.zeros((3, 1)),)
    with pytest.raises(NotFittedError):
        getattr(st.LinearSDE(), call)(*arguments)


# -- dt --------------------------------------------------------------------------------------


def test_common_dt_is_remembered_and_used(panel, fitted):
    assert fitted.dt_ == pytest.approx(0.2, rel=1e-12)
    assert fitted.score(panel.arrays()) == pytest.approx(fitted.score(panel), rel=1e-9)


def test_given_dt_replaces_the_remembered_one(panel, fitted):
    doubled = st.Trajectories(panel.arrays(), dt=0.4)
    assert fitted.score(panel.arrays(), dt=0.4) == pytest.approx(fitted.score(doubled), rel=1e-12)


def test_different_dt_leave_no_default(panel):
    fit = st.LinearSDE().fit(panel.arrays(), dt=np.linspace(0.1, 0.3, 12))
    assert fit.dt_ is None
    for call in (fit.predict, fit.score):
        with pytest.raises(st.InputError, match="no common dt.*`dt=` or `times=`"):
            call(panel.arrays()[0])
    with pytest.raises(st.InputError, match="no common dt"):
        fit.simulate()


@pytest.mark.parametrize("dt", [0.0, -0.1, np.nan, "fast"])
def test_impossible_dt_is_refused_everywhere(panel, fitted, dt):
    for call in (
        lambda: st.LinearSDE().fit(panel.arrays(), dt=dt),
        lambda: fitted.predict([[0.1]], dt=dt),
        lambda: fitted.score(panel.arrays(), dt=dt),
        lambda: fitted.simulate(dt=dt),
    ):
        with pytest.raises(st.InputError, match="`dt`"):
            call()


# -- prediction and scores -----------------------------------------------------------------


def test_prediction_is_the_conditional_mean(fitted):
    kappa, mu, _ = fitted.results_.params
    x = np.array([[0.0], [0.9]])
    np.testing.assert_allclose(fitted.predict(x), mu + np.exp(-kappa * 0.2) * (x - mu), rtol=1e-12)
    np.testing.assert_allclose(
        fitted.predict(x, dt=1.0), mu + np.exp(-kappa) * (x - mu), rtol=1e-12
    )


def test_panel_prediction_uses_each_own_step(panel, fitted):
    kappa, mu, _ = fitted.results_.params
    times = [np.cumsum(np.linspace(0.1, 0.5, 41)) for _ in range(12)]
    moved = st.Trajectories(panel.arrays(), times)
    dt = np.concatenate([np.append(np.diff(t), np.diff(t)[-1]) for t in times])[:, None]
    expected = mu + np.exp(-kappa * dt) * (panel.values - mu)
    np.testing.assert_allclose(fitted.predict(moved), expected, rtol=1e-9)


def test_prediction_on_the_relative_clock_moves_with_the_position(panel):
    moved = [a + np.linspace(0, 2, len(a))[:, None] for a in panel.arrays()]
    fit = st.LinearSDE(trend="linear").fit(moved, dt=0.2)
    predicted = fit.predict(st.Trajectories(moved, dt=0.2)).reshape(12, 41)
    actual = np.stack(moved)[:, 1:, 0]
    # One-step errors have the standard deviation sigma sqrt(dt) = 0.27.
    assert np.std(predicted[:, :-1] - actual) == pytest.approx(0.26, abs=0.03)
    with pytest.raises(st.InputError, match="t"):
        fit.predict_drift([[0.1]], t=[0.0, 1.0])


def test_minus_infinity_stays_in_the_score(panel):
    fit = st.ParametricSDE(st.OrnsteinUhlenbeck(), density="euler").fit(panel)
    far = panel.with_values(np.where(np.arange(len(panel.values))[:, None] == 5, 1e200, 0.1))
    assert fit.score(far) == -np.inf
    per_trajectory = fit.score_trajectories(far)
    assert per_trajectory[0] == -np.inf
    assert np.isfinite(per_trajectory[1:]).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_states_that_are_not_finite_are_refused_with_their_place(fitted, bad):
    with pytest.raises(st.InputError, match=r"row 2, column 0"):
        fitted.predict_drift([[0.0], [0.1], [bad]])
    with pytest.raises(st.InputError, match=r"row 1"):
        fitted.score(np.array([[0.0], [bad], [0.3]]))


def test_simulation_starts_from_observed_first_states(panel, fitted):
    starts = fitted.simulate(n_paths=50, n_steps=2, random_state=1).to_array()[:, 0, 0]
    assert set(starts) <= set(panel.to_array()[:, 0, 0])


def test_simulation_takes_starts_and_step_of_its_own(fitted):
    paths = fitted.simulate([[0.0], [1.0]], dt=0.05, n_steps=7, random_state=1)
    assert paths.lengths.tolist() == [8, 8]
    assert paths.dt == 0.05
    assert paths.to_array()[:, 0, 0].tolist() == [0.0, 1.0]


# -- the end of a search -------------------------------------------------------------------


def quadratic(theta):
    matrix = np.array([[2.0, 0.5], [0.5, 1.0]])
    gap = theta - [1.0, -1.0]
    return 0.5 * gap @ matrix @ gap, matrix @ gap


def test_newton_steps_reach_the_optimum_and_its_hessian():
    optimum = polish(quadratic, np.array([1.0001, -0.9999]))
    np.testing.assert_allclose(optimum.theta, [1.0, -1.0], atol=1e-12)
    np.testing.assert_allclose(optimum.hessian, [[2.0, 0.5], [0.5, 1.0]], rtol=1e-8)
    assert optimum.converged


def test_failed_search_is_not_polished():
    optimum = polish(quadratic, np.array([3.0, 3.0]))
    assert not optimum.converged
    assert np.isnan(optimum.hessian).all()


def test_scaled_problem_returns_in_its_own_units():
    scale, n = np.array([10.0, 0.1]), 50.0
    optimum = polish(quadratic, np.array([1.0001, -0.9999])).rescaled(scale, n)
    np.testing.assert_allclose(optimum.theta, [10.0, -0.1], rtol=1e-10)
    np.testing.assert_allclose(
        optimum.hessian, n * np.array([[2.0, 0.5], [0.5, 1.0]]) / np.outer(scale, scale), rtol=1e-8
    )


def covariances_of(optimum, weight=None):
    sample = transition_sample(ragged(), weight=weight)
    scores = np.random.default_rng(1).standard_normal((sample.n, 2))
    return checked_covariances(optimum, scores, sample, "robust")


def test_reason_for_missing_errors_is_the_first_that_holds():
    good = Optimum(np.zeros(2), 0.0, np.eye(2), 0.0)
    assert covariances_of(good).reason is None
    lost = Optimum(np.zeros(2), 0.0, np.eye(2), 1.0)
    assert covariances_of(lost).reason == "The optimiser did not converge."
    bent = Optimum(np.zeros(2), 0.0, np.diag([1.0, -1.0]), 0.0)
    assert "flat or not concave" in covariances_of(bent).reason
    flat = Optimum(np.zeros(2), 0.0, np.diag([1.0, 0.0]), 0.0)
    assert "flat in at least one parameter" in covariances_of(flat).reason
    few = covariances_of(good, weight=np.array([0.0, 1.0, 0.0]))
    assert few.reason == "2 parameters were fitted to 2 transitions."
    for other in (lost, bent, flat):
        assert np.isnan(covariances_of(other).matrix("robust")).all()


def test_pieces_of_a_split_trajectory_have_no_relative_clock():
    values = np.random.default_rng(0).normal(size=(12, 20, 1)).cumsum(axis=1)
    values[:, 10] = np.nan
    panel = st.Trajectories(list(values), missing="split")
    with pytest.raises(st.InputError, match="relative clock"):
        st.LinearSDE(trend="linear").fit(panel)
