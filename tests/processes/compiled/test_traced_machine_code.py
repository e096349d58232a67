"""Recorded functions as real machine code: precision, vector code, the same bits anywhere."""

import math
import re

import numpy as np
import pytest

from stochtext.processes import SDE
from stochtext.processes.compiled.coefficients import CompiledCoefficients


def well(v):
    return v - v**3 if v < 2.0 else -math.tanh(v)


PROCESSES = {
    "scalar": SDE(
        lambda t, x, a: a * well(x) + math.sin(x) * math.exp(-t),
        lambda t, x, g: 0.5 + abs(x) ** g,
        params={"a": 1.5, "g": 0.7},
    ),
    "general": SDE(
        lambda t, x: [10.0 * (x[1] - x[0]), x[0] * (28.0 - x[2]) - x[1], x[0] * x[1] - x[2]],
        lambda t, x, s: s * np.outer(x, np.cos(x)) + np.eye(3),
        params={"s": 0.3},
        dim=3,
        noise="general",
    ),
}


def values(compiled, name, t, x):
    d, m = compiled.source.dim, compiled.noise_dim
    rows = {"drift": d, "diffusion": compiled.diffusion_rows}
    rows |= {"jacobian": d * d, "correction": d if compiled.diagonal else m * d * m}
    code = getattr(compiled, name, None) or compiled.derivative(name)[0]
    out = np.empty((rows[name], x.shape[1]), dtype=compiled.dtype)
    code(t, np.ascontiguousarray(x, dtype=compiled.dtype), compiled.theta, out)
    return out


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", PROCESSES)
def test_machine_code_gives_the_numbers_of_python(kind, dtype, rng):
    process = PROCESSES[kind]
    compiled = CompiledCoefficients(process.machine_code(), dtype)
    x = rng.normal(scale=2.0, size=(process.dim, 37)).astype(dtype)
    expected = process.drift(x.T.astype(float), 0.4).T
    tolerance = 1e-13 if dtype == "float64" else 2e-5
    np.testing.assert_allclose(
        values(compiled, "drift", 0.4, x), expected, rtol=tolerance, atol=tolerance
    )
    sigma = process.diffusion(x.T.astype(float), 0.4)
    np.testing.assert_allclose(
        values(compiled, "diffusion", 0.4, x),
        sigma.reshape(37, -1).T,
        rtol=tolerance,
        atol=tolerance,
    )


@pytest.mark.parametrize("kind", PROCESSES)
def test_derivatives_are_those_of_central_differences(kind, rng):
    process = PROCESSES[kind]
    compiled = CompiledCoefficients(process.machine_code(), "float64")
    d, m = process.dim, process.noise_dim
    x = rng.uniform(0.3, 1.9, size=(d, 9)) * rng.choice([-1.0, 1.0], size=(d, 9))
    step = 1e-5
    slopes = np.stack(
        [
            (process.diffusion(x.T + step * e, 0.4) - process.diffusion(x.T - step * e, 0.4))
            / (2 * step)
            for e in np.eye(d)
        ],
        axis=-1,
    )
    sigma = process.diffusion(x.T, 0.4)
    expected = np.einsum("nkp,njqk->npjq", sigma, slopes).reshape(9, m * d * m).T
    found = values(compiled, "correction", 0.4, x)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-8)
    jacobian = np.stack(
        [
            (process.drift(x.T + step * e, 0.4) - process.drift(x.T - step * e, 0.4)) / (2 * step)
            for e in np.eye(d)
        ],
        axis=-1,
    )
    found = values(compiled, "jacobian", 0.4, x)
    np.testing.assert_allclose(found, jacobian.reshape(9, d * d).T, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_state_has_the_same_bits_alone_and_beside_any_other(dtype, rng):
    compiled = CompiledCoefficients(PROCESSES["scalar"].machine_code(), dtype)
    x = rng.normal(size=(1, 67)).astype(dtype)
    # One state for which the second pass of the sine is needed.
    x[0, 5] = 1e12
    for name in ("drift", "diffusion"):
        together = values(compiled, name, 0.4, x)
        alone = [values(compiled, name, 0.4, x[:, k : k + 1]) for k in range(67)]
        np.testing.assert_array_equal(together, np.concatenate(alone, axis=1))


@pytest.mark.parametrize("kind", PROCESSES)
def test_loops_over_states_are_vector_code(kind, monkeypatch, tmp_path):
    # Machine code from a cache cannot be looked at.
    monkeypatch.setenv("STOCHTEXT_CACHE", str(tmp_path))
    source = PROCESSES[kind].machine_code(prefix="seen_")
    text = source.text.replace("@kernel", "@routine")
    compiled = CompiledCoefficients(type(source)(**{**vars(source), "text": text}), "float64")
    for name in ("drift", "diffusion"):
        code = compiled._function(f"seen_{name}")
        (text,) = code.inspect_llvm().values()
        assert re.search(r"call <[48] x double> @llvm\.fma", text) or name == "diffusion"
        assert re.search(r"<[48] x double>", text)
