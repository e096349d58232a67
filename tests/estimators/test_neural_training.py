from __future__ import annotations

import numpy as np
import pytest
import torch

from stochtext._shared.exceptions import ConvergenceError
from stochtext.estimators.neural.splitting import hold_out
from stochtext.estimators.neural.training import train
from stochtext.estimators.sample import transition_sample
from stochtext.trajectories.panel import Trajectories


class Bowl:
    """Ill-conditioned quadratic losses with their minimum at 1, one scale for each start."""

    def __init__(self, scales, *, explode_at=0, held_out_best=None):
        self.inputs = torch.zeros(1, dtype=torch.float64)
        self.curvature = torch.logspace(0, 3, 6, dtype=torch.float64)
        self.scales = torch.tensor(scales, dtype=torch.float64)
        self.calls, self.explode_at, self.held_out_best = 0, explode_at, held_out_best

    def value_and_gradient(self, flat):
        self.calls += 1
        gradient = self.scales[:, None] * self.curvature * (flat - 1.0)
        loss = 0.5 * (gradient * (flat - 1.0)).sum(1)
        held_out = loss.repeat(3, 1)
        if self.held_out_best is not None:
            held_out = (flat[:, 0] - self.held_out_best).abs().repeat(3, 1)
        if self.calls in range(2, 2 + self.explode_at):
            loss = loss * torch.nan
        return loss, gradient, held_out


OPTIONS = {"max_iter": 200, "patience": 200, "learning_rate": 0.1, "show": False}


def test_every_start_reaches_its_minimum():
    run = train(Bowl([1.0, 50.0]), np.zeros((2, 6)), **OPTIONS)
    np.testing.assert_allclose(run.parameters, 1.0, atol=1e-3)
    assert run.stopped == ["converged", "converged"]


def test_state_with_the_best_held_out_loss_is_restored():
    run = train(Bowl([1.0], held_out_best=0.5), np.zeros((1, 6)), **OPTIONS)
    losses = run.history[:, 0, 1]
    assert run.best_iteration[0] == losses.argmin() < len(losses) - 1
    assert abs(run.parameters[0, 0, 0] - 0.5) == pytest.approx(losses.min())


def test_training_stops_when_patience_is_used_up():
    run = train(Bowl([1.0], held_out_best=0.0), np.zeros((1, 6)), **{**OPTIONS, "patience": 4})
    assert run.stopped == ["held-out loss"]
    assert len(run.history) == 5
    np.testing.assert_array_equal(run.parameters, 0.0)


def test_iteration_limit_is_reported():
    run = train(Bowl([1.0]), np.zeros((1, 6)), **{**OPTIONS, "max_iter": 3})
    assert run.stopped == ["max_iter"]


def test_one_stretch_of_nan_losses_is_survived_with_a_smaller_step():
    objective = Bowl([1.0], explode_at=12)
    run = train(objective, np.zeros((1, 6)), **OPTIONS)
    np.testing.assert_allclose(run.parameters[0], 1.0, atol=1e-3)


def test_loss_that_stays_nan_is_an_error():
    with pytest.raises(ConvergenceError, match="not finite, also with a tenth"):
        train(Bowl([1.0], explode_at=10**6), np.zeros((1, 6)), **OPTIONS)


def panel(rng, m, length=20):
    return Trajectories([rng.standard_normal((length, 2)) for _ in range(m)])


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
