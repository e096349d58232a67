from __future__ import annotations

import numpy as np
import pytest

from stochtext.estimators.neural.networks.architecture import Architecture, initial_parameters
from stochtext.estimators.neural.networks.members import (
    covariance,
    covariance_jacobian,
    drift,
    drift_jacobian,
    penalty,
)
from stochtext.estimators.neural.networks.preparation import linear_model, scale_transitions
from stochtext.estimators.neural.networks.stiffness import needed_substeps, stiffness
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.sample import transition_sample
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.trajectories.panel import Trajectories
from stochtext.transitions import transition_density

CASES = [
    (1, "full", (4,), (3,), False),
    (2, "full", (4, 3), (3,), True),
    (2, "full", (4,), None, False),
    (3, "constant-correlation", (4,), (3,), True),
    (3, "diagonal", None, (3, 2), False),
]
SHAPES = pytest.mark.parametrize(("dim", "form", "hidden", "covariance_hidden", "clock"), CASES)


def problem(rng, dim, form, hidden, covariance_hidden, clock, *, transition="cubature"):
    times = [np.cumsum(rng.uniform(0.05, 0.2, 6)) for _ in range(5)]
    values = [np.cumsum(0.3 * rng.standard_normal((6, dim)), axis=0) for _ in range(5)]
    sample = transition_sample(Trajectories(values, times=times), clock="relative")
    data, scaling = scale_transitions(sample, with_clock=clock)
    architecture = Architecture(data.inputs.shape[1], dim, hidden, covariance_hidden, form)
    closed = linear_model(data, diagonal=form == "diagonal")
    start = initial_parameters(architecture, [closed] * 2, data.inputs, rng)
    start += 0.2 * rng.standard_normal(start.shape)
    substeps = rng.integers(1, 4, sample.n) if transition == "cubature" else np.ones(sample.n, int)
    return sample, scaling, Engine(architecture, data, scaling, substeps, transition), start


def process_of(engine, theta, scaling):
    units = {k: getattr(scaling, k) for k in ("centre", "spread", "drift_unit", "noise_unit")}
    arrays = engine.architecture.unpack(theta[None])
    return NetworkProcess({**arrays, **units}, form=engine.architecture.form, clock="relative")


@SHAPES
@pytest.mark.parametrize("transition", ["cubature", "euler"])
def test_losses_are_those_of_the_transition_density_of_the_process(
    rng, dim, form, hidden, covariance_hidden, clock, transition
):
    sample, scaling, engine, start = problem(
        rng, dim, form, hidden, covariance_hidden, clock, transition=transition
    )
    losses = engine.losses(start)
    for theta, own in zip(start, losses, strict=True):
        process = process_of(engine, theta, scaling)
        for k, count in enumerate(engine.substeps):
            options = {"n_substeps": int(count)} if transition == "cubature" else {}
            expected = transition_density(transition, **options).log_density(
                process, sample.x[[k]], sample.x_next[[k]], sample.t[[k]], sample.dt[[k]],
                clock_dt=sample.clock_dt[[k]],
            )  # fmt: skip
            assert engine.data.log_jacobian - own[k] == pytest.approx(expected[0], rel=1e-8)


