"""BinnedProcess: interpolation between bins with data, and nothing where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError
from stochtext.processes.fitted.bins.binned import BinnedProcess
from stochtext.processes.linear.ornstein_uhlenbeck import OrnsteinUhlenbeck
from stochtext.processes.registry import process_from_dict


@pytest.fixture
def line():
    drift = np.array([[3.0], [1.0], [np.nan], [-1.0]])
    covariance = np.array([1.0, 2.0, np.nan, 4.0])[:, None, None]
    return BinnedProcess([[0.0, 1.0, 2.0, 3.0]], drift, covariance, reach=[1.0])


def test_values_are_linear_between_populated_bins_even_across_one_empty_bin(line):
    assert line.drift([0.25, 1.0, 2.0])[:, 0].tolist() == [2.5, 1.0, 0.0]
    assert line.covariance([0.5, 2.0])[:, 0, 0] == pytest.approx([1.5, 3.0])


def test_values_are_constant_within_reach_of_the_ends_and_nan_beyond(line):
    assert line.drift([-0.9, 3.9])[:, 0].tolist() == [3.0, -1.0]
    assert np.isnan(line.drift([-1.1, 4.1])).all()


def test_a_gap_wider_than_twice_the_reach_is_nan():
    process = BinnedProcess(
        [[0.0, 1.0, 5.0, 6.0]], np.ones((4, 1)), np.ones((4, 1, 1)), reach=[1.0]
    )
    assert np.isnan(process.drift([3.0])).all()
    assert np.isfinite(process.drift([1.5, 4.5, 5.5])).all()


def test_the_continuation_answers_where_the_bins_do_not(line):
    outside = OrnsteinUhlenbeck(kappa=1.0, mu=0.0, sigma=2.0)
    process = BinnedProcess(
        line.centers, line.drift_values, line.covariance_values, reach=[1.0], continuation=outside
    )
    assert process.drift([10.0])[0, 0] == pytest.approx(-10.0)
    assert process.diffusion([10.0, 0.0])[:, 0, 0] == pytest.approx([2.0, 1.0])


def test_two_coordinates_are_multilinear(rng):
    grids = [np.linspace(0, 1, 4), np.linspace(-1, 1, 3)]
    u, v = np.meshgrid(*grids, indexing="ij")
    drift = np.stack([1 + 2 * u - v + u * v, 3 * v], axis=-1)
    process = BinnedProcess(grids, drift, np.broadcast_to(np.eye(2), (4, 3, 2, 2)))
    x = np.column_stack([rng.uniform(0, 1, 20), rng.uniform(-1, 1, 20)])
    # A function bilinear in each cell is reproduced up to rounding.
    bilinear = np.column_stack([1 + 2 * x[:, 0] - x[:, 1] + x[:, 0] * x[:, 1], 3 * x[:, 1]])
    np.testing.assert_allclose(process.drift(x), bilinear, atol=1e-12)


def test_an_empty_corner_is_left_out_and_four_empty_corners_are_nan():
    drift = np.ones((3, 3, 2))
    drift[1:, 1:] = np.nan
    covariance = np.broadcast_to(np.eye(2), (3, 3, 2, 2))
    process = BinnedProcess([[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]], drift, covariance)
    assert process.drift([[0.4, 0.4]]).tolist() == [[1.0, 1.0]]
    assert np.isnan(process.drift([[1.5, 1.5]])).all()


def test_interpolated_covariances_stay_positive_definite(rng):
    factors = rng.normal(size=(5, 4, 2, 3))
    covariance = factors @ factors.transpose(0, 1, 3, 2)
    process = BinnedProcess([np.arange(5.0), np.arange(4.0)], np.zeros((5, 4, 2)), covariance)
    x = np.column_stack([rng.uniform(0, 4, 100), rng.uniform(0, 3, 100)])
    assert np.linalg.eigvalsh(process.covariance(x)).min() > 0


def test_a_stored_process_is_restored_with_its_continuation(line):
    outside = OrnsteinUhlenbeck(kappa=1.0, mu=0.0, sigma=2.0)
    process = BinnedProcess(
        line.centers, line.drift_values, line.covariance_values, reach=[1.0], continuation=outside
    )
    restored = process_from_dict(*process.to_dict())
    states = np.linspace(-5, 8, 30)[:, None]
    np.testing.assert_array_equal(restored.drift(states), process.drift(states))
    np.testing.assert_array_equal(restored.covariance(states), process.covariance(states))


def test_positions_must_increase_and_some_bin_must_have_data():
    with pytest.raises(InputError, match="increasing"):
        BinnedProcess([[1.0, 0.0]], np.ones((2, 1)), np.ones((2, 1, 1)))
    with pytest.raises(InputError, match="empty"):
        BinnedProcess([[0.0, 1.0]], np.full((2, 1), np.nan), np.ones((2, 1, 1)))
    with pytest.raises(InputError, match="drift_values"):
        BinnedProcess([[0.0, 1.0]], np.ones((3, 1)), np.ones((2, 1, 1)))
