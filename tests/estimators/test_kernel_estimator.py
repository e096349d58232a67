"""KernelSDE on data with a known answer, and against statsmodels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from stochtext._shared.exceptions import DegenerateDataError, InputError, SampleSizeWarning
from stochtext.estimators.kernel import KernelSDE
from stochtext.results.storage import load
from stochtext.trajectories.panel import Trajectories


def double_well(n_steps, dt, *, seed, scale=1.0, sigma=0.7, n_paths=None, substeps=20):
    """Simulate dX = scale (X - X^3) dt + sigma dW by Euler with fine substeps."""
    rng = np.random.default_rng(seed)
    h = dt / substeps
    # Plain floats for one path: a loop of numpy scalars would take the file's whole time.
    x = rng.choice([-1.0, 1.0], n_paths) if n_paths else 1.0
    path = np.empty((n_steps + 1, n_paths or 1))
    path[0] = x
    for k in range(n_steps):
        noise = sigma * np.sqrt(h) * rng.standard_normal((substeps, n_paths or 1))
        for z in noise if n_paths else noise[:, 0].tolist():
            x = x + scale * (x - x**3) * h + z
        path[k + 1] = x
    return path.T if n_paths else path[:, 0]


def stationary_law(grid, sigma=0.7):
    """Return the normalised stationary density and its central 98 %."""
    weight = np.exp((grid**2 - grid**4 / 2) / sigma**2)
    weight /= weight.sum()
    mass = weight.cumsum()
    return weight, (mass > 0.01) & (mass < 0.99)


def relative_error(predicted, grid):
    """Return the root integrated squared error as a share of the drift's own norm."""
    weight, central = stationary_law(grid)
    truth, w = (grid - grid**3)[central], weight[central]
    return np.sqrt(np.sum(w * (predicted[central] - truth) ** 2) / np.sum(w * truth**2))


@pytest.fixture(scope="module")
def long_path():
    return double_well(50_000, 0.02, seed=1)


@pytest.fixture(scope="module")
def fitted(long_path):
    return KernelSDE().fit(long_path[:, None], dt=0.02)


def test_double_well_drift_is_recovered_within_a_quarter_of_its_norm(fitted):
    grid = np.linspace(-2, 2, 801)
    assert relative_error(fitted.predict_drift(grid[:, None])[:, 0], grid) <= 0.25


def test_drift_does_not_inflate_the_covariance_rate(fitted):
    inner = np.linspace(-1.3, 1.3, 20)[:, None]
    # sigma^2 = .49; one step of .02 changes it by up to |b'| dt = 8 %.
    np.testing.assert_allclose(fitted.predict_covariance(inner)[:, 0, 0], 0.49, rtol=0.12)


def test_outside_the_data_curves_are_nan_and_the_process_goes_on_linearly(fitted, long_path):
    far = np.array([[25.0], [-25.0]])
    assert np.isnan(fitted.results_.get_drift(far).estimate).all()
    slope, intercept = np.polyfit(long_path[:-1], np.diff(long_path) / 0.02, 1)
    expected = slope * far + intercept
    np.testing.assert_allclose(fitted.predict_drift(far), expected, rtol=1e-8)
    assert np.isfinite(fitted.score(np.array([[25.0], [24.0]]), dt=0.02))


def test_standard_errors_are_offered_inside_and_withheld_with_a_reason_at_the_edge(fitted):
    inside = fitted.results_.get_drift([[0.0], [1.0]])
    assert np.isfinite(inside.se).all()
    edge = fitted.results_.get_drift([[float(np.max(fitted.results_.support.upper))]])
    assert np.isnan(edge.se).all()
    assert "central 98 %" in edge.reason


def test_interval_is_centred_on_the_local_quadratic_fit_at_the_same_bandwidth(long_path):
    fitted = KernelSDE(correction=None).fit(long_path[:, None], dt=0.02)
    curve = fitted.results_.get_drift([[0.3]])
    middle = curve.conf_int()[0, 0].mean()
    x, y = long_path[:-1], np.diff(long_path) / 0.02
    u = x - 0.3
    root = np.exp(-0.25 * (u / fitted.bandwidth_[0]) ** 2)
    design = np.column_stack([np.ones_like(u), u, u**2])
    quadratic = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0][0]
    # 50,000 transitions are binned: a hundredth of the standard error.
    assert middle == pytest.approx(quadratic, abs=0.01 * curve.se[0, 0])


