"""stochtext embed: what it keeps is what TextTrajectories gives."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from stochtext.cli import main
from stochtext.text import TextTrajectories, read_documents
from stochtext.trajectories import Trajectories

TEXT = "Rain fell on day {k}. The river rose. People left town {k}. The mill stood. Night came {k}."


@pytest.mark.parametrize("suffix", ["npz", "parquet"])
def test_the_kept_trajectories_are_those_of_the_front_end(tmp_path, suffix, monkeypatch):
    monkeypatch.setenv("STOCHTEXT_CACHE", str(tmp_path / "cache"))
    corpus = tmp_path / "d.jsonl"
    rows = [{"id": f"d{k}", "text": TEXT.format(k="abcdefgh"[k] * 2)} for k in range(8)]
    corpus.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    out = tmp_path / f"paths.{suffix}"
    done = CliRunner().invoke(
        main, ["embed", str(corpus), "--components", "2", "--output", str(out)]
    )
    assert done.exit_code == 0, done.output
    assert "8 documents, 40 sentences" in done.output
    kept = Trajectories.load(out)
    assert kept.ids.tolist() == [row["id"] for row in rows]
    expected = TextTrajectories(n_components=2).fit_transform(read_documents(corpus))
    np.testing.assert_allclose(kept.values, expected.values, atol=1e-12)


def test_bad_input_ends_with_one_sentence(tmp_path):
    (tmp_path / "x.txt").write_bytes(b"%PDF-1.7")
    done = CliRunner().invoke(
        main, ["embed", str(tmp_path / "x.txt"), "--output", str(tmp_path / "o.npz")]
    )
    assert done.exit_code == 2
    assert "begins like a PDF file" in done.output
    assert "Traceback" not in done.output
