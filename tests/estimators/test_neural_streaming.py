"""Streams: every pass the same pieces, every transition once, sums that do not see the cuts."""

from __future__ import annotations

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError
from stochtext.estimators import TransitionStream
from stochtext.estimators.neural.networks.architecture import Architecture, initial_parameters
from stochtext.estimators.neural.networks.preparation import linear_model, scale_transitions
from stochtext.estimators.neural.streams.scoring import in_units, streamed_scoring
from stochtext.estimators.neural.streams.transition_stream import BLOCK, survey
from stochtext.estimators.neural.training.engine import Engine
from stochtext.estimators.sample import transition_sample
from stochtext.trajectories.panel import Trajectories

SEED = np.random.SeedSequence(1)


def pairs(panels) -> np.ndarray:
    """Return all transitions (x, x_next, t, dt), sorted."""
    rows = []
    for panel in panels:
        s = panel.transitions()
        rows.append(np.column_stack([s.x, s.x_next, s.t, s.dt]))
    found = np.vstack(rows)
    return found[np.lexsort(found.T)]


@pytest.fixture
def panel() -> Trajectories:
    rng = np.random.default_rng(0)
    lengths = (3, 400, 2, 150, 90)
    return Trajectories([rng.standard_normal((n, 2)).cumsum(axis=0) for n in lengths], dt=0.5)


def test_every_transition_comes_once(panel):
    stream = TransitionStream(panel, chunk_size=100)
    pieces = list(stream)
    assert max(piece.n_transitions for piece in pieces) <= 100
    np.testing.assert_array_equal(pairs(pieces), pairs([panel]))
    np.testing.assert_array_equal(pairs(stream), pairs(pieces))


def test_sources_of_every_kind_give_the_same(panel, tmp_path):
    panel[:2].save(tmp_path / "a.npz")
    panel[2:].save(tmp_path / "b.npz")
    expected = pairs([panel])
    files = [tmp_path / "a.npz", str(tmp_path / "b.npz")]
    for source in (files, [panel[:3], panel[3:]], lambda: iter(panel)):
        np.testing.assert_array_equal(pairs(TransitionStream(source)), expected)


def test_a_memory_map_is_read_in_pieces(tmp_path):
    path = tmp_path / "states.npy"
    states = np.random.default_rng(0).standard_normal((1001, 2)).cumsum(axis=0)
    np.save(path, states)
    stream = TransitionStream(np.load(path, mmap_mode="r"), dt=0.1, chunk_size=300)
    assert [piece.n_transitions for piece in stream] == [300, 300, 300, 100]
    rows = np.vstack([piece.values[:-1] for piece in stream])
    np.testing.assert_array_equal(rows, states[:-1])
    panels = TransitionStream(states[:1000].reshape(10, 100, 2), dt=0.1, chunk_size=250)
    assert [len(piece) for piece in panels] == [2, 2, 2, 2, 2]


def test_what_can_be_read_once_only_is_refused(panel):
    with pytest.raises(InputError, match="read several times"):
        TransitionStream(iter([panel]))
    with pytest.raises(InputError, match="got int"):
        list(TransitionStream(3))


def test_a_small_stream_is_its_own_sample(panel):
    found = survey(TransitionStream(panel, chunk_size=100), 10_000, SEED)
    assert found.n_transitions == panel.n_transitions
    assert found.share == 1.0
    np.testing.assert_array_equal(pairs([found.sample]), pairs([panel]))


def test_blocks_are_drawn_with_equal_chances():
    states = np.arange(BLOCK * 40 + 1.0)[:, None]
    counts = np.zeros(40)
    for k in range(100):
        stream = TransitionStream(states, chunk_size=BLOCK * 7)
        found = survey(stream, 4 * BLOCK, np.random.SeedSequence(k))
        assert found.sample.n_transitions == 4 * BLOCK
        counts[(found.sample.values[found.sample.offsets[:-1], 0] / BLOCK).astype(int)] += 1
    # 10 expected in each cell; chi-squared with 39 degrees of freedom, 99.9 % point 72
    assert ((counts - 10) ** 2 / 10).sum() < 72


def test_an_empty_stream_is_refused():
    with pytest.raises(InputError, match="no transitions"):
        survey(TransitionStream(lambda: iter(())), 10, SEED)


def engines_of(panel, chunk_size, scaling, architecture):
    def engines():
        for piece in TransitionStream(panel, chunk_size=chunk_size):
            data = in_units(transition_sample(piece), scaling, with_clock=False)
            yield Engine(architecture, data, scaling, np.ones(len(data.dt), dtype=np.int64))

    return engines


