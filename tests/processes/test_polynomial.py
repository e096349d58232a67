"""Polynomial diffusions: coefficients, degrees and storage."""

from __future__ import annotations

import numpy as np
import pytest

import stochtext as st
from stochtext.processes import PolynomialDiffusion, process_from_dict
from stochtext.processes.named.polynomial import exponents_of, polynomial_degree


def test_the_double_well_is_a_polynomial_diffusion():
    well = st.DoubleWell(1.2, 0.8, 0.7)
    same = PolynomialDiffusion([[0.0, 1.2, 0.0, -0.8]], factor=[[0.7]])
    x = np.linspace(-2, 2, 9)[:, None]
    np.testing.assert_allclose(same.drift(x), well.drift(x), rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(same.covariance(x), well.covariance(x), rtol=1e-14)


def test_coefficients_stand_in_the_order_of_the_monomials():
    assert exponents_of(2, 2) == ((0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2))
    drift = np.arange(12.0).reshape(2, 6)
    process = PolynomialDiffusion(drift, factor=np.eye(2))
    a, b = 0.5, -2.0
    expected = drift @ np.array([1.0, a, b, a * a, a * b, b * b])
    np.testing.assert_allclose(process.drift([[a, b]])[0], expected, rtol=1e-15)


@pytest.mark.parametrize(("dim", "n_terms", "degree"), [(1, 4, 3), (2, 6, 2), (3, 20, 3)])
def test_the_number_of_coefficients_says_the_degree(dim, n_terms, degree):
    assert polynomial_degree(dim, n_terms) == degree
    assert polynomial_degree(2, 5) is None


def test_a_rate_is_a_covariance_rate_and_nan_where_it_is_negative():
    process = PolynomialDiffusion([[0.0, -1.0]], rate=[[0.5, 0.0, -0.5]])
    np.testing.assert_allclose(process.covariance([[0.5]]), [[[0.375]]], rtol=1e-15)
    assert np.isnan(process.diffusion([[2.0]])).all()


def test_a_simulation_is_that_of_the_named_process():
    same = PolynomialDiffusion([[0.0, 1.0, 0.0, -1.0]], factor=[[0.7]])
    options = {"dt": 0.01, "n_steps": 200, "n_paths": 3, "random_state": 4}
    one = st.simulate(same, 0.5, **options).values
    other = st.simulate(st.DoubleWell(1.0, 1.0, 0.7), 0.5, **options).values
    np.testing.assert_allclose(one, other, rtol=1e-10)


def test_a_polynomial_diffusion_can_be_stored():
    for process in (
        PolynomialDiffusion([[0.0, 1.0, 0.0, -1.0]], factor=[[0.7]]),
        PolynomialDiffusion(np.ones((2, 3)), rate=np.ones((2, 6))),
    ):
        again = process_from_dict(*process.to_dict())
        assert again.free_parameters == process.free_parameters
        np.testing.assert_array_equal(again.to_vector(), process.to_vector())


@pytest.mark.parametrize(
    "options",
    [
        {"drift": [[1.0, 2.0]]},
        {"drift": [[1.0, 2.0]], "factor": [[1.0]], "rate": [[1.0]]},
        {"drift": np.ones((2, 5)), "factor": np.eye(2)},
        {"drift": np.ones((2, 3)), "factor": np.eye(3)},
    ],
)
def test_what_is_no_polynomial_diffusion_is_refused(options):
    with pytest.raises(st.InputError):
        PolynomialDiffusion(**options)
