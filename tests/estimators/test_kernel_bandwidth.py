"""Bandwidths: the rule, the folds and the two ways to the leave-out loss."""

from __future__ import annotations

import numpy as np
import pytest

from stochtext.estimators.local.bandwidth import choose_bandwidth, rule_bandwidth
from stochtext.estimators.local.binned_loss import binned_losses
from stochtext.estimators.local.continuation import fit_continuation
from stochtext.estimators.local.folds import fold_codes
from stochtext.estimators.sample import transition_sample
from stochtext.processes.fitted.smoothing.local_polynomial import LocalPolynomial
from stochtext.trajectories.panel import Trajectories


def cubic_path(n, dt, seed=0):
    rng = np.random.default_rng(seed)
    x = np.zeros(n + 1)
    for k in range(n):
        x[k + 1] = x[k] + 2 * (x[k] - x[k] ** 3) * dt + np.sqrt(dt) * rng.standard_normal()
    return x[:, None]


def test_the_rule_shrinks_with_observed_time_and_not_with_sampling():
    x = cubic_path(20_000, 0.01)
    fine = transition_sample(Trajectories(x, dt=0.01))
    coarse = transition_sample(Trajectories(x[::4], dt=0.04))
    short = transition_sample(Trajectories(x[:2501], dt=0.01))
    # The same 200 units of time, four times the samples: quadratic variation differs by noise.
    assert rule_bandwidth(fine, "gaussian") == pytest.approx(
        rule_bandwidth(coarse, "gaussian"), rel=0.05
    )
    ratio = rule_bandwidth(short, "gaussian") / short.x.std()
    assert ratio / (rule_bandwidth(fine, "gaussian") / fine.x.std()) > 1.2


def test_both_kernels_get_the_same_standard_deviation():
    sample = transition_sample(Trajectories(cubic_path(500, 0.05), dt=0.05))
    np.testing.assert_allclose(
        rule_bandwidth(sample, "epanechnikov") / np.sqrt(5), rule_bandwidth(sample, "gaussian")
    )


def test_binned_losses_equal_leaving_out_folds_directly():
    x = cubic_path(2500, 0.02)
    sample = transition_sample(Trajectories(x, dt=0.02))
    folds = fold_codes(sample, most=20)
    bandwidths = np.array([0.15, 0.3, 0.6])
    rates = np.diff(x, axis=0) / 0.02
    weight = np.full(2500, 0.02)
    linear = fit_continuation(sample.x, np.diff(x, axis=0), sample.dt, sample.weight)
    losses, known = binned_losses(
        sample, folds, bandwidths, degree=1, kernel="gaussian", minimum=10
    )
    direct = []
    for h in bandwidths:
        fit = LocalPolynomial(sample.x, weight, np.ones(2500), np.array([h])).fit(
            sample.x, rates, group=folds, point_group=folds
        )
        value = np.where(fit.count[:, None] >= 10, fit.value, linear.drift(sample.x))
        direct.append(np.mean((rates - value) ** 2))
    # Ratios to the narrowest, so that the unit drops out; binning moves them by far less
    # than they differ.
    np.testing.assert_allclose(losses / losses[0], direct / np.array(direct[0]), rtol=2e-4)
    assert np.all(known > 0.95)


def test_a_panel_leaves_out_trajectories_and_a_path_leaves_out_blocks_of_time():
    paths = [cubic_path(30, 0.1, seed=k) for k in range(6)]
    sample = transition_sample(Trajectories(paths, dt=0.1))
    codes = fold_codes(sample)
    assert all(len(np.unique(codes[sample.trajectory == k])) == 1 for k in range(6))
    assert len(np.unique(codes)) == 6
    single = transition_sample(Trajectories(cubic_path(100, 0.1), dt=0.1))
    shuffled = single.subset(np.random.default_rng(0).permutation(100))
    blocks = fold_codes(shuffled)
    assert len(np.unique(blocks)) == 10
    assert np.all(np.diff(blocks[np.argsort(shuffled.t)]) >= 0)


def test_copies_of_a_trajectory_are_left_out_together():
    paths = [cubic_path(30, 0.1, seed=k) for k in range(6)]
    sample = transition_sample(Trajectories([*paths, paths[2]], dt=0.1))
    codes = fold_codes(sample)
    assert set(codes[sample.trajectory == 2]) == set(codes[sample.trajectory == 6])


def test_cross_validation_prefers_narrow_kernels_for_a_curve_and_wide_ones_for_a_line():
    rng = np.random.default_rng(4)
    line = np.zeros((3001, 1))
    for k in range(3000):
        line[k + 1] = 0.95 * line[k] + 0.3 * rng.standard_normal(1)
    losses = []
    for x in (cubic_path(3000, 0.05), line):
        sample = transition_sample(Trajectories(x, dt=0.05))
        continuation = fit_continuation(sample.x, np.diff(x, axis=0), sample.dt, sample.weight)
        choice = choose_bandwidth(
            sample, "cv", degree=1, kernel="gaussian", continuation=continuation
        )
        losses.append(dict(zip(choice.factors, choice.losses, strict=True)))
    curve, straight = losses
    assert curve[0.7] < curve[8.0]
    assert straight[8.0] < straight[0.25]
