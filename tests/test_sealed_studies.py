"""Stored studies carry the mark of the code that they measured."""

from __future__ import annotations

import json

import pytest

from benchmarks import sealing
from benchmarks.sealing import ROOT, broken_seal, code_hash, sealed

CODE = '''"""A docstring."""


def double(x):
    """Another."""
    return 2 * x  # a comment
'''
RECORD = {"versions": {"stochtext": "1.0"}, "designs": {"a": {"size": 5.1}}}


@pytest.fixture
def source(tmp_path, monkeypatch):
    monkeypatch.setattr(sealing, "ROOT", tmp_path)
    path = tmp_path / "module.py"
    path.write_text(CODE)
    return path


def test_words_about_code_do_not_change_its_hash_and_code_does(source):
    before = code_hash(["*.py"])
    source.write_text(CODE.replace("Another", "Something else").replace("a comment", "nothing"))
    assert code_hash(["*.py"]) == before
    source.write_text(CODE.replace("2 * x", "3 * x"))
    assert code_hash(["*.py"]) != before


def test_changed_numbers_code_and_versions_break_the_seal(source):
    record = json.loads(json.dumps(sealed(RECORD, ["module.py"])))
    assert broken_seal(record, "1.0") == ""
    assert "measured version 1.0" in broken_seal(record, "1.1")
    forged = {**record, "designs": {"a": {"size": 5.0}}}
    assert "numbers were changed" in broken_seal(forged, "1.0")
    source.write_text(CODE.replace("2 * x", "3 * x"))
    assert "code that it measured has changed" in broken_seal(record, "1.0")
    assert broken_seal(RECORD, "1.0") == ""  # a study without a seal


def test_the_sources_of_stored_studies_exist():
    for path in (ROOT / "benchmarks").glob("*/results/*.json"):
        record = json.loads(path.read_text("utf-8"))
        for pattern in record.get("sources", []):
            assert list(ROOT.glob(pattern)), f"{path.name}: {pattern}"