def test_scoring_does_not_see_the_cuts_and_ends_at_a_maximum():
    import stochtext as st

    panel = st.simulate(
        st.DoubleWell(4.0, 4.0, 1.0), np.where(np.arange(8) % 2, 1.0, -1.0)[:, None], dt=0.04,
        n_steps=150, n_substeps=10, random_state=2,
    )  # fmt: skip
    data, scaling = scale_transitions(transition_sample(panel), with_clock=False)
    architecture = Architecture(1, 1, (4,), None, "full")
    start = initial_parameters(
        architecture, [linear_model(data)] * 2, data.inputs, np.random.default_rng(0)
    )
    for name in ("weight", "bias"):
        architecture.unpack(start)[f"drift.layer0.{name}"][:] *= 2.0
    precision = np.full(start.shape, 0.5)
    runs = [
        streamed_scoring(
            architecture, start, precision, engines_of(panel, size, scaling, architecture),
            n_passes=25,
        )
        for size in (10_000, 333)
    ]  # fmt: skip
    np.testing.assert_allclose(runs[0].parameters, runs[1].parameters, rtol=1e-6, atol=1e-8)
    assert np.all(np.diff(runs[0].history, axis=0) <= 0)
    assert runs[0].history[-1].max() < runs[0].history[0].min() - 0.002
    (engine,) = engines_of(panel, 10_000, scaling, architecture)()
    weight = np.ones((2, panel.n_transitions))
    gradient = engine.value_and_gradient(runs[0].parameters, weight)[1]
    size = np.abs(gradient + precision * runs[0].parameters).max() / panel.n_transitions
    assert size < 1e-3
    one, other = in_units(transition_sample(panel), scaling, with_clock=False), data
    for name in ("inputs", "following", "response", "rate", "clock_rate"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-12)


def test_a_stream_is_fitted_beyond_its_sample(monkeypatch):
    import stochtext as st
    from stochtext.estimators.neural.streams import fitting as stream_fit

    data = st.simulate(
        st.DoubleWell(4.0, 4.0, 1.0), np.where(np.arange(60) % 2, 1.0, -1.0)[:, None], dt=0.04,
        n_steps=100, n_substeps=10, random_state=2,
    )  # fmt: skip
    settings = {"hidden": (6,), "diffusion": "constant", "n_starts": 2, "random_state": 0}
    monkeypatch.setattr(stream_fit, "SAMPLED", 2000)
    stream = TransitionStream(data, chunk_size=1500)
    streamed = st.NeuralSDE(**settings).fit(stream)
    whole = st.NeuralSDE(**settings).fit(data)
    assert streamed.results_.nobs == data.n_transitions
    assert streamed.drift_ == "network"
    x = np.array([[-1.0], [-0.5], [0.5], [1.0]])
    # both maximise nearly the same likelihood; errors of the drift here are near .25
    difference = streamed.predict_drift(x) - whole.predict_drift(x)
    assert np.abs(difference).max() < 0.35
    # the ridge is that of the sample, a third of the data
    assert streamed.score(data) > whole.score(data) - 2e-3
    assert "6000 transitions were streamed" in streamed.results_.record.notes[-1]
    with pytest.raises(InputError, match="together with a TransitionStream"):
        st.NeuralSDE().fit(stream, dt=0.1)
    with pytest.raises(InputError, match="cannot be combined with time='relative'"):
        st.NeuralSDE(time="relative").fit(stream)


def test_an_interrupt_leaves_nothing_fitted(monkeypatch):
    import stochtext as st
    from stochtext.estimators.neural import estimator as module

    data = Trajectories(np.random.default_rng(0).standard_normal((300, 1)).cumsum(axis=0), dt=0.1)
    model = st.NeuralSDE((4,), diffusion="constant", n_starts=1, random_state=0).fit(data)

    def interrupted(*parts, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "results_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(data[[0]])
    assert [name for name in vars(model) if name.endswith("_")] == []


def test_an_ensemble_resumes_bit_for_bit(tmp_path, monkeypatch):
    import stochtext as st
    from stochtext.estimators.neural.training.checkpointing import Checkpoint

    rng = np.random.default_rng(0)
    data = Trajectories(rng.standard_normal((8, 60, 1)).cumsum(axis=1) * 0.1, dt=0.1)
    settings = {
        "hidden": (4,), "diffusion": "constant", "n_starts": 2, "random_state": 0, "max_iter": 10,
        "ridge": 1.0,
    }  # fmt: skip
    whole = st.NeuralSDE(**settings).fit(data)
    saves, count = Checkpoint.save, []

    def stop_after_three(self, room, arrays, **facts):
        saves(self, room, arrays, **facts)
        count.append(room)
        if len(count) == 3:
            raise KeyboardInterrupt

    path = tmp_path / "state"
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", stop_after_three)
        with pytest.raises(KeyboardInterrupt):
            st.NeuralSDE(**settings, checkpoint=path).fit(data)
    made = []
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", lambda self, room, *parts, **facts: made.append(room))
        resumed = st.NeuralSDE(**settings, checkpoint=path).fit(data)
    assert not set(made) & set(count)
    x = np.linspace(-1, 1, 5)[:, None]
    np.testing.assert_array_equal(resumed.predict_drift(x), whole.predict_drift(x))
    np.testing.assert_array_equal(resumed.predict_covariance(x), whole.predict_covariance(x))
    assert not path.exists()
    with pytest.raises(InputError, match="needs a `random_state`"):
        st.NeuralSDE(checkpoint=path).fit(data)
