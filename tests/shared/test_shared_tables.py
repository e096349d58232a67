"""One summary in every form: text, HTML, LaTeX, CSV, Markdown."""

from __future__ import annotations

from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from stochtext._shared.tables import Summary, frame_table, number, pairs_table

HOSTILE = "<script>alert('x')</script>&\"|"


class Elements(HTMLParser):
    def __init__(self, source):
        super().__init__()
        self.tags, self.text = set(), []
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not attrs

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture
def frame():
    return pd.DataFrame(
        {"coef": [1.23456789, np.nan], "said": ["ok", HOSTILE], "count": [3, 4]},
        index=["kappa", "a_b%"],
    )


@pytest.fixture
def summary(frame):
    head = pairs_table([("Model", "OU"), ("Transitions", 12)], [("AIC", -3.5)], "Results")
    return Summary([head, frame_table(frame, title="Params")], ["first note", "second " + HOSTILE])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.23456789, "1.235"),
        (1234567.0, "1.235e+06"),
        (12, "12"),
        (float("nan"), "nan"),
        (np.float64("nan"), "nan"),
        (float("-inf"), "-inf"),
        (True, "yes"),
        (False, "no"),
        (None, ""),
        ("text", "text"),
        (np.int64(1234567), "1234567"),
        (np.bool_(True), "yes"),
        ((1, 2), "(1, 2)"),
    ],
)
def test_cell_shows_the_number_as_people_write_it(value, shown):
    assert number(value) == shown


def test_digits_are_significant_figures():
    assert number(0.000123456, digits=2) == "0.00012"


def test_text_has_every_cell_and_numbered_notes(summary):
    text = summary.as_text()
    for part in ("Results", "Model:", "OU", "Transitions:", "12", "-3.5", "kappa", "1.235", "nan"):
        assert part in text
    assert "[1] first note" in text
    assert "[2] second " in text
    assert repr(summary) == text


def test_html_escapes_everything_and_keeps_the_table(summary):
    elements = Elements(summary.as_html())
    assert elements.tags == {"table", "caption", "tr", "th", "td", "p", "br"}
    assert HOSTILE in elements.text
    assert "nan" in elements.text
    assert summary._repr_html_() == summary.as_html()


def test_markdown_has_a_rule_below_the_header_and_escaped_bars(summary):
    text = summary.as_markdown()
    lines = text.splitlines()
    widths = {line.replace("\\|", "").count("|") for line in lines if line.startswith("|")}
    assert widths == {5}  # both tables are four cells wide
    assert "**Params**" in lines
    assert "\\|" in text
    assert "- [1] first note" in lines


def test_latex_has_one_tabular_per_table_and_the_notes(summary):
    text = summary.as_latex()
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 2
    assert r"a\_b\%" in text
    assert "first note" in text


def test_csv_has_a_row_for_each_row(summary):
    rows = [line for line in summary.as_csv().splitlines() if line.startswith("kappa")]
    assert len(rows) == 1
    assert [cell.strip() for cell in rows[0].split(",")] == ["kappa", "1.235", "ok", "3"]


def test_rendering_in_one_form_leaves_the_others_as_they_were(summary):
    before = summary.as_latex(), summary.as_html(), summary.as_text()
    summary.as_csv()
    summary.as_markdown()
    assert (summary.as_latex(), summary.as_html(), summary.as_text()) == before


def test_summary_without_notes_or_tables_is_empty_in_every_form():
    empty = Summary()
    assert empty.as_html() == empty.as_markdown() == empty.as_latex() == ""


def test_column_pairs_of_different_length_are_filled_up():
    table = pairs_table([("a", 1)], [("b", 2), ("c", 3)], "Head")
    assert [len(row) for row in table] == [4, 4]


def test_index_of_several_levels_becomes_one_stub():
    index = pd.MultiIndex.from_tuples([(0, "x"), (0, "y")])
    table = frame_table(pd.DataFrame({"mean": [1.0, 2.0]}, index=index))
    assert "0 x" in table.as_text()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_csv_text_is_never_a_formula_and_numbers_stay(start):
    frame = pd.DataFrame({"said": [start + "cmd()"], "value": [-1.5]}, index=[start + "SUM(A1)"])
    text = Summary([frame_table(frame)]).as_csv()
    cells = [cell.strip(" ") for cell in text.replace("\n", ",").split(",")]
    assert f"'{start}SUM(A1)" in cells
    assert f"'{start}cmd()" in cells
    assert "-1.5" in cells
