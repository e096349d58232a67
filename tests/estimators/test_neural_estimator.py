from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

import stochtext as st
from stochtext._shared.exceptions import DegenerateDataError, InputError, SampleSizeWarning
from stochtext.estimators.neural.estimator import NeuralSDE
from stochtext.estimators.neural.training import stages
from stochtext.trajectories.panel import Trajectories


def euler_paths(drift, factor, x0, dts, rng, substeps=20):
    """Simulate with small Euler steps; ``factor(x)`` is (n, d, d). Returns (n, T, d)."""
    x = np.array(x0, dtype=float)
    states = [x]
    for dt in dts:
        for _ in range(substeps):
            shock = rng.standard_normal(x.shape) * np.sqrt(dt / substeps)
            x = x + drift(x) * dt / substeps + np.einsum("nij,nj->ni", factor(x), shock)
        states.append(x)
    return np.stack(states, axis=1)


def scalar(sigma):
    return lambda x: np.broadcast_to(sigma(x)[..., None], (*x.shape, 1))


def relative_error(estimate, truth, weight=1.0):
    return np.sqrt((weight * (estimate - truth) ** 2).sum() / (weight * truth**2).sum())


def double_well(x):
    return x - x**3


@pytest.fixture(scope="module")
def wells():
    rng = np.random.default_rng(11)
    start = rng.choice([-1.0, 1.0], (25, 1))
    paths = euler_paths(double_well, scalar(lambda x: 0.7 + 0 * x), start, [0.1] * 200, rng, 20)
    panel = Trajectories(list(paths), dt=0.1)
    return panel, NeuralSDE((10,), (6,), n_starts=2, random_state=3).fit(panel)


@pytest.fixture(scope="module")
def linear_panel():
    rng = np.random.default_rng(12)
    paths = euler_paths(
        lambda x: -x, scalar(lambda x: 0.7 + 0 * x), rng.standard_normal((25, 1)), [0.1] * 40, rng
    )
    return Trajectories(list(paths), dt=0.1)


def test_double_well_drift_is_recovered_from_5000_coarse_transitions(wells):
    _, model = wells
    grid = np.linspace(-2.2, 2.2, 2001)
    density = np.exp(2 / 0.49 * (grid**2 / 2 - grid**4 / 4))
    cumulated = np.cumsum(density) / density.sum()
    central = (cumulated > 0.01) & (cumulated < 0.99)
    grid, density = grid[central], density[central]
    drift = model.predict_drift(grid[:, None])[:, 0]
    assert model.drift_ == "network"
    assert relative_error(drift, double_well(grid), density) <= 0.25
    covariance = model.predict_covariance(grid[:, None])[:, 0, 0]
    # over dt = .1 Euler's covariance rate is 10 % too small
    assert relative_error(covariance, np.full_like(grid, 0.49), density) <= 0.04


def test_summary_and_attributes_say_what_was_chosen_and_why(wells):
    panel, model = wells
    text = str(model.results_.summary())
    assert "held-out gain" in text
    assert "Covariance rate: constant; the network added nothing, p =" in text
    assert f"{model.n_starts_kept_} of 2" in text
    assert list(model.gains_.columns) == ["block", "gain", "se", "pvalue", "kept"]
    assert np.isfinite(model.history_.to_numpy()).all()
    assert model.results_.llf / panel.n_transitions == pytest.approx(model.score(panel))


def test_process_is_linear_outside_the_support(wells):
    panel, model = wells
    far = np.array([[4.0], [5.0], [6.0]])
    drift = model.predict_drift(far)[:, 0]
    assert drift[1] - drift[0] == pytest.approx(drift[2] - drift[1])
    following = np.concatenate([x[1:, 0] for x in panel.arrays()])
    states = np.concatenate([x[:-1, 0] for x in panel.arrays()])
    slope, intercept = np.polyfit(states, following, 1)
    rate = -np.log(slope) / 0.1
    np.testing.assert_allclose(drift, rate * (intercept / (1 - slope) - far[:, 0]), rtol=1e-3)


