"""A panel comes back from a frame or a file as it was; a damaged file does not come back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from stochtext._shared.exceptions import InputError, MissingDependencyError
from stochtext.trajectories import Trajectories


def full_panel() -> Trajectories:
    rng = np.random.default_rng(3)
    dates = pd.Series(pd.to_datetime(["2024-01-01", None, "2024-03-01"]))
    return Trajectories(
        [rng.standard_normal((n, 2)) for n in (3, 4, 2)],
        [np.cumsum(rng.uniform(0.1, 1.0, n)) for n in (3, 4, 2)],
        ids=["a", "b", "ç"],
        groups=["g", "g", "h"],
        columns=["id", "value"],
        metadata=pd.DataFrame(
            {
                "text": ["x", None, "z"],
                "count": [1, 2, 3],
                "share": [0.1, np.nan, 1 / 3],
                "good": [True, False, True],
                "nullable": pd.Series([1, None, 3], dtype="Int64"),
                "mixed": pd.Series(["a", 1, None], dtype=object),
                "date": dates,
                "zoned": dates.dt.tz_localize("Europe/Zurich"),
                "kind": pd.Categorical(["u", "v", "u"], categories=["v", "u"], ordered=True),
            }
        ),
        time_unit="sentence",
    )


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
@pytest.mark.parametrize(
    "panel",
    [
        full_panel(),
        full_panel()[[2, 0, 0]],
        Trajectories(np.arange(3.0)),
        Trajectories([np.zeros(2), np.ones(3)], dt=[0.1, 0.2], ids=[10, 20], groups=[0.5, 1.5]),
        Trajectories([np.zeros(2), np.ones(3)], ids=["a", 1], groups=np.array(["a", 1], object)),
        Trajectories([np.zeros(2)], groups=np.array(["2024-01-01"], dtype="M8[D]")),
    ],
    ids=["full", "repeated", "plain", "numbers", "mixed", "dates"],
)
def test_a_saved_panel_comes_back_equal(panel: Trajectories, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"panel{suffix}"
    panel.save(path)
    back = Trajectories.load(path)
    assert back == panel
    assert back.dt == panel.dt
    assert back.metadata.dtypes.equals(panel.metadata.dtypes)
    assert not back.values.flags.writeable
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_parquet_file_is_a_plain_long_table(tmp_path: Path) -> None:
    full_panel().save(tmp_path / "panel.parquet")
    table = pd.read_parquet(tmp_path / "panel.parquet")
    assert list(table.columns) == ["_id", "time", "id", "value"]
    assert table["_id"].tolist() == ["a"] * 3 + ["b"] * 4 + ["ç"] * 2


def test_what_cannot_be_stored_without_pickle_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "panel.npz"
    panel = Trajectories(np.zeros(3), metadata={"thing": [object()]})
    with pytest.raises(InputError, match=r"metadata column 'thing', row 0.*object"):
        panel.save(path)
    with pytest.raises(InputError, match="name it by a string"):
        Trajectories(np.zeros(3), metadata={1: [2]}).save(path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "panel.npz"
    good = Trajectories(np.zeros(3))
    good.save(path)
    with pytest.raises(InputError):
        Trajectories(np.zeros(3), metadata={"thing": [object()]}).save(path)
    assert Trajectories.load(path) == good


@pytest.mark.parametrize("suffix", [".npz", ".parquet"])
def test_a_damaged_file_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"panel{suffix}"
    full_panel().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cannot be read as a saved panel"):
        Trajectories.load(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read as a saved panel"):
        Trajectories.load(path)


def test_files_of_others_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", values=np.zeros(3))
    with pytest.raises(InputError, match="cannot be read as a saved panel"):
        Trajectories.load(tmp_path / "own.npz")
    np.savez(tmp_path / "pickled.npz", header=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="cannot be read as a saved panel"):
        Trajectories.load(tmp_path / "pickled.npz")
    pd.DataFrame({"x": [1.0, 2.0]}).to_parquet(tmp_path / "own.parquet")
    with pytest.raises(InputError, match="from_frame"):
        Trajectories.load(tmp_path / "own.parquet")
    with pytest.raises(InputError, match=r"suffix must be one of \.npz, \.parquet"):
        Trajectories.load(tmp_path / "own.csv")
    with pytest.raises(FileNotFoundError, match="no file"):
        Trajectories.load(tmp_path / "none.npz")
    with pytest.raises(FileNotFoundError, match="folder"):
        full_panel().save(tmp_path / "none" / "panel.npz")


def test_parquet_without_pyarrow_names_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'stochtext\[io\]'"):
        full_panel().save(tmp_path / "panel.parquet")
    assert list(tmp_path.iterdir()) == []


def test_a_long_frame_comes_back_as_the_panel() -> None:
    panel = full_panel().with_values(full_panel().values, columns=["u", "v"])
    frame = panel.to_frame()
    assert list(frame.columns) == ["id", "time", "u", "v"]
    back = Trajectories.from_frame(frame, id="id", time="time", time_unit="sentence")
    assert back == Trajectories(
        panel.arrays(),
        panel.time_arrays(),
        ids=panel.ids,
        columns=panel.columns,
        time_unit="sentence",
    )
    indexed = frame.set_index(["id", "time"])
    assert back == Trajectories.from_frame(indexed, id="id", time="time", time_unit="sentence")


def test_interleaved_rows_find_their_trajectory() -> None:
    frame = pd.DataFrame(
        {
            "who": ["b", "a", "b", "a"],
            "x": [1.0, 2.0, 3.0, 4.0],
            "author": ["B", "A", "B", "A"],
            "cluster": [1, 0, 1, 0],
        }
    )
    panel = Trajectories.from_frame(
        frame, id="who", columns=["x"], groups="cluster", metadata=["author"], dt=0.5
    )
    assert panel.ids.tolist() == ["b", "a"]
    assert [x.ravel().tolist() for x in panel.arrays()] == [[1.0, 3.0], [2.0, 4.0]]
    assert panel.metadata["author"].tolist() == ["B", "A"]
    assert panel.groups is not None
    assert panel.groups.tolist() == [1, 0]
    assert panel.dt == 0.5


def test_a_frame_without_id_is_one_trajectory() -> None:
    days = pd.date_range("2024-01-01", periods=4, freq="D")
    frame = pd.DataFrame({"day": days, "x": np.arange(4.0), "y": np.ones(4)})
    panel = Trajectories.from_frame(frame, time="day", time_unit="h")
    assert (panel.n_trajectories, panel.columns, panel.dt) == (1, ("x", "y"), 24.0)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"id": "nobody"}, "no column 'nobody'; it has"),
        ({"id": "who", "columns": ["x"], "metadata": ["x"]}, "'x' varies within the trajectory"),
        ({"id": "gap", "columns": ["x"]}, "row 1 of the frame: the id is missing"),
        ({"id": "who"}, "column 'gap'"),
        ({"id": "who", "time": "x", "columns": ["time"]}, r"id 'a'.*rows 0 and 1"),
        ({"id": "who", "columns": "x"}, "lists of names"),
    ],
)
def test_a_frame_that_is_no_panel_is_refused(options: dict[str, Any], text: str) -> None:
    frame = pd.DataFrame(
        {"who": ["a", "a"], "gap": ["a", None], "x": [2.0, 1.0], "time": [0.0, 1.0]}
    )
    with pytest.raises(InputError, match=text):
        Trajectories.from_frame(frame, **options)


def test_only_a_frame_is_read_as_a_frame() -> None:
    with pytest.raises(InputError, match="DataFrame; got ndarray"):
        Trajectories.from_frame(np.zeros((3, 2)))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="empty"):
        Trajectories.from_frame(pd.DataFrame({"x": []}))


def test_a_frame_needs_distinct_names_and_ids() -> None:
    with pytest.raises(InputError, match=r"two columns 'id'.*to_frame\(id="):
        full_panel().to_frame()
    assert full_panel().to_frame(id="who").columns[0] == "who"
    with pytest.raises(InputError, match=r"'a' stands for two.*with_ids"):
        full_panel()[[0, 0]].to_frame(id="who")
    assert full_panel()[[0, 0]].with_ids().to_frame(id="who")["who"].tolist() == [0] * 3 + [1] * 3
