"""The counter-based noise: known answers, addresses, and what normal numbers must satisfy."""

from functools import cache

import numpy as np
import pytest
from numba import types
from scipy.stats import kstest

from stochtext._shared.compilation.generated import compiled_module, machine_function
from stochtext._shared.random import generator
from stochtext.simulation.noise import FURTHER, INCREMENTS, noise_key, normals, words
from stochtext.simulation.schemes import area_terms

_TEXT = """
@kernel
def answer(counter, key, out):
    zero = np.uint64(0)
    a, b = philox(counter[0], counter[1], counter[2], counter[3], key[0], key[1])
    out[0] = a + zero
    out[1] = b + zero


@kernel
def fill_lanes(key, stream, path, block, mirrored, out):
    words = np.empty((2, out.shape[1]), np.uint64)
    fill_tile(key, stream, path, block, mirrored, words, out, block - block)


@kernel
def integrals(z, further, h, out):
    m = z.shape[0]
    iterated_integrals(z, m - m, m, h, out)
    if further.shape[0] > 0:
        add_levy_areas(z, m - m, m, h, further, m - m, further.shape[0], out)
"""
_WORDS, _TABLE = types.uint64[::1], types.float64[:, ::1]
_SIGNATURES = {
    "answer": types.void(_WORDS, _WORDS, _WORDS),
    "fill_lanes": types.void(
        types.uint64, types.uint64, types.int64, types.int64, types.int64, _TABLE
    ),
    "integrals": types.void(_TABLE, _TABLE, types.float64, _TABLE),
}


@cache
def compiled(name):
    parts = [f"stochtext.simulation.kernels.{part}" for part in ("noise", "iterated_integrals")]
    return machine_function(compiled_module("noise_probe", parts, _TEXT), name, _SIGNATURES[name])


# Known-answer vectors of Philox4x32-10 in Random123 1.14 (kat_vectors).
@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_gives_the_published_answers(counter, key, expected):
    out = np.empty(2, dtype=np.uint64)
    compiled("answer")(np.array(counter, np.uint64), np.array(key, np.uint64), out)
    found = [w >> s & 0xFFFFFFFF for w in map(int, out) for s in (0, 32)]
    assert found == expected


def numbers(n_paths, n, *, key=None, stream=INCREMENTS, first_path=0, first=0):
    return normals(noise_key(5) if key is None else key, stream, first_path, n_paths, first, n)


def test_a_number_depends_on_its_address_only():
    whole = numbers(6, 41)
    np.testing.assert_array_equal(numbers(2, 41, first_path=3), whole[3:5])
    for first in (1, 7, 12):
        np.testing.assert_array_equal(numbers(6, 9, first=first), whole[:, first : first + 9])


@pytest.mark.parametrize("lanes", [1, 7, 8, 128])
def test_neighbouring_paths_at_once_have_the_numbers_of_each_alone(lanes):
    out = np.empty((2, lanes))
    compiled("fill_lanes")(noise_key(5), np.uint64(INCREMENTS), 11, 20, 0, out)
    np.testing.assert_array_equal(out.T, numbers(lanes, 2, first_path=11, first=40))


def test_mirrored_paths_have_opposite_numbers_of_one_address():
    out = np.empty((2, 8))
    compiled("fill_lanes")(noise_key(5), np.uint64(INCREMENTS), 6, 20, 1, out)
    np.testing.assert_array_equal(out[:, ::2].T, numbers(4, 2, first_path=3, first=40))
    np.testing.assert_array_equal(out[:, 1::2], -out[:, ::2])


def test_seed_stream_and_path_give_other_numbers():
    whole = numbers(2, 8)
    others = [numbers(2, 8, key=noise_key(6)), numbers(2, 8, stream=FURTHER)]
    for other in others:
        assert not np.any(np.isin(other, whole))
    assert not np.any(np.isin(whole[0], whole[1]))
    assert noise_key(5) == noise_key(5)


def test_numbers_are_standard_normal_and_uncorrelated():
    z = numbers(64, 4096)
    assert kstest(z.ravel(), "norm").pvalue > 0.001
    # Standard errors of moments of n normals: sqrt(1/n), sqrt(2/n), sqrt(15/n), sqrt(96/n).
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z**power).mean() - mean) < 4 * np.sqrt(variance / z.size)
    for lag in (1, 2, 3, 64):
        assert abs((z[:, lag:] * z[:, :-lag]).mean()) < 4 / np.sqrt(z.size)
    across = np.corrcoef(z) - np.eye(64)
    assert np.abs(across).max() < 5 / np.sqrt(4096)


