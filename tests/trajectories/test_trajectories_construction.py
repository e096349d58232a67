"""Bad input is refused with its place and a remedy; nothing is sorted, parsed or dropped."""

from __future__ import annotations

import datetime as dt_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from stochtext._shared.exceptions import InputError, SampleSizeWarning
from stochtext.trajectories import Trajectories
from stochtext.trajectories.reading import as_trajectories

GOOD = np.zeros((3, 2))


def with_entry(value: float) -> list[np.ndarray]:
    broken = np.zeros((20, 2))
    broken[17, 1] = value
    return [GOOD, GOOD, GOOD, broken]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (with_entry(np.nan), r"trajectory 3, row 17, column 'x1': NaN.*missing='split'"),
        (with_entry(np.inf), r"trajectory 3, row 17, column 'x1': infinity"),
        (with_entry(-np.inf), r"trajectory 3, row 17, column 'x1': infinity"),
        ([], "empty list"),
        (np.zeros((0, 2)), r"trajectory 0 has 0 row\(s\), n_samples=0"),
        (np.zeros((1, 2)), r"1 row\(s\), n_samples=1"),
        ([GOOD, GOOD[:1]], r"trajectory 1 has 1 row\(s\).*Leave it out"),
        (np.zeros((0, 3, 2)), "holds no trajectory"),
        (np.zeros((3, 0)), "no columns"),
        ([GOOD, np.zeros((3, 1))], "trajectory 1 has 1 columns, trajectory 0 has 2"),
        (np.zeros((2, 2, 2, 2)), r"shape \(2, 2, 2, 2\)"),
        ([GOOD, np.zeros((2, 2, 2))], "trajectory 1: a trajectory is"),
        (GOOD.astype(complex), "Complex data not supported"),
        ([GOOD, GOOD.astype(complex)], "Complex data not supported: trajectory 1"),
        (np.array([[1 + 1j], [2]], dtype=object), "Complex data not supported"),
        (np.array([["1.0"], ["2.0"]]), "must be numbers; got dtype"),
        (np.array([["1.0"], [2.0]], dtype=object), r"position \(0, 0\).*'1.0'"),
        (np.array(["2020-01-01", "2020-01-02"], dtype="M8[D]"), "must be numbers"),
        ([[1.0, 2.0], [3.0]], "list of numpy arrays"),
        (scipy.sparse.csr_matrix(GOOD), "sparse"),
        ([scipy.sparse.csr_array(GOOD), GOOD], "sparse"),
        (None, "got NoneType"),
        ({"a": GOOD}, "got dict"),
        ("text", "got str"),
        (iter([GOOD]), "must be one"),
        (Trajectories(GOOD), "Trajectories object already"),
        (pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "column 'b'"),
        (pd.DataFrame(index=range(3)), "no columns"),
        ([pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"b": [1, 2]})], "same columns"),
        (pd.DataFrame({"a": [1, None]}, dtype="Int64"), r"row 1, column 'a': NaN"),
        (np.ma.masked_equal([[1.0], [2.0]], 2.0), "row 1, column 'x0': NaN"),
    ],
)
def test_values_that_are_no_trajectories_are_refused(values: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Trajectories(values)


def test_the_id_stands_in_the_message() -> None:
    with pytest.raises(InputError, match=r"trajectory 3 \(id 'doc7'\), row 17"):
        Trajectories(with_entry(np.nan), ids=["a", "b", "c", "doc7"])


def test_an_object_array_of_numbers_is_read() -> None:
    assert Trajectories(np.array([[1], [2.5], [True]], dtype=object)).values.sum() == 4.5


@pytest.mark.parametrize(
    ("times", "text"),
    [
        ([0.0, 2.0, 1.0], r"trajectory 0, rows 1 and 2: the times 2.0 and 1.0 decrease.*Sort"),
        ([0.0, 1.0, 1.0], r"rows 1 and 2: the times 1.0 and 1.0 are equal.*duplicate"),
        ([0.0, np.nan, 1.0], "row 1: nan"),
        ([0.0, 1.0], "3 rows"),
        ([[0.0, 1.0, 2.0]] * 2, "2 sequences for 1 trajectories"),
        (["a", "b", "c"], "must be numbers"),
    ],
)
def test_times_of_one_path_must_increase(times: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Trajectories(GOOD, times)


def test_the_first_offending_pair_is_named_within_its_trajectory() -> None:
    with pytest.raises(InputError, match=r"trajectory 1 \(id 'b'\), rows 0 and 1"):
        Trajectories([GOOD, GOOD], [[0, 1, 2], [3, 2, 1]], ids=["a", "b"])


def test_times_may_fall_from_one_trajectory_to_the_next() -> None:
    panel = Trajectories([GOOD, GOOD], [[5, 6, 7], [1, 2, 3]])
    assert panel.dt == 1.0
    assert panel.transitions().t.tolist() == [5, 6, 1, 2]


def test_times_have_the_nesting_of_the_values() -> None:
    cube = np.zeros((2, 3, 1))
    grid = np.array([0.0, 1.0, 4.0])
    nested = Trajectories(cube, [grid, grid])
    assert Trajectories(cube, np.stack([grid, grid])) == nested == Trajectories(cube, grid)
    with pytest.raises(InputError, match="nesting"):
        Trajectories([np.zeros(3), np.zeros(4)], grid)


@pytest.mark.parametrize(
    ("dt", "text"),
    [
        (0.0, "`dt` must be a finite number > 0; got 0.0"),
        (-1, "got -1"),
        (np.nan, "got nan"),
        (np.inf, "got inf"),
        ("fast", "must be a number"),
        ([0.1, -0.1], r"`dt` of trajectory 1 must be"),
        ([0.1], r"one number a trajectory \(2\)"),
    ],
)
def test_the_step_must_be_positive(dt: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Trajectories([GOOD, GOOD], dt=dt)


def test_step_and_times_together_are_refused() -> None:
    with pytest.raises(InputError, match="Both `times` and `dt`"):
        Trajectories(GOOD, [0, 1, 2], dt=0.1)


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({"ids": ["a"]}, "1 ids for 2"),
        ({"ids": ["a", "a"]}, "'a' stands for two"),
        ({"ids": ["a", None]}, "trajectory 1 is missing"),
        ({"ids": "ab"}, "got the string"),
        ({"groups": ["a"]}, "one label a trajectory"),
        ({"groups": [1.0, np.nan]}, "trajectory 1 is missing"),
        ({"columns": ["a"]}, "names 1 columns; the values have 2"),
        ({"columns": ["a", "a"]}, "'a' twice"),
        ({"metadata": {"a": [1]}}, "1 rows for 2"),
        ({"metadata": 7}, "not a table"),
        (
            {"ids": ["a", "b"], "metadata": pd.DataFrame({"k": [1, 2]}, index=["b", "a"])},
            r"metadata.loc\[ids\]",
        ),
        ({"time_unit": 3}, "time_unit"),
        ({"missing": "drop"}, "missing"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels: dict[str, Any], text: str) -> None:
    with pytest.raises(InputError, match=text):
        Trajectories([GOOD, GOOD], **labels)


def test_metadata_takes_the_ids_as_index() -> None:
    rows = [{"k": 1}, {"k": 2}]
    panel = Trajectories([GOOD, GOOD], ids=["a", "b"], metadata=rows)
    assert panel.metadata.index.tolist() == ["a", "b"]
    assert Trajectories([GOOD, GOOD]).metadata.shape == (2, 0)


HOURS = np.datetime64("2024-02-29T00:00") + np.arange(3) * np.timedelta64(6, "h")


@pytest.mark.parametrize(
    "times",
    [
        HOURS,
        pd.DatetimeIndex(HOURS),
        pd.Series(HOURS),
        pd.DatetimeIndex(HOURS, tz="UTC").tz_convert("Europe/Zurich"),
        HOURS.astype(object),
        [pd.Timestamp(h, tz="UTC") for h in HOURS],
        HOURS - np.datetime64("2024-02-29"),
        [dt_module.timedelta(hours=6 * k) for k in range(3)],
    ],
    ids=range(8),
)
def test_dates_count_in_the_unit_that_is_named(times: Any) -> None:
    panel = Trajectories(GOOD, times, time_unit="D")
    assert panel.dt == 0.25
    assert Trajectories(GOOD, times, time_unit="hours").dt == 6.0


def test_dates_of_two_panels_share_their_clock() -> None:
    one = Trajectories(GOOD, HOURS, time_unit="D")
    other = Trajectories(GOOD, HOURS + np.timedelta64(10, "D"), time_unit="D")
    assert (other.times - one.times).tolist() == [10, 10, 10]
    assert one.times[0] == (dt_module.date(2024, 2, 29) - dt_module.date(1970, 1, 1)).days


def test_dates_need_a_unit_a_value_and_a_step_that_can_be_told() -> None:
    with pytest.raises(InputError, match=r"say with `time_unit`.*got None"):
        Trajectories(GOOD, HOURS)
    with pytest.raises(InputError, match="got 'sentence'"):
        Trajectories(GOOD, HOURS, time_unit="sentence")
    broken = HOURS.copy()
    broken[1] = np.datetime64("NaT")
    with pytest.raises(InputError, match="row 1: NaT"):
        Trajectories(GOOD, broken, time_unit="h")
    ticks = np.datetime64("2024-01-01", "ns") + np.arange(3)
    with pytest.raises(InputError, match="too short to be resolved"):
        Trajectories(GOOD, ticks, time_unit="s")
    assert Trajectories(GOOD, ticks - ticks[0], time_unit="ns").dt == 1.0


def test_regular_minutes_in_days_have_a_common_step() -> None:
    minutes = np.datetime64("2024-01-01T00:00") + np.arange(500)
    assert Trajectories(np.zeros(500), minutes, time_unit="D").dt == pytest.approx(
        1 / 1440, rel=1e-8
    )


def test_missing_values_split_a_trajectory_on_request() -> None:
    states = np.arange(16.0).reshape(8, 2)
    states[3, 1] = np.nan
    panel = Trajectories(
        [states, GOOD], ids=["a", "b"], metadata={"k": [1, 2]}, dt=0.5, missing="split"
    )
    assert panel.ids.tolist() == ["a/0", "a/1", "b/0"]
    assert panel.lengths.tolist() == [3, 4, 3]
    assert panel.time_arrays()[1].tolist() == [2.0, 2.5, 3.0, 3.5]
    assert panel.groups is not None
    assert panel.groups.tolist() == ["a", "a", "b"]
    assert panel.metadata["k"].tolist() == [1, 1, 2]
    assert panel.metadata["source_id"].tolist() == ["a", "a", "b"]
    assert panel.metadata["piece"].tolist() == [0, 1, 0]
    assert panel.dt == 0.5


def test_splitting_changes_nothing_where_nothing_is_missing() -> None:
    assert Trajectories([GOOD, GOOD], missing="split") == Trajectories([GOOD, GOOD])


def test_splitting_says_what_it_leaves_out() -> None:
    gap = np.nan
    lonely = np.array([1.0, 2.0, gap, 4.0, gap])
    with pytest.warns(SampleSizeWarning, match=r"1 complete row.*1 trajectories.*ids 1\)") as seen:
        panel = Trajectories([lonely, np.array([gap, gap])], missing="split")
    assert seen[0].filename == __file__
    assert panel.values.ravel().tolist() == [1.0, 2.0]
    with pytest.raises(InputError, match="leaves nothing"):
        Trajectories([np.array([1.0, gap])], missing="split")
    with pytest.raises(InputError, match="infinity"):
        Trajectories(np.array([1.0, 2.0, gap, np.inf, 3.0]), missing="split")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=2, max_size=12), min_size=1, max_size=4))
