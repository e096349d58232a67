"""Modules of the user: the same moments as NumPy's, training that finds, stops and resumes."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from stochtext._shared.exceptions import ConvergenceError, InputError, ModelFileError
from stochtext.estimators.neural.modules.fitting import ModuleOptions, fit_modules, resolved_device
from stochtext.estimators.neural.modules.torch_moments import gaussian_loss, step_moments
from stochtext.estimators.neural.modules.user_modules import check_module, jittered
from stochtext.estimators.neural.training.checkpointing import Checkpoint, fingerprint
from stochtext.estimators.sample import transition_sample
from stochtext.processes import OrnsteinUhlenbeck, process_from_dict
from stochtext.simulation import simulate
from stochtext.transitions.cubature.moments import rk4_moments

torch = pytest.importorskip("torch")


def network(n_in: int, n_out: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    net = torch.nn.Sequential(torch.nn.Linear(n_in, 8), torch.nn.Tanh(), torch.nn.Linear(8, n_out))
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(torch.as_tensor(0.5 * rng.standard_normal(tuple(p.shape))))
    return net


def options(**changes) -> ModuleOptions:
    base = {
        "drift_module": network(1, 1), "diffusion_module": None, "hidden": (8,),
        "diffusion_hidden": (4,), "constant": True, "time": None, "n_starts": 1, "max_iter": 8,
        "batch_size": 256, "n_substeps": 1, "euler": False, "ridge": 0.1, "learning_rate": 0.02,
        "validation_fraction": 0.2, "extrapolate": True, "polish": False, "device": "cpu",
        "checkpoint": None, "seed": np.random.SeedSequence(3),
    }  # fmt: skip
    return ModuleOptions(**{**base, **changes})


class Cubic(torch.nn.Module):
    """The right family: a cube beside the linear part."""

    def __init__(self):
        super().__init__()
        self.cube = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return self.cube * x**3


@pytest.fixture(scope="module")
def sample():
    import stochtext as st

    panel = st.simulate(
        st.DoubleWell(4.0, 4.0, 1.0), np.where(np.arange(20) % 2, 1.0, -1.0)[:, None], dt=0.04,
        n_steps=100, n_substeps=20, random_state=2,
    )  # fmt: skip
    return transition_sample(panel)


@pytest.mark.parametrize("n_substeps", [1, 3])
def test_moments_are_those_of_numpy(n_substeps):
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((2, 2))

    def drift(x, t):
        return np.tanh(x @ weights) - x + t[:, None]

    def factor(x, t):
        out = np.zeros((len(x), 2, 2))
        out[:, 0, 0], out[:, 1, 1] = 1.0, np.sqrt(1.0 + x[:, 0] ** 2)
        out[:, 1, 0] = 0.3 * x[:, 1]
        return out

    def covariance(x, t):
        return factor(x, t) @ factor(x, t).transpose(0, 2, 1)

    def coefficients(x, t):
        return tuple(torch.as_tensor(f(x.numpy(), t.numpy())) for f in (drift, factor))

    x, t, dt = rng.standard_normal((6, 2)), rng.random(6), 0.05 + 0.1 * rng.random(6)
    expected = rk4_moments(drift, covariance, x, t, dt, n_substeps, 2 * dt)
    tensors = [torch.as_tensor(a) for a in (x, t, dt, 2 * dt)]
    found = step_moments(coefficients, *tensors, n_substeps, euler=False)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.numpy(), other, atol=1e-14)


def test_loss_is_minus_the_gaussian_log_density():
    from scipy.stats import multivariate_normal

    covariance = np.array([[2.0, 0.5], [0.5, 1.0]])
    mean, x = np.array([[0.1, -0.2]]), np.array([[1.0, 0.4]])
    found = gaussian_loss(*(torch.as_tensor(a) for a in (mean, covariance[None], x)))
    expected = -multivariate_normal(mean[0], covariance).logpdf(x[0])
    assert float(found) == pytest.approx(expected, rel=1e-12)


def test_modules_find_the_double_well(sample):
    found = fit_modules(sample, options(drift_module=Cubic(), max_iter=2, polish=True)).fit
    x = np.array([[-1.0], [-0.5], [0.5], [1.0]])
    # 80 time units: the standard error of these drifts is about .3
    np.testing.assert_allclose(found.process.drift(x), 4.0 * (x - x**3), atol=0.9)
    np.testing.assert_allclose(found.process.covariance(x)[:, 0, 0], 1.0, atol=0.12)
    assert "Held-out gain" in found.results.record.notes[0]
    assert np.isnan(found.results.get_drift(x).se).all()
    paths = simulate(found.process, [[1.0]], dt=0.04, n_steps=20, random_state=1)
    assert np.isfinite(paths.values).all()


def test_the_modules_given_are_not_changed(sample):
    given = network(1, 1)
    before = copy.deepcopy(given.state_dict())
    fit_modules(sample, options(drift_module=given, max_iter=2))
    for name, tensor in given.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_training_resumes_bit_for_bit(sample, tmp_path, monkeypatch):
    whole = fit_modules(sample, options(diffusion_module=network(1, 1, 5)))
    path = tmp_path / "state"
    saves = Checkpoint.save

    def stop_after_three(self, room, arrays, **facts):
        saves(self, room, arrays, **facts)
        if facts["epoch"] == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", stop_after_three)
        with pytest.raises(KeyboardInterrupt):
            fit_modules(sample, options(diffusion_module=network(1, 1, 5), checkpoint=path))
    assert path.exists()
    resumed = fit_modules(sample, options(diffusion_module=network(1, 1, 5), checkpoint=path))
    np.testing.assert_array_equal(resumed.models[0].flat(), whole.models[0].flat())
    np.testing.assert_array_equal(resumed.trainings[0].history, whole.trainings[0].history)
    assert not path.exists()


def test_a_checkpoint_of_other_data_is_refused(tmp_path):
    path = tmp_path / "state"
    Checkpoint(path, "a").save("run", {"theta": np.ones(3)})
    with pytest.raises(InputError, match="other data or settings"):
        Checkpoint(path, "b")
    path.write_bytes(b"PK nothing")
    with pytest.raises(ModelFileError, match="no readable training state"):
        Checkpoint(path, "a")


def test_a_checkpoint_is_whole_or_not_there(tmp_path, monkeypatch):
    path = tmp_path / "state"
    Checkpoint(path, "a").save("run", {"theta": np.ones(3)}, epoch=1)

    def full(*parts, **named):
        raise OSError("no space left")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="no space left"):
        Checkpoint(path, "a").save("run", {"theta": np.zeros(3)}, epoch=2)
    arrays, facts = Checkpoint(path, "a").load("run")
    np.testing.assert_array_equal(arrays["theta"], np.ones(3))
    assert facts == {"epoch": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["state"]


def test_fingerprints_tell_shape_and_numbers_apart():
    a = np.arange(6.0)
    keys = {fingerprint(a), fingerprint(a.reshape(2, 3)), fingerprint(a + 1), fingerprint(a, 1)}
    assert len(keys) == 4


def test_a_loss_that_stays_nan_raises(sample):
    class Broken(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.p = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x):
            return x * self.p + float("nan")

    with pytest.raises(ConvergenceError, match="not finite"):
        fit_modules(sample, options(drift_module=Broken()))


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (lambda x: x, "must be a torch.nn.Module"),
        (network(2, 1), "fails as module"),
        (network(1, 2), "must return"),
    ],
)
def test_what_is_no_drift_module_is_refused(module, words):
    with pytest.raises(InputError, match=words):
        check_module("drift_module", module, 1, timed=False)


def test_starts_differ_and_keep_the_size_of_weights():
    given = torch.nn.Linear(50, 50)
    other = jittered(given, np.random.default_rng(0))
    assert not torch.equal(given.weight, other.weight)
    sizes = [float(layer.weight.detach().std()) for layer in (given, other)]
    assert sizes[1] / sizes[0] == pytest.approx(1.0, abs=0.05)


def test_time_reaches_the_modules(sample):
    class Seasonal(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network(2, 1)

        def forward(self, x, t):
            assert t.ndim == 1
            return self.inner(torch.cat([x, t[:, None]], dim=1))

    found = fit_modules(sample, options(drift_module=Seasonal(), time="time", max_iter=3)).fit
    assert not found.process.autonomous
    drift = [found.process.drift([[0.5]], t)[0, 0] for t in (0.5, 3.0)]
    assert drift[0] != drift[1]


def test_automatic_device_is_one_that_exists():
    assert resolved_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="cannot be used"):
        resolved_device("nowhere")


def test_processes_of_modules_are_not_stored(sample):
    process = fit_modules(sample, options(max_iter=1)).fit.process
    with pytest.raises(InputError, match="a file holds no code"):
        process.to_dict()
    assert process_from_dict(*OrnsteinUhlenbeck(1.0, 0.0, 1.0).to_dict()).dim == 1


def test_the_estimator_trains_modules():
    import stochtext as st

    panel = st.simulate(
        st.OrnsteinUhlenbeck(2.0, 0.0, 0.5), 0.3, dt=0.1, n_steps=60, n_paths=6, random_state=2
    )
    given = network(1, 1)
    model = st.NeuralSDE(
        drift_module=given, diffusion="constant", n_starts=2, max_iter=2, random_state=0
    ).fit(panel)
    assert (model.drift_, model.covariance_, len(model.modules_)) == ("module", "constant", 2)
    assert np.isfinite(model.score(panel))
    assert model.results_.converged in (True, False)
    with pytest.raises(InputError, match="cannot be combined with modules"):
        st.NeuralSDE(drift_module=given, covariates=("a",)).fit(panel)
    with pytest.raises(InputError, match="no code"):
        model.results_.save("nowhere")
