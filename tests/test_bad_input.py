"""Bad input raises the named error, with trajectory or document, row, and remedy.

One table for the door of the data, which every estimator shares; further tables
for what only some parts take. Nothing is silently dropped, sorted, filled or fitted.
"""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest
from scipy import sparse

import stochtext as st
from stochtext.text import Documents, TextTrajectories, read_documents
from stochtext.text.embedders.sentence_transformer import SentenceTransformerEmbedder

ROWS, PATHS = 30, 12
GRID = np.arange(float(ROWS))


def walk(seed, n=ROWS, d=1):
    return 0.3 * np.random.default_rng(seed).standard_normal((n, d)).cumsum(axis=0)


def panel():
    return [walk(k) for k in range(PATHS)]


def with_value(k, row, value):
    paths = panel()
    paths[k][row, 0] = value
    return paths


def with_time(k, row, value):
    times = [GRID.copy() for _ in range(PATHS)]
    times[k][row] = value
    return {"times": times}


def at_place(array, row, value):
    changed = array.copy()
    changed[row] = value
    return changed


# name: data, arguments of fit, what the message says (place and remedy)
DOOR = {
    "NaN": (with_value(3, 17, np.nan), {}, r"trajectory 3, row 17, column 'x0': NaN.*[Rr]emove"),
    "inf": (with_value(3, 17, np.inf), {}, r"trajectory 3, row 17, column 'x0': inf.*[Rr]emove"),
    "-inf": (with_value(0, 0, -np.inf), {}, r"trajectory 0, row 0, column 'x0': inf.*[Rr]emove"),
    "NaN in one path": (at_place(walk(0), 7, np.nan), {}, r"trajectory 0, row 7.*NaN.*[Rr]emove"),
    "unsorted times": (
        panel(), with_time(2, 5, 1.5),
        r"trajectory 2, rows 4 and 5: .*4\.0 and 1\.5 decrease.*Sort the rows",
    ),
    "duplicate times": (
        panel(), with_time(2, 5, 4.0),
        r"trajectory 2, rows 4 and 5: .* are equal.*Remove or merge",
    ),
    "NaN time": (panel(), with_time(2, 5, np.nan), r"trajectory 2, row 5: nan.*must be finite"),
    "dt zero": (panel(), {"dt": 0.0}, r"`dt` must be a finite number > 0; got 0\.0.*time between"),
    "dt negative": (panel(), {"dt": [0.1] * 11 + [-1.0]}, r"`dt` of trajectory 11.*got -1\.0"),
    "dt NaN": (panel(), {"dt": np.nan}, r"`dt` must be a finite number > 0; got nan"),
    "dt and times": (panel(), {"dt": 0.1, "times": [GRID] * PATHS}, "leave `dt` out"),
    "one time too few": (panel(), {"times": [GRID] * 11}, "11 sequences for 12 .*nesting"),
    "short times": (panel(), {"times": [GRID[:-1]] * PATHS}, "one time a row"),
    "groups too few": (panel(), {"groups": [0, 1]}, r"one label a trajectory \(12\)"),
    "short trajectory": (
        [*panel()[:4], np.zeros((1, 1))], {}, r"trajectory 4 has 1 row.*at least 2.*Leave it out",
    ),
    "empty trajectory": ([np.zeros((0, 1)), walk(0)], {}, r"trajectory 0 has 0 row.*Leave it out"),
    "one row": (np.zeros((1, 1)), {}, "n_samples=1"),
    "mixed d": ([*panel()[:4], walk(9, d=2)], {}, r"trajectory 4 has 2 columns.*share"),
    "complex": ([a + 1j for a in panel()], {}, "Complex data not supported: trajectory 0"),
    "complex path": (walk(0) + 1j, {}, "Complex data not supported"),
    "object": (
        [walk(0), at_place(walk(1).astype(object), 3, "high")], {},
        r"trajectory 1, position \(3, 0\): values must be numbers; got 'high'.*Convert",
    ),
    "strings in a list": ([np.full((ROWS, 1), "a")], {}, r"trajectory 0: .*numbers.*Convert"),
    "strings": (np.full((ROWS, 1), "a"), {}, r"numbers|convert string"),
    "text": ("abc", {}, "array"),
    "four axes": (np.zeros((2, 3, 4, 5)), {}, r"dim 4|\(2, 3, 4, 5\)"),
    "no columns": (np.zeros((ROWS, 0)), {}, r"no columns|0 feature"),
    "no rows": (np.zeros((0, 1)), {}, r"n_samples=0|0 sample"),
    "empty list": ([], {}, r"empty list|array=\[\]"),
    "ragged lists of numbers": ([[1.0, 2.0], [3.0]], {}, "list of (numpy )?arrays"),
}  # fmt: skip