def test_splitting_keeps_exactly_the_transitions_between_complete_rows(
    missing: list[list[bool]],
) -> None:
    paths, expected, start = [], [], 0
    for holes in missing:
        path = np.arange(start, start + len(holes), dtype=float)
        start += 100
        pairs = zip(path, path[1:], holes, holes[1:], strict=False)
        expected += [(a, b) for a, b, i, j in pairs if not (i or j)]
        paths.append(np.where(holes, np.nan, path))
    if not expected:
        with pytest.raises(InputError):
            Trajectories(paths, missing="split")
        return
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SampleSizeWarning)
        steps = Trajectories(paths, missing="split").transitions()
    assert list(zip(steps.x.ravel(), steps.x_next.ravel(), strict=True)) == expected
    assert steps.t.tolist() == [a % 100 for a, _ in expected]


def test_gaps_are_kept_on_request_and_refused_where_nobody_expects_them(tmp_path: Path) -> None:
    states = np.array([[1.0, 2.0], [np.nan, 3.0], [2.0, 1.0]])
    panel = Trajectories([states, GOOD], missing="keep")
    assert panel.has_gaps
    assert not Trajectories([GOOD]).has_gaps
    assert panel == Trajectories([states, GOOD], missing="keep")
    panel.save(tmp_path / "panel.npz")
    assert Trajectories.load(tmp_path / "panel.npz") == panel
    with pytest.raises(InputError, match="trajectory 0, row 1, column 'x0': NaN"):
        as_trajectories(panel)
    assert as_trajectories(panel, gaps=True) is panel
    with pytest.raises(InputError, match="infinity"):
        Trajectories(np.array([1.0, np.nan, np.inf]), missing="keep")
