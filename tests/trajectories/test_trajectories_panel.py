"""The panel keeps what it was given, in order, and nothing changes it."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stochtext._shared.exceptions import InputError
from stochtext.trajectories import Trajectories


@st.composite
def panels(draw: st.DrawFn) -> Trajectories:
    lengths = draw(st.lists(st.integers(2, 6), min_size=1, max_size=6))
    d = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    arrays = [rng.standard_normal((length, d)) for length in lengths]
    times = None
    if draw(st.booleans()):
        times = [rng.normal() + np.cumsum(rng.uniform(0.1, 2.0, n)) for n in lengths]
    return Trajectories(
        arrays,
        times,
        ids=[f"id{k}" for k in range(len(lengths))],
        groups=[k // 2 for k in range(len(lengths))] if draw(st.booleans()) else None,
        metadata={"rank": range(len(lengths))} if draw(st.booleans()) else None,
    )


@pytest.fixture
def panel() -> Trajectories:
    arrays = [np.arange(6.0).reshape(3, 2), np.ones((2, 2)), np.full((4, 2), 7.0)]
    return Trajectories(
        arrays,
        dt=0.5,
        ids=["a", "b", "c"],
        groups=["g", "g", "h"],
        columns=["u", "v"],
        metadata={"author": ["x", "y", "z"], "length": [1, 2, 3]},
        time_unit="sentence",
    )


def test_one_array_is_one_trajectory_and_a_list_is_a_panel() -> None:
    assert Trajectories(np.zeros((5, 2))).lengths.tolist() == [5]
    assert Trajectories(np.zeros(5)).values.shape == (5, 1)
    assert Trajectories([np.zeros(5), np.zeros((3, 1))]).lengths.tolist() == [5, 3]
    assert Trajectories(np.zeros((4, 5, 2))).lengths.tolist() == [5] * 4
    assert Trajectories([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]).lengths.tolist() == [3]
    ragged = np.empty(2, dtype=object)
    ragged[:] = [np.zeros((3, 1)), np.zeros((2, 1))]
    assert Trajectories(ragged).lengths.tolist() == [3, 2]


def test_a_fortran_ordered_array_keeps_its_rows() -> None:
    states = np.asfortranarray(np.arange(12.0).reshape(2, 3, 2))
    np.testing.assert_array_equal(Trajectories(states).values, states.reshape(6, 2))


def test_frames_name_the_columns() -> None:
    frame = pd.DataFrame({"u": [1, 2], "v": [3.0, 4.0]})
    assert Trajectories([frame, frame]).columns == ("u", "v")
    assert Trajectories(frame["u"]).columns == ("u",)


def test_counts_and_views_agree_with_the_input(panel: Trajectories) -> None:
    assert (panel.n_trajectories, panel.n_features, panel.n_transitions) == (3, 2, 6)
    assert panel.offsets.tolist() == [0, 3, 5, 9]
    assert panel.trajectory_index.tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 2]
    assert panel.time_arrays()[2].tolist() == [0.0, 0.5, 1.0, 1.5]
    assert panel.relative_times.tolist() == [0, 0.5, 1, 0, 1, 0, 1 / 3, 2 / 3, 1]
    assert panel.dt == 0.5
    assert all(np.shares_memory(a, panel.values) for a in panel.arrays())


def test_the_step_is_common_only_if_all_steps_are_equal() -> None:
    arrays = [np.zeros(3), np.zeros(3)]
    assert Trajectories(arrays, dt=[0.1, 0.1]).dt == 0.1
    uneven = Trajectories(arrays, dt=[0.1, 0.2])
    assert uneven.dt is None
    assert uneven[1].dt == 0.2
    assert Trajectories(np.zeros(1001), 0.01 * np.arange(1001)).dt == 0.01
    assert Trajectories(np.zeros(101), 5000.0 + 0.01 * np.arange(101)).dt == pytest.approx(0.01)
    assert Trajectories(np.zeros(3), [0.0, 1.0, 2.0 + 1e-6]).dt is None


def test_nothing_inside_can_be_written(panel: Trajectories) -> None:
    source = np.zeros((3, 1))
    copied = Trajectories(source)
    source[:] = 1.0
    assert copied.values.sum() == 0.0
    for array in (panel.values, panel.times, panel.offsets, panel.groups, panel.arrays()[1]):
        with pytest.raises(ValueError, match="read-only|WRITEABLE"):
            array[0] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            array.setflags(write=True)
    with pytest.raises(AttributeError):
        panel.values = source  # type: ignore[misc]
    metadata = panel.metadata
    metadata.loc["a", "author"] = "changed"
    assert panel.metadata.loc["a", "author"] == "x"


@pytest.mark.parametrize(
    "index", [[2, 0], np.array([2, 0]), pd.Series([2, 0]), (slice(None, None, -2)), [-1, -3]]
)
def test_labels_follow_the_index(panel: Trajectories, index: object) -> None:
    chosen = panel[index]
    assert chosen.ids.tolist() == ["c", "a"]
    assert chosen.groups is not None
    assert chosen.groups.tolist() == ["h", "g"]
    assert chosen.metadata["author"].tolist() == ["z", "x"]
    assert chosen.lengths.tolist() == [4, 3]
    np.testing.assert_array_equal(chosen.arrays()[1], panel.arrays()[0])
    assert (chosen.columns, chosen.time_unit) == (panel.columns, "sentence")


def test_masks_slices_and_integers_select_trajectories(panel: Trajectories) -> None:
    assert panel[[True, False, True]] == panel[::2]
    assert panel[-1] == panel[2:]
    assert len(panel[1]) == 1
    assert [p.ids[0] for p in panel] == ["a", "b", "c"]
    assert np.shares_memory(panel[1].values, panel.values)
    assert panel[[0, 0]].ids.tolist() == ["a", "a"]


@pytest.mark.parametrize(
    ("index", "error", "text"),
    [
        (3, IndexError, "out of range"),
        ([0, -4], IndexError, "out of range"),
        ([True, False], InputError, "2 entries for 3"),
        ([0.0], InputError, "integers"),
        ((slice(None), 0), InputError, "with_values"),
        ("a", InputError, "indexed by trajectory"),
        ([], InputError, "selects no trajectory"),
        (slice(3, 3), InputError, "selects no trajectory"),
    ],
)
def test_an_index_that_makes_no_panel_is_refused(
    panel: Trajectories, index: object, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        panel[index]


def test_transitions_stay_within_their_trajectory(panel: Trajectories) -> None:
    steps = panel.transitions()
    assert steps.trajectory.tolist() == [0, 0, 1, 2, 2, 2]
    assert steps.x[:2].tolist() == [[0, 1], [2, 3]]
    assert steps.x_next[:2].tolist() == [[2, 3], [4, 5]]
    assert steps.t.tolist() == [0, 0.5, 0, 0, 0.5, 1.0]
    assert steps.dt.tolist() == [0.5] * 6
    relative = panel.transitions(clock="relative")
    assert relative.t.tolist() == [0, 0.5, 0, 0, 1 / 3, 2 / 3]
    assert relative.dt.tolist() == [0.5] * 6
    np.testing.assert_allclose(relative.clock_dt, [0.5, 0.5, 1, 1 / 3, 1 / 3, 1 / 3], rtol=1e-15)
    assert steps.clock_dt.tolist() == [0.5] * 6
    with pytest.raises(InputError, match="clock"):
        panel.transitions(clock="wall")


@settings(max_examples=40, deadline=None)
@given(panels())
def test_transitions_are_the_pairs_of_each_path(panel: Trajectories) -> None:
    steps = panel.transitions()
    paths = panel.arrays()
    np.testing.assert_array_equal(steps.x, np.concatenate([x[:-1] for x in paths]))
    np.testing.assert_array_equal(steps.x_next, np.concatenate([x[1:] for x in paths]))
    # A common step replaces differences that carry the rounding of the times.
    gaps = np.concatenate([np.diff(t) for t in panel.time_arrays()])
    np.testing.assert_allclose(steps.dt, gaps, rtol=1e-8)


@settings(max_examples=40, deadline=None)
@given(panels(), st.randoms())
def test_taking_trajectories_apart_and_joining_them_changes_nothing(
    panel: Trajectories, random: object
) -> None:
    assert Trajectories.concat(list(panel)) == panel
    order = np.arange(len(panel))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert panel[order][np.argsort(order)] == panel
    assert pickle.loads(pickle.dumps(panel)) == panel == copy.deepcopy(panel)


def test_a_pickle_comes_back_read_only(panel: Trajectories) -> None:
    assert not pickle.loads(pickle.dumps(panel)).values.flags.writeable


def test_equality_is_by_content_and_hashing_is_off(panel: Trajectories) -> None:
    others = [
        panel.with_groups(None),
        panel.with_ids(),
        panel.with_values(panel.values + 1),
        panel.with_values(panel.values, columns=["a", "b"]),
        Trajectories.from_flat(panel.values, panel.lengths, dt=0.5),
        panel[:2],
    ]
    assert all(panel != other for other in others)
    assert panel != "panel"
    with pytest.raises(TypeError, match="unhashable"):
        hash(panel)


def test_arrays_of_different_length_need_a_fill(panel: Trajectories) -> None:
    with pytest.raises(InputError, match="fill=numpy.nan"):
        panel.to_array()
    padded = panel.to_array(fill=np.nan)
    assert padded.shape == (3, 4, 2)
    np.testing.assert_array_equal(padded[0, :3], panel.arrays()[0])
    assert np.isnan(padded[1, 2:]).all()
    assert np.isfinite(padded).sum() == panel.values.size
    cube = np.random.default_rng(0).standard_normal((3, 4, 2))
    np.testing.assert_array_equal(Trajectories(cube).to_array(), cube)


def test_numpy_does_not_turn_a_panel_into_something_else(panel: Trajectories) -> None:
    with pytest.raises(TypeError, match=r"to_array"):
        np.asarray(panel)


def test_with_values_keeps_times_and_labels(panel: Trajectories) -> None:
    doubled = panel.with_values([2 * x for x in panel.arrays()])
    assert doubled == panel.with_values(2 * panel.values)
    assert doubled.columns == panel.columns
    narrow = panel.with_values(panel.values[:, :1])
    assert narrow.columns == ("x0",)
    assert narrow.metadata.equals(panel.metadata)
    with pytest.raises(InputError, match="one row for each row"):
        panel.with_values(panel.values[:-1])
    with pytest.raises(InputError, match="one row for each row"):
        panel.with_values(np.zeros((3, 3, 2)))
    broken = panel.values.copy()
    broken[3, 1] = np.nan
    with pytest.raises(InputError, match=r"id 'b'.*row 0.*column 'v': NaN"):
        panel.with_values(broken)


def test_joining_needs_the_same_columns_and_labels(panel: Trajectories) -> None:
    with pytest.raises(InputError, match="columns"):
        Trajectories.concat([panel, panel.with_values(panel.values, columns=["a", "b"])])
    with pytest.raises(InputError, match="groups"):
        Trajectories.concat([panel, panel.with_groups(None)])
    with pytest.raises(InputError, match="metadata"):
        Trajectories.concat(
            [
                panel[:1],
                Trajectories(
                    np.zeros((2, 2)), columns=["u", "v"], groups=[1], time_unit="sentence"
                ),
            ]
        )
    with pytest.raises(InputError, match="empty"):
        Trajectories.concat([])
    with pytest.raises(InputError, match="Element 1"):
        Trajectories.concat([panel, np.zeros((2, 2))])  # type: ignore[list-item]


def test_flat_rows_can_be_viewed_without_a_copy() -> None:
    rows = np.arange(12.0).reshape(6, 2)
    viewing = Trajectories.from_flat(rows, [2, 4], dt=0.1, copy=False)
    assert np.shares_memory(viewing.values, rows)
    assert rows.flags.writeable
    assert not np.shares_memory(Trajectories.from_flat(rows, [2, 4]).values, rows)
    assert viewing == Trajectories([rows[:2], rows[2:]], dt=0.1)
    timed = Trajectories.from_flat(rows, [2, 4], np.array([0.0, 1.0, 0.0, 1.0, 2.0, 5.0]))
    assert timed.time_arrays()[1].tolist() == [0, 1, 2, 5]
    with pytest.raises(InputError, match="6 rows"):
        Trajectories.from_flat(rows, [2, 4], np.arange(5.0))
    with pytest.raises(InputError, match="add up"):
        Trajectories.from_flat(rows, [2, 3])


def test_the_repr_says_size_names_and_step(panel: Trajectories) -> None:
    assert repr(panel) == (
        "Trajectories(m=3, T=2..4, d=2 [u, v], n_transitions=6, dt=0.5 sentence)"
    )
    assert "irregular" in repr(Trajectories(np.zeros(3), [0.0, 1.0, 3.0]))
