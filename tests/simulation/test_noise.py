"""The counter-based noise: known answers, addresses, and what normal numbers must satisfy."""

import numpy as np
import pytest
from scipy.stats import kstest

from stochtext._shared.random import generator
from stochtext.simulation.kernels import iterated_integrals
from stochtext.simulation.levy_areas import area_numbers, area_terms
from stochtext.simulation.noise import AREAS, INCREMENTS, fill_normals, noise_key, philox


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
    words = philox(*map(np.uint64, counter), np.uint64(key[0] | key[1] << 32))
    found = [w >> s & 0xFFFFFFFF for w in map(int, words) for s in (0, 32)]
    assert found == expected


def normals(n_paths, n, *, key=None, purpose=INCREMENTS, first_path=0, first=0):
    out = np.empty((n_paths, n))
    fill_normals(noise_key(5) if key is None else key, purpose, first_path, first, out)
    return out


def test_a_number_depends_on_its_address_only():
    whole = normals(6, 41)
    np.testing.assert_array_equal(normals(2, 41, first_path=3), whole[3:5])
    for first in (1, 7, 12):
        np.testing.assert_array_equal(normals(6, 9, first=first), whole[:, first : first + 9])


def test_seed_purpose_and_path_give_other_numbers():
    whole = normals(2, 8)
    others = [normals(2, 8, key=noise_key(6)), normals(2, 8, purpose=AREAS)]
    for other in others:
        assert not np.any(np.isin(other, whole))
    assert not np.any(np.isin(whole[0], whole[1]))
    assert noise_key(5) == noise_key(5)


def test_numbers_are_standard_normal_and_uncorrelated():
    z = normals(64, 4096)
    assert kstest(z.ravel(), "norm").pvalue > 0.001
    # Standard errors of moments of n normals: sqrt(1/n), sqrt(2/n), sqrt(15/n), sqrt(96/n).
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((z**power).mean() - mean) < 4 * np.sqrt(variance / z.size)
    for lag in (1, 2, 3, 64):
        assert abs((z[:, lag:] * z[:, :-lag]).mean()) < 4 / np.sqrt(z.size)
    across = np.corrcoef(z) - np.eye(64)
    assert np.abs(across).max() < 5 / np.sqrt(4096)


def integrals(n, m, terms, dt):
    rng = generator(8, "integrals", m, terms)
    xi = rng.standard_normal((n, m))
    extra = rng.standard_normal((n, area_numbers(m, terms)))
    out = np.empty((n, m, m))
    for k in range(n):
        iterated_integrals(xi[k], extra[k], terms, dt, out[k])
    return xi, out


def test_iterated_integrals_obey_the_product_rule():
    xi, out = integrals(50, 3, 5, 0.3)
    product = 0.3 * (xi[:, :, None] * xi[:, None, :] - np.eye(3))
    np.testing.assert_allclose(out + np.swapaxes(out, 1, 2), product, atol=1e-14)


@pytest.mark.parametrize("terms", [1, 4, 20])
def test_levy_area_has_its_conditional_variance_for_any_number_of_terms(terms):
    dt, n = 0.5, 40_000
    xi, out = integrals(n, 3, terms, dt)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        area = 0.5 * (out[:, i, j] - out[:, j, i])
        scaled = area**2 / (dt**2 / 12 * (1 + xi[:, i] ** 2 + xi[:, j] ** 2))
        # Kurtosis is below 5 (the area's own), so 0.05 is more than four standard errors.
        assert scaled.mean() == pytest.approx(1.0, abs=0.05)


def test_levy_areas_of_one_step_share_their_conditional_covariance():
    xi, out = integrals(40_000, 3, 2, 1.0)
    a, b = 0.5 * (out[:, 0, 1] - out[:, 1, 0]), 0.5 * (out[:, 0, 2] - out[:, 2, 0])
    # Cov(A_01, A_02 | xi) = xi_1 xi_2 / 12.
    slope = np.mean(a * b * xi[:, 1] * xi[:, 2]) / np.mean((xi[:, 1] * xi[:, 2]) ** 2)
    assert slope == pytest.approx(1 / 12, rel=0.1)


def test_levy_area_follows_levys_law():
    _, out = integrals(20_000, 2, 30, 1.0)
    area = 0.5 * (out[:, 0, 1] - out[:, 1, 0])
    # Density sech(pi a), Levy (1951).
    assert kstest(area, lambda a: 2 / np.pi * np.arctan(np.exp(np.pi * a))).pvalue > 0.001


def test_number_of_area_terms_grows_as_the_step_shrinks_and_is_bounded():
    assert [area_terms(dt) for dt in (1.0, 1e-2, 1e-4, 1e-20)] == [4, 10, 100, 1000]
    assert area_numbers(1, 5) == 10
    assert area_numbers(4, 0) == 0
