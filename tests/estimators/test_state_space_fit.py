"""Fits of noisy, gappy and grouped paths: what they find, and what the fitted model then does."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext.estimators.linear.state_space.boundary import no_effect_test, no_noise_test
from stochtext.estimators.linear.state_space.cones import squared_projections
from stochtext.estimators.linear.state_space.fit import fit_state_space
from stochtext.estimators.linear.state_space.result import StateSpaceFit
from stochtext.estimators.sample import states_on_clock, transition_sample
from stochtext.processes.linear.mean_basis import NaturalSpline, Polynomials
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.processes.linear.spline_ornstein_uhlenbeck import SplineOrnsteinUhlenbeck
from stochtext.processes.linear.trending_ornstein_uhlenbeck import TrendingOrnsteinUhlenbeck
from stochtext.trajectories.panel import Trajectories
from stochtext.transitions.state_space.model import StateSpaceModel

CONSTANT = Polynomials(0)


def drawn(
    model: StateSpaceModel, m: int = 20, n: int = 40, dt: float = 0.2, seed: int = 0
) -> Trajectories:
    """Return a panel from the model."""
    frame = Trajectories([np.zeros((n, model.process.dim))] * m, dt=dt)
    return model.simulate(frame, np.random.default_rng(seed))


def noisy_pair(initial: str = "stationary", effect: bool = False) -> StateSpaceModel:
    """Return a two-dimensional model."""
    process = OrnsteinUhlenbeck([[1.0, 0.4], [-0.2, 0.7]], [0.5, -1.0], [[1.0, 0.0], [0.4, 0.8]])
    own = np.array([[0.8, 0.2], [0.2, 0.5]]) if effect else None
    return StateSpaceModel(process, "time", np.diag([0.2, 0.1]), own, initial)


def errors_of(fit: StateSpaceFit) -> np.ndarray:
    """Return standard errors of the parameters inside their range."""
    return np.sqrt(np.diag(np.linalg.inv(fit.free_optimum.hessian)))


@pytest.mark.parametrize("initial", ["conditional", "stationary", "free"])
def test_fit_finds_the_parameters_that_made_the_data(initial: str) -> None:
    truth = noisy_pair()
    sample = transition_sample(drawn(truth, m=40))
    fit = fit_state_space(sample, basis=CONSTANT, observation_noise="diagonal", initial=initial)
    values = np.concatenate([truth.process.to_vector(), np.sqrt([0.2, 0.1])])
    assert fit.names[: len(values)] == (*truth.process.free_parameters, "noise[0]", "noise[1]")
    away = (fit.optimum.theta[: len(values)] - values) / errors_of(fit)[: len(values)]
    assert fit.optimum.converged
    assert np.abs(away).max() < 3.5
    np.testing.assert_allclose(fit.scores.sum(axis=0), 0.0, atol=1e-5)
    assert fit.innovations.std() == pytest.approx(1.0, abs=0.03)


def test_random_means_are_told_from_slow_motion() -> None:
    truth = noisy_pair(effect=True)
    sample = transition_sample(drawn(truth, m=60, n=30))
    fit = fit_state_space(
        sample, basis=CONSTANT, observation_noise="diagonal", mean_effect="random",
        initial="stationary",
    )  # fmt: skip
    shared = fit_state_space(
        sample, basis=CONSTANT, observation_noise="diagonal", initial="stationary"
    )
    slowest = [
        float(np.linalg.eigvals(f.process.params["kappa"]).real.min()) for f in (fit, shared)
    ]
    assert slowest[0] > 1.5 * slowest[1]
    np.testing.assert_allclose(fit.effect_covariance, truth.effect, atol=0.5)
    test = no_effect_test(sample, fit, random_state=0)
    assert test.statistic == pytest.approx(2 * (fit.llf - shared.llf), rel=1e-9)
    assert test.pvalue < 0.01


def test_without_noise_it_is_the_ordinary_exact_fit() -> None:
    process = OrnsteinUhlenbeck(1.0, 0.5, 0.8)
    panel = drawn(StateSpaceModel(process, "time", np.zeros((1, 1)), None, "stationary"))
    fit = fit_state_space(transition_sample(panel), basis=CONSTANT)
    steps = panel.transitions()
    assert fit.llf == pytest.approx(
        fit.process.transition_log_density(steps.x, steps.x_next, steps.dt).sum(), rel=1e-12
    )
    # The estimate is the regression of each state on the one before.
    slope = np.polyfit(steps.x[:, 0], steps.x_next[:, 0], 1)[0]
    assert fit.process.params["kappa"] == pytest.approx(-np.log(slope) / 0.2, rel=1e-7)


@pytest.mark.parametrize("basis", [Polynomials(1), NaturalSpline((0.0, 0.4, 1.0))])
def test_moving_mean_of_noisy_paths(basis: Polynomials | NaturalSpline) -> None:
    rows = np.array([[0.0], [2.0], [1.0]])[: basis.size]
    if isinstance(basis, NaturalSpline):
        process = SplineOrnsteinUhlenbeck(2.0, rows, 0.7, knots=basis.knots)
    else:
        process = TrendingOrnsteinUhlenbeck(2.0, rows, 0.7)
    truth = StateSpaceModel(process, "relative", np.array([[0.04]]), None, "stationary")
    panel = drawn(truth, m=30)
    fit = fit_state_space(
        transition_sample(panel, clock="relative"), basis=basis, observation_noise="diagonal"
    )
    values = np.append(process.to_vector(), 0.2)
    assert np.abs((fit.optimum.theta - values) / errors_of(fit)).max() < 3.5
    assert type(fit.process) is type(process)


def test_gaps_cost_only_what_is_missing() -> None:
    truth = noisy_pair()
    panel = drawn(truth, m=40)
    values = panel.values.copy()
    rng = np.random.default_rng(1)
    values[rng.random(values.shape) < 0.15] = np.nan
    gappy = Trajectories(np.split(values, panel.offsets[1:-1]), dt=0.2, missing="keep")
    fits = [
        fit_state_space(
            transition_sample(p), basis=CONSTANT, observation_noise="diagonal",
            initial="stationary",
        )
        for p in (panel, gappy)
    ]  # fmt: skip
    errors = [errors_of(fit) for fit in fits]
    assert np.all(errors[1] < 1.5 * errors[0])
    assert np.abs((fits[1].optimum.theta - fits[0].optimum.theta) / errors[1]).max() < 2.0
    gaps = np.isnan(values[np.setdiff1d(np.arange(len(values)), panel.offsets[:-1])])
    np.testing.assert_array_equal(np.isnan(fits[1].innovations), gaps)
    assert fits[1].n_observed == int(np.isfinite(values).sum())
    assert any("missing" in note for note in fits[1].notes)


@pytest.mark.parametrize("initial", ["conditional", "stationary", "unweighed"])
def test_densities_add_up_and_predictions_are_those_of_the_filter(initial: str) -> None:
    model = noisy_pair(initial, effect=initial == "unweighed")
    panel = drawn(noisy_pair(), m=5, n=12)
    density, resid = model.log_density(panel), model.residuals(panel)
    predicted = model.predict(panel)
    steps = panel.transitions()
    starts = np.setdiff1d(np.arange(len(panel.values)), panel.offsets[1:] - 1)
    error = steps.x_next - predicted[starts]
    # The first component of the whitened error is the error over its own spread.
    ratio = error[:, 0] / resid[:, 0]
    assert np.all(ratio > 0)
    assert len(density) == panel.n_transitions
    # What comes later does not enter a prediction.
    changed = panel.values.copy()
    changed[panel.offsets[1:] - 1] += 7.0
    again = model.predict(panel.with_values(changed))
    last = panel.offsets[1:] - 1
    keep = np.setdiff1d(np.arange(len(panel.values)), last)
    np.testing.assert_array_equal(again[keep], predicted[keep])
    assert np.all(np.abs(again[last] - predicted[last]).max(axis=1) > 0.1)


def test_smoother_is_the_conditional_expectation_of_one_gaussian_vector() -> None:
    process = OrnsteinUhlenbeck(1.3, 0.4, 0.9)
    model = StateSpaceModel(process, "time", np.array([[0.3]]), np.array([[0.5]]), "stationary")
    times = np.array([0.0, 0.3, 0.9, 1.0])
    y = np.array([0.1, 1.2, np.nan, -0.4])
    panel = Trajectories(y, times, missing="keep")
    mean, covariance = model.smooth(panel)
    prior = 0.5 + 0.81 / 2.6 * np.exp(-1.3 * np.abs(np.subtract.outer(times, times)))
    seen = np.isfinite(y)
    gain = prior[:, seen] @ np.linalg.inv(prior[np.ix_(seen, seen)] + 0.3 * np.eye(3))
    np.testing.assert_allclose(mean[:, 0], 0.4 + gain @ (y[seen] - 0.4), rtol=1e-10)
    expected = np.diag(prior - gain @ prior[seen])
    np.testing.assert_allclose(covariance[:, 0, 0], expected, rtol=1e-10)


def test_draws_have_the_law_of_the_model() -> None:
    model = noisy_pair(effect=True)
    panel = drawn(model, m=4000, n=3, dt=0.5)
    x = panel.to_array()
    stationary = model.process.stationary_covariance() + model.effect
    # Four standard errors of a covariance of 4000 draws.
    np.testing.assert_allclose(np.cov(x[:, 2].T), stationary + model.noise, atol=0.17)
    lagged = model.process.autocovariance(0.5)[0] + model.effect
    np.testing.assert_allclose(np.cov(x[:, 1].T, x[:, 0].T)[:2, 2:], lagged, atol=0.17)


def test_model_survives_storage() -> None:
    model = noisy_pair("unweighed", effect=True)
    panel = drawn(noisy_pair(), m=3, n=6)
    again = StateSpaceModel.from_dict(*model.to_dict())
    np.testing.assert_array_equal(again.log_density(panel), model.log_density(panel))


def test_given_noise_is_not_estimated() -> None:
    truth = noisy_pair()
    sample = transition_sample(drawn(truth))
    fit = fit_state_space(sample, basis=CONSTANT, observation_noise=[0.2, 0.1])
    np.testing.assert_array_equal(fit.noise_covariance, np.diag([0.2, 0.1]))
    assert fit.names == fit.process.free_parameters


def test_noise_that_is_not_there_is_found_to_be_zero_or_insignificant() -> None:
    process = OrnsteinUhlenbeck(1.0, 0.5, 0.8)
    model = StateSpaceModel(process, "time", np.zeros((1, 1)), None, "stationary")
    found = []
    for seed in range(6):
        sample = transition_sample(drawn(model, seed=seed))
        fit = fit_state_space(sample, basis=CONSTANT, observation_noise="diagonal")
        test = no_noise_test(sample, fit)
        if fit.on_bound:
            assert fit.on_bound == ("noise",)
            assert fit.noise_covariance[0, 0] == 0.0
            assert test.pvalue == 1.0
        else:
            assert test.pvalue == pytest.approx(0.5 * chi2.sf(test.statistic, 1))
        found.append(bool(fit.on_bound))
    assert any(found)
    assert not all(found)


def test_bootstrap_of_the_noise_test_counts_itself() -> None:
    process = OrnsteinUhlenbeck(1.0, 0.5, 0.8)
    model = StateSpaceModel(process, "time", np.array([[0.1]]), None, "stationary")
    sample = transition_sample(drawn(model, m=8, n=15))
    fit = fit_state_space(sample, basis=CONSTANT, observation_noise="diagonal")
    test = no_noise_test(sample, fit, n_boot=9, random_state=1)
    assert test.pvalue * 10 == pytest.approx(round(test.pvalue * 10))
    assert "9" in test.reference


def test_projection_onto_cones_of_independent_variances() -> None:
    rng = np.random.default_rng(0)
    drawn_values = squared_projections(np.diag([2.0, 5.0]), 2, full=False, n=5000, rng=rng)
    for x in (0.5, 2.0, 5.0):
        expected = 0.5 * chi2.sf(x, 1) + 0.25 * chi2.sf(x, 2)
        assert np.mean(drawn_values > x) == pytest.approx(expected, abs=0.02)


def test_projection_onto_the_cone_of_covariances() -> None:
    # With the Frobenius norm the squared projection is the sum of squared positive eigenvalues.
    rng = np.random.default_rng(0)
    found = squared_projections(np.diag([1.0, 2.0, 1.0]), 2, full=True, n=5000, rng=rng)
    z = np.random.default_rng(1).standard_normal((50000, 3)) / np.sqrt([1.0, 2.0, 1.0])
    matrices = z[:, [[0, 1], [1, 2]]]
    direct = np.sum(np.maximum(np.linalg.eigvalsh(matrices), 0.0) ** 2, axis=1)
    for level in (0.5, 0.9, 0.95):
        assert np.quantile(found, level) == pytest.approx(np.quantile(direct, level), rel=0.06)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"observation_noise": -1.0}, InputError, "negative"),
        ({"observation_noise": [0.1, 0.2, 0.3]}, InputError, "2 variances"),
        ({"observation_noise": "some"}, InputError, "observation_noise"),
        ({"mean_effect": "fixed"}, InputError, "mean_effect"),
        ({"initial": "zero"}, InputError, "initial"),
    ],
)
def test_bad_options_are_named(options: dict, error: type, message: str) -> None:
    sample = transition_sample(drawn(noisy_pair(), m=6, n=10))
    with pytest.raises(error, match=message):
        fit_state_space(sample, basis=CONSTANT, **options)


def test_too_few_or_equal_trajectories_are_refused() -> None:
    panel = drawn(noisy_pair(), m=3, n=10)
    with pytest.raises(InputError, match="at least 4"):
        fit_state_space(transition_sample(panel), basis=CONSTANT, mean_effect="random")
    alike = np.tile(panel.values[:10], (6, 1)).reshape(6, 10, 2)
    with pytest.raises(DegenerateDataError, match="differ"):
        fit_state_space(transition_sample(Trajectories(alike)), basis=CONSTANT, initial="free")


def test_a_trajectory_without_a_complete_row_needs_a_law_of_its_first_state() -> None:
    panel = drawn(noisy_pair(), m=4, n=10)
    values = panel.values.copy()
    values[:10, 1] = np.nan
    gappy = Trajectories(np.split(values, 4), missing="keep")
    with pytest.raises(InputError, match="Trajectory 0"):
        fit_state_space(transition_sample(gappy), basis=CONSTANT)
    empty = values.copy()
    empty[:, 1] = np.nan
    gone = Trajectories(np.split(empty, 4), missing="keep")
    with pytest.raises(InputError, match="x1"):
        fit_state_space(transition_sample(gone), basis=CONSTANT, initial="stationary")


@pytest.mark.parametrize("knots", [None, (0.0, 0.35, 1.0)])
def test_without_noise_predictions_are_those_of_the_process(knots: tuple | None) -> None:
    rows = np.array([[0.0, 1.0], [2.0, -1.0], [0.5, 0.0]])
    kappa, sigma = np.array([[1.0, 0.4], [-0.2, 0.7]]), 0.5 * np.eye(2)
    if knots is None:
        process = TrendingOrnsteinUhlenbeck(kappa, rows, sigma)
    else:
        process = SplineOrnsteinUhlenbeck(kappa, rows, sigma, knots=knots)
    model = StateSpaceModel(process, "relative", np.zeros((2, 2)), None, "stationary")
    times = [np.array([0.0, 0.3, 1.0, 1.2]), np.array([0.0, 2.0, 5.0])]
    rng = np.random.default_rng(2)
    panel = Trajectories([rng.standard_normal((len(t), 2)) for t in times], times)
    x, t, dt, clock_dt = states_on_clock(panel, "relative")
    expected = process.conditional_mean(x, dt, t, clock_dt)
    np.testing.assert_allclose(model.predict(panel), expected, rtol=1e-11, atol=1e-12)
    steps = panel.transitions("relative")
    density = process.transition_log_density(
        steps.x, steps.x_next, steps.dt, steps.t, steps.clock_dt
    )
    np.testing.assert_allclose(model.log_density(panel), density, rtol=1e-10)
