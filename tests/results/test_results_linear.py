"""Time constants, rotations and the stationary law: delta-method errors and their limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg, stats

import stochtext as st
from stochtext.results.inference.dynamics.linear_dynamics import (
    eigenvalues_with_errors,
    stationary_gradient,
)

TURNING = np.array([[0.5, 1.2], [-1.0, 0.6]])


def panel_of(kappa, *, m=30, n=60, dt=0.3, seed=0, mu=0.0):
    rng = np.random.default_rng(seed)
    kappa = np.atleast_2d(kappa)
    d = len(kappa)
    phi = linalg.expm(-kappa * dt)
    stationary = linalg.solve_continuous_lyapunov(kappa, 0.25 * np.eye(d))
    noise = np.linalg.cholesky(stationary - phi @ stationary @ phi.T)
    x = np.empty((m, n + 1, d))
    x[:, 0] = rng.standard_normal((m, d)) @ np.linalg.cholesky(stationary).T
    for k in range(n):
        x[:, k + 1] = x[:, k] @ phi.T + rng.standard_normal((m, d)) @ noise.T
    return st.Trajectories(list(x + mu), dt=dt)


@pytest.fixture(scope="module")
def scalar():
    return st.LinearSDE().fit(panel_of(0.8)).results_


@pytest.fixture(scope="module")
def turning():
    return st.LinearSDE().fit(panel_of(TURNING)).results_


def test_scalar_time_constant_is_one_over_kappa_with_its_interval(scalar):
    kappa, se = scalar.params["kappa"], scalar.bse["kappa"]
    row = scalar.time_constants().loc[0]
    q = stats.t.ppf(0.975, 29)
    assert row["rate"] == pytest.approx(kappa, rel=1e-12)
    assert row["rate_se"] == pytest.approx(se, rel=1e-9)
    assert row["time_constant"] == pytest.approx(1 / kappa, rel=1e-12)
    assert row["time_constant_se"] == pytest.approx(se / kappa**2, rel=1e-9)
    assert row["time_constant_lower"] == pytest.approx(1 / (kappa + q * se), rel=1e-9)
    assert row["time_constant_upper"] == pytest.approx(1 / (kappa - q * se), rel=1e-9)
    assert row["half_life"] == pytest.approx(np.log(2) / kappa, rel=1e-12)
    assert np.isnan(row["period"])


def test_scalar_stationary_law_is_the_delta_method_by_hand(scalar):
    kappa, sigma = scalar.params["kappa"], scalar.params["sigma"]
    covariance = scalar.cov_params().loc[["kappa", "sigma"], ["kappa", "sigma"]].to_numpy()
    gradient = np.array([-(sigma**2) / (2 * kappa**2), sigma / kappa])
    law = scalar.stationary_law(alpha=0.1)
    row = law.loc["covariance[x0,x0]"]
    assert row["estimate"] == pytest.approx(sigma**2 / (2 * kappa), rel=1e-12)
    assert row["se"] == pytest.approx(np.sqrt(gradient @ covariance @ gradient), rel=1e-9)
    half = stats.t.ppf(0.95, 29) * row["se"]
    assert row["upper"] - row["estimate"] == pytest.approx(half, rel=1e-12)
    assert law.loc["mean[x0]", "se"] == pytest.approx(scalar.bse["mu"], rel=1e-12)


def test_a_pair_that_turns_has_one_time_constant_and_one_period(turning):
    truth = np.linalg.eigvals(TURNING)
    frame = turning.time_constants()
    assert frame["rate"].nunique() == 1
    row = frame.loc[0]
    assert row["time_constant_lower"] < 1 / truth[0].real < row["time_constant_upper"]
    period = 2 * np.pi / abs(truth[0].imag)
    assert row["period_lower"] < period < row["period_upper"]
    assert row["note"] == ""
    np.testing.assert_allclose(turning.eigenvalues, np.conj(turning.eigenvalues)[::-1])


@pytest.mark.parametrize("kappa", [TURNING, np.array([[2.0, 0.3], [0.1, 0.5]])])
def test_eigenvalue_errors_are_those_of_differences(kappa):
    rng = np.random.default_rng(1)
    root = 1e-3 * rng.standard_normal((4, 4))
    covariance = root @ root.T
    found = eigenvalues_with_errors(kappa, covariance)

    def ordered(matrix):
        values = np.linalg.eigvals(matrix)
        return values[np.lexsort((values.imag, values.real))]

    columns = []
    for k in range(4):
        unit = np.zeros(4)
        unit[k] = 1e-6
        ends = [ordered(kappa + s * unit.reshape(2, 2)) for s in (1, -1)]
        columns.append((ends[0] - ends[1]) / 2e-6)
    gradient = np.stack(columns, axis=1)
    for part, errors in ((gradient.real, found.real_se), (gradient.imag, found.imag_se)):
        expected = np.sqrt(np.einsum("ik,kl,il->i", part, covariance, part))
        np.testing.assert_allclose(errors, expected, rtol=1e-6, atol=1e-12)


def test_eigenvalues_that_coincide_within_their_errors_have_none():
    covariance = 0.01 * np.eye(4)
    near = eigenvalues_with_errors(np.diag([1.0, 1.02]), covariance)
    assert near.close.all()
    assert np.isnan(near.real_se).all()
    far = eigenvalues_with_errors(np.diag([1.0, 3.0]), covariance)
    assert not far.close.any()
    np.testing.assert_allclose(far.real_se, 0.1)
    assert eigenvalues_with_errors(np.eye(2), covariance).close.all()


def test_close_eigenvalues_are_said_in_the_summary():
    results = st.LinearSDE().fit(panel_of(np.eye(2))).results_
    frame = results.time_constants()
    assert frame["rate_se"].isna().all()
    assert (frame["note"] == "another eigenvalue is too near for a standard error").all()
    assert "2 eigenvalue(s) of kappa have no standard error" in results.summary().as_text()


def test_stationary_gradient_is_that_of_differences():
    factor = np.array([[0.5, 0.0], [0.2, 0.4]])

    def lower(kappa, factor):
        solution = linalg.solve_continuous_lyapunov(kappa, factor @ factor.T)
        return solution[np.tril_indices(2)]

    stationary = linalg.solve_continuous_lyapunov(TURNING, factor @ factor.T)
    by_kappa, by_factor = stationary_gradient(TURNING, factor, stationary)
    for i, j in np.ndindex(2, 2):
        unit = np.zeros((2, 2))
        unit[i, j] = 1e-6
        ends = lower(TURNING + unit, factor) - lower(TURNING - unit, factor)
        np.testing.assert_allclose(by_kappa[:, i, j], ends / 2e-6, rtol=1e-6, atol=1e-9)
        if i >= j:
            ends = lower(TURNING, factor + unit) - lower(TURNING, factor - unit)
            np.testing.assert_allclose(by_factor[:, i, j], ends / 2e-6, rtol=1e-6, atol=1e-9)


def test_without_return_to_a_mean_there_is_no_stationary_law():
    rng = np.random.default_rng(2)
    growing = np.empty((20, 40))
    growing[:, 0] = rng.standard_normal(20)
    for k in range(39):
        growing[:, k + 1] = 1.05 * growing[:, k] + 0.1 * rng.standard_normal(20)
    results = st.LinearSDE().fit(list(growing)).results_
    row = results.time_constants().loc[0]
    assert row["rate"] < 0
    assert np.isnan(row["time_constant"])
    assert "no return to the mean" in row["note"]
    assert results.stationary_law()[["estimate", "se"]].isna().all(axis=None)


def test_a_moving_mean_leaves_the_covariance_of_the_law():
    panel = panel_of(TURNING)
    results = st.LinearSDE(trend="linear").fit(panel).results_
    assert list(results.stationary_law().index) == [
        "covariance[x0,x0]", "covariance[x1,x0]", "covariance[x1,x1]",
    ]  # fmt: skip


def test_everything_is_restored_from_a_file(turning, tmp_path):
    path = tmp_path / "turning.stx"
    turning.save(path)
    loaded = st.load(path)
    assert loaded.kind == "linear"
    assert loaded.summary().as_text() == turning.summary().as_text()
    np.testing.assert_array_equal(loaded.eigenvalues, turning.eigenvalues)
    np.testing.assert_array_equal(loaded.one_step_matrix, turning.one_step_matrix)


def test_summary_shows_the_time_constants(turning):
    text = turning.summary().as_text()
    for word in ("time const.", "half-life", "period", "direction 2", "total time"):
        assert word in text