@SHAPES
def test_gradient_and_scores_agree_with_central_differences(
    rng, dim, form, hidden, covariance_hidden, clock
):
    _, _, engine, start = problem(rng, dim, form, hidden, covariance_hidden, clock)
    weight = rng.uniform(0.2, 1.0, (2, len(engine.substeps)))
    weight[0, 3] = 0.0
    value, gradient = engine.value_and_gradient(start, weight)
    np.testing.assert_allclose(value, (weight * engine.losses(start)).sum(axis=1))
    width, numeric = 1e-6, np.empty_like(gradient)
    for k in range(start.shape[1]):
        ahead, behind = start.copy(), start.copy()
        ahead[:, k] += width
        behind[:, k] -= width
        gap = engine.losses(ahead) - engine.losses(behind)
        numeric[:, k] = (weight * gap).sum(axis=1) / (2 * width)
    np.testing.assert_allclose(gradient, numeric, rtol=1e-4, atol=1e-5)
    scores = engine.scores(start[1])
    np.testing.assert_allclose(-(weight[1] @ scores), gradient[1], rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_fisher_information_is_the_mean_product_of_scores_of_simulated_steps(rng, dim):
    sample, scaling, engine, start = problem(rng, dim, "full", (3,), (2,), False)
    theta = 0.5 * start[0]
    process = process_of(engine, theta, scaling)
    mean = np.empty_like(sample.x)
    moment = np.empty((sample.n, dim, dim))
    for k, count in enumerate(engine.substeps):
        density = transition_density("cubature", n_substeps=int(count))
        m, v = density.moments(process, sample.x[[k]], sample.t[[k]], sample.dt[[k]], 0.1)
        mean[k], moment[k] = m[0], v[0]
    factor = np.linalg.cholesky(moment)
    direction = rng.standard_normal(len(theta))
    total = 0.0
    for _ in range(400):
        shock = np.einsum("nij,nj->ni", factor, rng.standard_normal(mean.shape))
        engine.data.following[:] = (mean + shock - scaling.centre[:dim]) / scaling.spread[:dim]
        drawn = Engine(engine.architecture, engine.data, scaling, engine.substeps)
        total += ((drawn.scores(theta) @ direction) ** 2).sum() / 400
    weight = np.ones(sample.n)
    # above two dimensions the information is itself drawn: average some draws
    draws = [engine.fisher(theta, weight, rng=rng) for _ in range(1 if dim <= 2 else 40)]
    expected = direction @ np.mean(draws, axis=0) @ direction
    assert total == pytest.approx(expected, rel=0.15)


def test_row_without_a_density_has_an_infinite_loss_and_spoils_only_sums_it_is_in(rng):
    _, _, engine, start = problem(rng, 1, "full", (4,), None, False)
    start[0, engine.architecture.slices()["covariance.log_scale"]] = 800.0
    losses = engine.losses(start)
    assert np.isinf(losses[0]).all()
    assert np.isfinite(losses[1]).all()
    weight = np.ones(losses.shape)
    value, _ = engine.value_and_gradient(start, weight)
    assert np.isinf(value[0])
    assert np.isfinite(value[1])


@SHAPES
def test_parameter_jacobians_agree_with_central_differences(
    rng, dim, form, hidden, covariance_hidden, clock
):
    _, _, engine, start = problem(rng, dim, form, hidden, covariance_hidden, clock)
    a, theta, z = engine.architecture, start[0], engine.data.inputs[:5]
    drifts, rates = drift_jacobian(a, theta, z), covariance_jacobian(a, theta, z)
    for k in range(len(theta)):
        move = np.zeros_like(theta)
        move[k] = 1e-6
        one = (drift(a, theta + move, z) - drift(a, theta - move, z)) / 2e-6
        two = (covariance(a, theta + move, z) - covariance(a, theta - move, z)) / 2e-6
        np.testing.assert_allclose(drifts[..., k], one, rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(rates[..., k], two, rtol=1e-4, atol=1e-6)


def test_every_weight_of_the_networks_and_nothing_else_is_penalised():
    a = Architecture(3, 2, (4, 3), (2,), "full")
    names = [name for name, _ in a.groups()]
    layers = {"drift": range(3), "covariance": range(2)}
    assert names == [f"{room}.layer{k}" for room, count in layers.items() for k in count]
    precision = penalty(a, np.arange(1.0, 6.0))
    for name, part in a.slices().items():
        expected = names.index(name.rsplit(".", 1)[0]) + 1.0 if ".layer" in name else 0.0
        assert set(precision[part]) == {expected}


def test_substeps_follow_the_relaxation_rate_times_the_step(rng):
    _, scaling, engine, _ = problem(rng, 1, "full", None, None, False)
    theta = np.zeros(engine.architecture.size())
    theta[0] = -4.0
    rate = 4.0 * scaling.drift_unit[0] / scaling.spread[0]
    found = stiffness(engine.architecture, theta, engine.data, scaling)
    np.testing.assert_allclose(found, rate * engine.data.dt)
    substeps = needed_substeps(engine.architecture, theta, engine.data, scaling)
    assert np.all(substeps * 0.5 >= np.minimum(rate * engine.data.dt, 12.0) - 1e-9)


def test_linear_model_is_weighted_least_squares_with_its_residual_covariance(rng):
    sample, scaling, engine, _ = problem(rng, 2, "full", None, None, False)
    weight = rng.uniform(0.5, 2, sample.n)
    model = linear_model(engine.data, weight)
    design = np.column_stack([np.ones(sample.n), sample.x])
    rate = (sample.x_next - sample.x) / sample.dt[:, None]
    root = np.sqrt(weight * sample.dt)[:, None]
    coefficients = np.linalg.lstsq(root * design, root * rate, rcond=None)[0]
    found = scaling.drift_unit * (model.intercept + engine.data.inputs @ model.slope)
    np.testing.assert_allclose(found, design @ coefficients, rtol=1e-8)
    residual = (rate - design @ coefficients) * np.sqrt(sample.dt)[:, None]
    moment = (weight[:, None] * residual).T @ residual / weight.sum()
    unit = np.diag(scaling.noise_unit)
    np.testing.assert_allclose(unit @ model.covariance @ unit, moment, rtol=1e-8)
