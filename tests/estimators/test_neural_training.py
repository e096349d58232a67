from __future__ import annotations

import numpy as np
import pytest

from stochtext._shared.exceptions import ConvergenceError
from stochtext.estimators.neural.networks.architecture import Architecture, initial_parameters
from stochtext.estimators.neural.networks.members import drift
from stochtext.estimators.neural.networks.preparation import linear_model, scale_transitions
from stochtext.estimators.neural.selection.gains import Gain, held_out_gain, near_the_best
from stochtext.estimators.neural.selection.splitting import hold_out
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.neural.training.levenberg_marquardt import FLOOR, Schedule, train
from stochtext.estimators.neural.training.refining import refined, with_densities
from stochtext.estimators.sample import transition_sample
from stochtext.trajectories.panel import Trajectories


def panel(rng, m, length=20):
    return Trajectories([rng.standard_normal((length, 2)) for _ in range(m)])


def wells(rng, *, hidden=(6,), n=10, steps=60, dt=0.1):
    x = rng.choice([-1.0, 1.0], n)
    states = [x]
    for _ in range(steps):
        for _ in range(10):
            x = x + (x - x**3) * dt / 10 + 0.5 * np.sqrt(dt / 10) * rng.standard_normal(n)
        states.append(x)
    sample = transition_sample(Trajectories(list(np.stack(states, axis=1)), dt=dt))
    data, scaling = scale_transitions(sample, with_clock=False)
    architecture = Architecture(1, 1, hidden, None, "full")
    engine = Engine(architecture, data, scaling, np.ones(sample.n, dtype=np.int64))
    start = initial_parameters(architecture, [linear_model(data)], data.inputs, rng)[0]
    return engine, start, np.ones(sample.n)


def test_training_ends_where_the_penalised_gradient_vanishes(rng):
    engine, start, weight = wells(rng)
    ridge = np.array([0.5, 2.0])
    schedule = Schedule(max_iter=60, evidence=False, tolerance=1e-9)
    found = train(engine, start, weight, ridge, rng, schedule)
    value, gradient = engine.value_and_gradient(found.parameters[None], weight[None])
    slope = gradient[0] + found.precision * found.parameters
    assert np.abs(slope).max() < 1e-2
    assert found.loss == pytest.approx(value[0])
    penalty = 0.5 * found.precision @ found.parameters**2
    assert found.objective == pytest.approx(value[0] + penalty)
    assert np.all(np.diff(found.history) <= 1e-12)


def test_linear_model_is_fitted_exactly_over_long_steps(rng):
    engine, start, weight = wells(rng, hidden=None, dt=0.5)
    n = engine.data
    found = train(engine, start, weight, np.empty(0), rng)
    # an Ornstein-Uhlenbeck process over equal steps is a regression of the next state
    slope, intercept = np.polyfit(n.inputs[:, 0], n.following[:, 0], 1)
    fine = engine.with_substeps(np.full(len(weight), 8))
    again = train(fine, found.parameters, weight, np.empty(0), rng, Schedule(tolerance=1e-8))
    rate = -np.log(slope) / 0.5
    unit = engine.scaling.coordinate_units()[0]
    here = drift(engine.architecture, again.parameters, np.array([[0.0], [1.0]]))[:, 0] * unit
    assert here[0] - here[1] == pytest.approx(rate, rel=1e-3)
    assert here[0] == pytest.approx(rate * intercept / (1 - slope), rel=1e-2, abs=1e-3)


def test_rows_without_a_density_are_cut_finer_until_they_have_one(rng):
    engine, start, _ = wells(rng, hidden=None, dt=0.5)
    steep = start.copy()
    steep[engine.architecture.slices()["drift.slope"]] *= 20.0
    broken = np.isinf(engine.losses(steep[None])[0])
    finer = with_densities(engine, steep)
    fine = engine.with_substeps(np.full(len(broken), 24)).losses(steep[None])[0]
    assert broken.any()
    np.testing.assert_allclose(
        finer.losses(steep[None])[0][broken], fine[broken], rtol=2e-2, atol=1e-2
    )
    assert np.all(finer.substeps[~broken] == 1)


def test_nothing_is_cut_finer_where_every_row_has_a_density(rng):
    engine, start, _ = wells(rng)
    assert refined(engine, start) is engine


def test_rows_that_never_have_a_density_keep_an_infinite_loss(rng):
    engine, start, _ = wells(rng, n=2, steps=10)
    hopeless = with_densities(engine, np.full_like(start, np.nan))
    assert np.all(hopeless.substeps == 96)
    assert np.all(np.isinf(hopeless.losses(np.full((1, len(start)), np.nan))))


def test_evidence_keeps_a_network_that_the_data_need(rng):
    engine, start, weight = wells(rng, n=20)
    found = train(engine, start, weight, np.ones(2), rng)
    alone = Architecture(1, 1, None, None, "full")
    line = engine.for_architecture(alone)
    linear = train(line, start[: alone.size()], weight, np.empty(0), rng)
    assert found.loss < linear.loss - 10.0
    assert np.all(found.ridge >= FLOOR)
    assert found.ridge[1] < 10.0


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_first_order_training_comes_near_the_same_minimum(rng, optimizer):
    engine, start, weight = wells(rng, n=6)
    ridge = np.array([0.5, 2.0])
    options = {"evidence": False, "adapt_substeps": False}
    best = train(engine, start, weight, ridge, rng, Schedule(max_iter=60, **options))
    schedule = Schedule(max_iter=60, optimizer=optimizer, **options)
    found = train(engine, start, weight, ridge, rng, schedule)
    first = engine.value_and_gradient(start[None], weight[None])[0][0]
    # nets have several minima; what counts is that nearly all of the way is made
    assert found.objective - best.objective < 0.25 * (first - best.loss) + 3.0


