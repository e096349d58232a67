"""Euler's likelihood of polynomial diffusions by matrix products."""

import numpy as np
import pytest

from stochtext.processes import PolynomialDiffusion
from stochtext.transitions import EulerDensity
from stochtext.transitions.likelihood import DifferenceLikelihood

DRIFT = [[0.1, -1.0, 0.3, 0.0, 0.2, -0.1], [0.0, 0.2, -0.7, 0.1, 0.0, 0.0]]
FAMILIES = {
    "constant": PolynomialDiffusion(DRIFT, factor=[[0.6, 0.0], [0.2, 0.5]]),
    "linear rates": PolynomialDiffusion(DRIFT, rate=[[1.0, 0.1, 0.2], [0.8, 0.0, 0.1]]),
}


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES)
def rows(request):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((40, 2))
    x_next = x + 0.3 * rng.standard_normal((40, 2))
    dt = rng.uniform(0.05, 0.2, 40)
    weight = rng.integers(0, 3, 40).astype(float)
    return request.param, (x, x_next, np.zeros(40), dt), weight


def test_rows_have_the_density_of_one_euler_step(rows):
    family, steps, weight = rows
    likelihood = EulerDensity().likelihood(family, *steps, weight=weight)
    expected = EulerDensity().log_density(family, *steps)
    np.testing.assert_allclose(likelihood.log_density(family.to_vector()), expected, rtol=1e-12)


def test_the_gradient_is_that_of_central_differences(rows):
    family, steps, weight = rows
    vector = family.to_vector() * 1.05
    exact = EulerDensity().likelihood(family, *steps, weight=weight)
    numeric = DifferenceLikelihood(EulerDensity(), family, *steps, weight=weight)
    value, gradient = exact.value_and_gradient(vector)
    expected_value, expected = numeric.value_and_gradient(vector)
    assert value == pytest.approx(expected_value, rel=1e-12)
    np.testing.assert_allclose(gradient, expected, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(exact.scores(vector), numeric.scores(vector), atol=1e-7)
    np.testing.assert_allclose(exact.scores(vector).sum(axis=0), -gradient, rtol=1e-9)


@pytest.mark.parametrize("last", [-1.0, np.nan])
def test_a_noise_that_is_not_allowed_has_no_likelihood(rows, last):
    family, steps, weight = rows
    vector = family.to_vector()
    vector[-3:] = last
    value, gradient = EulerDensity().likelihood(family, *steps).value_and_gradient(vector)
    assert value == np.inf
    assert np.isnan(gradient).all()
