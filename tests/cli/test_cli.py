"""The command line: ordinary files in and out, one sentence for bad input, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
from click.testing import CliRunner

import stochtext as st
from stochtext.cli import main

SUBJECTS = ("bridge", "river", "market", "mill", "school", "station", "tower", "garden")
PHRASES = (
    "The {} stands at the edge of the town.", "It was built by hand in a dry year.",
    "People say the {} is older than the church.", "Rain came in through the roof for years.",
    "The council paid for new stone and timber.", "Visitors come to the {} on Sundays.",
    "A guide tells them how the work was done.", "In winter the {} is closed.",
    "Nobody knows what it will cost to keep.", "The town wants the {} to last.",
)  # fmt: skip
QUICK = ("--permutations", "9", "--components", "2")
FEW = ("--refits", "19")


def texts(n=16):
    """Return short documents of 7 to 10 sentences."""
    found = []
    for k in range(n):
        subject = SUBJECTS[k % len(SUBJECTS)]
        order = np.random.default_rng(k).permutation(len(PHRASES))[: 7 + k % 4]
        found.append(" ".join(PHRASES[j].format(subject) for j in sorted(order)))
    return found


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STOCHTEXT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "texts.jsonl"
    rows = [
        {"text": text, "source": "ab"[k % 2], "prompt": k // 2} for k, text in enumerate(texts())
    ]
    path.write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return path


def run(*arguments):
    return CliRunner().invoke(main, [str(a) for a in arguments])


def test_fit_prints_control_tables_and_tests_and_writes_what_was_asked_for(corpus, tmp_path):
    page, kept = tmp_path / "fit.html", tmp_path / "model.st"
    done = run("fit", corpus, "--model", "linear", *QUICK, *FEW, "--output", page, "--save", kept)
    assert done.exit_code == 0, done.output
    for part in ("16 documents", "Order control", "SDE estimation results", "Goodness of fit"):
        assert part in done.stdout
    assert "What was found" in page.read_text("utf-8")
    assert st.load(kept).model == "LinearSDE"


def test_compare_ranks_the_models_that_were_named(corpus, tmp_path):
    page = tmp_path / "models.md"
    done = run(
        "compare", corpus, "--model", "linear", "--model", "kramers-moyal", "--folds", "3", *QUICK,
        "--output", page,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "has the highest held-out score" in " ".join(done.stdout.split())
    assert "3 folds of 16 trajectories" in done.stdout
    assert "| linear |" in page.read_text("utf-8")


def test_documents_are_filtered_and_grouped_by_fields(corpus):
    done = run(
        "fit",
        corpus,
        "--where",
        "source=a",
        "--group-by",
        "prompt",
        "--model",
        "linear",
        *QUICK,
        *FEW,
    )
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("8 documents")
    assert "8 groups" in done.stdout


def test_folders_and_text_files_are_read(tmp_path):
    folder = tmp_path / "texts"
    folder.mkdir()
    for k, text in enumerate(texts(12)):
        (folder / f"{k:02d}.txt").write_text(text, encoding="utf-8")
    (folder / "short.txt").write_text("Too short. To judge.", encoding="utf-8")
    done = run("fit", folder, "--model", "linear", *QUICK, *FEW)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("12 documents")
    assert "1 documents left out" in done.stderr
    assert "'short'" in done.stderr


def test_slow_directions_are_controlled_in_coordinates_blind_to_order(corpus):
    done = run("fit", corpus, "--model", "linear", "--projection", "tica", *QUICK, *FEW)
    assert done.exit_code == 0, done.output
    control, fit = done.stdout.split("Fit: linear")
    assert "pc1" in control
    assert "ic1" not in control
    assert "ic1" in fit or "kappa" in fit


def test_a_failed_check_is_exit_code_one_and_said_in_words(tmp_path):
    rng = np.random.default_rng(1)
    words = [f"word{k}" for k in range(40)]
    path = tmp_path / "noise.jsonl"
    rows = [
        {"text": " ".join(" ".join(rng.choice(words, 6)).capitalize() + "." for _ in range(8))}
        for _ in range(12)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    options = ("fit", path, "--model", "linear", "--permutations", "19", "--components", "2", *FEW)
    assert run(*options).exit_code == 0
    done = run(*options, "--check")
    assert done.exit_code == 1
    assert "No detectable dynamics" in done.stdout
    assert "no detectable dynamics" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fit", "nowhere.txt"), "no file or folder 'nowhere.txt'"),
        (("fit",), "Missing argument"),
        (("fit", "{corpus}", "--model", "magic"), "'magic' is not one of"),
        (("fit", "{corpus}", "--where", "source"), "needs FIELD=VALUE"),
        (("fit", "{corpus}", "--where", "colour=red"), "no field 'colour'; the fields are: source"),
        (("fit", "{corpus}", "--where", "source=c"), "no document is left"),
        (("fit", "{corpus}", "--group-by", "author"), "'author'"),
        (("fit", "{corpus}", "--output", "page.pdf"), "must end in .html or .md"),
        (("fit", "{corpus}", "--output", "no/such/folder/page.html"), "there is no folder"),
        (("fit", "{corpus}", "--text", "body"), "body"),
        (("nonsense",), "No such command"),
    ],
)
def test_bad_input_is_exit_code_two_and_one_line_on_standard_error(
    corpus, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    done = run(*(a.replace("{corpus}", str(corpus)) for a in arguments))
    assert done.exit_code == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_warnings_of_others_do_not_leak_and_own_ones_come_once(corpus, monkeypatch):
    from stochtext.cli import fitting

    def noisy(name, seed):
        for _ in range(2):
            warnings.warn("somebody else's affair", FutureWarning, stacklevel=1)
            warnings.warn("our affair", st.SampleSizeWarning, stacklevel=1)
        return st.LinearSDE()

    monkeypatch.setattr(fitting, "estimator", noisy)
    done = run("fit", corpus, *QUICK)
    assert done.exit_code == 0, done.output
    assert "somebody else" not in done.output
    assert done.stderr.count("our affair") == 1


def test_interruption_is_not_a_traceback(corpus, monkeypatch):
    from stochtext.cli import fitting

    def interrupted(name, seed):
        raise KeyboardInterrupt

    monkeypatch.setattr(fitting, "estimator", interrupted)
    done = run("fit", corpus, *QUICK)
    assert done.exit_code == 130
    assert "interrupted" in done.stderr


def test_info_lists_versions_and_folders():
    done = run("info")
    assert done.exit_code == 0
    for part in ("stochtext", "Python", "numpy", "torch", "extra offline", "cache"):
        assert part in done.stdout


def test_help_lists_every_command():
    done = run("--help")
    assert done.exit_code == 0
    for name in ("demo", "fit", "compare", "info"):
        assert name in done.stdout


def test_the_module_runs_as_a_program():
    done = subprocess.run(
        [sys.executable, "-m", "stochtext", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"stochtext, version {st.__version__}"


def test_commands_are_not_loaded_before_they_are_called():
    code = (
        "import sys\nfrom stochtext.cli import main\n"
        "assert not [m for m in sys.modules if m in ('numpy', 'pandas', 'stochtext.cli.fitting')]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
