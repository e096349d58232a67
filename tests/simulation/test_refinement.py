"""Substeps see one Brownian path: the same at the times of the grid, nested for twice as many."""

from functools import cache

import numpy as np
import pytest
from numba import types

from stochtext._shared.compilation.generated import compiled_module, machine_function
from stochtext.simulation.noise import noise_key

KEY, STREAM, LANES, M = noise_key(7), np.uint64(2), 4096, 2
PARTS = (1, 2, 3, 4, 5, 6, 8, 12)

_TEXT = """
@kernel
def refine_both(joint, key, stream, path, step, parts, m, mirrored, z, zeta):
    words = np.empty((2, z.shape[1]), np.uint64)
    pair = np.empty((2, z.shape[1]))
    if joint:
        refine_jointly(key, stream, path, step, parts, m, mirrored, words, pair, z, zeta)
    else:
        refine(key, stream, path, step, parts, m, mirrored, words, pair, z)
"""


@cache
def _function():
    names = ("noise", "refinement", "joint_refinement")
    module = compiled_module(
        "refinement", [f"stochtext.simulation.kernels.{name}" for name in names], _TEXT
    )
    whole, table = types.int64, types.float64[:, ::1]
    signature = types.void(
        whole, types.uint64, types.uint64, whole, whole, whole, whole, whole, table, table
    )
    return machine_function(module, "refine_both", signature)


def refined(parts, *, joint, path=0, step=3, mirrored=0, lanes=LANES, whole=None):
    """Return z and zeta of the substeps, shape (parts, M, lanes) each."""
    whole = COARSE[:, :, path : path + lanes] if whole is None else whole
    z, zeta = np.zeros((2, parts * M, lanes))
    z[:M], zeta[:M] = whole
    _function()(int(joint), KEY, STREAM, path, step, parts, M, mirrored, z, zeta)
    return z.reshape(parts, M, lanes), zeta.reshape(parts, M, lanes)


COARSE = np.random.default_rng(1).standard_normal((2, M, LANES))


def joined(z, zeta):
    """Return the numbers of neighbouring halves' union, from the definition of zeta."""
    h, z1, z2 = 0.5, z[::2], z[1::2]
    integrals = [h**1.5 * (a / 2 + b / np.sqrt(12)) for a, b in ((z1, zeta[::2]), (z2, zeta[1::2]))]
    w1, whole = np.sqrt(h) * z1, np.sqrt(h) * (z1 + z2)
    integral = integrals[0] + integrals[1] + h * w1
    return whole, np.sqrt(12) * (integral - whole / 2)


def whole_of(z, zeta):
    """Return z and zeta of the whole step, from the sum of all increments and integrals."""
    h = 1 / len(z)
    dw = np.sqrt(h) * z
    before = np.cumsum(dw, axis=0) - dw
    integral = (h**1.5 * (z / 2 + zeta / np.sqrt(12)) + h * before).sum(axis=0)
    return dw.sum(axis=0), np.sqrt(12) * (integral - dw.sum(axis=0) / 2)


@pytest.mark.parametrize("parts", PARTS)
def test_the_path_at_the_times_of_the_grid_stays(parts):
    z, _ = refined(parts, joint=False)
    np.testing.assert_allclose(z.sum(axis=0) / np.sqrt(parts), COARSE[0], atol=1e-13)
    z, zeta = refined(parts, joint=True)
    np.testing.assert_allclose(np.stack(whole_of(z, zeta)), COARSE, atol=1e-12)


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 6])
def test_twice_as_many_substeps_see_the_same_path_everywhere(parts):
    z, _ = refined(parts, joint=False)
    fine, _ = refined(2 * parts, joint=False)
    np.testing.assert_allclose((fine[::2] + fine[1::2]) / np.sqrt(2), z, atol=1e-13)
    coarse = refined(parts, joint=True)
    found = joined(*refined(2 * parts, joint=True))
    np.testing.assert_allclose(np.stack(found), np.stack(coarse), atol=1e-12)


@pytest.mark.parametrize("parts", [3, 8])
@pytest.mark.parametrize("joint", [False, True])
def test_all_numbers_of_substeps_are_independent_and_standard_normal(parts, joint):
    z, zeta = refined(parts, joint=joint)
    numbers = np.concatenate([z, zeta] if joint else [z]).reshape(-1, LANES)
    covariance = numbers @ numbers.T / LANES
    # Standard errors: sqrt(1 / n) beside the diagonal, sqrt(2 / n) on it.
    bound = 4.5 * np.sqrt((1 + np.eye(len(numbers))) / LANES)
    assert np.all(np.abs(covariance - np.eye(len(numbers))) < bound)
    assert np.all(np.abs((numbers**4).mean(axis=1) - 3) < 4.5 * np.sqrt(96 / LANES))


@pytest.mark.parametrize("parts", [3, 4])
@pytest.mark.parametrize("joint", [False, True])
def test_a_number_depends_on_its_address_only(parts, joint):
    whole = refined(parts, joint=joint)
    piece = refined(parts, joint=joint, path=40, lanes=8)
    for a, b in zip(whole, piece, strict=True):
        np.testing.assert_array_equal(a[:, :, 40:48], b)
    other = refined(parts, joint=joint, step=4)[0]
    assert not np.any(other == whole[0])


@pytest.mark.parametrize("parts", [3, 4])
@pytest.mark.parametrize("joint", [False, True])
def test_mirrored_paths_have_opposite_numbers(parts, joint):
    signs = np.where(np.arange(8) % 2, -1.0, 1.0)
    whole = np.repeat(COARSE[:, :, :4], 2, axis=2) * signs
    for numbers in refined(parts, joint=joint, mirrored=1, lanes=8, whole=whole):
        np.testing.assert_array_equal(numbers[:, :, ::2], -numbers[:, :, 1::2])
