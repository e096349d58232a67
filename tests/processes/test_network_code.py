"""Machine code of networks and of extrapolated processes against their NumPy evaluation."""

import subprocess
import sys

import numpy as np
import pytest

from stochtext.processes import (
    DoubleWell,
    ExtrapolatedProcess,
    GeometricBrownianMotion,
    OrnsteinUhlenbeck,
    Support,
)
from stochtext.processes.compiled.coefficients import CompiledCoefficients
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.simulation import simulate

TIME = 0.3
# Several units of every layer are filled up, and the widest layer alternates.
HIDDEN = (5, 20)


def network_arrays(form="full", dim=2, members=2, timed=False, varies=True, hidden=HIDDEN, seed=0):
    rng = np.random.default_rng(seed)
    inputs, low = dim + timed, 0 if form == "diagonal" else dim * (dim - 1) // 2
    arrays = {
        "centre": rng.standard_normal(inputs),
        "spread": rng.uniform(0.5, 2, inputs),
        "drift_unit": rng.uniform(0.5, 2, dim),
        "noise_unit": rng.uniform(0.5, 2, dim),
        "drift.slope": -rng.uniform(0.2, 1, (members, inputs, dim)),
        "drift.intercept": rng.standard_normal((members, 1, dim)),
        "covariance.log_scale": 0.3 * rng.standard_normal((members, 1, dim)),
        "covariance.lower": 0.5 * rng.standard_normal((members, 1, low)),
    }
    rooms = {"drift": dim, "covariance": dim + (low if form == "full" else 0)}
    for room, outputs in rooms.items():
        widths = [inputs, *hidden, outputs]
        for k, (above, below) in enumerate(zip(widths[:-1], widths[1:], strict=True)):
            if room == "covariance" and not varies:
                continue
            weight = rng.standard_normal((members, above, below)) / np.sqrt(above)
            arrays[f"{room}.layer{k}.weight"] = weight
            if k < len(hidden):
                arrays[f"{room}.layer{k}.bias"] = rng.standard_normal((members, 1, below))
    return arrays


def network(form="full", **settings):
    return NetworkProcess(network_arrays(form, **settings), form=form)


def evaluated(code, name, x):
    rows = code.source.dim if name == "drift" else code.diffusion_rows
    out = np.full((rows, len(x)), np.nan, dtype=code.dtype)
    states = np.ascontiguousarray(x.T, dtype=code.dtype)
    getattr(code, name)(TIME, states, code.theta, out)
    return out.T.astype(np.float64)


def assert_same(process, states, dtype="float64", tolerance=1e-12):
    """Compare all states at once, a strip and more, and a few, which go one by one."""
    code = CompiledCoefficients(process.machine_code(), dtype)
    for count in (len(states), 3):
        x = states[:count]
        np.testing.assert_allclose(
            evaluated(code, "drift", x), process.drift(x, TIME), rtol=tolerance, atol=tolerance
        )
        sigma = process.diffusion(x, TIME)
        sigma = np.diagonal(sigma, axis1=1, axis2=2) if code.diagonal else sigma
        np.testing.assert_allclose(
            evaluated(code, "diffusion", x), sigma.reshape(count, -1), rtol=tolerance,
            atol=tolerance,
        )  # fmt: skip
    return code


@pytest.fixture(scope="module")
def states():
    return 1.5 * np.random.default_rng(3).standard_normal((57, 3))


@pytest.mark.parametrize(
    ("form", "dim", "members", "timed"),
    [
        ("full", 1, 1, False),
        ("full", 2, 3, True),
        ("full", 3, 1, False),
        ("full", 3, 2, False),
        ("constant-correlation", 2, 1, True),
        ("constant-correlation", 3, 3, False),
        ("diagonal", 1, 2, True),
        ("diagonal", 2, 1, False),
        ("diagonal", 3, 2, False),
    ],
)
def test_machine_code_is_the_numpy_evaluation(states, form, dim, members, timed):
    process = network(form, dim=dim, members=members, timed=timed)
    code = assert_same(process, states[:, :dim])
    assert code.diagonal == (form == "diagonal" or dim == 1)


@pytest.mark.parametrize("form", ["full", "diagonal"])
def test_in_single_precision_it_is_so_to_single_precision(states, form):
    assert_same(network(form, dim=2), states[:, :2], "float32", tolerance=1e-5)


@pytest.mark.parametrize("hidden", [(64,), (40, 72, 24), (600,), ()])
def test_any_number_and_width_of_layers(states, hidden):
    for dtype, tolerance in (("float64", 1e-12), ("float32", 2e-5)):
        process = network("full", dim=2, varies=hidden == (), hidden=hidden)
        assert_same(process, states[:, :2], dtype, tolerance)


@pytest.mark.parametrize("form", ["full", "diagonal"])
def test_constant_covariance_and_no_networks(states, form):
    arrays = network_arrays(form, dim=3, varies=False)
    assert_same(NetworkProcess(arrays, form=form), states)
    linear = {name: array for name, array in arrays.items() if "layer" not in name}
    assert_same(NetworkProcess(linear, form=form), states)


def test_without_linear_part_its_terms_are_left_out(states):
    arrays = network_arrays(dim=2, varies=False)
    arrays["drift.slope"] = np.zeros_like(arrays["drift.slope"])
    process = NetworkProcess(arrays)
    assert "add_linear_part" not in process.machine_code().text
    assert_same(process, states[:, :2])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_state_gives_the_same_bits_alone_and_in_any_batch(states, dtype):
    code = CompiledCoefficients(network("full", dim=2).machine_code(), dtype)
    x = states[:, :2]
    for name in ("drift", "diffusion"):
        together = evaluated(code, name, x)
        for first, last in ((0, 1), (7, 9), (20, 45), (3, 57)):
            alone = evaluated(code, name, x[first:last])
            np.testing.assert_array_equal(alone, together[first:last])


