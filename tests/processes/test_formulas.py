"""The formulas of a process are its coefficients, in the order of its parameter vector."""

import math

import numpy as np
import pytest

from stochtext._shared.random import generator
from stochtext.processes import (
    CKLS,
    SDE,
    DoubleWell,
    GeometricBrownianMotion,
    Heston,
    OrnsteinUhlenbeck,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.processes.compiled.tracing.evaluation import evaluated

MATRIX = [[1.0, 0.2], [0.3, 1.0]]
LOWER = [[0.6, 0.0], [0.1, 0.3]]


def drift(t, x, k, m):
    return k * (m - x) + math.sin(t)


def diffusion(t, x, s):
    return s * math.sqrt(abs(x))


@pytest.mark.parametrize(
    ("process", "family"),
    [
        (OrnsteinUhlenbeck(1.0, 0.5, 0.6), OrnsteinUhlenbeck()),
        (OrnsteinUhlenbeck(MATRIX, [0.5, 1.0], LOWER), OrnsteinUhlenbeck(dim=2)),
        (TrendingOrnsteinUhlenbeck(1.0, [0.5, 0.3, 0.1], 0.6), None),
        (
            TrendingOrnsteinUhlenbeck(MATRIX, [[0.5, 1.0], [0.2, 0.1]], LOWER),
            TrendingOrnsteinUhlenbeck(dim=2),
        ),
        (CKLS(0.1, -0.5, 0.2, 1.5), CKLS()),
        (DoubleWell(1.0, 1.0, 0.7), DoubleWell()),
        (GeometricBrownianMotion([0.1, 0.2], LOWER), GeometricBrownianMotion(dim=2)),
        (Heston(0.1, 1.0, 0.5, 0.3, -0.4), Heston()),
        (SDE(drift, diffusion, params={"k": 1, "m": 2, "s": 0.3}), SDE(drift, diffusion)),
    ],
)
def test_formulas_give_the_coefficients(process, family):
    formulas = (family or process).formulas()
    x = generator(1, "states").uniform(0.2, 0.8, size=(7, formulas.dim))
    t, theta = np.linspace(0.0, 1.0, 7), process.to_vector()
    assert formulas.n_parameters == len(theta) == len(formulas.theta)
    found = evaluated(formulas.drift, t, x, theta)
    np.testing.assert_allclose(found, process.drift(x, t), rtol=1e-12, atol=1e-14)
    entries = [entry for row in formulas.diffusion for entry in row]
    sigma = evaluated(entries, t, x, theta).reshape(7, formulas.dim, formulas.noise_dim)
    rate = np.einsum("nik,njk->nij", sigma, sigma)
    np.testing.assert_allclose(rate, process.covariance(x, t), rtol=1e-12, atol=1e-14)


def test_each_call_gives_expressions_of_its_own():
    one, other = DoubleWell().formulas(), DoubleWell().formulas()
    assert one.graph is not other.graph
    assert DoubleWell().formulas_key == DoubleWell(1.0, 2.0, 3.0).formulas_key
    assert OrnsteinUhlenbeck(dim=2).formulas_key != OrnsteinUhlenbeck(dim=3).formulas_key


def test_functions_that_cannot_be_recorded_have_no_formulas():
    state = [0.0]

    def counting(t, x):
        state[0] += 1.0
        return x + state[0]

    assert SDE(counting, lambda t, x: 1.0).formulas() is None
    assert SDE(lambda t, x: -x if x == x else 0.0, lambda t, x: 1.0).formulas() is not None


def test_noise_of_its_own_for_each_coordinate_is_known_as_such():
    assert OrnsteinUhlenbeck(1.0, 0.5, 0.6).formulas().diagonal
    assert not OrnsteinUhlenbeck(dim=2).formulas().diagonal
    plane = SDE(lambda t, x: -x, lambda t, x: 0.5, dim=2)
    assert plane.formulas().diagonal
