"""Projections, overlap and streams of TextTrajectories, against independent computations."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSRegression

from stochtext._shared.exceptions import DegenerateDataError, InputError, OverlapWarning
from stochtext.text import (
    Documents,
    RandomDirections,
    TargetedDirections,
    TextTrajectories,
    resolve_embedder,
)
from stochtext.text.overlap import shared_part, smoothed
from stochtext.trajectories import Trajectories, TrajectoryPCA, TrajectoryTICA


@pytest.fixture(scope="module")
def panel():
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((6, 6))
    arrays = [rng.standard_normal((n, 6)).cumsum(axis=0) @ mix for n in (9, 12, 7, 15)]
    table = {"score": [1.0, 4.0, 2.0, 2.5], "who": ["a", "b", "a", "c"]}
    return Trajectories(arrays, metadata=table)


def test_partial_least_squares_of_one_target_agrees_with_sklearn(panel):
    ours = TargetedDirections(3, target="position").fit(panel)
    peer = PLSRegression(3, scale=False).fit(panel.values, panel.relative_times)
    scores, expected = ours.transform(panel).values, peer.transform(panel.values)
    for k in range(3):
        assert abs(np.corrcoef(scores[:, k], expected[:, k])[0, 1]) == pytest.approx(1.0, abs=1e-9)
    np.testing.assert_allclose(scores.T @ scores / len(scores), np.eye(3), atol=1e-9)


def test_the_first_direction_maximises_the_covariance_with_the_target(panel):
    ours = TargetedDirections(1, target=["score"]).fit(panel)
    centred = panel.values - panel.values.mean(axis=0)
    target = np.repeat(panel.metadata["score"], panel.lengths).to_numpy()
    direction = centred.T @ (target - target.mean())
    cosine = ours.components_[0] @ direction / np.linalg.norm(direction)
    assert abs(cosine) / np.linalg.norm(ours.components_[0]) == pytest.approx(1.0, rel=1e-12)
    assert ours.inverse_transform(ours.transform(panel)).n_features == 6


def test_categories_are_targets_and_can_be_exhausted(panel):
    assert TargetedDirections(2, target=["who"]).fit(panel).components_.shape == (2, 6)
    with pytest.raises(DegenerateDataError, match="the same everywhere"):
        TargetedDirections(1, target=["score"]).fit(panel[1])
    with pytest.raises(InputError, match=r"no metadata: 'mood'. Available: 'score', 'who'"):
        TargetedDirections(1, target=["mood"]).fit(panel)
    two = Trajectories([np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])])
    with pytest.raises(DegenerateDataError, match="n_components=1"):
        TargetedDirections(2).fit(two)


def test_random_directions_are_orthonormal_and_seeded(panel):
    one, again = (RandomDirections(4, random_state=3).fit(panel) for _ in range(2))
    np.testing.assert_allclose(one.components_ @ one.components_.T, np.eye(4), atol=1e-12)
    np.testing.assert_array_equal(one.components_, again.components_)
    assert np.abs(one.components_ - RandomDirections(4).fit(panel).components_).max() > 0.1
    everything = RandomDirections(6).fit(panel)
    assert everything.explained_variance_ratio_.sum() == pytest.approx(1.0)
    with pytest.raises(InputError, match="6 dimensions"):
        RandomDirections(7).fit(panel)


@pytest.mark.parametrize(
    "transformer",
    [TrajectoryPCA(3), TrajectoryPCA(3, whiten=True), TrajectoryTICA(3), TrajectoryTICA(2, lag=2)],
)
def test_learning_in_parts_gives_what_learning_at_once_gives(panel, transformer):
    whole = transformer.fit(panel).transform(panel).values
    again = type(transformer)(**transformer.get_params())
    for part in (panel[:1], panel[1:3], panel[3:]):
        again.partial_fit(part)
    np.testing.assert_allclose(again.transform(panel).values, whole, atol=1e-9)
    assert again.fit(panel[:2]).partial_fit(panel[2:]).mean_ == pytest.approx(
        panel[2:].values.mean(axis=0), abs=3.0
    )


@pytest.mark.parametrize(
    ("kind", "prefix"),
    [("whitened_pca", "wpc"), ("pls", "pls"), ("random", "rd"), ("none", "e"), ("tica", "ic")],
)
def test_every_projection_has_a_name_and_learns_from_training_documents_only(panel, kind, prefix):
    n = 6 if kind == "none" else 2
    arrays = panel.arrays()
    front = TextTrajectories(projection=kind, n_components=2).fit(arrays[:3])
    out = front.transform(arrays)
    assert out.columns == tuple(f"{prefix}{k + 1}" for k in range(n))
    alone = TextTrajectories(projection=kind, n_components=2).fit_transform(arrays[:3])
    np.testing.assert_array_equal(out[:3].values, alone.values)
    assert 0 < front.explained_variance_ratio_.sum() < 1 + 1e-9
    if kind == "whitened_pca":
        np.testing.assert_allclose(alone.values.var(axis=0, ddof=1), 1.0, rtol=1e-9)


def test_a_stream_of_parts_gives_the_projection_of_the_whole(panel):
    arrays = panel.arrays()
    whole = TextTrajectories(projection="pca", n_components=2).fit(arrays)
    parts = TextTrajectories(projection="pca", n_components=2).fit(iter([arrays[:2], arrays[2:]]))
    np.testing.assert_allclose(
        parts.transform(arrays).values, whole.transform(arrays).values, atol=1e-9
    )
    np.testing.assert_allclose(
        parts.explained_variance_ratio_, whole.explained_variance_ratio_, rtol=1e-9
    )
    assert (parts.n_units_, parts.n_dropped_) == (43, 0)
    with pytest.raises(InputError, match="read once"):
        parts.fit_transform(iter([arrays]))
    with pytest.raises(InputError, match="used up"):
        parts.fit(iter([]))
    with pytest.raises(InputError, match="part by part"):
        TextTrajectories(projection="pls").fit(iter([arrays]))


def test_documents_of_a_stream_keep_their_ids():
    texts = [f"Rain fell on day {k}. The river rose. People left town {k}." for k in range(6)]
    documents = Documents(texts, {"k": range(6)}, list("abcdef"))
    front = TextTrajectories(n_components=2).fit(iter([documents[:4], documents[4:]]))
    out = front.transform(iter([documents[:3], documents[3:]]))
    assert out.ids.tolist() == list("abcdef")
    np.testing.assert_array_equal(out.values, front.transform(documents).values)


def test_a_segmenter_of_ones_own_cuts_the_units():
    front = TextTrajectories(segmenter=lambda text: text.split(";"), n_components=1)
    assert front.segment(["a b; c d;; e f", "g h; i j"]) == [["a b", "c d", "e f"], ["g h", "i j"]]
    for bad, message in (
        (lambda text: text, r"Document 0: the segmenter returned"),
        (lambda text: [1, 2], r"Document 0: unit 0 of the segmenter is 1"),
    ):
        with pytest.raises(InputError, match=message):
            TextTrajectories(segmenter=bad).segment(["a b c"])
    with pytest.raises(InputError, match="segmenter"):
        TextTrajectories(segmenter="spacy").fit(["A b. C d."])
    with pytest.raises(InputError, match="cuts sentences or paragraphs"):
        TextTrajectories(segmenter=str.split, unit="window").fit(["A b. C d."])


WORDS = [f"w{k}" for k in range(60)]


@pytest.mark.parametrize(
    ("units", "share"),
    [
        ([[" ".join(WORDS[k : k + 8]) for k in range(0, 40, 2)]], 0.75),
        ([[" ".join(WORDS[k : k + 8]) for k in range(0, 40, 8)]], 0.0),
        ([[" ".join(WORDS[: k + 1]) for k in range(3, 9)]], 1 - 1 / 6.5),  # cumulative texts
        ([["the sea is calm"] * 6], 0.0),  # a loop repeats itself; it does not overlap
        ([["so we went", "went we so", "so it was"]], 0.0),
        ([["one"], ["two"]], 0.0),
    ],
)
def test_overlap_is_found_in_the_units(units, share):
    assert shared_part(units) == pytest.approx(share, abs=0.03)


def test_units_that_overlap_warn_and_are_marked_whoever_cut_them():
    units = [[" ".join(WORDS[k + j : k + j + 8]) for k in range(0, 30, 2)] for j in range(4)]
    front = TextTrajectories(n_components=2)
    with pytest.warns(OverlapWarning, match=r"overlap by 75 %.*shuffled_control"):
        panel = front.fit_transform(units)
    assert panel.metadata["overlap"].tolist() == [0.75] * 4
    assert (
        "overlap"
        not in TextTrajectories(n_components=2)
        .fit_transform([part[::4] for part in units])
        .metadata
    )


def test_smoothing_is_the_moving_average_warns_and_is_marked(panel):
    arrays = panel.arrays()
    front = TextTrajectories(projection="none", smoothing=0.3)
    with pytest.warns(OverlapWarning, match=r"moving averages \(weight 0.3\)"):
        out = front.fit_transform(arrays)
    assert out.metadata["smoothing"].tolist() == [0.3] * 4
    state = arrays[1][0].copy()
    for row, got in zip(arrays[1], out.arrays()[1], strict=True):
        state = state if row is arrays[1][0] else 0.7 * state + 0.3 * row
        np.testing.assert_allclose(got, state, rtol=1e-12) if row is not arrays[1][0] else None
    np.testing.assert_array_equal(smoothed(panel.values, list(panel.lengths), None), panel.values)
    for bad in (0, 1, 1.5):
        with pytest.raises(InputError, match="smoothing"):
            TextTrajectories(smoothing=bad).fit(arrays)


def test_the_control_shuffles_before_anything_overlaps(panel):
    arrays = panel.arrays()
    front = TextTrajectories(projection="none").fit(arrays)
    control = front.shuffled_control(arrays, random_state=1)
    for mixed, array in zip(control.arrays(), arrays, strict=True):
        assert not np.array_equal(mixed, array)
        assert sorted(mixed.tolist()) == sorted(array.tolist())
    with pytest.warns(OverlapWarning):
        smooth = TextTrajectories(projection="none", smoothing=0.2).fit(arrays)
    expected = smoothed(control.values, list(control.lengths), 0.2)
    np.testing.assert_allclose(
        smooth.shuffled_control(arrays, random_state=1).values, expected, rtol=1e-12
    )


def test_the_control_of_windows_shuffles_sentences():
    texts = [
        ". ".join(" ".join(f"W{j}x{k}" for k in range(4)) for j in range(12)) + "." for _ in "ab"
    ]
    front = TextTrajectories(unit="window", window=8, stride=4, n_components=1)
    with pytest.warns(OverlapWarning):
        panel = front.fit_transform(texts)
    control = front.shuffled_control(texts)
    assert control.lengths.tolist() == panel.lengths.tolist()
    assert control.metadata["overlap"].tolist() == panel.metadata["overlap"].tolist() == [0.5, 0.5]


def test_a_model_given_by_name_takes_the_arithmetic():
    assert resolve_embedder("minilm", dtype="bfloat16").dtype == "bfloat16"
    assert resolve_embedder("minilm").dtype == "float32"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"projection": "pca", "target": "position"}, "`target` is for projection='pls'"),
        ({"dtype": "float16"}, "dtype"),
        ({"dtype": "bfloat16"}, "models given by name"),
        ({"unit": "turn"}, "documents with turns"),
    ],
)
def test_arguments_that_do_not_fit_together_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        TextTrajectories(**options).fit(["Rain fell. The sun rose.", "Night came. The sun set."])