@pytest.mark.parametrize("dim", [1, 2])
def test_drift_equals_statsmodels_local_linear_regression(dim):
    from statsmodels.nonparametric.kernel_regression import KernelReg

    rng = np.random.default_rng(3)
    x = np.empty((401, dim))
    x[0] = 0
    for k in range(400):
        x[k + 1] = 0.9 * x[k] + 0.4 * rng.standard_normal(dim)
    model = KernelSDE(bandwidth=0.6, correction=None).fit(x, dt=0.5)
    states = rng.normal(size=(15, dim)) * x.std(axis=0) / 2
    for j in range(dim):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # statsmodels' own, about seeds
            theirs = KernelReg(
                np.diff(x[:, j]) / 0.5, x[:-1], "c" * dim, reg_type="ll", bw=model.bandwidth_
            )
        expected = theirs.fit(states)[0]
        np.testing.assert_allclose(model.predict_drift(states)[:, j], expected, atol=1e-10)


def test_rescaling_the_state_rescales_every_curve(long_path):
    x = long_path[:6000, None]
    one, hundred = KernelSDE().fit(x, dt=0.02), KernelSDE().fit(100 * x, dt=0.02)
    states = np.linspace(-1.2, 1.2, 7)[:, None]
    a, b = one.results_.get_drift(states), hundred.results_.get_drift(100 * states)
    # Sums in another unit round differently, nothing else.
    np.testing.assert_allclose(100 * one.bandwidth_, hundred.bandwidth_, rtol=1e-10)
    np.testing.assert_allclose(100 * a.estimate, b.estimate, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(100 * a.se, b.se, rtol=1e-6)
    np.testing.assert_allclose(
        1e4 * one.predict_covariance(states), hundred.predict_covariance(100 * states), rtol=1e-7
    )


def test_the_unit_of_time_does_not_change_the_bandwidth(long_path):
    x = long_path[:4000, None]
    hours, seconds = KernelSDE().fit(x, dt=0.02), KernelSDE().fit(x, dt=72.0)
    np.testing.assert_allclose(hours.bandwidth_, seconds.bandwidth_, rtol=1e-10)
    np.testing.assert_allclose(
        hours.predict_drift([[0.5]]), 3600 * seconds.predict_drift([[0.5]]), rtol=1e-8
    )


@pytest.fixture(scope="module")
def panel():
    paths = double_well(60, 0.1, seed=2, n_paths=12, substeps=5)
    return [path[: 40 + k, None] for k, path in enumerate(paths)]


def test_the_order_of_the_trajectories_does_not_matter(panel):
    forward, backward = KernelSDE().fit(panel, dt=0.1), KernelSDE().fit(panel[::-1], dt=0.1)
    states = np.linspace(-1, 1, 9)[:, None]
    np.testing.assert_array_equal(forward.predict_drift(states), backward.predict_drift(states))
    np.testing.assert_array_equal(
        forward.predict_covariance(states), backward.predict_covariance(states)
    )


def test_weight_two_is_the_trajectory_twice(panel):
    weight = np.ones(12)
    weight[3] = 2
    weighted = KernelSDE().fit(panel, dt=0.1, sample_weight=weight)
    twice = KernelSDE().fit([*panel, panel[3]], dt=0.1)
    states = np.linspace(-1, 1, 9)[:, None]
    np.testing.assert_allclose(weighted.bandwidth_, twice.bandwidth_, rtol=1e-12)
    np.testing.assert_allclose(
        weighted.predict_drift(states), twice.predict_drift(states), rtol=1e-8
    )
    np.testing.assert_allclose(
        weighted.predict_covariance(states), twice.predict_covariance(states), rtol=1e-8
    )


def test_irregular_steps_are_weighted_by_their_length():
    rng = np.random.default_rng(8)
    dt = rng.choice([0.01, 0.2], 4000)
    x = np.zeros(4001)
    for k in range(4000):
        decay = np.exp(-dt[k])
        x[k + 1] = decay * x[k] + np.sqrt((1 - decay**2) / 2) * rng.standard_normal()
    panel = Trajectories(x[:, None], times=np.concatenate([[0], dt.cumsum()]))
    model = KernelSDE(bandwidth=5.0, correction=None).fit(panel)
    slope = np.diff(model.predict_drift([[-0.5], [0.5]])[:, 0])[0]
    y = np.diff(x) / dt
    root = np.sqrt(dt)
    design = np.column_stack([np.ones(4000), x[:-1]])
    ols = np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0]
    # A very wide kernel is global least squares with weights dt.
    assert slope == pytest.approx(ols[1], abs=0.05)
    assert model.predict_covariance([[0.0]])[0, 0, 0] == pytest.approx(1.0, rel=0.1)