ESTIMATORS = {
    "neural": lambda: st.NeuralSDE(hidden=(4,), diffusion_hidden=(4,), n_starts=1, max_iter=5),
    "kernel": st.KernelSDE,
    "kramers_moyal": st.KramersMoyalSDE,
    "linear": st.LinearSDE,
    "parametric": lambda: st.ParametricSDE(st.OrnsteinUhlenbeck()),
    "sparse": st.SparseSDE,
    "gaussian_process": st.GaussianProcessSDE,
    "jump_diffusion": st.JumpDiffusionSDE,
}
CLASSICAL = [name for name in ESTIMATORS if name != "neural"]
DOORS = ["Trajectories", *ESTIMATORS]


def enter(door, X, options):
    if door == "Trajectories":
        return st.Trajectories(X, **options)
    return ESTIMATORS[door]().fit(X, **options)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", DOOR)
def test_data_are_refused_with_place_and_remedy(name, door):
    X, options, said = DOOR[name]
    with pytest.raises(st.InputError, match=f"(?s){said}"):
        enter(door, X, options)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("X", [sparse.csr_array(walk(0)), sparse.csc_matrix(walk(0))])
def test_sparse_data_are_refused_with_the_call_that_helps(X, door):
    # scikit-learn's own door raises a TypeError here.
    with pytest.raises((st.InputError, TypeError), match=r"toarray\(\)"):
        enter(door, X, {})


@pytest.mark.parametrize("name", ["NaN", "unsorted times"])
def test_refused_data_leave_an_estimator_unfitted(name):
    X, options, _ = DOOR[name]
    estimator = st.LinearSDE()
    with pytest.raises(st.InputError):
        estimator.fit(X, **options)
    assert not hasattr(estimator, "results_")


@pytest.mark.parametrize("name", ["NaN", "mixed d", "short trajectory", "complex"])
def test_fitted_estimator_refuses_the_same_to_score(name):
    fitted = st.LinearSDE().fit(panel())
    with pytest.raises(st.InputError):
        fitted.score(DOOR[name][0])


def test_missing_values_split_a_trajectory_only_on_request():
    split = st.Trajectories(with_value(3, 17, np.nan), missing="split")
    assert split.n_trajectories == PATHS + 1
    assert split.lengths[3:5].tolist() == [17, 12]


@pytest.mark.parametrize("door", ESTIMATORS)
@pytest.mark.parametrize("X", [np.ones((ROWS, 1)), [np.ones((ROWS, 1))] * PATHS])
def test_constant_series_is_degenerate_and_named(X, door):
    with pytest.raises(st.DegenerateDataError, match="'x0' never changes.*Remove the column"):
        enter(door, X, {})


@pytest.mark.parametrize("door", CLASSICAL)
@pytest.mark.filterwarnings("ignore::stochtext._shared.exceptions.ConvergenceWarning")
def test_path_without_noise_is_degenerate(door):
    # The likelihood rises without end as sigma falls to zero.
    decay = [np.exp(-0.1 * GRID)[:, None] * (k + 1.0) for k in range(PATHS)]
    with pytest.raises(st.DegenerateDataError, match="no (variance|noise).*Remove"):
        enter(door, decay, {})


@pytest.mark.parametrize("door", sorted({*CLASSICAL} - {"parametric"}))
def test_coordinate_that_repeats_another_is_degenerate(door):
    doubled = [np.repeat(path, 2, axis=1) for path in panel()]
    with pytest.raises(st.DegenerateDataError, match="no (variance|noise).*([Rr]edundant|Remove)"):
        enter(door, doubled, {})


@pytest.mark.parametrize("door", CLASSICAL)
@pytest.mark.parametrize("X", [[[0.0], [1.0]], [[[0.0], [1.0]], [[0.5], [0.7]]]])
def test_two_points_a_path_are_too_few_to_fit(door, X):
    X = np.array(X) if np.ndim(X) == 2 else [np.array(path) for path in X]
    with pytest.raises(st.InputError, match=r"at least \d+ transitions.*got [12].*(onger|more)"):
        enter(door, X, {})


@pytest.mark.parametrize(
    "make",
    [
        lambda: st.ParametricSDE(st.OrnsteinUhlenbeck()),
        lambda: st.SparseSDE(degree=1, selection=None),
    ],
    ids=["parametric", "sparse"],
)
def test_as_many_parameters_as_transitions_warn_and_have_no_errors(make):
    with pytest.warns(st.SampleSizeWarning, match="3 parameters from 3 transitions.*Observe"):
        results = make().fit(walk(4, n=4)).results_
    assert results.bse.isna().all()


