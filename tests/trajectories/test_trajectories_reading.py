"""One door: what ``Trajectories`` takes is taken everywhere, and read in one way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from stochtext._shared.exceptions import InputError
from stochtext.trajectories import Trajectories, as_trajectories, is_panel


def test_a_panel_passes_through() -> None:
    panel = Trajectories([np.zeros(3), np.ones(2)])
    assert as_trajectories(panel) is panel
    assert as_trajectories(list(panel)) == panel
    regrouped = as_trajectories(panel, groups=["a", "a"])
    assert regrouped.groups is not None
    assert regrouped.groups.tolist() == ["a", "a"]


@pytest.mark.parametrize("option", [{"dt": 0.1}, {"times": [[0, 1, 2]]}])
def test_a_panel_knows_its_own_times(option: dict[str, Any]) -> None:
    panel = Trajectories(np.zeros(3))
    for given in (panel, [panel]):
        with pytest.raises(InputError, match="given together with a Trajectories"):
            as_trajectories(given, **option)


@pytest.mark.parametrize(
    ("data", "lengths", "nested"),
    [
        (np.zeros((4, 2)), [4], False),
        (np.zeros(4), [4], False),
        ([1.0, 2.0, 3.0], [3], False),
        ([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], [3], False),
        (pd.DataFrame({"a": [1.0, 2.0]}), [2], False),
        ([np.zeros((4, 2)), np.zeros((3, 2))], [4, 3], True),
        ((np.zeros(4), np.zeros(3)), [4, 3], True),
        (np.zeros((2, 5, 3)), [5, 5], True),
        ([[[1.0], [2.0]], [[3.0], [4.0]], [[5.0], [6.0]]], [2, 2, 2], False),
        (list(np.arange(4.0)), [4], False),
        ([Trajectories(np.zeros(4)), Trajectories(np.zeros(3))], [4, 3], True),
    ],
    ids=range(11),
)
def test_every_kind_of_input_is_read(data: Any, lengths: list[int], nested: bool) -> None:
    assert as_trajectories(data).lengths.tolist() == lengths
    assert is_panel(data) is nested


def test_step_times_and_groups_reach_the_panel() -> None:
    panel = as_trajectories([np.zeros(3), np.zeros(2)], dt=[0.1, 0.2], groups=[1, 2])
    assert panel.transitions().dt.tolist() == [0.1, 0.1, 0.2]
    assert as_trajectories(np.zeros(3), times=[0, 1, 5]).transitions().dt.tolist() == [1, 4]
    with pytest.raises(InputError, match="Both"):
        as_trajectories(np.zeros(3), times=[0, 1, 5], dt=0.1)


def test_a_mixed_list_is_refused() -> None:
    with pytest.raises(InputError, match="Element 1"):
        as_trajectories([Trajectories(np.zeros(3)), np.zeros(3)])
    with pytest.raises(InputError, match="list of numpy arrays"):
        as_trajectories([[1.0, 2.0], [3.0]])
