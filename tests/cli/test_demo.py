"""The demo tells its whole story without network, weights, display or arguments."""

from __future__ import annotations

import socket

import pytest
from click.testing import CliRunner

from stochtext.cli import main


@pytest.fixture
def offline(monkeypatch):
    def refuse(*args, **options):
        raise AssertionError("the demo tried to reach the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.delenv("DISPLAY", raising=False)


PARTS = (
    "Documents become trajectories",
    "Order control",
    "permutation p",
    "Four models, scored on documents that they have not seen",
    "neural",
    "kernel",
    "kramers-moyal",
    "linear",
    "Goodness of fit: linear",
    "Goodness of fit: neural",
    "Scores of the three groups",
    "steady",
    "drifting",
    "looping",
    "Report:",
)


def told(stdout):
    """Return which parts of the story are missing."""
    return [part for part in PARTS if part not in stdout]


def test_a_reduced_demo_tells_every_part_of_the_story(offline, tmp_path):
    page = tmp_path / "demo.md"
    small = ["--per-group", "7", "--permutations", "19", "--folds", "2"]
    done = CliRunner().invoke(main, ["demo", "--output", str(page), *small])
    assert done.exit_code == 0, done.output
    assert told(done.stdout) == []
    assert "What was found" in page.read_text("utf-8")


@pytest.mark.slow
def test_the_demo_finds_what_the_texts_were_written_to_show(offline, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["demo"])
    assert done.exit_code == 0, done.output
    assert told(done.stdout) == []
    words = " ".join(done.stdout.split())
    assert "50 bundled documents (24 steady, 14 drifting, 12 looping)" in words
    assert "Detectable dynamics: the order matters (permutation p = 0.005)" in words
    assert "looping: 11 of 12 documents are unlike the steady ones" in words
    page = tmp_path / "stochtext_demo.html"
    assert page.stat().st_size < 2_000_000
    assert page.read_text("utf-8").count("<figure>") >= 20