@pytest.mark.parametrize(
    "make",
    [
        lambda: st.SparseSDE(degree=4),
        lambda: st.SparseSDE(degree=1, diffusion_degree=3),
        lambda: st.JumpDiffusionSDE(degree=3),
    ],
    ids=["sparse", "sparse rate", "jump diffusion"],
)
def test_fewer_transitions_than_parameters_are_refused(make):
    with pytest.raises(st.InputError, match=r"at least \d transitions, got 5.*Lower `degree`"):
        make().fit(walk(0, n=6))


def test_terms_that_the_data_do_not_identify_are_named():
    # On two states every power above the first is a combination of those before it.
    two = np.random.default_rng(0).integers(0, 2, 300).astype(float)
    held = np.repeat(two, 4)[:, None]
    results = st.SparseSDE(degree=3).fit(held, dt=0.1).results_
    assert "do not identify drift[0,2], drift[0,3]" in results.summary().as_text()
    assert results.params[["drift[0,2]", "drift[0,3]"]].eq(0.0).all()


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_powers_beyond_floating_point_are_refused(size):
    with pytest.raises(st.InputError, match="'x0'.*floating point.*[Rr]escale"):
        st.SparseSDE().fit([size * path for path in panel()])


def test_length_scale_on_a_bound_is_said_in_the_summary():
    # The drift of this process is a line: the longer the scale, the better.
    process = st.OrnsteinUhlenbeck(1.0, 0.0, 0.5)
    line = st.simulate(process, 0.0, dt=0.05, n_steps=2000, random_state=0)
    fit = st.GaussianProcessSDE().fit(line)
    assert fit.length_scale_[0] == pytest.approx(20.0 * line.values[:-1].std(), rel=1e-6)
    assert "length scale of x0 lies on a bound" in fit.results_.summary().as_text()


@pytest.mark.parametrize(
    "make",
    [
        lambda: st.GaussianProcessSDE(max_iter=1),
        lambda: st.LinearSDE(max_iter=1),
        lambda: st.ParametricSDE(st.DoubleWell(9.0, 0.1, 9.0), "shoji_ozaki", max_iter=1),
    ],
    ids=["gaussian process", "linear", "parametric"],
)
def test_search_cut_short_warns_and_says_so_in_the_summary(make):
    gaps = [np.random.default_rng(k).uniform(0.1, 2.0, ROWS).cumsum() for k in range(PATHS)]
    with pytest.warns(st.ConvergenceWarning, match="max_iter|LIMIT"):
        results = make().fit(panel(), times=gaps).results_
    assert not results.converged
    assert re.search(r"Converged: +no", results.summary().as_text())


def test_neural_fit_to_few_points_warns_and_has_no_errors():
    with pytest.warns(st.SampleSizeWarning):
        fit = enter("neural", walk(0, n=12), {})
    assert np.isnan(fit.results_.get_drift([[float(walk(0, n=12).mean())]]).se).all()


@pytest.mark.parametrize("door", ["linear", "kernel"])
def test_clustering_one_trajectory_is_refused_or_does_without(door):
    if door == "linear":
        with pytest.raises(st.InputError, match='cov_type="hac"'):
            st.LinearSDE(cov_type="cluster").fit(walk(0, n=100))
    else:
        st.KernelSDE(bandwidth=0.5).fit(walk(0, n=100))


def test_sampling_too_coarse_to_see_the_dynamics_warns_with_the_number():
    rng = np.random.default_rng(0)
    coarse = list(rng.standard_normal((PATHS, 80)))
    with pytest.warns(st.DiscretizationWarning, match=r"below dt/3 = 0\.333"):
        st.LinearSDE().fit(coarse)


def test_fewer_than_ten_clusters_warn():
    with pytest.warns(st.SampleSizeWarning, match="only 5 trajectories"):
        st.LinearSDE().fit(panel()[:5])


# -- simulation ----------------------------------------------------------------------------

CUBIC = st.SDE(lambda t, x: x * x * x, lambda t, x: 1.0)


def test_explosion_is_cut_counted_and_never_a_number():
    with pytest.warns(st.SimulationWarning, match=r"2 of 2 paths .* path \d at time .*[Uu]se a"):
        paths = st.simulate(CUBIC, 1.0, dt=0.1, n_steps=100, n_paths=2, random_state=0)
    assert np.isfinite(paths.values).all()
    assert paths.metadata["exploded_at"].notna().all()
    assert np.isnan(paths.to_array(fill=np.nan)).any() or len(set(paths.lengths)) == 1


def test_explosion_raises_on_request():
    with pytest.raises(st.SimulationError, match="non-finite"):
        st.simulate(
            CUBIC, 1.0, dt=0.1, n_steps=100, n_paths=2, random_state=0, on_explosion="raise"
        )


