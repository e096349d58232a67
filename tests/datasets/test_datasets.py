"""The bundled texts and the simulated examples."""

from __future__ import annotations

import numpy as np
import pytest

from stochtext import InputError
from stochtext.datasets import load_double_well, load_ornstein_uhlenbeck, load_sample_texts
from stochtext.text.segmentation import segment


def test_the_corpus_has_three_labelled_groups() -> None:
    documents = load_sample_texts()
    assert len(documents) >= 45
    assert documents.metadata.columns.tolist() == ["group", "title"]
    assert set(documents.metadata["group"]) == {"steady", "drifting", "looping"}
    assert documents.metadata["group"].value_counts().min() >= 10
    assert documents.metadata["title"].is_unique
    assert documents.ids.is_unique


def test_every_text_has_14_to_30_sentences() -> None:
    for name, text in zip(load_sample_texts().ids, load_sample_texts(), strict=True):
        assert 14 <= len(segment(text)) <= 30, name


def test_no_two_texts_share_a_run_of_seven_words() -> None:
    seen: dict[tuple[str, ...], str] = {}
    documents = load_sample_texts()
    for name, text in zip(documents.ids, documents, strict=True):
        words = text.lower().split()
        for k in range(len(words) - 6):
            run = tuple(words[k : k + 7])
            assert seen.setdefault(run, name) == name, run


def test_looping_texts_repeat_their_words_and_the_others_do_not() -> None:
    documents = load_sample_texts()
    share = np.array([len(set(w)) / len(w) for w in (t.lower().split() for t in documents)])
    looping = (documents.metadata["group"] == "looping").to_numpy()
    assert share[looping].max() < share[~looping].min()


def test_the_double_well_is_one_path_in_both_wells_and_reproducible() -> None:
    path = load_double_well(n_steps=4000)
    assert (path.n_trajectories, path.n_transitions, path.dt) == (1, 4000, 0.05)
    assert path.values.min() < -0.8 < 0.8 < path.values.max()
    np.testing.assert_array_equal(path.values, load_double_well(n_steps=4000).values)
    assert not np.array_equal(path.values, load_double_well(n_steps=4000, random_state=1).values)


def test_the_ornstein_uhlenbeck_panel_is_stationary_with_the_stated_law() -> None:
    panel = load_ornstein_uhlenbeck(2000, 20, kappa=2.0, mu=1.0, sigma=0.8)
    states = panel.to_array()[:, :, 0]
    expected = 0.8**2 / 4
    # Standard error of a variance from 2000 independent paths: sqrt(2 / 2000) = 3 %.
    for k in (0, 10, 20):
        assert states[:, k].var() == pytest.approx(expected, rel=0.13)
        assert states[:, k].mean() == pytest.approx(1.0, abs=0.04)
    correlation = np.corrcoef(states[:, 0], states[:, 5])[0, 1]
    assert correlation == pytest.approx(np.exp(-2.0 * 0.5), abs=0.08)


@pytest.mark.parametrize(
    "arguments", [{"n_steps": 0}, {"dt": -1.0}, {"kappa": 0.0}, {"n_trajectories": 1.5}]
)
def test_bad_arguments_are_refused(arguments: dict) -> None:
    with pytest.raises(InputError, match=next(iter(arguments))):
        load_ornstein_uhlenbeck(**arguments)


def test_a_generator_is_advanced_by_each_use() -> None:
    rng = np.random.default_rng(0)
    first, second = (load_ornstein_uhlenbeck(2, 5, random_state=rng) for _ in range(2))
    assert not np.array_equal(first.values, second.values)