def test_a_state_that_is_not_a_number_has_coefficients_that_are_not(states):
    code = CompiledCoefficients(network("full", dim=2).machine_code(), "float64")
    x = states[:40, :2].copy()
    x[3, 0] = x[39, 1] = np.nan
    for count in (40, 5):
        lost = np.isnan(x[:count]).any(axis=1)
        for name, entries in (("drift", [0, 1]), ("diffusion", [0, 2, 3])):
            result = evaluated(code, name, x[:count])[:, entries]
            assert np.isnan(result[lost]).all()
            assert np.isfinite(result[~lost]).all()


def test_activation_is_tanh():
    process = NetworkProcess(
        {
            **network_arrays(dim=1, members=1, varies=False, hidden=(8,)),
            "centre": np.zeros(1),
            "spread": np.ones(1),
            "drift_unit": np.ones(1),
            "drift.slope": np.zeros((1, 1, 1)),
            "drift.intercept": np.zeros((1, 1, 1)),
            "drift.layer0.weight": np.ones((1, 1, 8)),
            "drift.layer0.bias": np.zeros((1, 1, 8)),
            "drift.layer1.weight": np.eye(8)[None, :, :1],
        }
    )
    x = np.concatenate([np.linspace(-25, 25, 100_001), [1e-300, -1e-9, 710.0, -1e300]])[:, None]
    for dtype, bound in (("float64", 4e-16), ("float32", 2e-7)):
        code = CompiledCoefficients(process.machine_code(), dtype)
        exact = np.tanh(x.clip(-30, 30).astype(dtype).astype(np.float64))
        assert np.abs(evaluated(code, "drift", x.clip(-1e30, 1e30)) - exact).max() < bound


# -- extrapolated processes ------------------------------------------------------------------


def extrapolated(inside, outside, dim):
    support = Support.from_states(np.random.default_rng(5).standard_normal((50, dim)))
    return ExtrapolatedProcess(inside, outside, support)


def pairs():
    plain = network(dim=2, varies=False, hidden=())
    wide = GeometricBrownianMotion([0.1, 0.2], np.array([[0.3, 0.1, 0.2], [0.0, 0.2, 0.1]]))
    return {
        "networks": extrapolated(network(dim=2), plain, 2),
        "one coordinate": extrapolated(network(dim=1), OrnsteinUhlenbeck(1.0, 0.5, 0.4), 1),
        "diagonal": extrapolated(network("diagonal", dim=3), network("diagonal", dim=3, seed=1), 3),
        "diagonal inside": extrapolated(network("diagonal", dim=2), plain, 2),
        "more noise outside": extrapolated(network(dim=2), wide, 2),
        "nested": extrapolated(extrapolated(network(dim=2), plain, 2), wide, 2),
    }


@pytest.mark.parametrize("name", pairs())
def test_each_state_gets_the_part_that_holds_there(states, name):
    process = pairs()[name]
    x = states[:, : process.dim]
    inside = process.support.contains(x)
    assert 10 < inside.sum() < 47
    assert_same(process, x)
    assert_same(process, x[inside])
    assert_same(process, x[~inside])


def test_states_at_the_edge_of_the_support_are_inside():
    x = np.random.default_rng(5).standard_normal((50, 2))
    process = extrapolated(network(dim=2), network(dim=2, varies=False, hidden=()), 2)
    assert process.support.contains(x).all()
    assert_same(process, x)


def test_a_part_without_machine_code_leaves_none():
    class Callback(DoubleWell):
        def machine_code(self, prefix=""):
            return None

    process = extrapolated(Callback(1.0, 1.0, 0.5), OrnsteinUhlenbeck(1.0, 0.0, 0.5), 1)
    assert process.machine_code() is None


# -- simulation ------------------------------------------------------------------------------


class InNumPy(ExtrapolatedProcess):
    """The same process without machine code."""

    def machine_code(self, prefix=""):
        return None


def test_paths_are_those_of_the_numpy_evaluation():
    process = pairs()["networks"]
    same = InNumPy(process.inside, process.outside, process.support)
    x0 = np.zeros((40, 2))
    settings = {"dt": 0.01, "n_steps": 50, "random_state": 2}
    fast = simulate(process, x0, **settings).to_array()
    slow = simulate(same, x0, **settings).to_array()
    assert np.abs(fast - slow).max() < 1e-10
    single = simulate(process, x0[:1], **settings).to_array()
    np.testing.assert_array_equal(single[0], fast[0])


def test_fitted_networks_simulate_from_a_file_without_torch(tmp_path):
    from stochtext.estimators import NeuralSDE

    x = simulate(DoubleWell(1.0, 1.0, 0.6), 0.5, dt=0.05, n_steps=2000, random_state=1)
    model = NeuralSDE(hidden=(8,), diffusion_hidden=(4,), n_starts=1, max_iter=20, random_state=0)
    path = tmp_path / "fit.stochtext"
    model.fit(x).results_.save(path)
    code = (
        "import sys, numpy as np, stochtext as st\n"
        f"process = st.load({str(path)!r}).process\n"
        "assert process.machine_code() is not None\n"
        "paths = st.simulate(process, 0.5, dt=0.05, n_steps=20, n_paths=30, random_state=1)\n"
        "assert np.isfinite(paths.values).all()\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