def test_saved_results_load_and_predict_without_torch(wells, tmp_path):
    _, model = wells
    path = tmp_path / "fit.stx"
    model.results_.save(path)
    code = (
        "import sys, stochtext as st\n"
        f"results = st.load({str(path)!r})\n"
        "print(repr(float(results.process.drift([[0.3]])[0, 0])), 'torch' in sys.modules)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    value, torch_loaded = out.stdout.split()
    assert float(value) == model.process_.drift([[0.3]])[0, 0]
    assert torch_loaded == "False"


def test_pickled_estimator_predicts_the_same(wells):
    _, model = wells
    again = pickle.loads(pickle.dumps(model))
    x = np.linspace(-1, 1, 5)[:, None]
    np.testing.assert_array_equal(again.predict_drift(x), model.predict_drift(x))


def test_linear_data_leave_the_linear_model(linear_panel):
    model = NeuralSDE((6,), (4,), n_starts=1, random_state=0).fit(linear_panel)
    states = np.concatenate([x[:-1] for x in linear_panel.arrays()])
    following = np.concatenate([x[1:, 0] for x in linear_panel.arrays()])
    slope, intercept = np.polyfit(states[:, 0], following, 1)
    rate = -np.log(slope) / 0.1
    assert (model.drift_, model.covariance_) == ("linear", "constant")
    linear = rate * (intercept / (1 - slope) - states)
    np.testing.assert_allclose(model.predict_drift(states), linear, rtol=1e-3, atol=1e-3)
    text = str(model.results_.summary())
    assert "Drift: linear; the network added nothing, p =" in text
    assert model.results_.df_model == pytest.approx(3.0)


def test_multiplicative_noise_is_found():
    rng = np.random.default_rng(5)
    start = rng.standard_normal((40, 1)) * 0.3
    paths = euler_paths(
        lambda x: -x, scalar(lambda x: np.sqrt(0.2 + 0.6 * x**2)), start, [0.02] * 150, rng, 10
    )
    model = NeuralSDE((6,), (8,), n_starts=1, random_state=1)
    model.fit(Trajectories(list(paths), dt=0.02))
    grid = np.quantile(paths, np.linspace(0.02, 0.98, 40))[:, None]
    truth = 0.2 + 0.6 * grid[:, 0] ** 2
    assert model.covariance_ == "network"
    # a constant is wrong by about .3; sampling error of 6000 squares in few cells about .05
    assert relative_error(model.predict_covariance(grid)[:, 0, 0], truth) <= 0.12


def test_two_dimensional_state_dependent_correlation_is_found():
    rng = np.random.default_rng(6)

    def factor(x):
        result = np.zeros((len(x), 2, 2))
        result[:, 0, 0] = 0.5
        result[:, 1, 0] = 0.4 * np.tanh(2 * x[:, 0])
        result[:, 1, 1] = 0.3
        return result

    start = rng.standard_normal((40, 2)) * 0.3
    paths = euler_paths(lambda x: -x, factor, start, [0.05] * 150, rng, 5)
    model = NeuralSDE((4,), (6,), n_starts=1, random_state=1)
    model.fit(Trajectories(list(paths), dt=0.05))
    x = paths[:, ::10].reshape(-1, 2)
    truth = factor(x) @ factor(x).transpose(0, 2, 1)
    estimate = model.predict_covariance(x)
    assert model.covariance_ == "network"
    assert relative_error(estimate, truth) <= 0.15
    assert np.corrcoef(estimate[:, 1, 0], truth[:, 1, 0])[0, 1] > 0.95
    assert np.all(np.linalg.eigvalsh(estimate) > 0)


def test_every_step_counts_with_its_own_length():
    rng = np.random.default_rng(7)
    dts = rng.choice([0.02, 0.08], 250)
    start = rng.choice([-1.0, 1.0, 0.1], (60, 1))
    paths = euler_paths(double_well, scalar(lambda x: 0.5 + 0 * x), start, dts, rng, 8)
    times = np.concatenate([[0.0], np.cumsum(dts)])
    panel = Trajectories(list(paths), times=[times] * 60)
    model = NeuralSDE((8,), diffusion="constant", n_starts=2, random_state=0).fit(panel)
    grid = np.linspace(-1.2, 1.2, 41)[:, None]
    assert model.drift_ == "network"
    assert relative_error(model.predict_drift(grid), double_well(grid)) <= 0.35
    assert model.predict_covariance([[0.0]])[0, 0, 0] == pytest.approx(0.25, rel=0.04)


@pytest.mark.parametrize("clock", ["relative", "time"])
def test_drift_that_depends_on_the_position_is_found(clock):
    rng = np.random.default_rng(8)
    u = np.linspace(0, 1, 26)[:-1]
    x = np.zeros((80, 1))
    states = [x[:, 0]]
    for k in u:
        target = np.cos(2 * np.pi * k)
        x = x + 0.3 * (target - x) + 0.3 * rng.standard_normal(x.shape)
        states.append(x[:, 0])
    panel = Trajectories(list(np.stack(states, axis=1)))
    options = {"hidden": (8,), "diffusion": "constant", "n_starts": 2, "random_state": 0}
    plain = NeuralSDE(**options).fit(panel)
    timed = NeuralSDE(time=clock, **options).fit(panel)
    assert timed.process_.clock == clock
    assert timed.score(panel) > plain.score(panel) + 0.1
    t = u * (1 if clock == "relative" else 25)
    drift = timed.predict_drift(np.full((25, 1), 0.1), t)[:, 0]
    # x' = .7 x + .3 target is a relaxation at the rate -log(.7)
    assert relative_error(drift, -np.log(0.7) * (np.cos(2 * np.pi * u) - 0.1)) <= 0.25


def test_same_seed_gives_the_same_fit_and_touches_no_global_generator(linear_panel):
    before = torch.random.get_rng_state()
    one, two = (
        NeuralSDE((4,), (4,), n_starts=1, extrapolation="network", random_state=4).fit(linear_panel)
        for _ in range(2)
    )
    x = np.linspace(-2, 2, 9)[:, None]
    np.testing.assert_array_equal(one.predict_drift(x), two.predict_drift(x))
    assert one.gains_.equals(two.gains_)
    assert torch.equal(before, torch.random.get_rng_state())


def test_weight_two_is_the_trajectory_twice():
    rng = np.random.default_rng(9)
    start = rng.choice([-1.0, 1.0], (30, 1))
    paths = euler_paths(double_well, scalar(lambda x: 0.5 + 0 * x), start, [0.1] * 60, rng, 3)
    weight = np.ones(30)
    weight[[3, 8]] = 2
    options = {"hidden": (4,), "diffusion": "constant", "n_starts": 2, "random_state": 0}
    weighted = NeuralSDE(**options).fit(Trajectories(list(paths)), sample_weight=weight)
    twice = NeuralSDE(**options).fit(Trajectories([*paths, paths[3], paths[8]]))
    # not to rounding: bends of the first layer are drawn from the rows
    x = np.linspace(-1.2, 1.2, 9)[:, None]
    np.testing.assert_allclose(weighted.predict_drift(x), twice.predict_drift(x), atol=0.05)


def test_too_few_transitions_leave_the_linear_model_and_say_so(rng):
    x = rng.standard_normal((40, 2))
    with pytest.warns(SampleSizeWarning, match="too few for networks"):
        model = NeuralSDE().fit(x)
    assert (model.drift_, model.covariance_, len(model.gains_)) == ("linear", "constant", 0)
    assert "too few for networks" in str(model.results_.summary())


@pytest.mark.parametrize(("rows", "columns"), [(2, 1), (2, 10), (5, 3), (30, 10)])
def test_tiny_samples_are_fitted_with_a_positive_definite_covariance(rng, rows, columns):
    x = rng.standard_normal((rows, columns))
    with pytest.warns(SampleSizeWarning):
        model = NeuralSDE().fit(x)
    assert np.isfinite(model.predict_drift(x)).all()
    assert np.all(np.linalg.eigvalsh(model.predict_covariance(x)) > 0)


def test_constant_column_and_noiseless_motion_are_refused(rng):
    still = np.column_stack([np.cumsum(rng.standard_normal(300)), np.full(300, 2.0)])
    with pytest.raises(DegenerateDataError, match="never changes"):
        NeuralSDE().fit(still)
    doubled = np.column_stack([still[:, 0], 2 * still[:, 0] + 1])
    with pytest.raises(DegenerateDataError, match="no noise in some direction"):
        NeuralSDE().fit(doubled)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"diffusion": "diag"}, "`diffusion` must be one of"),
        ({"time": "u"}, "`time` must be one of"),
        ({"transition": "exact"}, "`transition` must be one of"),
        ({"optimizer": "sgd"}, "`optimizer` must be one of"),
        ({"substeps": 0}, "`substeps` must be"),
        ({"extrapolation": "none"}, "`extrapolation` must be one of"),
        ({"cov_type": "robust"}, "`cov_type` must be one of"),
        ({"ridge": "big"}, "`ridge` must be one of"),
        ({"n_starts": 0}, "`n_starts` must be an integer"),
        ({"hidden": ()}, "`hidden` needs at least one"),
        ({"hidden": (8, -1)}, "`hidden` must be an integer"),
        ({"ridge": -1.0}, "`ridge` must be"),
        ({"validation_fraction": 0.9}, "at most 0.5"),
    ],
)
def test_wrong_options_are_named(linear_panel, options, message):
    with pytest.raises(InputError, match=message):
        NeuralSDE(**options).fit(linear_panel)


