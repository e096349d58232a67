"""Machine code of one-dimensional processes with powers, logarithms, roots and tangents."""

import numpy as np
import pytest

from stochtext.processes import CKLS, Gompertz, Hyperbolic, KesslerSorensen, ThreeHalves
from stochtext.processes.compiled.coefficients import CompiledCoefficients

PROCESSES = {
    "power": CKLS(0.4, -0.5, 0.3, 0.75),
    "logarithm": Gompertz(0.5, 0.7, 0.4),
    "root": Hyperbolic(1.1, 0.7, 0.9),
    "tangent": KesslerSorensen(1.0, 0.8),
    "three halves": ThreeHalves(2.0, 0.5, 0.8),
}
STATES = np.array([[0.05, 0.3, 0.9, 1.2, 1.5]])


def evaluated(function, code):
    out = np.full((1, STATES.shape[1]), np.nan)
    function(0.0, STATES, code.theta, out)
    return out[0]


@pytest.mark.parametrize("name", PROCESSES)
def test_machine_code_is_the_formula_with_its_exact_derivatives(name):
    process = PROCESSES[name]
    code = CompiledCoefficients(process.machine_code(), "float64")
    x, h = STATES[0], 1e-6
    drift, sigma = evaluated(code.drift, code), evaluated(code.diffusion, code)
    np.testing.assert_allclose(drift, process.drift(x)[:, 0], rtol=1e-12)
    np.testing.assert_allclose(sigma, process.diffusion(x)[:, 0, 0], rtol=1e-12)
    slope = (process.diffusion(x + h) - process.diffusion(x - h))[:, 0, 0] / (2 * h)
    correction = evaluated(code.derivative("correction")[0], code)
    # The central difference is right to about eight digits, fewer beside a pole.
    np.testing.assert_allclose(correction, sigma * slope, rtol=1e-6, atol=1e-8)
    jacobian = evaluated(code.derivative("jacobian")[0], code)
    slope = (process.drift(x + h) - process.drift(x - h))[:, 0] / (2 * h)
    np.testing.assert_allclose(jacobian, slope, rtol=1e-6, atol=1e-8)
