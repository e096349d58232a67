from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime
from scipy.stats import multivariate_normal

from stochtext.estimators.neural.networks import Architecture, initial_parameters
from stochtext.estimators.neural.objective import Objective
from stochtext.estimators.neural.preparation import linear_model, scale_transitions
from stochtext.estimators.neural.splitting import hold_out
from stochtext.estimators.sample import transition_sample
from stochtext.processes.fitted.network import NetworkProcess
from stochtext.trajectories.panel import Trajectories


def problem(rng, *, dim=2, form="full", hidden=(4,), covariance_hidden=(3,), members=2, ridge=0.7):
    times = [np.cumsum(rng.uniform(0.05, 0.3, 9)) for _ in range(12)]
    values = [np.cumsum(rng.standard_normal((9, dim)), axis=0) for _ in range(12)]
    sample = transition_sample(Trajectories(values, times=times))
    data, scaling = scale_transitions(sample, with_clock=False)
    split = hold_out(sample, fraction=0.2, n_starts=members, random_state=1)
    architecture = Architecture(dim, dim, hidden, covariance_hidden, form)
    start = initial_parameters(architecture, [linear_model(data)] * members, data.inputs, rng)
    objective = Objective.build(architecture, data, split, ridge, "cpu")
    return sample, data, scaling, split, objective, start


def process_of(objective, flat, scaling):
    units = {k: getattr(scaling, k) for k in ("centre", "spread", "drift_unit", "noise_unit")}
    arrays = objective.architecture.unpack(flat)
    return NetworkProcess({**arrays, **units}, form=objective.architecture.form)


@pytest.mark.parametrize("form", ["full", "constant-correlation", "diagonal"])
@pytest.mark.parametrize("dim", [1, 3])
def test_log_densities_are_those_of_an_euler_step_of_the_numpy_process(rng, form, dim):
    sample, data, scaling, _, objective, start = problem(rng, dim=dim, form=form, hidden=(4, 3))
    flat = start + 0.2 * rng.standard_normal(start.shape)
    for m, terms in enumerate(objective.log_densities(flat)):
        process = process_of(objective, flat[m : m + 1], scaling)
        mean = sample.x + process.drift(sample.x) * sample.dt[:, None]
        covariance = process.covariance(sample.x) * sample.dt[:, None, None]
        expected = [
            multivariate_normal(mu, c).logpdf(y)
            for mu, c, y in zip(mean, covariance, sample.x_next, strict=True)
        ]
        np.testing.assert_allclose(terms + data.log_jacobian, expected, rtol=1e-9, atol=1e-9)


def test_networks_start_at_the_linear_model(rng):
    _, data, _, _, objective, start = problem(rng)
    expected = linear_model(data).log_density(data)
    np.testing.assert_allclose(objective.log_densities(start), [expected] * 2, rtol=1e-10)


def test_linear_model_is_weighted_least_squares_with_its_residual_covariance(rng):
    sample, _, scaling, _, _, _ = problem(rng)
    weight = rng.uniform(0.5, 2, sample.n)
    data, scaling = scale_transitions(sample, with_clock=False)
    model = linear_model(data, weight)
    design = np.column_stack([np.ones(sample.n), sample.x])
    rate = (sample.x_next - sample.x) / sample.dt[:, None]
    root = np.sqrt(weight * sample.dt)[:, None]
    coefficients = np.linalg.lstsq(root * design, root * rate, rcond=None)[0]
    drift = scaling.drift_unit * (model.intercept + data.inputs @ model.slope)
    np.testing.assert_allclose(drift, design @ coefficients, rtol=1e-8)
    residual = (rate - design @ coefficients) * np.sqrt(sample.dt)[:, None]
    covariance = (weight[:, None] * residual).T @ residual / weight.sum()
    unit = np.diag(scaling.noise_unit)
    np.testing.assert_allclose(unit @ model.covariance @ unit, covariance, rtol=1e-8)


@pytest.mark.parametrize("form", ["full", "constant-correlation"])
def test_gradient_agrees_with_finite_differences_and_starts_do_not_interact(rng, form):
    *_, objective, start = problem(rng, form=form)
    flat = start + 0.2 * rng.standard_normal(start.shape)
    loss, gradient, _ = objective.value_and_gradient(torch.as_tensor(flat))

    def of_first(parameters):
        both = np.stack([parameters, flat[1]])
        values = objective.value_and_gradient(torch.as_tensor(both))[0]
        assert float(values[1]) == float(loss[1])
        return float(values[0])

    numeric = approx_fprime(flat[0], of_first, 1e-6)
    np.testing.assert_allclose(gradient[0].numpy(), numeric, rtol=1e-4, atol=1e-5)


def test_loss_is_the_mean_over_training_transitions_plus_the_ridge(rng):
    _, _, _, split, objective, start = problem(rng, ridge=3.0)
    flat = start + 0.2 * rng.standard_normal(start.shape)
    loss, _, held_out = objective.value_and_gradient(torch.as_tensor(flat))
    terms = objective.log_densities(flat)
    network = np.concatenate(
        [np.full(np.prod(s), ".layer" in name) for name, s in objective.architecture.blocks()]
    )
    for m in range(2):
        train = split.train[m]
        penalty = 1.5 * (flat[m, network] ** 2).sum() / train.sum()
        assert float(loss[m]) == pytest.approx(-terms[m, train].mean() + penalty, rel=1e-10)
        parts = [split.test[m], split.test[m] & split.half, split.test[m] & ~split.half]
        expected = [-terms[m, part].mean() for part in parts]
        np.testing.assert_allclose(held_out[:, m], expected, rtol=1e-10)