def test_simulation_that_does_not_fit_into_memory_allocates_nothing():
    with pytest.raises(st.ResourceLimitError, match="bytes.*save_every"):
        st.simulate(st.OrnsteinUhlenbeck(1.0, 0.0, 1.0), 0.0, dt=0.1, n_steps=10**12, n_paths=10**6)


def test_simulation_without_noise_is_an_ordinary_differential_equation():
    path = st.simulate(st.OrnsteinUhlenbeck(1.0, 0.0, 0.0), 1.0, dt=0.1, n_steps=5, random_state=0)
    np.testing.assert_allclose(path.values[:, 0], 0.9 ** np.arange(6), rtol=1e-12)


def test_family_without_values_is_named():
    with pytest.raises(st.UnspecifiedParameterError, match=r"no value for mu, sigma.*with_params"):
        st.simulate(st.OrnsteinUhlenbeck(1.0), 0.0, dt=0.1, n_steps=5)


# -- text ------------------------------------------------------------------------------------

LONG = "The first sentence is here. A second one follows it. The third one ends the text."


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: Documents(["One. Two.", "", " \n"]), st.InputError, r"2 of 3 .*: 1, 2\. Remove"),
        (lambda: Documents([]), st.InputError, "no document"),
        (lambda: Documents(["fine.", 3]), st.InputError, "Document 1 is of type int"),
        (lambda: Documents("one text"), st.InputError, "single string; give a list"),
        (
            lambda: Documents(["fine.", "bad \ud800 text"]),
            st.EncodingError,
            r"Document 1 .*U\+D800\) at character 4.*errors='replace'",
        ),
        (
            lambda: read_documents(["short.", "x" * 50], max_chars=20),
            st.ResourceLimitError,
            r"Document 1: 50 characters.*Split .* raise `max_chars`",
        ),
        (
            lambda: TextTrajectories().fit([LONG, "Only one sentence.", LONG]),
            st.InputError,
            r"fewer than 2 units.*: 1\. .*short='drop'",
        ),
        (
            lambda: TextTrajectories().fit([LONG, "   ", LONG]),
            st.InputError,
            r": 1\. .*='drop'",
        ),
    ],
)
def test_documents_are_refused_by_name_with_the_remedy(make, error, said):
    with pytest.raises(error, match=f"(?s){said}"):
        make()


def test_short_documents_are_dropped_only_on_request_and_listed():
    texts = TextTrajectories(short="drop", n_components=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", st.StochtextWarning)
        fitted = texts.fit([LONG, "Only one sentence.", LONG.upper()])
    assert list(fitted.dropped_) == [1]


def test_wrong_encoding_is_reported_with_path_and_offset(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("Café. Two.".encode("latin-1"))
    with pytest.raises(st.EncodingError, match=r"latin\.txt.*byte 3.*errors='replace'"):
        read_documents(path)
    assert "\ufffd" in read_documents(path, errors="replace")[0]


def test_huge_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "huge.txt"
    path.write_text("x" * 1000)
    monkeypatch.setattr(type(path), "read_bytes", lambda self: pytest.fail("it was read"))
    with pytest.raises(st.ResourceLimitError, match=r"huge\.txt has 1,000 bytes.*nothing was read"):
        read_documents(path, max_chars=10)


def test_missing_file_and_malformed_record_are_named(tmp_path):
    with pytest.raises(st.InputError, match=r"no file or folder .*none\.txt"):
        read_documents(tmp_path / "none.txt")
    path = tmp_path / "records.jsonl"
    path.write_text('{"text": "One. Two."}\n{oops\n')
    with pytest.raises(st.InputError, match=r"records\.jsonl, line 2: malformed JSON.*Correct"):
        read_documents(path)


# -- models ----------------------------------------------------------------------------------


def test_missing_model_folder_is_a_model_not_found(tmp_path):
    with pytest.raises(st.ModelNotFoundError, match="no such folder"):
        SentenceTransformerEmbedder(str(tmp_path / "none")).encode(["text"])


def test_damaged_model_folder_is_a_model_file_error(tmp_path):
    # Importing sentence-transformers takes most of the time of this file.
    (tmp_path / "modules.json").write_text("[{")
    with pytest.raises(st.ModelFileError, match="cannot be loaded"):
        SentenceTransformerEmbedder(str(tmp_path)).encode(["text"])


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x80\x04\x95pickle"])
def test_file_that_holds_no_results_is_a_model_file_error(tmp_path, content):
    path = tmp_path / "fit.stx"
    path.write_bytes(content)
    with pytest.raises(st.ModelFileError, match=r"fit\.stx.*Save the fit again"):
        st.load(path)
