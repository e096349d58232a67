"""Where directions are white the fit lies on the stable boundary and says what it cannot know."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import stochtext as st


def shuffled(dim, *, m=40, n=15, seed=0):
    rng = np.random.default_rng(seed)
    mix = rng.standard_normal((dim, dim))
    return st.Trajectories(list(rng.standard_normal((m, n, dim)) @ mix), dt=2.0)


def half_white(seed=5):
    """One slow coordinate (time constant 4) and one that alternates, mixed."""
    rng = np.random.default_rng(seed)
    x = np.zeros((20, 81, 2))
    for k in range(80):
        x[:, k + 1] = x[:, k] * [np.exp(-0.25), -0.3] + rng.standard_normal((20, 2))
    return st.Trajectories(list(x[:, 1:] @ [[1.0, 0.4], [-0.3, 1.0]]), dt=1.0)


def fit(panel, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", st.DiscretizationWarning)
        return st.LinearSDE(**options).fit(panel)


@pytest.fixture(scope="module")
def mixed():
    return fit(half_white())


def test_white_direction_is_held_and_the_slow_one_is_estimated(mixed):
    results = mixed.results_
    assert results.converged
    assert (results.white.count, results.white.held) == (1, 1)
    frame = results.time_constants()
    slow = frame.loc[0]
    assert slow["time_constant_lower"] < 4.0 < slow["time_constant_upper"]
    assert slow["rate_se"] == pytest.approx(0.25 * np.sqrt(2 / (1600 * 0.25)), rel=0.5)
    assert np.isnan(frame.loc[1, "time_constant"])
    assert "time constant < dt/3 = 0.333, upper bound only" in frame.loc[1, "note"]


def test_only_what_is_identified_has_errors(mixed):
    results = mixed.results_
    missing = results.bse.isna()
    assert missing[[n for n in results.params.index if n.startswith(("kappa", "sigma"))]].all()
    assert not missing[["mu[0]", "mu[1]"]].any()
    law = results.stationary_law()
    assert np.isfinite(law.to_numpy()).all()
    text = results.summary().as_text()
    assert "Standard errors are NaN: rates and diffusion of white directions are held" in text
    assert "1 of 2 directions are white at this sampling: time constant < dt/3" in text


def test_unrestricted_step_matrix_is_least_squares(mixed):
    panel = half_white()
    s = panel.transitions()
    design = np.column_stack([s.x, np.ones(len(s.x))])
    solution, *_ = np.linalg.lstsq(design, s.x_next, rcond=None)
    np.testing.assert_allclose(mixed.results_.one_step_matrix, solution[:2].T, rtol=1e-9)
    predicted = mixed.results_.predict_unrestricted(s.x)
    np.testing.assert_allclose(predicted, design @ solution, rtol=1e-9, atol=1e-12)


def test_ratio_is_twice_the_gain_of_the_regression(mixed):
    s = half_white().transitions()
    design = np.column_stack([s.x, np.ones(len(s.x))])
    solution, *_ = np.linalg.lstsq(design, s.x_next, rcond=None)
    error = s.x_next - design @ solution
    n = len(error)
    logdet = np.linalg.slogdet(error.T @ error / n)[1]
    free = -0.5 * n * (2 * np.log(2 * np.pi) + logdet + 2)
    white = mixed.results_.white
    assert white.lr == pytest.approx(2 * (free - mixed.results_.llf), rel=1e-9)
    assert white.df == 1
    # The autocorrelation -0.3 over 1580 steps is refused beyond doubt.
    assert white.pvalue < 1e-10


def test_shuffled_states_are_white_noise_in_every_direction():
    panel = shuffled(3, seed=2)
    results = fit(panel).results_
    assert results.converged
    assert results.white.held == 3
    assert results.white.df == 9
    sample = np.cov(panel.values.T)
    np.testing.assert_allclose(results.process.stationary_covariance(), sample, rtol=0.1)
    assert 0.0 < results.white.pvalue <= 1.0
    mean = results.params[["mu[0]", "mu[1]", "mu[2]"]]
    np.testing.assert_allclose(mean, panel.values.mean(axis=0), atol=0.1)


def test_boundary_fit_is_the_same_every_time_and_in_every_unit():
    panel = half_white()
    results = fit(panel).results_
    again = fit(panel).results_
    np.testing.assert_array_equal(again.params, results.params)
    scaled = fit(panel.with_values(100.0 * panel.values)).results_
    assert scaled.white.lr == pytest.approx(results.white.lr, rel=1e-6)
    means = ["mu[0]", "mu[1]"]
    np.testing.assert_allclose(scaled.bse[means], 100 * results.bse[means], rtol=1e-4)


def test_boundary_results_are_restored_from_a_file(mixed, tmp_path):
    path = tmp_path / "white.stx"
    mixed.results_.save(path)
    loaded = st.load(path)
    assert loaded.white == mixed.results_.white
    assert loaded.summary().as_text() == mixed.results_.summary().as_text()
    np.testing.assert_allclose(
        loaded.stationary_law().to_numpy(), mixed.results_.stationary_law().to_numpy(), rtol=1e-12
    )


def test_weights_leave_no_p_value():
    panel = shuffled(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", st.DiscretizationWarning)
        results = st.LinearSDE().fit(panel, sample_weight=np.linspace(0.5, 1.5, 40)).results_
    assert np.isnan(results.white.pvalue)
    assert results.white.reason == "trajectories have weights"


@pytest.mark.parametrize("trend", ["linear", "spline"])
def test_moving_mean_of_white_noise_is_estimated(trend):
    panel = shuffled(1, m=60)
    moved = panel.with_values(panel.values + 5.0 * panel.relative_times[:, None])
    results = fit(moved, trend=trend).results_
    level = results.process.mean_level([0.0, 0.5, 1.0])[:, 0]
    # States follow their level with the held rate 6 / dt = 3: slope / (rate * duration) behind.
    ahead = 5.0 / (3.0 * 28.0)
    # Standard error of a level: sd / sqrt(n) times about two at the ends.
    expected = np.array([0.0, 2.5, 5.0]) + ahead
    np.testing.assert_allclose(level, expected, atol=8 * panel.values.std() / np.sqrt(800))
