"""Goodness of fit of results: how each case is redrawn, and what cannot be said."""

from __future__ import annotations

import numpy as np
import pytest
from joblib import parallel_config

import stochtext as st
from stochtext._shared.exceptions import PerformanceWarning
from stochtext._shared.random import seed_sequence
from stochtext.diagnostics import TESTS
from stochtext.processes import JumpDiffusion, TrendingOrnsteinUhlenbeck
from stochtext.results.inference.calibration import draws as drawing
from stochtext.results.inference.calibration import scheduling
from stochtext.results.inference.calibration.draws import overlap_of
from stochtext.results.inference.calibration.scores import score_columns
from stochtext.results.inference.refits import replication
from stochtext.results.inference.refits.replication import replicated_panels

TRUTH = st.OrnsteinUhlenbeck(1.0, 0.0, 1.0)


def exact_panel(
    m: int, n: int, seed: int, process: st.OrnsteinUhlenbeck = TRUTH
) -> st.Trajectories:
    """Return m paths of n steps from the exact transition."""
    frame = st.Trajectories([np.zeros((n + 1, 1)) + 0.3 * k for k in range(m)], dt=0.25)
    panel = replicated_panels(process, frame, seed_sequence(seed), 0, 1)[0]
    assert panel is not None
    return panel


@pytest.fixture(scope="module")
def results():
    return st.LinearSDE(cov_type="nonrobust").fit(exact_panel(4, 40, seed=1)).results_


@pytest.fixture(scope="module")
def table(results):
    return results.goodness_of_fit(n_boot=39, random_state=3)


def test_the_table_has_its_columns_and_says_how_it_was_calibrated(table, results):
    frame = table.to_frame()
    assert list(frame.columns) == (
        ["test", "statistic", "df", "pvalue", "pvalue_holm", "calibration", "n", "meaning"]
    )
    assert set(frame["calibration"]) == {"bootstrap(39), refitted"}
    assert frame["pvalue"].between(1 / 40, 1).all()
    assert (frame["pvalue_holm"] >= frame["pvalue"]).all()
    assert "every draw was refitted" in table.notes[0]
    again = type(table).from_dict(table.to_dict())
    assert again.to_frame().equals(frame)
    assert again.notes == table.notes


def test_numbers_do_not_depend_on_the_number_of_jobs(table, results, monkeypatch):
    monkeypatch.setattr(scheduling, "REPLICATES_AT_ONCE", 7)
    with parallel_config(backend="threading"):
        other = results.goodness_of_fit(n_boot=39, random_state=3, n_jobs=2)
    assert other.to_frame().equals(table.to_frame())


def test_a_wrong_drift_is_seen_by_its_own_test():
    rng, x, path = np.random.default_rng(4), 1.0, []
    for row in 0.7 * np.sqrt(0.0125) * rng.standard_normal((400, 20)):
        for step in row:
            x += (x - x**3) * 0.0125 + step
        path.append(x)
    fit = st.LinearSDE().fit(np.array(path)[:, None], dt=0.25)
    tests = ["drift moments", "Anderson-Darling", "jumps (bipower)"]
    table = fit.results_.goodness_of_fit(n_boot=99, random_state=0, tests=tests)
    assert table.rejected() == ["drift moments"]


def test_held_out_data_redraw_training_and_test_data(results):
    fresh = exact_panel(3, 40, seed=5)
    table = results.goodness_of_fit(fresh, n_boot=19, random_state=0)
    assert set(table.to_frame()["calibration"]) == {"bootstrap(19), refitted, held out"}
    assert "training and test data were redrawn" in table.notes[0]


def test_trajectories_of_the_fit_are_known_again(results):
    training = results.refitting.panel
    mixed = st.Trajectories([training.arrays()[2], exact_panel(1, 40, seed=6).arrays()[0]], dt=0.25)
    assert overlap_of(mixed, training).tolist() == [2, -1]
    whole = results.goodness_of_fit(training, n_boot=39, random_state=3).to_frame()
    own = results.goodness_of_fit(n_boot=39, random_state=3).to_frame()
    np.testing.assert_array_equal(whole["pvalue"], own["pvalue"])
    table = results.goodness_of_fit(mixed, n_boot=19, random_state=0, tests="Ljung-Box")
    assert table.to_frame()["pvalue"].between(0, 1).all()


def test_known_parameters_are_not_fitted_again():
    panel = exact_panel(4, 40, seed=7)
    fitted = st.LinearSDE(cov_type="nonrobust").fit(panel).results_
    asked = fitted.goodness_of_fit(panel, n_boot=19, random_state=0, parameters="known")
    assert set(asked.to_frame()["calibration"]) == {"bootstrap(19), parameters known"}
    assert "taken as known" in asked.notes[0]


def test_restored_results_have_statistics_and_no_pvalues(results, tmp_path):
    results.save(tmp_path / "fit.stx")
    back = st.load(tmp_path / "fit.stx")
    fresh = exact_panel(3, 40, seed=8)
    frame = back.goodness_of_fit(fresh).to_frame()
    assert np.isfinite(frame["statistic"]).all()
    assert frame[["pvalue", "pvalue_holm"]].isna().all().all()
    assert frame["meaning"].str.contains("holds no estimator to refit").all()
    known = back.goodness_of_fit(fresh, n_boot=19, parameters="known", random_state=0).to_frame()
    assert known["pvalue"].notna().all()


def test_every_test_can_be_asked_for(results):
    frame = results.goodness_of_fit(n_boot=19, tests="all", random_state=0).to_frame()
    assert len(frame) == len(TESTS)
    assert frame["pvalue"].notna().all()
    with pytest.raises(st.InputError, match="names among"):
        results.goodness_of_fit(tests="all of them")