def test_two_coordinates_recover_a_linear_drift_and_three_say_why_there_is_no_error():
    rng = np.random.default_rng(5)
    kappa = np.array([[1.0, -0.5], [0.7, 0.8]])
    x = np.zeros((3001, 2))
    for k in range(3000):
        x[k + 1] = x[k] - kappa @ x[k] * 0.05 + np.sqrt(0.05) * rng.standard_normal(2)
    model = KernelSDE(bandwidth=1.5).fit(x, dt=0.05)
    states = rng.normal(size=(20, 2)) / 2
    error = model.predict_drift(states) + states @ kappa.T
    assert np.sqrt(np.mean(error**2)) < 0.25
    assert np.isfinite(model.results_.get_drift(states).se).all()
    third = np.column_stack([x, x[::-1, 0]])
    curve = KernelSDE(bandwidth=1.5).fit(third, dt=0.05).results_.get_drift(np.zeros((1, 3)))
    assert np.isnan(curve.se).all()
    assert "more than two coordinates" in curve.reason
    with pytest.raises(InputError, match="joint law"):
        curve.simultaneous_band()


def test_saved_results_keep_the_process_and_its_errors(fitted, tmp_path):
    fitted.results_.save(tmp_path / "kernel.stx")
    loaded = load(tmp_path / "kernel.stx")
    states = np.linspace(-3, 3, 25)[:, None]
    np.testing.assert_array_equal(loaded.process.drift(states), fitted.predict_drift(states))
    own, back = fitted.results_.get_drift(states), loaded.get_drift(states)
    np.testing.assert_allclose(back.se, own.se, rtol=1e-12)
    np.testing.assert_allclose(back.conf_int(), own.conf_int(), rtol=1e-12)


@pytest.mark.parametrize("dim", [1, 3, 10])
@pytest.mark.parametrize("rows", [5, 12, 30])
def test_tiny_data_give_a_finite_process_or_a_warning(rows, dim):
    x = np.random.default_rng(rows).normal(size=(rows, dim))
    if rows - 1 < 2 * (dim + 1):
        with pytest.warns(SampleSizeWarning, match="too few"):
            model = KernelSDE().fit(x)
    else:
        model = KernelSDE().fit(x)
    assert np.isfinite(model.predict_drift(x)).all()
    assert np.isfinite(model.score(x))


def test_two_transitions_are_refused_with_the_number_of_samples():
    with pytest.raises(InputError, match="n_samples=3"):
        KernelSDE().fit(np.array([[0.0], [1.0], [0.5]]))


def test_a_redundant_coordinate_is_refused(long_path):
    doubled = np.column_stack([long_path[:500], 2 * long_path[:500]])
    with pytest.raises(DegenerateDataError, match="no noise"):
        KernelSDE().fit(doubled, dt=0.02)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bandwidth": "wide"}, "bandwidth"),
        ({"bandwidth": -1.0}, "bandwidth"),
        ({"bandwidth": [0.1, 0.2]}, "coordinates"),
        ({"degree": 3}, "degree"),
        ({"kernel": "box"}, "kernel"),
        ({"extrapolation": "none"}, "extrapolation"),
        ({"cov_type": "hac"}, "cov_type"),
    ],
)
def test_wrong_options_are_named(long_path, options, message):
    with pytest.raises(InputError, match=message):
        KernelSDE(**options).fit(long_path[:200, None], dt=0.02)
