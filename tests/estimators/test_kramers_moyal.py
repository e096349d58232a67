"""KramersMoyalSDE on data with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from stochtext import DoubleWell, simulate
from stochtext._shared.exceptions import InputError, ResourceLimitError
from stochtext.estimators.kramers_moyal import KramersMoyalSDE


def double_well(n_steps, dt, seed, substeps=20):
    rng = np.random.default_rng(seed)
    x, h = 1.0, dt / substeps
    path = np.empty(n_steps + 1)
    path[0] = x
    noise = 0.7 * np.sqrt(h) * rng.standard_normal((n_steps, substeps))
    for k in range(n_steps):
        for z in noise[k].tolist():
            x = x + (x - x**3) * h + z
        path[k + 1] = x
    return path


@pytest.fixture(scope="module")
def long_path():
    return double_well(50_000, 0.02, seed=1)


@pytest.fixture(scope="module")
def fitted(long_path):
    return KramersMoyalSDE().fit(long_path[:, None], dt=0.02)


def test_double_well_drift_is_recovered_within_a_quarter_of_its_norm(fitted):
    grid = np.linspace(-2, 2, 801)
    weight = np.exp((grid**2 - grid**4 / 2) / 0.49)
    mass = weight.cumsum() / weight.sum()
    central = (mass > 0.01) & (mass < 0.99)
    truth, w = (grid - grid**3)[central], weight[central]
    error = fitted.predict_drift(grid[central, None])[:, 0] - truth
    assert np.sqrt(np.sum(w * error**2) / np.sum(w * truth**2)) <= 0.25


def test_d2_is_half_the_covariance_rate_in_every_well_filled_bin(fitted):
    frame = fitted.results_.coefficients
    filled = frame[frame["count"] >= 1000]
    assert len(filled) > 5
    np.testing.assert_allclose(filled["D2"], 0.245, atol=4 * filled["D2_se"].max())
    centers = filled[["mean_state"]].to_numpy()
    np.testing.assert_allclose(
        fitted.predict_covariance(centers)[:, 0, 0], 2 * filled["D2"], rtol=1e-12
    )


def test_coefficients_without_correction_are_the_plain_conditional_moments(long_path):
    x, dt = long_path[:4001], 0.02
    edges = np.linspace(-1.4, 1.4, 8)
    frame = (
        KramersMoyalSDE(bins=[edges], correction=None, order=6)
        .fit(x[:, None], dt=dt)
        .results_.coefficients
    )
    step = np.diff(x)
    for row in range(7):
        own = step[(x[:-1] >= edges[row]) & (x[:-1] < edges[row + 1])]
        n = len(own)
        assert frame["count"][row] == n
        assert frame["D1"][row] == pytest.approx(own.mean() / dt, rel=1e-10)
        for order, factor in ((2, 2), (3, 6), (4, 24), (5, 120), (6, 720)):
            expected = np.mean(own**order) / dt / factor
            assert frame[f"D{order}"][row] == pytest.approx(expected, rel=1e-9)
        if np.isfinite(frame["D1_se"][row]):
            assert frame["D1_se"][row] == pytest.approx(own.std(ddof=1) / np.sqrt(n) / dt)


def test_the_error_of_d2_is_the_one_that_the_fourth_coefficient_implies(long_path):
    frame = KramersMoyalSDE(bins=10, correction=None).fit(long_path[:, None], dt=0.02)
    frame = frame.results_.coefficients
    own = KramersMoyalSDE(bins=10).fit(long_path[:, None], dt=0.02).results_.coefficients
    known = np.isfinite(own["D2_se"]) & (own["count"] > 2000)
    implied = np.sqrt((6 * frame["D4"] / 0.02 - frame["D2"] ** 2) / frame["count"])
    # The moments about the mean and n - 1 against n move this by |b'| dt and 1 / n.
    np.testing.assert_allclose(own["D2_se"][known], implied[known], rtol=0.15)


def test_second_order_correction_removes_the_bias_of_a_coarse_interval():
    rng = np.random.default_rng(5)
    n, dt, kappa = 200_000, 0.1, 1.0
    decay = np.exp(-kappa * dt)
    noise = np.sqrt((1 - decay**2) / 2) * rng.standard_normal(n)
    x = np.zeros(n + 1)
    for k, z in enumerate(noise.tolist()):
        x[k + 1] = decay * x[k] + z
    errors = {}
    for correction in (None, "second-order"):
        model = KramersMoyalSDE(bins=9, correction=correction).fit(x[:, None], dt=dt)
        frame = model.results_.coefficients
        frame = frame[frame["count"] > 5000]
        errors[correction] = (
            np.abs(frame["D2"] - 0.5).mean(),
            np.abs(frame["D1"] / frame["mean_state"] + 1)[np.abs(frame["mean_state"]) > 0.3].mean(),
        )
    # Uncorrected bias is kappa dt / 2 = 5 % and 10 %; the second order leaves its square.
    assert errors["second-order"][0] < 0.4 * errors[None][0]
    assert errors["second-order"][1] < 0.6 * errors[None][1]


def test_the_pawula_ratio_is_zero_for_a_diffusion_and_large_with_jumps(fitted):
    frame = fitted.results_.coefficients
    filled = frame[frame["count"] > 1000]
    assert (filled["pawula"].abs() < 4 * filled["pawula_se"]).all()
    assert fitted.results_.pawula_test()["pvalue"].iloc[0] > 0.01
    rng = np.random.default_rng(6)
    x = np.zeros(20_001)
    for k in range(20_000):
        jump = rng.standard_normal() * 2 if rng.random() < 0.005 else 0.0
        x[k + 1] = 0.98 * x[k] + 0.1 * rng.standard_normal() + jump
    results = KramersMoyalSDE(bins=9).fit(x[:, None], dt=0.02).results_
    # D4 / D2**2 in units of dt: a sixth of the excess kurtosis.
    assert results.coefficients["pawula"].max() / 0.02 > 1
    assert results.pawula_test()["pvalue"].iloc[0] < 1e-10
    assert "jumps" in results.summary().as_text()


def test_a_bin_without_data_is_nan_and_the_process_goes_on_linearly(long_path):
    edges = np.linspace(-6, 6, 25)
    model = KramersMoyalSDE(bins=[edges]).fit(long_path[:5001, None], dt=0.02)
    frame = model.results_.coefficients
    empty = frame["count"] == 0
    assert empty.any()
    assert frame.loc[empty, ["D1", "D1_se", "D2", "D2_se", "D4"]].isna().all().all()
    assert np.isnan(model.results_.get_drift([[4.9]]).estimate).all()
    x = long_path[:5001]
    slope, intercept = np.polyfit(x[:-1], np.diff(x) / 0.02, 1)
    assert model.predict_drift([[4.9]])[0, 0] == pytest.approx(slope * 4.9 + intercept, rel=1e-8)


def test_errors_between_bins_are_offered_and_else_a_reason_is_given(fitted):
    curve = fitted.results_.get_drift([[-1.0]])
    assert np.isfinite(curve.se).all()
    frame = fitted.results_.coefficients
    # The error between two bins is below the larger of theirs, where both are populated.
    assert curve.se[0, 0] < frame["D1_se"][frame["count"] > 1000].max()
    tail = fitted.results_.get_drift([[fitted.results_.support.upper[0]]])
    assert np.isnan(tail.se).all()
    assert tail.reason


def test_rescaling_the_state_rescales_every_coefficient(long_path):
    x = long_path[:6000, None]
    one = KramersMoyalSDE().fit(x, dt=0.02).results_.coefficients
    hundred = KramersMoyalSDE().fit(100 * x, dt=0.02).results_.coefficients
    for column, power in (
        ("D1", 1), ("D1_se", 1), ("D2", 2), ("D2_se", 2), ("D3_se", 3), ("D4", 4), ("D4_se", 4),
        ("pawula", 0), ("pawula_se", 0),
    ):  # fmt: skip
        np.testing.assert_allclose(hundred[column], 100.0**power * one[column], rtol=1e-6)


def test_the_order_of_the_trajectories_does_not_matter(long_path):
    pieces = [part[:, None] for part in np.array_split(long_path[:3000], 7)]
    states = np.linspace(-1, 1, 9)[:, None]
    forward = KramersMoyalSDE().fit(pieces, dt=0.02).predict_drift(states)
    backward = KramersMoyalSDE().fit(pieces[::-1], dt=0.02).predict_drift(states)
    np.testing.assert_array_equal(forward, backward)


def test_weight_two_is_the_trajectory_twice(long_path):
    pieces = [part[:, None] for part in np.array_split(long_path[:3000], 7)]
    weight = np.ones(7)
    weight[2] = 2
    model = KramersMoyalSDE(bins=6)
    weighted = model.fit(pieces, dt=0.02, sample_weight=weight).results_.coefficients
    twice = model.fit([*pieces, pieces[2]], dt=0.02).results_.coefficients
    np.testing.assert_allclose(weighted.to_numpy(), twice.to_numpy(), rtol=1e-8)


@pytest.fixture(scope="module")
def plane():
    rng = np.random.default_rng(9)
    kappa = np.array([[1.0, -0.5], [0.7, 0.8]])
    sigma = np.array([[0.5, 0.0], [0.2, 0.4]])
    x = np.zeros((20_001, 2))
    for k in range(20_000):
        x[k + 1] = x[k] - kappa @ x[k] * 0.05 + sigma @ rng.standard_normal(2) * np.sqrt(0.05)
    return x, kappa, sigma @ sigma.T


def test_two_coordinates_are_binned_in_products(plane):
    x, kappa, a = plane
    model = KramersMoyalSDE(bins=[6, 7]).fit(x, dt=0.05)
    frame = model.results_.coefficients
    assert len(frame) == 42
    assert {"center_0", "center_1", "count", "D1_0", "D1_1_se", "D2_01", "D4_1"} <= set(frame)
    filled = frame[frame["count"] > 800]
    states = filled[["mean_state_0", "mean_state_1"]].to_numpy()
    drift = -states @ kappa.T
    np.testing.assert_allclose(filled["D1_0"], drift[:, 0], atol=4 * filled["D1_0_se"].max())
    np.testing.assert_allclose(filled["D1_1"], drift[:, 1], atol=4 * filled["D1_1_se"].max())
    np.testing.assert_allclose(filled["D2_01"], a[0, 1] / 2, atol=0.01)
    assert model.results_.get_drift(states[:2]).reason


def test_more_than_two_coordinates_use_kernel_averages():
    rng = np.random.default_rng(10)
    docs = []
    for _ in range(30):
        x = rng.normal(size=(1, 5))
        rows = [x]
        for _ in range(19):
            x = 0.7 * x + 0.5 * rng.normal(size=(1, 5))
            rows.append(x)
        docs.append(np.concatenate(rows))
    model = KramersMoyalSDE().fit(docs)
    assert np.isfinite(model.predict_drift(docs[0])).all()
    assert np.isfinite(model.score(docs))
    frame = model.results_.coefficients
    assert {"D1_4", "D2_04", "pawula_0"} <= set(frame)
    coarse = KramersMoyalSDE(method="bins", bins=2).fit(docs)
    assert len(coarse.results_.coefficients) == 32


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("rows", [9, 30])
def test_tiny_data_give_a_finite_process(rows, dim):
    x = np.random.default_rng(rows).normal(size=(rows, dim))
    model = KramersMoyalSDE().fit(x)
    assert np.isfinite(model.predict_drift(x)).all()
    assert np.isfinite(model.score(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": "many"}, "bins"),
        ({"bins": 0}, "bins"),
        ({"bins": [[1.0, 0.0], [0.0, 1.0]]}, "increasing"),
        ({"bins": [3, 4, 5]}, "2 coordinates"),
        ({"order": 7}, "order"),
        ({"order": 1}, "order"),
        ({"correction": "third"}, "correction"),
        ({"method": "trees"}, "method"),
        ({"min_count": 0}, "min_count"),
        ({"lags": (1, 1)}, "lags"),
        ({"lags": ()}, "lags"),
        ({"lags": (1, 2), "method": "kernel"}, "lags"),
    ],
)
def test_wrong_options_are_named(plane, options, message):
    with pytest.raises(InputError, match=message):
        KramersMoyalSDE(**options).fit(plane[0][:200], dt=0.05)


def test_too_many_product_bins_are_refused_before_allocation(plane):
    with pytest.raises(ResourceLimitError, match="kernel"):
        KramersMoyalSDE(bins=2000).fit(plane[0][:200], dt=0.05)


def test_errors_of_d2_in_the_outermost_bins_are_those_of_repeated_samples():
    well = DoubleWell(1.0, 1.0, 0.7)
    edges, found = np.linspace(-1.2, 1.2, 13), []
    paths = simulate(well, np.ones((120, 1)), dt=0.04, n_steps=5_000, n_substeps=8, random_state=3)
    for path in paths.arrays():
        frame = KramersMoyalSDE(bins=[edges]).fit(path, dt=0.04).results_.coefficients
        found.append(frame.loc[[0, 1, 10, 11], ["D2", "D2_se"]].to_numpy())
    estimates, errors = np.moveaxis(np.array(found), 2, 0)
    ratio = np.nanmean(errors, axis=0) / np.nanstd(estimates, axis=0)
    # without the noise of the correction .75 at the ends; the standard error of the mean is .05
    assert ratio[[0, 3]].mean() == pytest.approx(1.0, abs=0.13)
    assert ratio[[1, 2]].mean() == pytest.approx(1.0, abs=0.13)
