"""Segmentation: units are spans of the text, and the work grows linearly."""

import sys

import pytest

from stochtext._shared.exceptions import InputError
from stochtext.text import segment, split_paragraphs, split_sentences, split_windows
from stochtext.text import segmentation as rules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith went home. He ate.", ["Dr. Smith went home.", "He ate."]),
        ("See eq. (3.1). It holds.", ["See eq. (3.1).", "It holds."]),
        ("He came in No. 5. She won.", ["He came in No. 5.", "She won."]),
        ("1. First item. 2. Second item.", ["1. First item.", "2. Second item."]),
        ('"Really?" she said. Yes!', ['"Really?" she said.', "Yes!"]),
        ("One line.\n\n***\n\nAnother.", ["One line.\n\n***", "Another."]),
        ("[ HISTORY ] It was. Then not.", ["[ HISTORY ] It was.", "Then not."]),
        ("你好。世界。", ["你好。", "世界。"]),
        ("no end", ["no end"]),
        ("...", ["..."]),
        ("2.", ["2."]),
        (" \n\t ", []),
        ("", []),
    ],
)
def test_sentences_are_cut_where_a_reader_would_cut_them(text, expected):
    assert split_sentences(text) == expected


def test_units_cover_every_visible_character_in_order():
    text = "A b. C\u00a0d?  (1) Ef “gh.” 3. Ij… \u2028 K. L. Mn!\x85\n\nO. p" * 90
    units = split_sentences(text)
    assert "".join("".join(u.split()) for u in units) == "".join(text.split())


def test_a_blank_that_breaks_the_compiled_splitter_is_harmless():
    # sentencex 1.0.32 panics on an initial that U+0085 follows.
    assert split_sentences("J.\x85K. went home. He slept.")[-1] == "He slept."


def test_a_panic_of_the_compiled_splitter_falls_back_on_plain_rules(monkeypatch):
    class PanicException(BaseException):  # noqa: N818 - the name is the library's
        pass

    def panics(language, text):
        raise PanicException

    monkeypatch.setattr("sentencex.segment", panics)
    assert split_sentences("One here. Two there.") == ["One here.", "Two there."]


def test_a_long_sentence_is_kept_whole_up_to_its_limit():
    words = "word " * 2000
    assert split_sentences(f"Start. {words}end. Done.") == ["Start.", f"{words}end.", "Done."]
    pieces = split_sentences("x" * 50_000)
    assert max(map(len, pieces)) == rules._LONGEST_SENTENCE
    assert sum(map(len, pieces)) == 50_000


@pytest.mark.parametrize(
    "pattern", ["a", ".", '"', "« a. ", "'", '"\u200b。»', "？a", "Dr. ", "1. ", "\n", "(a", "Hi. "]
)
def test_the_work_of_the_splitter_grows_linearly_on_adversarial_text(pattern, monkeypatch):
    import sentencex

    work = {"total": 0}
    original = sentencex.segment

    def counting(language, piece):
        # The splitter's cost is bounded by candidates times length, its worst case.
        marks = sum(1 for _ in rules._MARK.finditer(piece))
        work["total"] += len(piece) * (1 + marks)
        return original(language, piece)

    monkeypatch.setattr(sentencex, "segment", counting)
    totals = []
    for n in (40_000, 80_000):
        work["total"] = 0
        split_sentences((pattern * n)[:n])
        totals.append(work["total"])
    # A quadratic rule gives 4; windows that end unevenly leave some slack above 2.
    assert totals[1] <= 2.3 * totals[0] + 4 * rules._LONGEST_SENTENCE


def test_paragraphs_are_separated_by_blank_lines():
    assert split_paragraphs("a\nb\n \n\nc\n") == ["a\nb", "c"]


@pytest.mark.parametrize("n", [1, 5, 32, 33, 47, 48, 64, 70])
def test_windows_without_stride_partition_the_words(n):
    words = [f"w{i}" for i in range(n)]
    windows = split_windows(" ".join(words), 32)
    assert [w for window in windows for w in window.split()] == words
    assert all(16 <= len(window.split()) < 48 for window in windows) or len(windows) == 1


def test_overlapping_windows_start_every_stride_words():
    words = [f"w{i}" for i in range(20)]
    windows = [w.split() for w in split_windows(" ".join(words), 8, 4)]
    assert [w[0] for w in windows] == ["w0", "w4", "w8", "w12"]
    assert windows[-1][-1] == "w19"


def test_arguments_out_of_range_are_refused():
    with pytest.raises(InputError, match="left out"):
        split_windows("a b c", 2, 3)
    with pytest.raises(InputError, match="unit"):
        segment("a", "word")


def test_the_room_opens_without_the_splitter():
    import subprocess

    code = "import sys, stochtext.text as t; t.segment; print('sentencex' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"