def test_coordinates_have_rows_of_their_own():
    process = st.OrnsteinUhlenbeck(np.eye(2), np.zeros(2), np.eye(2))
    X = st.simulate(process, [0.0, 0.0], dt=0.2, n_steps=120, n_substeps=4, random_state=1)
    fit = st.LinearSDE().fit(X.with_values(X.values, columns=["east", "north"])).results_
    table = fit.goodness_of_fit(
        n_boot=19, tests=["Anderson-Darling", "energy of steps"], by_component=True, random_state=0
    )
    frame = table.to_frame().set_index("test")
    assert frame.index[2:].tolist() == [
        "Anderson-Darling [east]", "energy of steps [east]",
        "Anderson-Darling [north]", "energy of steps [north]",
    ]  # fmt: skip
    assert np.isnan(frame.loc["energy of steps [east]", "pvalue"])
    with pytest.raises(st.InputError, match="X has columns north, east"):
        fit.goodness_of_fit(X.with_values(X.values, columns=["north", "east"]))


def test_few_transitions_leave_counts_and_reasons():
    fit = st.LinearSDE().fit(exact_panel(1, 12, seed=9)).results_
    frame = fit.goodness_of_fit(n_boot=19, random_state=0).to_frame()
    assert frame["statistic"].isna().all()
    assert frame["meaning"].str.startswith("not computed: only").all()
    assert (frame["n"] <= 12).all()


def test_bad_requests_are_refused(results):
    for wrong in ({"n_boot": 10}, {"n_boot": -1}, {"parameters": "guessed"}, {"alpha": 2}):
        with pytest.raises(st.InputError):
            results.goodness_of_fit(**wrong)


def test_a_long_bootstrap_says_so_before_it_begins(results, monkeypatch):
    monkeypatch.setattr(scheduling, "LONG", 1e-9)
    with pytest.warns(PerformanceWarning, match="repeats the fit 38 times"):
        results.goodness_of_fit(n_boot=39, random_state=0, tests="Ljung-Box")


def test_refits_that_fail_leave_no_pvalue(results, monkeypatch):
    def fails(self, *arguments, **options):
        raise st.InputError("no")

    monkeypatch.setattr(drawing.Redrawing, "_refitted", fails)
    frame = results.goodness_of_fit(n_boot=19, random_state=0).to_frame()
    assert frame["pvalue"].isna().all()
    assert frame["meaning"].str.contains("19 of 19 bootstrap refits failed").all()


def test_hidden_states_are_redrawn_with_their_noise():
    panel = exact_panel(6, 30, seed=10)
    noisy = panel.with_values(
        panel.values + 0.3 * np.random.default_rng(1).standard_normal(panel.values.shape)
    )
    fit = st.LinearSDE(observation_noise="diagonal", cov_type="nonrobust").fit(noisy).results_
    drawn = fit.replicates(noisy, seed_sequence(0), 0, 4)
    for panel in (noisy, *drawn):
        sample, codes = fit.one_step_sample(panel)
        assert len(codes) == panel.n_transitions
        assert sample.normal.std() == pytest.approx(1.0, abs=4 * np.sqrt(0.5 / len(codes)))
    assert not np.array_equal(drawn[0].values, drawn[1].values)
    reason = fit.goodness_of_fit(n_boot=0, tests="Ljung-Box").to_frame()["calibration"]
    assert reason.tolist() == ["asymptotic"]


def test_linear_steps_are_the_general_ones(monkeypatch):
    rng = np.random.default_rng(11)
    times = [np.r_[0.0, np.cumsum(rng.uniform(0.1, 0.4, n))] for n in (5, 9, 20)]
    process = TrendingOrnsteinUhlenbeck(kappa=1.0, trend=[0.0, 2.0], sigma=0.5)
    panel = st.Trajectories([rng.standard_normal((len(t), 1)) for t in times], times=times)
    fast = replicated_panels(process, panel, seed_sequence(1), 0, 3)
    alone = replicated_panels(process, panel, seed_sequence(1), 2, 1)
    np.testing.assert_array_equal(fast[2].values, alone[0].values)
    monkeypatch.setattr(replication._Line, "of", lambda process, steps: None)
    general = replicated_panels(process, panel, seed_sequence(1), 0, 3)
    for one, other in zip(fast, general, strict=True):
        np.testing.assert_allclose(one.values, other.values, rtol=1e-12, atol=1e-12)


def test_replicates_of_jump_diffusions_jump():
    """One step of dt = 0.1: variance 0.1 (1 + 2 * 4), kurtosis far from 3."""
    process = JumpDiffusion(st.OrnsteinUhlenbeck(0.01, 0.0, 1.0), 2.0, [0.0], [[2.0]])
    frame = st.Trajectories([np.zeros((2, 1))] * 4000, dt=0.1)
    panel = replicated_panels(process, frame, seed_sequence(2), 0, 1)[0]
    change = panel.values[1::2, 0]
    assert change.var() == pytest.approx(0.9, rel=0.15)
    assert np.mean(change**4) / change.var() ** 2 > 6


def test_scores_of_the_likelihood_span_those_of_the_regression(results):
    """At equal intervals the exact scores lie in the space of the stand-ins."""
    panel = results.refitting.panel
    steps = panel.transitions()
    vector = results.process.to_vector()
    likelihood = results.transition.likelihood(
        results.process, steps.x, steps.x_next, steps.t, steps.dt, steps.clock_dt
    )
    exact = likelihood.scores(vector)
    stand_in = score_columns(
        results.process, results.transition, results.free, panel, results.resid
    )
    left = exact - stand_in @ np.linalg.lstsq(stand_in, exact, rcond=None)[0]
    assert np.abs(left).max() < 1e-5 * np.abs(exact).max()
