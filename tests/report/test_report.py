"""A report is one file: whole, small, escaped, and in words before numbers."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from stochtext._shared.exceptions import InputError
from stochtext.analysis import order_control
from stochtext.comparison import compare
from stochtext.estimators import LinearSDE
from stochtext.report import report
from stochtext.report.markdown import markdown_line
from stochtext.report.sections import Picture, Sketch, draw
from stochtext.trajectories import Trajectories

EVIL = "<script>alert(1)</script>"
WORSE = "\"><img src=x onerror='alert(2)'>\u2028</style></title><svg onload=alert(3)>"


class Page(HTMLParser):
    """All elements and attributes of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.text = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.text.append(data)


def simulated(rng, columns=None, m=12, n=14):
    paths = []
    for _ in range(m):
        x = np.zeros((n, 2))
        for t in range(1, n):
            x[t] = 0.6 * x[t - 1] + rng.standard_normal(2)
        paths.append(x)
    return Trajectories(paths, columns=columns)


@pytest.fixture(scope="module")
def everything():
    panel = simulated(np.random.default_rng(3))
    fit = LinearSDE().fit(panel)
    models = {"constant": LinearSDE(), "moving": LinearSDE(trend="linear")}
    return {
        "Data": panel,
        "Fit": fit,
        "Residuals": fit.results_.goodness_of_fit(n_boot=0),
        "Order": order_control(panel, n_permutations=9, random_state=0),
        "Models": compare(models, panel, random_state=0),
        "Scores": pd.DataFrame({"group": ["a", "a", "b"], "score": [1.0, 2.0, 3.0]}),
        "Note": "A sentence.",
    }


@pytest.fixture(scope="module")
def page(everything, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "page.html"
    return report(everything, path, title="All", command="stochtext demo", seed=7).read_text(
        "utf-8"
    )


def test_page_is_one_file_below_two_megabytes_that_loads_nothing(page):
    assert len(page.encode()) < 2_000_000
    parsed = Page(page)
    assert not {"script", "link", "iframe", "object", "embed", "base"} & set(parsed.elements)
    sources = [v for _, name, v in parsed.attributes if name in ("src", "href", "xlink:href")]
    assert all(v.startswith(("#", "data:")) for v in sources)
    assert not re.search(r"url\((?!#)", page)
    policy = [v for tag, name, v in parsed.attributes if tag == "meta" and name == "content"]
    assert any("default-src 'none'" in v for v in policy)


def test_page_says_what_was_found_before_any_table(page, everything):
    text = "".join(Page(page).text)
    assert text.index("What was found") < text.index("SDE estimation results")
    assert everything["Order"].verdict() in text
    assert everything["Models"].verdict() in text
    for part in ("Assumptions and warnings", "Make it again", "stochtext demo", "Seed", "numpy"):
        assert part in text


def test_every_figure_has_words_for_those_who_do_not_see_it(page):
    parsed = Page(page)
    assert parsed.elements.count("figure") == parsed.elements.count("figcaption") >= 8
    labels = [v for tag, name, v in parsed.attributes if (tag, name) == ("svg", "aria-label")]
    assert len(labels) + parsed.elements.count("img") == parsed.elements.count("figure")
    assert all(labels)


def test_page_reads_on_a_phone_and_in_the_dark(page):
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page


def hostile_page(rng, tmp_path, suffix):
    panel = simulated(rng, columns=[EVIL, WORSE])
    scores = pd.DataFrame({"group": [EVIL, WORSE], "score": [1.0, 2.0], WORSE: [EVIL, "=cmd"]})
    fit = LinearSDE().fit(panel)
    comparison = compare(
        {EVIL: LinearSDE(), WORSE: LinearSDE(trend="linear")}, panel, random_state=0
    )
    parts = {EVIL: panel, WORSE: fit, "x": comparison, "y": scores, "z": WORSE}
    path = report(parts, tmp_path / f"evil{suffix}", title=WORSE, command=EVIL, seed=WORSE)
    return path.read_text("utf-8")


def test_hostile_names_and_titles_stay_text(rng, tmp_path):
    text = hostile_page(rng, tmp_path, ".html")
    parsed = Page(text)
    assert "script" not in parsed.elements
    assert not [a for a in parsed.attributes if a[1].startswith("on")]
    assert [v for t, n, v in parsed.attributes if t == "img" and n == "src" and v == "x"] == []
    assert EVIL in "".join(parsed.text)


def test_hostile_names_stay_text_in_markdown(rng, tmp_path):
    text = hostile_page(rng, tmp_path, ".md")
    assert not re.search(r"<(?!\s)", text)
    assert "&lt;script" in text


def test_markdown_has_the_same_words_without_figures(everything, tmp_path):
    text = report(everything, tmp_path / "page.md").read_text("utf-8")
    assert "## What was found" in text
    assert "| kappa[0,0] |" in text
    assert "base64" not in text


def test_line_of_markdown_has_no_markup():
    assert markdown_line("a *b* [c](d)\n# e `f`") == r"a \*b\* \[c\](d) # e \`f\`"


def test_a_name_that_is_no_mathematics_costs_only_its_figure(rng, tmp_path):
    panel = simulated(rng, columns=["$\\nonsense{$", "b"])
    text = report(panel, tmp_path / "page.html").read_text("utf-8")
    assert "Coordinates" in text


def test_a_figure_that_cannot_be_drawn_says_why():
    def fail():
        raise ValueError("no such mathematics")

    assert draw(Sketch("a drift", fail)) == Picture(
        "a drift", missing="could not be drawn: no such mathematics"
    )


def test_a_list_and_an_estimator_are_described_in_order(everything, tmp_path):
    text = report([everything["Fit"], "Last words."], tmp_path / "page.html").read_text("utf-8")
    assert text.index("SDE estimation results") < text.index("Last words.")


def test_long_tables_are_cut_and_say_so(tmp_path):
    path = report(pd.DataFrame({"a": range(100)}), tmp_path / "page.html")
    assert "The first 60 of 100 rows." in path.read_text("utf-8")


def test_an_oversized_page_leaves_out_figures_and_says_so(everything, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["stochtext.report.page"], "LARGEST_PAGE", 20_000)
    path = report(everything["Data"], tmp_path / "page.html")
    assert path.stat().st_size < 20_000
    assert "left out to keep the page below 2 MB" in path.read_text("utf-8")


def test_an_existing_page_is_replaced_whole(tmp_path):
    path = tmp_path / "page.html"
    path.write_text("old")
    path.chmod(0o640)
    report("New.", path)
    assert "New." in path.read_text("utf-8")
    assert path.stat().st_mode & 0o777 == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(
    ("obj", "name", "message"),
    [
        ("text", "page.pdf", "must end in .html or .md"),
        (object(), "page.html", "no report about a object"),
        ([], "page.html", "nothing to report"),
    ],
)
def test_what_cannot_be_reported_is_refused(tmp_path, obj, name, message):
    with pytest.raises(InputError, match=message):
        report(obj, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
