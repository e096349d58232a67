"""Documents: valid Unicode with something in it, or an error that names the document."""

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold
from sklearn.utils import _safe_indexing

from stochtext._shared.exceptions import EncodingError, InputError
from stochtext.text import Documents


@pytest.fixture
def documents():
    return Documents(["a.", "b.", "c."], {"source": ["x", "y", "x"]}, ["one", "two", "three"])


def test_indexing_takes_positions_slices_and_masks(documents):
    assert documents[1] == "b."
    assert documents[-1] == "c."
    assert list(documents) == ["a.", "b.", "c."]
    assert documents[1:].ids.tolist() == ["two", "three"]
    assert documents[[2, 0]].texts == ["c.", "a."]
    chosen = documents[documents.metadata["source"] == "x"]
    assert chosen.texts == ["a.", "c."]
    assert chosen.metadata.index.tolist() == ["one", "three"]


def test_folds_of_scikit_learn_keep_the_metadata(documents):
    train, _ = next(KFold(3).split(documents))
    fold = _safe_indexing(documents, train)
    assert isinstance(fold, Documents)
    assert fold.metadata["source"].tolist() == ["y", "x"]


def test_empty_documents_are_refused_by_name_or_dropped_and_listed():
    with pytest.raises(InputError, match=r"2 of 3 documents.*'b', 'c'"):
        Documents(["x.", " \n", ""], ids=["a", "b", "c"])
    kept = Documents(["x.", " \n", ""], {"n": [1, 2, 3]}, ["a", "b", "c"], empty="drop")
    assert (len(kept), kept.n_dropped, kept.dropped) == (1, 2, ["b", "c"])
    assert kept.metadata["n"].tolist() == [1]
    with pytest.raises(InputError, match="no document"):
        Documents([" "], empty="drop")


def test_what_is_no_text_is_refused():
    with pytest.raises(InputError, match="single string"):
        Documents("a text")
    with pytest.raises(InputError, match=r"Document 1 is of type int"):
        Documents(["a", 3])
    with pytest.raises(InputError, match="no document"):
        Documents([])


def test_a_lone_surrogate_is_located():
    with pytest.raises(EncodingError, match=r"Document 1.*U\+D800.*character 2 \(byte 3\)"):
        Documents(["fine", "\u00e9a\ud800"])


def test_ids_and_metadata_must_fit():
    with pytest.raises(InputError, match="more than once: 'a'"):
        Documents(["x", "y"], ids=["a", "a"])
    with pytest.raises(InputError, match="1 entries for 2"):
        Documents(["x", "y"], ids=["a"])
    with pytest.raises(InputError, match="1 rows for 2"):
        Documents(["x", "y"], pd.DataFrame({"n": [1]}))


def test_a_selection_that_fits_nothing_is_refused(documents):
    with pytest.raises(InputError, match="no document"):
        documents[np.zeros(3, dtype=bool)]
    with pytest.raises(InputError, match="cannot be indexed"):
        documents["one"]


def test_the_repr_says_what_is_there(documents):
    assert repr(documents) == "<Documents: 3 texts (source)>"