def test_numbers_are_those_of_box_and_muller_to_machine_precision():
    raw = words(noise_key(5), INCREMENTS, 0, 64, 0, 512).reshape(-1, 2)
    u = 1.0 - (raw[:, 0] >> np.uint64(12)) / 2.0**52
    radius = np.sqrt(-2.0 * np.log(u))
    z = numbers(64, 1024).reshape(-1, 2)
    np.testing.assert_allclose(np.hypot(z[:, 0], z[:, 1]), radius, rtol=1e-12)
    assert kstest(np.arctan2(z[:, 1], z[:, 0]) / (2 * np.pi) + 0.5, "uniform").pvalue > 0.001


def integrals(n, m, terms, h):
    rng = generator(8, "integrals", m, terms)
    more = 2 * m * terms + m * (m - 1) // 2 if terms else 0
    z, further = rng.standard_normal((m, n)), rng.standard_normal((more, n))
    out = np.empty((m * m, n))
    compiled("integrals")(z, further, h, out)
    return z.T, out.T.reshape(n, m, m)


@pytest.mark.parametrize("terms", [0, 5])
def test_iterated_integrals_obey_the_product_rule(terms):
    z, out = integrals(50, 3, terms, 0.3)
    product = 0.3 * (z[:, :, None] * z[:, None, :] - np.eye(3))
    np.testing.assert_allclose(out + np.swapaxes(out, 1, 2), product, atol=1e-14)


@pytest.mark.parametrize("terms", [1, 4, 20])
def test_levy_area_has_its_conditional_variance_for_any_number_of_terms(terms):
    h, n = 0.5, 40_000
    z, out = integrals(n, 3, terms, h)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        area = 0.5 * (out[:, i, j] - out[:, j, i])
        scaled = area**2 / (h**2 / 12 * (1 + z[:, i] ** 2 + z[:, j] ** 2))
        # Kurtosis is below 5 (the area's own), so 0.05 is more than four standard errors.
        assert scaled.mean() == pytest.approx(1.0, abs=0.05)


def test_levy_areas_of_one_step_share_their_conditional_covariance():
    z, out = integrals(40_000, 3, 2, 1.0)
    a, b = 0.5 * (out[:, 0, 1] - out[:, 1, 0]), 0.5 * (out[:, 0, 2] - out[:, 2, 0])
    # Cov(A_01, A_02 | z) = z_1 z_2 / 12.
    slope = np.mean(a * b * z[:, 1] * z[:, 2]) / np.mean((z[:, 1] * z[:, 2]) ** 2)
    assert slope == pytest.approx(1 / 12, rel=0.1)


def test_levy_area_follows_levys_law():
    _, out = integrals(20_000, 2, 30, 1.0)
    area = 0.5 * (out[:, 0, 1] - out[:, 1, 0])
    # Density sech(pi a), Lévy (1951).
    assert kstest(area, lambda a: 2 / np.pi * np.arctan(np.exp(np.pi * a))).pvalue > 0.001


def test_more_terms_of_a_levy_area_change_it_as_published():
    # Kloeden and Platen (1992), section 5.8: term r has the variance
    # h^2 / (2 pi^2 r^2) (1 + |z|^2) given z, so the error falls as the sum of 1 / r^2.
    rng, n, h = generator(9, "terms"), 20_000, 0.4
    z, series = rng.standard_normal((2, n)), rng.standard_normal((4 * 40, n))
    areas = {}
    for terms in (2, 5, 10, 40):
        out = np.empty((4, n))
        further = np.concatenate([series[: 4 * terms], np.zeros((1, n))])
        compiled("integrals")(z, further, h, out)
        areas[terms] = 0.5 * (out[1] - out[2])
    for terms in (2, 5, 10):
        left = sum(1 / r**2 for r in range(terms + 1, 41))
        expected = h**2 / (2 * np.pi**2) * left * (1 + 2)  # E |z|^2 = 2
        found = np.mean((areas[40] - areas[terms]) ** 2)
        assert found == pytest.approx(expected, rel=0.1)


def test_number_of_area_terms_grows_as_the_step_shrinks_and_is_bounded():
    assert [area_terms(dt) for dt in (1.0, 1e-2, 1e-4, 1e-20)] == [4, 10, 100, 1000]
