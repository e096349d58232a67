"""The cache of embeddings may cost time, never an answer."""

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError
from stochtext.text.embedders.cache import cache_directory, open_store
from stochtext.text.embedders.encoding import embed_texts

TEXTS = [f"text {i}" for i in range(20)]


class Counting:
    """An embedder that remembers what it was asked for."""

    fingerprint = "counting-1"

    def __init__(self, width=3, fail_after=None):
        self.asked = []
        self.width = width
        self.fail_after = fail_after

    def encode(self, texts):
        if self.fail_after is not None and len(self.asked) >= self.fail_after:
            raise KeyboardInterrupt
        self.asked += texts
        return np.array([[len(t), sum(map(ord, t)), *[0.1] * (self.width - 2)] for t in texts])


def the_file(folder):
    (path,) = Path(folder, "embeddings").glob("*.sqlite3")
    return path


def test_a_second_run_embeds_nothing_and_gives_the_same_numbers(tmp_path):
    first, second, bare = Counting(), Counting(), Counting()
    a = embed_texts(first, TEXTS * 2, cache=tmp_path)
    b = embed_texts(second, TEXTS * 2, cache=tmp_path)
    c = embed_texts(bare, TEXTS * 2, cache=False)
    assert sorted(first.asked) == sorted(TEXTS)
    assert second.asked == []
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(a, c)


def test_rows_of_another_model_are_never_used(tmp_path):
    embed_texts(Counting(), TEXTS, cache=tmp_path)
    other = Counting()
    other.fingerprint = "counting-2"
    embed_texts(other, TEXTS, cache=tmp_path)
    assert sorted(other.asked) == sorted(TEXTS)


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        embed_texts(Counting(fail_after=8), TEXTS, cache=tmp_path, batch_size=4)
    again = Counting()
    rows = embed_texts(again, TEXTS, cache=tmp_path, batch_size=4)
    assert len(again.asked) == len(TEXTS) - 8
    np.testing.assert_array_equal(rows, embed_texts(Counting(), TEXTS, cache=False))


def corrupt_garbage(path):
    path.write_bytes(b"this is no database" * 100)


def corrupt_truncated(path):
    path.write_bytes(path.read_bytes()[:5000])


def corrupt_other_table(path):
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE rows (other TEXT)")
    connection.close()


def corrupt_middle(path):
    data = bytearray(path.read_bytes())
    data[4096:] = bytes(b ^ 0xFF for b in data[4096:])
    path.write_bytes(data)


@pytest.mark.parametrize(
    "corrupt", [corrupt_garbage, corrupt_truncated, corrupt_other_table, corrupt_middle]
)
def test_a_damaged_file_is_ignored_and_written_anew(tmp_path, corrupt):
    expected = embed_texts(Counting(), TEXTS, cache=tmp_path)
    corrupt(the_file(tmp_path))
    again = Counting()
    np.testing.assert_array_equal(embed_texts(again, TEXTS, cache=tmp_path), expected)
    assert sorted(again.asked) == sorted(TEXTS)
    third = Counting()
    np.testing.assert_array_equal(embed_texts(third, TEXTS, cache=tmp_path), expected)
    assert third.asked == []


def test_a_row_with_a_flipped_bit_is_embedded_again(tmp_path):
    expected = embed_texts(Counting(), TEXTS, cache=tmp_path)
    with sqlite3.connect(the_file(tmp_path)) as connection:
        key, row = connection.execute("SELECT key, row FROM rows LIMIT 1").fetchone()
        damaged = row[:-1] + bytes([row[-1] ^ 1])
        connection.execute("UPDATE rows SET row = ? WHERE key = ?", (damaged, key))
    connection.close()
    again = Counting()
    np.testing.assert_array_equal(embed_texts(again, TEXTS, cache=tmp_path), expected)
    assert len(again.asked) == 1


def test_rows_of_another_width_are_not_believed(tmp_path):
    embed_texts(Counting(width=5), TEXTS[:10], cache=tmp_path)
    rows = embed_texts(Counting(width=3), TEXTS, cache=tmp_path)
    assert rows.shape == (20, 3)


def test_a_folder_that_cannot_be_written_only_costs_time(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    rows = embed_texts(Counting(), TEXTS, cache=blocked)
    np.testing.assert_array_equal(rows, embed_texts(Counting(), TEXTS, cache=False))


def test_a_read_only_file_is_still_read(tmp_path, monkeypatch):
    embed_texts(Counting(), TEXTS[:10], cache=tmp_path)
    real = sqlite3.connect

    def read_only(path, **options):
        return real(f"file:{path}?mode=ro", uri=True, **options)

    monkeypatch.setattr("stochtext.text.embedders.cache.sqlite3.connect", read_only)
    embedder = Counting()
    assert embed_texts(embedder, TEXTS, cache=tmp_path).shape == (20, 3)
    assert sorted(embedder.asked) == sorted(TEXTS[10:])


def test_the_cache_holds_no_text_and_no_pickle(tmp_path):
    secret = "a sentence that nobody else should read"
    embed_texts(Counting(), [secret], cache=tmp_path)
    assert secret.encode() not in the_file(tmp_path).read_bytes()


def test_without_fingerprint_or_cache_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setenv("STOCHTEXT_CACHE", str(tmp_path))
    anonymous = Counting()
    anonymous.fingerprint = None
    embed_texts(anonymous, TEXTS)
    embed_texts(Counting(), TEXTS, cache=False)
    assert list(tmp_path.iterdir()) == []
    embed_texts(Counting(), TEXTS)
    assert the_file(tmp_path).exists()


def test_the_folder_follows_argument_then_environment_then_user(tmp_path, monkeypatch):
    monkeypatch.setenv("STOCHTEXT_CACHE", str(tmp_path / "env"))
    assert cache_directory(tmp_path) == tmp_path
    assert cache_directory(True) == tmp_path / "env"
    assert cache_directory(False) is None
    monkeypatch.delenv("STOCHTEXT_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_directory(True) == tmp_path / "xdg" / "stochtext"
    with pytest.raises(InputError, match="cache"):
        cache_directory(3)
    assert open_store(True, None) is None
