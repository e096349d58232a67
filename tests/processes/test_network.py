from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError
from stochtext.processes.fitted.networks.network import NetworkProcess
from stochtext.processes.registry import process_from_dict


def random_arrays(rng, *, form="full", members=2, dim=2, with_time=False, hidden=(5, 4)):
    inputs = dim + with_time
    low = 0 if form == "diagonal" else dim * (dim - 1) // 2
    arrays = {
        "centre": rng.standard_normal(inputs),
        "spread": rng.uniform(0.5, 2, inputs),
        "drift_unit": rng.uniform(0.5, 2, dim),
        "noise_unit": rng.uniform(0.5, 2, dim),
        "drift.slope": rng.standard_normal((members, inputs, dim)),
        "drift.intercept": rng.standard_normal((members, 1, dim)),
        "covariance.log_scale": 0.3 * rng.standard_normal((members, 1, dim)),
        "covariance.lower": rng.standard_normal((members, 1, low)),
    }
    outputs = {"drift": dim, "covariance": dim + (low if form == "full" else 0)}
    for room, last in outputs.items():
        width = inputs
        for k, units in enumerate(hidden):
            arrays[f"{room}.layer{k}.weight"] = rng.standard_normal((members, width, units))
            arrays[f"{room}.layer{k}.bias"] = rng.standard_normal((members, 1, units))
            width = units
        arrays[f"{room}.layer{len(hidden)}.weight"] = rng.standard_normal((members, width, last))
    return arrays


def by_hand(arrays, x, t, form):
    """Drift and covariance rate of one state, written out with loops."""
    z = (np.append(x, t)[: len(arrays["centre"])] - arrays["centre"]) / arrays["spread"]
    dim, members = len(x), len(arrays["drift.intercept"])
    drift, covariance = np.zeros(dim), np.zeros((dim, dim))
    for m in range(members):

        def network(room, m=m):
            h = z
            for k in range(2):
                bias = arrays[f"{room}.layer{k}.bias"][m, 0]
                h = np.tanh(h @ arrays[f"{room}.layer{k}.weight"][m] + bias)
            return h @ arrays[f"{room}.layer2.weight"][m]

        drift += arrays["drift.intercept"][m, 0] + z @ arrays["drift.slope"][m] + network("drift")
        out = network("covariance")
        factor = np.eye(dim)
        entry = 0
        for row in range(dim):
            for column in range(row if form != "diagonal" else 0):
                moved = out[dim + entry] if form == "full" else 0.0
                factor[row, column] = arrays["covariance.lower"][m, 0, entry] + moved
                entry += 1
            log_scale = arrays["covariance.log_scale"][m, 0, row] + 5 * np.tanh(out[row] / 5)
            factor[row] *= np.exp(log_scale)
        covariance += factor @ factor.T
    unit = np.diag(arrays["noise_unit"])
    return arrays["drift_unit"] * drift / members, unit @ covariance @ unit / members


@pytest.mark.parametrize("form", ["full", "constant-correlation", "diagonal"])
@pytest.mark.parametrize("with_time", [False, True])
def test_drift_and_covariance_equal_the_formula_written_out_with_loops(rng, form, with_time):
    arrays = random_arrays(rng, form=form, with_time=with_time, dim=3)
    process = NetworkProcess(arrays, form=form, clock="relative")
    x, t = rng.standard_normal((6, 3)), rng.uniform(size=6)
    expected = [by_hand(arrays, *pair, form) for pair in zip(x, t, strict=True)]
    np.testing.assert_allclose(process.drift(x, t), [e[0] for e in expected], rtol=1e-12)
    np.testing.assert_allclose(process.covariance(x, t), [e[1] for e in expected], rtol=1e-12)


def test_diffusion_is_the_lower_cholesky_factor_of_the_covariance_rate(rng):
    process = NetworkProcess(random_arrays(rng))
    x = rng.standard_normal((4, 2))
    sigma = process.diffusion(x)
    assert np.all(sigma[:, 0, 1] == 0)
    np.testing.assert_allclose(sigma @ sigma.transpose(0, 2, 1), process.covariance(x), rtol=1e-12)


