"""What peers get wrong about Kramers-Moyal coefficients, and what the table adds to them."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import stochtext as st
from stochtext.estimators.kramers_moyal import KramersMoyalSDE
from stochtext.estimators.kramers_moyal.cumulants import coefficients_of_moments
from stochtext.estimators.kramers_moyal.increments import lagged_increments
from stochtext.estimators.sample import transition_sample


def ou_paths(n_paths, n_steps, dt, seed, kappa=1.0, sigma=1.0):
    """Exact Ornstein-Uhlenbeck paths from the stationary law, shape (n_paths, n_steps + 1)."""
    rng = np.random.default_rng(seed)
    decay = np.exp(-kappa * dt)
    spread = sigma / np.sqrt(2 * kappa)
    x = np.empty((n_steps + 1, n_paths))
    x[0] = spread * rng.standard_normal(n_paths)
    noise = spread * np.sqrt(1 - decay**2) * rng.standard_normal((n_steps, n_paths))
    for k in range(n_steps):
        x[k + 1] = decay * x[k] + noise[k]
    return x.T


def coefficients(x, dt, **options):
    return KramersMoyalSDE(**options).fit(x, dt=dt).results_.coefficients


@pytest.fixture(scope="module")
def path():
    return ou_paths(1, 20_000, 0.01, 3)[0][:, None]


def test_gaussian_kernel_averages_are_those_of_the_formula_in_one_coordinate(path):
    # A peer's Gaussian kernel is NaN in one coordinate.
    frame = coefficients(
        path, 0.01, method="kernel", bandwidth=0.2, correction=None,
        bins=[np.linspace(-1.05, 1.05, 22)],
    )  # fmt: skip
    x, change = path[:-1, 0], np.diff(path[:, 0])
    width = 0.2 * x.std()
    weight = np.exp(-0.5 * ((frame["center"].to_numpy()[:, None] - x) / width) ** 2)
    mass = weight.sum(axis=1)
    d1, d2 = weight @ change / mass / 0.01, weight @ change**2 / mass / 0.02
    d1_se = np.sqrt((weight**2) @ (change + x * 0.01) ** 2) / mass / 0.01
    spread = (weight**2) @ change**4 - 2 * (2 * d2 * 0.01) * ((weight**2) @ change**2)
    spread += (2 * d2 * 0.01) ** 2 * (weight**2).sum(axis=1)
    # Linear binning between 32 nodes a bandwidth: an error of 1e-4 relative to the curve.
    np.testing.assert_allclose(frame["D1"], d1, atol=0.02 * d1_se.max())
    np.testing.assert_allclose(frame["D2"], d2, rtol=1e-3)
    np.testing.assert_allclose(frame["D1_se"].dropna(), d1_se[frame["D1_se"].notna()], rtol=0.02)
    d2_se = np.sqrt(spread) / mass / 0.02
    np.testing.assert_allclose(frame["D2_se"].dropna(), d2_se[frame["D2_se"].notna()], rtol=0.01)


@pytest.mark.parametrize("method", ["bins", "kernel"])
def test_where_there_are_no_data_every_number_is_nan(path, method):
    frame = coefficients(
        path, 0.01, method=method, bandwidth=0.1, bins=[np.linspace(-6, 6, 13)], order=6
    )
    empty = frame[frame["center"].abs() > 4.4]
    assert len(empty)
    assert empty.drop(columns=["center", "mean_state", "count"]).isna().all(axis=None)


def test_bins_of_unequal_width_hold_their_own_transitions(path):
    edges = np.array([-1.0, -0.8, -0.1, 0.0, 0.5, 1.3])
    frame = coefficients(path, 0.01, bins=[edges], correction=None)
    x, change = path[:-1, 0], np.diff(path[:, 0])
    for row, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
        own = change[(x >= low) & (x < high)]
        assert frame["count"][row] == len(own)
        assert frame["D1"][row] == pytest.approx(own.mean() / 0.01)


def test_every_order_is_divided_by_its_own_factorial(path):
    frame = coefficients(path, 0.01, bins=[np.array([-9.0, 9.0])], order=6, correction=None)
    change = np.diff(path[:, 0])
    for order, factorial in ((3, 6), (4, 24), (5, 120), (6, 720)):
        expected = np.mean(change**order) / 0.01 / factorial
        assert frame[f"D{order}"][0] == pytest.approx(expected, rel=1e-9)


def test_increments_over_several_steps_overlap_and_stay_in_their_trajectory():
    # A peer subsamples instead, and another takes trial boundaries for increments.
    x = [np.array([[0.0], [1.0], [3.0], [6.0]]), np.array([[10.0], [11.0]])]
    sample = transition_sample(st.Trajectories(x, dt=0.5))
    two = lagged_increments(sample, 2)
    assert two.known.tolist() == [True, True, False, False]
    assert two.change[two.known, 0].tolist() == [3.0, 5.0]
    assert two.dt[two.known].tolist() == [1.0, 1.0]
    assert lagged_increments(sample, 1).change[:, 0].tolist() == [1.0, 2.0, 3.0, 1.0]


@pytest.mark.parametrize("method", ["bins", "kernel"])
def test_units_of_state_and_time_rescale_coefficients_and_errors(path, method):
    options = {"method": method, "bins": 6, "bandwidth": 0.3, "order": 4}
    one = coefficients(path, 0.01, **options)
    other = coefficients(100 * path, 60 * 0.01, **options)
    for order in (1, 2, 3, 4):
        for name in (f"D{order}", f"D{order}_se"):
            np.testing.assert_allclose(other[name], 100.0**order / 60 * one[name], rtol=1e-6)
    np.testing.assert_allclose(other["pawula"], 60 * one["pawula"], rtol=1e-6)


def test_errors_of_d1_and_d2_cover():
    hits = {"D1": [], "D2": []}
    edges = np.linspace(-1, 1, 6)
    for path in ou_paths(60, 8000, 0.01, 12):
        frame = coefficients(path[:, None], 0.01, bins=[edges])
        place = np.digitize(path[:-1], edges) - 1
        truth = {
            "D1": np.array([-path[:-1][place == j].mean() for j in range(5)]),
            "D2": np.full(5, 0.5),
        }
        for key, true in truth.items():
            hits[key].append(np.abs(frame[key] - true) < 1.96 * frame[f"{key}_se"])
    # 300 nearly independent intervals each; three Monte Carlo errors about 95 %.
    for key, values in hits.items():
        assert 0.912 < np.mean(values) < 0.988, key


def test_errors_of_overlapping_increments_cover():
    hits = []
    edges = np.linspace(-0.8, 0.8, 5)
    for path in ou_paths(60, 6000, 0.02, 13):
        frame = coefficients(path[:, None], 0.02, bins=[edges], lags=(1, 2, 3))
        place = np.digitize(path[:-1], edges) - 1
        true = np.array([-path[:-1][place == j].mean() for j in range(4)])
        for error, name in ((frame["D1"] - true, "D1_se"), (frame["D2"] - 0.5, "D2_se")):
            offered = frame[name].notna()
            hits.extend(np.abs(error[offered]) < 1.96 * frame[name][offered])
    assert len(hits) > 300
    assert 0.91 < np.mean(hits) < 0.985


def test_panels_are_clustered_by_trajectory():
    rng = np.random.default_rng(4)
    # Every trajectory has its own level of drift: transitions of one share it.
    panel = [x[:, None] for x in ou_paths(20, 400, 0.05, 5)]
    shifted = [x + 3 * rng.standard_normal() * 0.05 * np.arange(len(x))[:, None] for x in panel]
    one = np.concatenate([np.diff(x[:, 0]) for x in shifted])
    results = KramersMoyalSDE(bins=[np.array([-1e3, 1e3])], correction=None)
    results = results.fit(shifted, dt=0.05).results_
    sums = np.array([np.sum(np.diff(x[:, 0]) - one.mean()) for x in shifted])
    clustered = np.sqrt(20 / 19 * np.sum(sums**2)) / (len(one) * 0.05)
    assert results.errors.to_dict()[1]["drift_se"][0] == pytest.approx(clustered, rel=1e-9)
    assert results.get_drift([[0.0]]).df == 19


def test_d2_in_a_well_is_not_biased_by_the_sampling_interval():
    # A peer's regression over lags gives .187 here, where .245 is true.
    x = st.simulate(
        st.DoubleWell(1.0, 1.0, 0.7), [1.0], dt=0.02, n_steps=50_000, n_substeps=10, random_state=1
    ).values
    frame = coefficients(x, 0.02, bins=[np.linspace(-1.8, 1.8, 25)])
    row = frame.iloc[int(np.argmin(np.abs(frame["center"] + 1.2)))]
    assert abs(row["D2"] - 0.245) < 3 * row["D2_se"]
    assert row["D2_se"] < 0.02


def test_a_sampling_interval_of_two_and_a_constant_diffusion_can_be_fitted():
    x = ou_paths(1, 3000, 2.0, 6, kappa=0.02)[0][:, None]
    before = list(warnings.filters)
    model = KramersMoyalSDE().fit(x, dt=2.0)
    assert warnings.filters == before
    frame = model.results_.coefficients
    filled = frame[frame["count"] > 200]
    np.testing.assert_allclose(filled["D2"], 0.5, atol=4 * filled["D2_se"].max())


def test_cumulants_of_a_poisson_step_are_its_rates():
    # Jumps of size one at rate r: every cumulant is r dt; central moments in closed form.
    r, h = 3.0, 0.2
    m = r * h
    central = [0, 0, m, m, m + 3 * m**2, m + 10 * m**2, m + 25 * m**2 + 15 * m**3]
    moments = np.array([central]) / h
    values, _ = coefficients_of_moments(moments, np.array([h]), np.array([h**2]), corrected=True)
    factorials = np.array([2, 6, 24, 120, 720])
    np.testing.assert_allclose(values[0, 2:] * factorials, r, rtol=1e-12)


def test_derivatives_of_cumulants_are_those_by_differences():
    moments = np.array([[0.0, 0.0, 1.3, 0.2, 0.9, 0.3, 1.1]])
    h, g = np.array([0.3]), np.array([0.11])
    _, slopes = coefficients_of_moments(moments, h, g, corrected=True)
    for k in range(2, 7):
        moved = moments.copy()
        moved[0, k] += 1e-6
        up, _ = coefficients_of_moments(moved, h, g, corrected=True)
        moved[0, k] -= 2e-6
        down, _ = coefficients_of_moments(moved, h, g, corrected=True)
        np.testing.assert_allclose(
            slopes[0, 2:, k], (up - down)[0, 2:] / 2e-6, rtol=1e-7, atol=1e-9
        )


def test_jump_rate_and_variance_follow_from_the_higher_cumulants():
    process = st.processes.JumpDiffusion(st.OrnsteinUhlenbeck(0.5, 0.0, 0.75), 4.0, [0.0], [[1.2]])
    X = st.simulation.simulate_jumps(
        process, 0.0, dt=0.01, n_steps=3000, n_paths=30, random_state=2
    )
    results = KramersMoyalSDE(bins=20, order=6).fit(X).results_
    table = results.jumps()
    for name, true in (("jump rate", 4.0), ("jump variance", 1.44), ("covariance rate", 0.5625)):
        assert abs(table["estimate"][name] - true) < 3 * table["se"][name]
    assert (table["ci_lower"] < table["estimate"]).all()
    assert results.pawula_test()["pvalue"].iloc[0] < 1e-12


def test_jumps_need_the_sixth_order(path):
    results = KramersMoyalSDE(bins=5).fit(path, dt=0.01).results_
    with pytest.raises(st.InputError, match="order=6"):
        results.jumps()


def test_moments_tests_and_table_survive_a_file(path, tmp_path):
    results = KramersMoyalSDE(bins=5, order=6).fit(path, dt=0.01).results_
    results.save(tmp_path / "fit.stx")
    again = st.load(tmp_path / "fit.stx")
    assert again.jumps().equals(results.jumps())
    assert again.pawula_test().equals(results.pawula_test())


def test_the_correction_works_in_two_coordinates():
    kappa, dt = np.array([[1.0, -0.5], [0.7, 0.8]]), 0.1
    process = st.OrnsteinUhlenbeck(kappa, np.zeros(2), np.diag([0.5, 0.4]))
    X = st.simulate(process, [0.0, 0.0], dt=dt, n_steps=40_000, n_substeps=10, random_state=3)
    errors = {}
    for correction in (None, "second-order"):
        frame = KramersMoyalSDE(bins=5, correction=correction).fit(X).results_.coefficients
        filled = frame[frame["count"] > 1500]
        errors[correction] = abs(np.average(filled["D2_00"] - 0.125, weights=filled["count"]))
        if correction:
            z = (filled["D2_00"] - 0.125) / filled["D2_00_se"]
            assert z.abs().max() < 4
    # 40 000 transitions: a standard error of .0009.
    assert errors["second-order"] < 0.0027 < errors[None]


def test_kernel_averages_in_the_plane_find_drift_and_mixed_coefficient():
    process = st.OrnsteinUhlenbeck(np.eye(2), np.zeros(2), np.array([[0.5, 0.0], [0.2, 0.4]]))
    X = st.simulate(process, [0.0, 0.0], dt=0.05, n_steps=30_000, random_state=4)
    model = KramersMoyalSDE(method="kernel", bandwidth=0.4, bins=7).fit(X)
    frame = model.results_.coefficients
    filled = frame[frame["count"] > 1500]
    assert len(filled) > 4
    np.testing.assert_allclose(filled["D2_01"], 0.05, atol=4 * filled["D2_01_se"].max())
    assert np.isfinite(filled["D4_1_se"]).all()
    assert np.isfinite(model.predict_drift([[0.1, 0.2]])).all()