class Broken:
    """An engine whose losses stop being finite."""

    def __init__(self, engine, finite_below):
        self.engine, self.finite_below = engine, finite_below
        self.architecture, self.substeps = engine.architecture, engine.substeps
        self.data, self.scaling = engine.data, engine.scaling

    def value_and_gradient(self, parameters, weight):
        value, gradient = self.engine.value_and_gradient(parameters, weight)
        size = np.abs(parameters[:, 3:]).max()
        return (value, gradient) if size < self.finite_below else (value * np.nan, gradient)

    def fisher(self, *args, **options):
        return self.engine.fisher(*args, **options)


def test_loss_that_is_not_finite_is_tried_once_with_weaker_networks(rng):
    engine, start, weight = wells(rng)
    largest = np.abs(start[3:]).max()
    schedule = Schedule(max_iter=3, adapt_substeps=False)
    found = train(Broken(engine, 0.5 * largest), start, weight, np.ones(2), rng, schedule)
    assert np.abs(found.parameters[3:]).max() < 0.5 * largest
    with pytest.raises(ConvergenceError, match="not finite, also with networks a tenth"):
        train(Broken(engine, 0.01 * largest), start, weight, np.ones(2), rng, schedule)


def test_gain_is_the_weighted_mean_with_an_error_clustered_by_unit(rng):
    sample = transition_sample(panel(rng, 20, length=11))
    split = hold_out(sample, fraction=0.2, n_starts=5, random_state=0)
    effect = rng.standard_normal(20)[sample.trajectory]
    simple = np.broadcast_to(effect, (5, sample.n))
    gain = held_out_gain("x", simple, np.zeros((5, sample.n)), 1.0 * split.test, split)
    means = np.array([effect[sample.trajectory == k].mean() for k in range(20)])
    assert gain.mean == pytest.approx(means.mean())
    assert gain.se == pytest.approx(means.std(ddof=1) / np.sqrt(20))
    assert gain.n_units == 20


def test_gain_with_an_impossible_row_is_not_kept(rng):
    sample = transition_sample(panel(rng, 20, length=11))
    split = hold_out(sample, fraction=0.2, n_starts=5, random_state=0)
    line, rich = np.zeros((5, sample.n)), -np.ones((5, sample.n))
    weight = 1.0 * split.test
    assert held_out_gain("x", line, rich, weight, split).kept
    rich[:, 7] = np.inf
    assert not held_out_gain("x", line, rich, weight, split).kept


def test_pvalue_is_that_of_students_t():
    from scipy.stats import t

    assert Gain("x", 0.2, 0.1, 6).pvalue == pytest.approx(t.sf(2.0, 5))
    assert not Gain("x", 0.2, 0.1, 6).kept
    assert Gain("x", 0.2, float("inf"), 1).pvalue == 1.0


def test_starts_far_from_the_best_are_left_out():
    kept = near_the_best(np.array([100.0, 103.0, 130.0, np.inf]), np.array([20.0] * 4))
    np.testing.assert_array_equal(kept, [True, True, False, False])


def test_trajectories_are_held_out_whole_and_in_the_asked_share(rng):
    sample = transition_sample(panel(rng, 40))
    split = hold_out(sample, fraction=0.2, n_starts=7, random_state=0)
    assert split.kind == "trajectories"
    np.testing.assert_allclose(split.test.mean(axis=1), 0.2)
    np.testing.assert_array_equal(split.train, ~split.test)
    assert split.test[:5].sum(axis=0).max() == 1
    for codes in (split.test[0], split.half):
        share = np.bincount(sample.trajectory, codes) / 19
        assert set(share) <= {0.0, 1.0}


def test_copies_and_the_order_of_trajectories_do_not_change_what_is_held_out(rng):
    original = panel(rng, 30)
    order = np.r_[rng.permutation(30), 4, 4, 17]
    sample, other = transition_sample(original), transition_sample(original[order])
    weight = np.bincount(order, minlength=30).astype(float)
    sample = transition_sample(original, weight=weight)
    options = {"fraction": 0.2, "n_starts": 3, "random_state": 5}
    first = hold_out(sample, **options).test[:, ::19]
    second = hold_out(other, **options).test[:, ::19]
    np.testing.assert_array_equal(first[:, order], second)


def test_groups_are_held_out_together(rng):
    paths = [rng.standard_normal((8, 1)) for _ in range(36)]
    groups = np.repeat(np.arange(12), 3)
    sample = transition_sample(Trajectories(paths, groups=groups))
    split = hold_out(sample, fraction=0.2, n_starts=5, random_state=0)
    assert split.kind == "groups"
    per_group = split.test[0].reshape(12, 21)
    assert set(per_group.mean(axis=1)) <= {0.0, 1.0}


def test_a_single_path_is_cut_into_blocks_with_a_gap(rng):
    sample = transition_sample(panel(rng, 1, length=501))
    split = hold_out(sample, fraction=0.2, n_starts=5, random_state=0)
    assert split.kind == "blocks"
    np.testing.assert_array_equal(split.test.sum(axis=0), 1)
    held = np.flatnonzero(split.test[0])
    neighbours = np.setdiff1d([*(held - 1), *(held + 1)], [-1, 500, *held])
    assert not split.train[0, held].any()
    assert not split.train[0, neighbours].any()
    assert split.train[0].sum() == 500 - len(held) - len(neighbours)
