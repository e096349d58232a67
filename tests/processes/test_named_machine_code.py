"""Machine code of named processes in several dimensions: the formula and its exact derivatives."""

import numpy as np
import pytest

from stochtext.processes import (
    BrownianMotion,
    Brusselator,
    Duffing,
    FitzHughNagumo,
    ForcedDuffing,
    GeometricBrownianMotion,
    Heston,
    Lorenz63,
    LotkaVolterra,
    StochasticSIR,
    VanDerPol,
)
from stochtext.processes.compiled.coefficients import CompiledCoefficients

WIDE = np.array([[0.4, 0.1, 0.0], [-0.2, 0.3, 0.2]])
PROCESSES = {
    "brownian": BrownianMotion([0.1, -0.2], WIDE),
    "geometric": GeometricBrownianMotion([0.1, -0.2], WIDE),
    "duffing": Duffing(-1.0, 0.8, 0.5, 0.6),
    "forced_duffing": ForcedDuffing(-1.0, 0.8, 0.5, 0.3, 1.2, 0.6),
    "van_der_pol": VanDerPol(0.7, 1.5, 0.6),
    "fitzhugh_nagumo": FitzHughNagumo(0.4, 1.5, 0.8, 0.1, 0.6),
    "heston": Heston(0.05, 1.5, 0.09, 0.4, -0.6),
    "sir": StochasticSIR(2.0, 0.5, 0.1, 0.2),
    "brusselator": Brusselator(1.9, 0.1),
    "lorenz": Lorenz63(10.0, 28.0, 8 / 3, 0.5),
    "lotka_volterra": LotkaVolterra(1.0, 0.5, 0.8, 0.2, 0.3, 0.4),
}
TIME = 0.7


@pytest.fixture(scope="module", params=sorted(PROCESSES))
def process(request):
    return PROCESSES[request.param]


@pytest.fixture(scope="module")
def code(process):
    return CompiledCoefficients(process.machine_code(), "float64")


@pytest.fixture(scope="module")
def states(process):
    return np.random.default_rng(1).uniform(0.1, 0.9, (5, process.dim))


def evaluated(function, rows, code, states):
    out = np.full((rows, len(states)), np.nan)
    function(TIME, np.ascontiguousarray(states.T), code.theta, out)
    return out.T


def derivative(function, states, h=1e-5):
    """Return central differences, the derivative in coordinate k on the last axis."""
    steps = h * np.eye(states.shape[1])
    pairs = [function(states + e, TIME) - function(states - e, TIME) for e in steps]
    return np.stack(pairs, axis=-1) / (2 * h)


def test_coefficients_are_the_formulas(process, code, states):
    d, m = process.dim, process.noise_dim
    drift = evaluated(code.drift, d, code, states)
    np.testing.assert_allclose(drift, process.drift(states, TIME), rtol=1e-13, atol=1e-15)
    diffusion = evaluated(code.diffusion, code.diffusion_rows, code, states)
    expected = process.diffusion(states, TIME)
    if code.diagonal:
        expected = np.diagonal(expected, axis1=1, axis2=2)
    np.testing.assert_allclose(diffusion, expected.reshape(len(states), -1), rtol=1e-13, atol=1e-15)
    assert (code.noise_dim, code.diffusion_rows) == (m, d if code.diagonal else d * m)


def test_derivatives_are_exact(process, code, states):
    assert code.source.provides >= {"jacobian", "correction"}
    jacobian = evaluated(*code.derivative("jacobian"), code, states)
    expected = derivative(process.drift, states).reshape(len(states), -1)
    np.testing.assert_allclose(jacobian, expected, rtol=1e-7, atol=1e-7)
    correction = evaluated(*code.derivative("correction"), code, states)
    sigma, slope = process.diffusion(states, TIME), derivative(process.diffusion, states)
    products = np.einsum("nkp,njqk->npjq", sigma, slope)
    if code.diagonal:
        products = np.einsum("njjj->nj", products)
    np.testing.assert_allclose(correction, products.reshape(len(states), -1), rtol=1e-7, atol=1e-7)