def test_interrupted_fit_leaves_the_estimator_unfitted(linear_panel, monkeypatch):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "train", interrupt)
    model = NeuralSDE(random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(linear_panel)
    assert not [name for name in vars(model) if name in ("process_", "results_", "drift_")]


@pytest.mark.parametrize("diffusion", ["full", "constant-correlation", "diagonal", "constant"])
def test_form_of_the_covariance_rate_is_respected(rng, diffusion):
    x = euler_paths(
        lambda x: -x,
        lambda x: (0.3 + 0.6 * np.tanh(2 * x[:, :1, None]) ** 2) * [[1.0, 0.0], [0.6, 0.8]],
        rng.standard_normal((25, 2)) * 0.3, [0.1] * 60, rng, 2,
    )  # fmt: skip
    model = NeuralSDE((4,), (6,), diffusion=diffusion, n_starts=1, random_state=0)
    model.fit(Trajectories(list(x), dt=0.1))
    a = model.predict_covariance(x[:, 10])
    correlation = a[:, 1, 0] / np.sqrt(a[:, 0, 0] * a[:, 1, 1])
    varies = np.ptp(a[:, 0, 0]) > 0.05
    assert varies == (diffusion != "constant")
    if diffusion == "diagonal":
        assert np.abs(correlation).max() == 0
    else:
        assert np.abs(correlation - 0.6).max() < 0.35


def test_public_face_has_the_estimator():
    assert st.NeuralSDE is NeuralSDE
