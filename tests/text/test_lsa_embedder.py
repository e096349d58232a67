"""Latent semantic analysis: deterministic, of unit length, fitted on the corpus."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from stochtext._shared.exceptions import InputError
from stochtext.text import LsaEmbedder

TEXTS = [
    "the river rose after the rain",
    "rain fell on the river all night",
    "the train left the station late",
    "a late train waits at the station",
    "rain delayed the train",
]


def test_rows_have_unit_length_and_follow_the_subject():
    rows = LsaEmbedder(2).fit(TEXTS).encode(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, rtol=1e-12)
    similarity = rows @ rows.T
    assert similarity[0, 1] > similarity[0, 2]
    assert similarity[2, 3] > similarity[1, 3]


def test_all_dimensions_reproduce_the_inner_products_of_tf_idf():
    embedder = LsaEmbedder(64).fit(TEXTS)
    weights = embedder.weigh(TEXTS).toarray()
    # n - 1 of n directions: equal up to the smallest singular value.
    smallest = np.linalg.svd(weights, compute_uv=False)[-1]
    raw = embedder.weigh(TEXTS) @ embedder.components_.T
    assert np.abs(raw @ raw.T - weights @ weights.T).max() <= smallest**2 + 1e-6  # single precision


def test_the_same_seed_gives_the_same_numbers():
    first = LsaEmbedder(3, random_state=4).fit(TEXTS).encode(TEXTS)
    again = clone(LsaEmbedder(3, random_state=4)).fit(TEXTS).encode(TEXTS)
    np.testing.assert_array_equal(first, again)


def test_a_text_without_known_words_is_the_zero_vector():
    assert not LsaEmbedder(2).fit(TEXTS).encode(["zygote quux"]).any()


def test_what_cannot_be_analysed_is_refused():
    with pytest.raises(InputError, match="failed"):
        LsaEmbedder().fit(["? !", "1 2"])
    with pytest.raises(InputError, match="at least two"):
        LsaEmbedder().fit(["word", "word word"])
    with pytest.raises(NotFittedError):
        LsaEmbedder().encode(TEXTS)
