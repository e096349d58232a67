"""TextTrajectories: documents in, a panel out, learned on the training documents only."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from stochtext._shared.exceptions import InputError, OverlapWarning
from stochtext.text import Documents, LsaEmbedder, TextTrajectories
from stochtext.trajectories import Trajectories, TrajectoryPCA, TrajectoryScaler

TEXTS = [
    "Rain fell all night. The river rose. People left the town. The bridge broke at noon.",
    "A train left the town. It crossed the bridge. Rain fell on the train. Night came.",
    "The river is long. The bridge is old. People cross the river at night.",
    "Noon came. The train was late. The town was old. People left. Rain came at last.",
]


class Letters:
    """An embedder whose numbers can be checked by hand."""

    def encode(self, texts):
        return np.array([[t.lower().count(c) for c in "aeiou"] for t in texts], dtype=float)


@pytest.fixture
def documents():
    return Documents(TEXTS, {"source": list("xyxy"), "prompt": [1, 1, 2, 2]}, list("abcd"))


def test_a_row_is_the_embedding_of_its_unit(documents):
    transformer = TextTrajectories(Letters(), projection=None)
    panel = transformer.fit_transform(documents)
    units = transformer.segment(documents)
    assert panel.lengths.tolist() == [4, 4, 3, 5] == [len(u) for u in units]
    for array, part in zip(panel.arrays(), units, strict=True):
        np.testing.assert_array_equal(array, Letters().encode(part))
    assert panel.columns == ("e1", "e2", "e3", "e4", "e5")


def test_ids_metadata_and_time_come_along(documents):
    panel = TextTrajectories(n_components=2, groups="prompt").fit_transform(documents)
    assert panel.dt == 1.0
    assert panel.time_unit == "sentence"
    assert panel.ids.tolist() == list("abcd")
    assert panel.metadata["source"].tolist() == list("xyxy")
    assert panel.groups.tolist() == [1, 1, 2, 2]
    assert panel.columns == ("pc1", "pc2")


def test_the_projection_is_that_of_the_training_embeddings(documents):
    transformer = TextTrajectories(Letters(), n_components=2)
    panel = transformer.fit_transform(documents)
    raw = TextTrajectories(Letters(), projection=None).fit_transform(documents)
    centred = raw.values - raw.values.mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)
    np.testing.assert_allclose(np.square(panel.values).sum(0), singular[:2] ** 2, rtol=1e-10)
    np.testing.assert_allclose(
        transformer.explained_variance_ratio_, singular[:2] ** 2 / (singular**2).sum(), rtol=1e-10
    )


def test_transform_learns_nothing(documents):
    transformer = TextTrajectories(n_components=3).fit(documents[:3])
    alone = transformer.transform(documents[3:])
    together = transformer.transform(documents)
    np.testing.assert_array_equal(alone.values, together[3].values)
    np.testing.assert_allclose(
        TextTrajectories(n_components=3).fit_transform(documents[:3]).values,
        transformer.transform(documents[:3]).values,
        rtol=1e-12,
    )


def test_shares_of_the_variance_are_given_for_every_projection(documents):
    everything = TextTrajectories(Letters(), projection=None).fit(documents)
    assert everything.explained_variance_ratio_.sum() == pytest.approx(1.0)
    slow = TextTrajectories(Letters(), projection="tica", n_components=2).fit(documents)
    assert slow.columns_ == ("ic1", "ic2")
    assert 0 < slow.explained_variance_ratio_.sum() < 1
    assert not hasattr(slow.projection_, "explained_variance_ratio_")


def test_lists_of_texts_units_and_arrays_mean_the_same():
    transformer = TextTrajectories(Letters(), n_components=2)
    from_texts = transformer.fit_transform(TEXTS)
    units = transformer.segment(TEXTS)
    arrays = [Letters().encode(part) for part in units]
    for form in (units, arrays, np.array(TEXTS), Trajectories(arrays)):
        np.testing.assert_allclose(transformer.fit_transform(form).values, from_texts.values)


def test_given_embeddings_need_no_embedder():
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal((6, 5)) for _ in range(4)]
    transformer = TextTrajectories("minilm", n_components=2).fit(arrays)
    assert transformer.embedder_ is None
    expected = TrajectoryPCA(2).fit_transform(arrays)
    np.testing.assert_allclose(transformer.transform(arrays).values, expected.values, atol=1e-12)
    with pytest.raises(InputError, match="fitted to given embeddings"):
        transformer.transform(TEXTS)
    with pytest.raises(InputError, match="dimensions"):
        transformer.transform([a[:, :3] for a in arrays])
    with pytest.raises(InputError, match="no units"):
        transformer.segment(arrays)
    with pytest.raises(InputError, match="one unit apart"):
        transformer.transform(Trajectories(arrays, dt=0.5))


def test_short_documents_are_refused_by_name_or_dropped_and_listed():
    documents = Documents([*TEXTS, "Only one sentence here."], ids=[*"abcd", "short"])
    with pytest.raises(InputError, match=r"1 of 5 documents.*'short'.*short='drop'"):
        TextTrajectories().fit(documents)
    transformer = TextTrajectories(n_components=2, short="drop")
    panel = transformer.fit_transform(documents)
    assert panel.ids.tolist() == list("abcd")
    assert (transformer.n_dropped_, transformer.dropped_) == (1, ["short"])
    assert transformer.n_units_ == 16
    assert len(transformer.segment(documents)) == 4


def test_empty_documents_are_refused_or_dropped():
    with pytest.raises(InputError, match="empty"):
        TextTrajectories().fit([*TEXTS, " "])
    transformer = TextTrajectories(n_components=2, short="drop").fit([" ", *TEXTS])
    assert transformer.dropped_ == [0]
    arrays = [np.ones((1, 2)), *np.random.default_rng(1).standard_normal((3, 4, 2))]
    transformer = TextTrajectories(projection=None, short="drop")
    assert transformer.fit_transform(arrays).ids.tolist() == [1, 2, 3]
    assert transformer.dropped_ == [0]


def test_too_many_short_documents_leave_nothing():
    with pytest.raises(InputError, match="2 of 2"):
        TextTrajectories(short="drop").fit(["One.", "Two."])


def test_max_units_keeps_the_beginning():
    transformer = TextTrajectories(Letters(), projection=None, max_units=3)
    assert transformer.fit_transform(TEXTS).lengths.tolist() == [3, 3, 3, 3]
    with pytest.raises(InputError, match="max_units"):
        TextTrajectories(max_units=1).fit(TEXTS)


def test_overlapping_windows_warn_and_others_do_not():
    with pytest.warns(OverlapWarning, match="shuffled"):
        TextTrajectories(unit="window", window=4, stride=2, n_components=2).fit(TEXTS)
    panel = TextTrajectories(unit="window", window=4, n_components=2).fit_transform(TEXTS)
    assert panel.time_unit == "window"
    with pytest.raises(InputError, match="unit='window'"):
        TextTrajectories(stride=2).fit(TEXTS)


def test_paragraphs_are_units():
    texts = ["One line here.\n\nTwo lines here.\n\nThree now.", "Four words.\n\nFive here now."]
    panel = TextTrajectories(Letters(), "paragraph", None).fit_transform(texts)
    assert panel.lengths.tolist() == [3, 2]


def test_clone_and_pickle_give_the_same_trajectories(documents):
    transformer = TextTrajectories(LsaEmbedder(4), n_components=3, random_state=3)
    expected = transformer.fit_transform(documents)
    assert not hasattr(transformer.embedder, "components_")
    again = clone(transformer).fit(documents)
    restored = pickle.loads(pickle.dumps(transformer))
    for other in (again, restored):
        np.testing.assert_array_equal(other.transform(documents).values, expected.values)


def test_it_is_a_step_of_a_pipeline(documents):
    pipeline = make_pipeline(TextTrajectories(n_components=2), TrajectoryScaler())
    panel = pipeline.fit_transform(documents)
    assert isinstance(panel, Trajectories)
    np.testing.assert_allclose(panel.values.std(axis=0), 1.0, rtol=1e-12)
    pipeline.set_params(texttrajectories__n_components=3)
    assert pipeline.fit_transform(documents).n_features == 3
    assert pipeline[:1].get_feature_names_out().tolist() == ["pc1", "pc2", "pc3"]


def test_an_unfitted_transformer_says_so():
    with pytest.raises(NotFittedError):
        TextTrajectories().transform(TEXTS)
    with pytest.raises(NotFittedError):
        TextTrajectories().get_feature_names_out()


def test_a_failed_fit_leaves_no_state():
    transformer = TextTrajectories(n_components=500)
    with pytest.raises(InputError, match="n_components"):
        transformer.fit(TEXTS)
    assert not hasattr(transformer, "embedder_")


class Wrong:
    def __init__(self, rows):
        self.rows = rows

    def encode(self, texts):
        return self.rows(texts)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (lambda t: np.zeros((1, 3)), r"shape \(1, 3\) for 16 texts"),
        (lambda t: np.zeros(len(t)), "one row a text"),
        (lambda t: np.full((len(t), 2), np.nan), "NaN or infinite"),
        (lambda t: np.zeros((len(t), 2), dtype=complex), "Complex data"),
    ],
)
def test_an_embedder_that_breaks_its_contract_is_named(rows, message):
    with pytest.raises(InputError, match=message):
        TextTrajectories(Wrong(rows), n_components=1).fit(TEXTS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"embedder": 3}, "embedder"),
        ({"embedder": LsaEmbedder}, "embedder"),
        ({"unit": "word"}, "unit"),
        ({"projection": "umap"}, "projection"),
        ({"min_units": 1}, "min_units"),
        ({"short": "ignore"}, "short"),
        ({"batch_size": 0}, "batch_size"),
        ({"lag": 0}, "lag"),
        ({"groups": "prompt"}, "names no column"),
        ({"random_state": -1}, "random_state"),
    ],
)
def test_arguments_out_of_range_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        TextTrajectories(**options).fit(TEXTS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("a single text", "single string"),
        ([], "."),
        ([["a", "b"], "c"], "Document 0"),
        ([["a", "b"], ["c", " "]], "Document 1, unit 1"),
        ([["a", "b"], 3], "Document 1"),
    ],
)
def test_what_is_no_corpus_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        TextTrajectories().fit(given)


def test_groups_must_be_known_for_every_document():
    documents = Documents(TEXTS, {"prompt": ["p", None, "q", "q"]})
    with pytest.raises(InputError, match=r"without a value of 'prompt': 1"):
        TextTrajectories(groups="prompt").fit(documents)
