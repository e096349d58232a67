"""Gaussian arithmetic row by row, against SciPy and against itself in a batch."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from stochtext._shared.exceptions import InputError
from stochtext.processes.gaussian import (
    gaussian_log_density,
    lower_root,
    row_products,
    state_pairs,
)

RNG = np.random.default_rng(5)
ROOTS = RNG.normal(size=(4, 3, 3))
COVARIANCES = ROOTS @ np.swapaxes(ROOTS, 1, 2)


def test_lower_root_is_the_cholesky_factor():
    np.testing.assert_allclose(lower_root(COVARIANCES), np.linalg.cholesky(COVARIANCES), rtol=1e-9)


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_lower_root_of_a_singular_matrix_still_squares_to_it(rank):
    factor = RNG.normal(size=(3, rank))
    covariance = (factor @ factor.T)[None]
    root = lower_root(covariance)
    np.testing.assert_allclose(root @ np.swapaxes(root, 1, 2), covariance, atol=1e-14)
    assert np.count_nonzero(np.diagonal(root[0])) == rank


def test_row_products_are_matrix_products_that_do_not_know_the_batch():
    matrices, vectors = RNG.normal(size=(9, 2, 5)), RNG.normal(size=(9, 5))
    together = row_products(matrices, vectors)
    np.testing.assert_allclose(together, np.einsum("nij,nj->ni", matrices, vectors), rtol=1e-13)
    alone = [row_products(matrices[k : k + 1], vectors[k : k + 1])[0] for k in range(9)]
    np.testing.assert_array_equal(together, alone)


def test_log_density_is_that_of_scipy():
    residual = RNG.normal(size=(4, 3))
    expected = [
        multivariate_normal(np.zeros(3), c).logpdf(r)
        for r, c in zip(residual, COVARIANCES, strict=True)
    ]
    np.testing.assert_allclose(gaussian_log_density(residual, COVARIANCES), expected, rtol=1e-9)
    shared = np.broadcast_to(COVARIANCES[0], (4, 3, 3))
    expected = multivariate_normal(np.zeros(3), COVARIANCES[0]).logpdf(residual)
    np.testing.assert_allclose(gaussian_log_density(residual, shared), expected, rtol=1e-9)


def test_a_singular_covariance_has_no_density_and_the_row_is_named():
    covariance = np.array([np.eye(2), np.ones((2, 2))])
    with pytest.raises(InputError, match="row 1"):
        gaussian_log_density(np.zeros((2, 2)), covariance)


def test_a_single_state_stands_beside_many_next_states():
    here, there = state_pairs([[1.0, 2.0]], np.zeros((3, 2)), 2)
    np.testing.assert_array_equal(here, np.tile([1.0, 2.0], (3, 1)))
    assert there.shape == (3, 2)
    with pytest.raises(InputError, match="2 and 3"):
        state_pairs(np.zeros((2, 1)), np.zeros((3, 1)), 1)