def test_ensemble_is_the_average_of_its_members(rng):
    process = NetworkProcess(random_arrays(rng, members=3))
    x = rng.standard_normal((5, 2))
    members = process.members()
    assert process.n_members == len(members) == 3
    np.testing.assert_allclose(
        process.drift(x), np.mean([m.drift(x) for m in members], axis=0), rtol=1e-12
    )
    np.testing.assert_allclose(
        process.covariance(x), np.mean([m.covariance(x) for m in members], axis=0), rtol=1e-12
    )


def test_many_states_give_what_single_states_give(rng):
    process = NetworkProcess(random_arrays(rng))
    x = rng.standard_normal((20_001, 2))
    np.testing.assert_allclose(process.drift(x)[::4000], process.drift(x[::4000]), rtol=1e-12)
    assert process.covariance(x).shape == (20_001, 2, 2)


def test_without_hidden_layers_it_is_an_affine_drift_with_constant_covariance(rng):
    arrays = {k: v for k, v in random_arrays(rng, members=1).items() if "layer" not in k}
    process = NetworkProcess(arrays)
    x = rng.standard_normal((3, 2))
    middle = 0.5 * (x[:1] + x[1:2])
    np.testing.assert_allclose(
        process.drift(middle), process.drift(x[:2]).mean(0, keepdims=True), rtol=1e-10
    )
    assert process.noise == "additive"
    assert np.ptp(process.covariance(x), axis=0).max() == 0
    assert "drift: linear, covariance: constant" in repr(process)


def test_stored_and_restored_process_is_the_same(rng):
    process = NetworkProcess(
        random_arrays(rng, form="diagonal", with_time=True), form="diagonal", clock="relative"
    )
    again = process_from_dict(*process.to_dict())
    x, t = rng.standard_normal((4, 2)), rng.uniform(size=4)
    assert (again.clock, again.noise, again.autonomous) == ("relative", "diagonal", False)
    np.testing.assert_array_equal(again.drift(x, t), process.drift(x, t))
    np.testing.assert_array_equal(again.covariance(x, t), process.covariance(x, t))


def test_clock_moves_the_process_only_if_it_is_an_input(rng):
    timed = NetworkProcess(random_arrays(rng, with_time=True))
    still = NetworkProcess(random_arrays(rng))
    x = rng.standard_normal((1, 2))
    assert still.autonomous
    np.testing.assert_array_equal(still.drift(x, 0.0), still.drift(x, 5.0))
    assert np.abs(timed.drift(x, 0.0) - timed.drift(x, 5.0)).max() > 1e-3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drift.slope": None}, "needs the arrays drift.slope"),
        ({"drift.intercept": np.full((2, 1, 2), np.nan)}, "must be finite"),
        ({"centre": np.zeros(5), "spread": np.ones(5)}, "at most the time"),
    ],
)
def test_damaged_arrays_are_refused(rng, change, message):
    arrays = {**random_arrays(rng), **change}
    with pytest.raises(InputError, match=message):
        NetworkProcess({k: v for k, v in arrays.items() if v is not None})


def test_evaluation_does_not_import_torch():
    code = (
        "import sys, numpy as np\n"
        "from stochtext.processes.fitted.networks.network import NetworkProcess\n"
        "o = np.ones(1)\n"
        "p = NetworkProcess({'centre': o, 'spread': o, 'drift_unit': o, 'noise_unit': o,\n"
        "  'drift.slope': np.ones((1, 1, 1)), 'drift.intercept': np.ones((1, 1, 1)),\n"
        "  'covariance.log_scale': np.zeros((1, 1, 1)), 'covariance.lower': np.ones((1, 1, 0))})\n"
        "assert p.drift([[3.0]])[0, 0] == 3.0\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
