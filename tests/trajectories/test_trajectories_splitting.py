"""Blocks of time: tested once each, never joined across the hole."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.model_selection import cross_val_score

from stochtext._shared.exceptions import InputError
from stochtext.trajectories import BlockedTimeSplit, Trajectories


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(0, 4), st.integers(30, 80))
def test_every_transition_is_tested_once_and_trained_on_beyond_the_gap(
    n_splits: int, gap: int, n_rows: int
) -> None:
    path = Trajectories(np.arange(float(n_rows)), ids=["long"], groups=["g"], time_unit="s")
    tested: list[float] = []
    for train, test in BlockedTimeSplit(n_splits, gap).split_panel(path):
        start, stop = test.times[0], test.times[-1]
        tested += test.transitions().t.tolist()
        expected = [t for t in range(n_rows - 1) if t + 1 + gap <= start or t - gap >= stop]
        assert train.transitions().t.tolist() == expected
        assert set(np.round(train.transitions().dt, 9)) == {1.0}
        assert len(train) == 1 if start == 0 or stop == n_rows - 1 else 2
        assert (train.time_unit, test.ids.tolist()) == ("s", ["long"])
    assert tested == list(range(n_rows - 1))


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 6), st.integers(0, 4), st.integers(30, 80))
def test_rows_are_tested_once_and_trained_on_in_one_stretch(
    n_splits: int, gap: int, n_rows: int
) -> None:
    splitter = BlockedTimeSplit(n_splits, gap)
    splits = list(splitter.split(np.zeros((n_rows, 2))))
    assert len(splits) == n_splits == splitter.get_n_splits()
    assert np.concatenate([test for _, test in splits]).tolist() == list(range(n_rows))
    for train, test in splits:
        assert np.all(np.diff(train) == 1)
        distance = np.abs(train[:, None] - test[None, :]).min()
        assert distance == gap + 1
        before, after = max(test[0] - gap, 0), max(n_rows - 1 - test[-1] - gap, 0)
        assert train.size == max(before, after)


def test_labels_go_with_the_pieces() -> None:
    path = Trajectories(
        np.arange(12.0), ids=["a"], groups=["g"], columns=["u"], metadata={"k": [7]}, dt=0.5
    )
    train, test = list(BlockedTimeSplit(3).split_panel(path))[1]
    assert train.ids.tolist() == ["a/0", "a/1"]
    assert train.metadata["k"].tolist() == [7, 7]
    assert train.groups is not None
    assert train.groups.tolist() == ["g", "g"]
    assert test.columns == ("u",)
    assert test.times[0] == train.time_arrays()[0][-1]


def test_arrays_can_be_cross_validated_by_blocks() -> None:
    class Contiguous(BaseEstimator):
        def fit(self, X: Any, y: Any = None) -> Contiguous:
            assert np.all(np.diff(X[:, 0]) == 1)
            return self

        def score(self, X: Any, y: Any = None) -> float:
            return float(len(X))

    scores = cross_val_score(
        Contiguous(), np.arange(50.0)[:, None], cv=BlockedTimeSplit(5, gap=2), error_score="raise"
    )
    assert scores.tolist() == [10.0] * 5


def test_only_one_path_can_be_split() -> None:
    panel = Trajectories([np.zeros(20), np.zeros(20)])
    with pytest.raises(InputError, match="the panel has 2.*KFold"):
        next(BlockedTimeSplit(2).split_panel(panel))
    with pytest.raises(InputError, match="split_panel"):
        next(BlockedTimeSplit(2).split(panel[0]))


@pytest.mark.parametrize(("rows", "n_splits", "gap"), [(5, 4, 0), (20, 2, 10), (3, 2, 0)])
def test_a_path_too_short_is_refused(rows: int, n_splits: int, gap: int) -> None:
    with pytest.raises(InputError, match="too short for n_splits"):
        list(BlockedTimeSplit(n_splits, gap).split(np.zeros((rows, 1))))


def test_a_panel_too_short_is_refused() -> None:
    with pytest.raises(InputError, match="training part"):
        list(BlockedTimeSplit(2, gap=10).split_panel(np.zeros(20)))


@pytest.mark.parametrize("options", [{"n_splits": 1}, {"n_splits": 2.0}, {"gap": -1}])
def test_impossible_settings_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="must be an integer"):
        BlockedTimeSplit(**options)
    assert repr(BlockedTimeSplit(3, 1)) == "BlockedTimeSplit(n_splits=3, gap=1)"
