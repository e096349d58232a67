"""The order control separates dynamics from the level of each trajectory."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import stochtext as st
from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext.analysis import order_control
from stochtext.trajectories import Trajectories


def panel(rng, m=30, rho=0.0, level=0.0, d=2, n=18):
    """Return stationary autoregressions around a level of their own."""
    paths = []
    for _ in range(m):
        noise = rng.standard_normal((n, d))
        x = np.empty((n, d))
        x[0] = noise[0]
        for t in range(1, n):
            x[t] = rho * x[t - 1] + np.sqrt(1 - rho**2) * noise[t]
        paths.append(x + level * rng.standard_normal(d))
    return Trajectories(paths)


def test_level_alone_is_no_dynamics(rng):
    control = order_control(panel(rng, level=1.0), n_permutations=99, random_state=0)
    assert not control.detected()
    assert control.as_written[0] > 0.2
    assert control.verdict().startswith("No detectable dynamics: with its states in random order")
    row = control.to_frame().iloc[0]
    assert row["order_ci_lower"] < 0 < row["order_ci_upper"]


def test_noise_is_neither_level_nor_dynamics(rng):
    control = order_control(panel(rng), n_permutations=39, random_state=0)
    assert "nor does the level" in control.verdict()


def test_dynamics_are_told_from_level_and_the_share_is_near_the_truth(rng):
    control = order_control(panel(rng, m=60, rho=0.6), n_permutations=39, random_state=0)
    assert control.pvalue == 1 / 40
    assert control.as_written[0] == pytest.approx(0.36, abs=0.07)
    assert "is order (dynamics)" in control.verdict()
    assert control.share[0] > 0.8


def test_both_together_are_split_with_an_interval(rng):
    control = order_control(panel(rng, m=60, rho=0.5, level=0.7), n_permutations=39, random_state=0)
    row = control.to_frame().iloc[0]
    assert 0 < row["share_ci_lower"] < row["share"] < row["share_ci_upper"] < 1
    assert row["order"] == pytest.approx(row["as_written"] - row["shuffled"])
    assert "95 % interval" in control.verdict()


def test_permutation_pvalue_is_uniform_under_exchangeability(rng):
    pvalues = [
        order_control(
            panel(rng, m=8, level=0.5, d=1, n=6), n_permutations=19, random_state=k
        ).pvalue
        for k in range(120)
    ]
    # 120 draws: 99.9 % binomial band of the count at 10 % is 3..24.
    assert 3 <= np.sum(np.array(pvalues) <= 0.1) <= 24
    assert abs(np.mean(pvalues) - 0.525) < 0.09


def test_jackknife_interval_of_the_order_covers(rng):
    truth = order_control(panel(rng, m=1500, rho=0.5, d=1), n_permutations=9, random_state=0).order[
        0
    ]
    hits = 0
    for k in range(60):
        row = (
            order_control(panel(rng, m=25, rho=0.5, d=1), n_permutations=9, random_state=k)
            .to_frame()
            .iloc[1]
        )
        hits += row["order_ci_lower"] <= truth <= row["order_ci_upper"]
    # 60 draws at 95 %: 99.9 % binomial band starts at 49.
    assert hits >= 49


def test_same_seed_same_numbers_whatever_the_number_of_processes(rng):
    X = panel(rng, m=12, rho=0.4)
    frames = [
        order_control(X, n_permutations=9, random_state=4, n_jobs=n).to_frame() for n in (1, 2)
    ]
    pd.testing.assert_frame_equal(*frames, check_exact=True)
    other = order_control(X, n_permutations=9, random_state=5).to_frame()
    assert not frames[0].equals(other)


def test_location_and_scale_do_not_matter(rng):
    X = panel(rng, m=15, rho=0.4)
    first = order_control(X, n_permutations=9, random_state=0)
    second = order_control(X.with_values(1e6 + 1e-3 * X.values), n_permutations=9, random_state=0)
    np.testing.assert_allclose(first.as_written, second.as_written, rtol=1e-5)
    assert first.pvalue == second.pvalue


def test_groups_are_left_out_together(rng):
    X = panel(rng, m=40, rho=0.3)
    control = order_control(X, groups=np.arange(40) // 4, n_permutations=9, random_state=0)
    assert "10 groups" in control.held_out
    assert control.n_blocks == 10


def test_many_trajectories_are_blocked_within_folds(rng):
    control = order_control(panel(rng, m=230, rho=0.3, n=4), n_permutations=2, random_state=0)
    assert control.n_blocks == 100
    assert np.isfinite(control.order_se).all()


def test_one_path_has_a_pvalue_but_no_interval(rng):
    control = order_control(panel(rng, m=1, rho=0.8, n=150), n_permutations=39, random_state=0)
    assert control.pvalue == 1 / 40
    assert control.to_frame()["order_ci_lower"].isna().all()
    assert "one path has no independent parts" in repr(control)


def test_two_trajectories_are_too_few_for_an_interval(rng):
    control = order_control(panel(rng, m=2, rho=0.5), n_permutations=9, random_state=0)
    assert "too few to leave one out" in control.reason
    assert np.isnan(control.order_se).all()


def test_frame_has_a_row_for_all_coordinates_and_one_each(rng):
    frame = order_control(panel(rng, m=10), n_permutations=4, random_state=0).to_frame()
    assert list(frame.index) == ["all coordinates", "x0", "x1"]
    assert list(frame.columns) == [
        "as_written", "shuffled", "running_mean", "order", "order_ci_lower", "order_ci_upper",
        "share", "share_ci_lower", "share_ci_upper", "pvalue",
    ]  # fmt: skip


def test_summary_and_plot_show_the_control(rng):
    control = order_control(panel(rng, m=10, rho=0.5), n_permutations=9, random_state=0)
    text = repr(control)
    assert "as written" in text
    assert "shuffled" in text
    assert "past mean" in text
    assert len(control.plot().get_legend().get_texts()) == 3


def test_irregular_steps_are_remarked(rng):
    times = [np.cumsum(0.5 + rng.random(8)) for _ in range(6)]
    X = [rng.standard_normal(8) for _ in range(6)]
    control = order_control(X, times=times, n_permutations=3, random_state=0)
    assert "differ in length" in repr(control)


def test_constant_column_is_named(rng):
    X = [np.column_stack([rng.standard_normal(6), np.full(6, 2.0)]) for _ in range(5)]
    with pytest.raises(DegenerateDataError, match="x1"):
        order_control(X, n_permutations=3)


@pytest.mark.parametrize("bad", [0, -1, 2.5])
def test_number_of_copies_is_checked(rng, bad):
    with pytest.raises(InputError, match="n_permutations"):
        order_control(panel(rng, m=5), n_permutations=bad)


def test_a_little_order_beside_much_level_is_called_little(rng):
    X = panel(rng, m=80, rho=0.3, level=1.8, n=25)
    control = order_control(X, n_permutations=39, random_state=0)
    assert control.share[0] < 0.2
    assert control.verdict().startswith("Detectable dynamics, but little")
    assert "The mean of the trajectory so far predicts better" in control.verdict()


def test_too_few_copies_give_no_verdict():
    X = st.datasets.load_ornstein_uhlenbeck(random_state=0)
    control = st.analysis.order_control(X, n_permutations=9, random_state=0)
    assert control.verdict().startswith("No verdict: with 9 shuffled copies p cannot fall below")
