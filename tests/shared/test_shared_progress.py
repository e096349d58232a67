"""A bar on a terminal, nothing elsewhere; the items pass through unchanged."""

from __future__ import annotations

import io
import sys

import pytest

from stochtext._shared.progress import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_off_a_terminal_nothing_is_written(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(progress(range(5), label="fitting")) == [0, 1, 2, 3, 4]
    assert stream.getvalue() == ""


def test_off_a_terminal_tqdm_is_not_even_loaded(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setitem(sys.modules, "tqdm", None)  # importing it would fail
    assert list(progress(range(3), label="fitting")) == [0, 1, 2]


def test_on_a_terminal_the_label_is_shown(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(progress(range(5), label="fitting")) == [0, 1, 2, 3, 4]
    assert "fitting" in stream.getvalue()


@pytest.mark.parametrize("show", [True, False])
def test_the_bar_can_be_forced_on_and_off(monkeypatch, show):
    stream = io.StringIO() if show else Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    assert list(progress(iter("ab"), label="fitting", total=2, show=show)) == ["a", "b"]
    assert bool(stream.getvalue()) == show


def test_items_are_taken_one_at_a_time(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    endless = progress(iter(int, 1), label="fitting")
    assert [next(endless) for _ in range(3)] == [0, 0, 0]
