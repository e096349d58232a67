"""A stream belongs to its address: seed and key, not to the order of calls."""

from __future__ import annotations

import numpy as np
import pytest

from stochtext._shared.exceptions import InputError
from stochtext._shared.random import generator, seed_sequence

ADDRESSES = [("paths", 0), ("paths", 1), ("bootstrap", 0), ("paths",), (), ("bootstrap", 0, 0)]


def draw(random_state, *key, n=4):
    return generator(random_state, *key).standard_normal(n)


def test_same_address_gives_the_same_numbers():
    np.testing.assert_array_equal(draw(3, "paths", 5), draw(3, "paths", 5))


def test_different_keys_and_seeds_give_different_numbers():
    streams = [draw(seed, *key) for seed in (0, 1) for key in ADDRESSES]
    assert len({tuple(s) for s in streams}) == 2 * len(ADDRESSES)


def test_order_of_requests_does_not_matter():
    forward = {key: draw(7, *key) for key in ADDRESSES}
    backward = {key: draw(7, *key) for key in reversed(ADDRESSES)}
    for key in ADDRESSES:
        np.testing.assert_array_equal(forward[key], backward[key])


def test_one_root_serves_many_streams_like_the_seed_itself():
    root = seed_sequence(11)
    np.testing.assert_array_equal(draw(root, "a", 1), draw(11, "a", 1))
    np.testing.assert_array_equal(draw(root, "a", 1), draw(root, "a", 1))


def test_child_of_a_seed_sequence_is_another_root():
    parent = np.random.SeedSequence(5)
    first, second = parent.spawn(2)
    assert not np.array_equal(draw(first, "a"), draw(second, "a"))
    assert not np.array_equal(draw(first, "a"), draw(parent, "a"))


def test_streams_of_neighbouring_keys_are_uncorrelated():
    # The bound is five standard errors of a correlation of 4000 pairs.
    numbers = np.stack([draw(0, "path", k, n=4000) for k in range(8)])
    off_diagonal = np.corrcoef(numbers)[np.triu_indices(8, 1)]
    assert np.abs(off_diagonal).max() < 5 / np.sqrt(4000)


def test_generator_is_advanced_exactly_once_per_root():
    used, twin = np.random.default_rng(2), np.random.default_rng(2)
    first, second = draw(used, "a"), draw(used, "a")
    assert not np.array_equal(first, second)
    twin.integers(0, 2**32, size=8)
    twin.integers(0, 2**32, size=8)
    assert used.standard_normal() == twin.standard_normal()


def test_equal_generators_give_equal_streams():
    np.testing.assert_array_equal(
        draw(np.random.default_rng(4), "a"), draw(np.random.default_rng(4), "a")
    )


def test_legacy_random_state_is_a_seed_as_well():
    states = [np.random.RandomState(4) for _ in range(2)]  # noqa: NPY002
    np.testing.assert_array_equal(draw(states[0], "a"), draw(states[1], "a"))


def test_none_takes_fresh_entropy():
    assert not np.array_equal(draw(None, "a"), draw(None, "a"))


def test_numpy_integers_are_seeds():
    np.testing.assert_array_equal(draw(np.int64(9), "a"), draw(9, "a"))


@pytest.mark.parametrize("value", [-1, 1.0, "seed", True, [1, 2], np.float64(3.0)])
def test_other_values_are_refused_with_the_value(value):
    with pytest.raises(InputError, match="`random_state` must be None, a non-negative integer"):
        generator(value, "a")
