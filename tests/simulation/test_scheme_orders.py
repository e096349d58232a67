"""Strong orders on problems with closed forms, with Brownian paths shared by all step sizes."""

import math

import numpy as np
import pytest

from stochtext._shared.exceptions import SchemeError
from stochtext._shared.random import generator
from stochtext.processes import SDE, DoubleWell, OrnsteinUhlenbeck
from stochtext.simulation import SCHEMES, Scheme, simulate
from stochtext.simulation.kernels import advance_kernel
from stochtext.simulation.levy_areas import area_numbers

FINEST = 2**10
STEPS = (2**4, 2**5, 2**6, 2**7)
PATHS = 2000


def brownian_noise(m):
    return generator(11, "brownian", m).standard_normal((PATHS, FINEST, m))


def coarse(noise, steps):
    """Return the same Brownian paths seen on a grid of fewer steps over [0, 1]."""
    each = FINEST // steps
    grouped = noise.reshape(PATHS, steps, each, -1).sum(axis=2) / math.sqrt(each)
    return np.ascontiguousarray(grouped.reshape(PATHS, -1))


def final_state(process, x0, noise, steps, *, milstein, terms=0):
    compiled = process.compiled()
    d = len(x0)
    z = coarse(noise, steps)
    q = area_numbers(noise.shape[2], terms)
    extra = generator(12, "extra", steps).standard_normal((PATHS, steps * q))
    x = np.tile(np.asarray(x0, dtype=float), (PATHS, 1))
    out = np.empty((PATHS, 2, d))
    advance_kernel(compiled.diagonal)(
        compiled.drift, compiled.diffusion, np.array(compiled.theta),
        np.array([0.0, 1 / steps, 1 / steps]),
        np.array([0, steps, terms, milstein, steps], dtype=np.int64),
        z, extra, x, out, np.full(PATHS, -1, dtype=np.int64),
    )  # fmt: skip
    return out[:, 1]


def slope(process, x0, noise, exact, *, milstein, terms=0):
    errors = [
        np.abs(final_state(process, x0, noise, n, milstein=milstein, terms=terms) - exact).mean()
        for n in STEPS
    ]
    return -np.polyfit(np.log(STEPS), np.log(errors), 1)[0]


def geometric(mu=0.3, sigma=0.8):
    return SDE(
        lambda t, x, mu: mu * x,
        lambda t, x, sigma: sigma * x,
        params={"mu": mu, "sigma": sigma},
    )


def geometric_solution(noise, mu=0.3, sigma=0.8):
    w = noise.sum(axis=1) / math.sqrt(FINEST)
    return np.exp(mu - sigma**2 / 2 + sigma * w)


def test_euler_has_strong_order_one_half_for_multiplicative_noise():
    noise = brownian_noise(1)
    found = slope(geometric(), [1.0], noise, geometric_solution(noise), milstein=False)
    assert found == pytest.approx(SCHEMES["euler"].strong_order["diagonal"], abs=0.1)


def test_milstein_has_strong_order_one_for_multiplicative_noise():
    noise = brownian_noise(1)
    found = slope(geometric(), [1.0], noise, geometric_solution(noise), milstein=True)
    assert found == pytest.approx(SCHEMES["milstein"].strong_order["diagonal"], abs=0.1)


def test_euler_has_strong_order_one_for_additive_noise():
    noise = brownian_noise(1)
    kappa, sigma = 2.0, 0.7
    middle = (np.arange(FINEST) + 0.5) / FINEST
    # On the finest grid the stochastic integral has an error of order 1 / FINEST^(3/2).
    weights = np.exp(-kappa * (1 - middle)) / math.sqrt(FINEST)
    exact = math.exp(-kappa) * 1.5 + sigma * np.einsum("ns,s->n", noise[:, :, 0], weights)
    found = slope(
        OrnsteinUhlenbeck(kappa, 0.0, sigma), [1.5], noise, exact[:, None], milstein=False
    )
    assert found == pytest.approx(SCHEMES["euler"].strong_order["additive"], abs=0.1)


ROOT = np.array([[0.5, 0.2], [-0.1, 0.4]])


def correlated_geometric():
    return SDE(
        lambda t, x: 0.1 * x,
        lambda t, x, root: np.array(
            [[x[0] * root[0, 0], x[0] * root[0, 1]], [x[1] * root[1, 0], x[1] * root[1, 1]]]
        ),
        params={"root": ROOT},
        dim=2,
        noise="general",
    )


@pytest.mark.parametrize("terms", [0, 6])
def test_milstein_has_strong_order_one_for_commutative_noise_with_and_without_areas(terms):
    noise = brownian_noise(2)
    w = noise.sum(axis=1) / math.sqrt(FINEST)
    exact = np.exp(0.1 - 0.5 * (ROOT**2).sum(axis=1) + w @ ROOT.T)
    found = slope(correlated_geometric(), [1.0, 1.0], noise, exact, milstein=True, terms=terms)
    assert found == pytest.approx(1.0, abs=0.1)


def test_euler_has_strong_order_one_half_for_commutative_noise():
    noise = brownian_noise(2)
    w = noise.sum(axis=1) / math.sqrt(FINEST)
    exact = np.exp(0.1 - 0.5 * (ROOT**2).sum(axis=1) + w @ ROOT.T)
    found = slope(correlated_geometric(), [1.0, 1.0], noise, exact, milstein=False)
    assert found == pytest.approx(0.5, abs=0.1)


def test_milstein_step_is_the_written_formula():
    process, dt = geometric(), 0.25
    noise = brownian_noise(1)
    x = final_state(process, [1.2], noise, 4, milstein=True)
    z = coarse(noise, 4)
    expected = np.full(PATHS, 1.2)
    for k in range(4):
        dw = math.sqrt(dt) * z[:, k]
        expected = expected * (1 + 0.3 * dt + 0.8 * dw + 0.5 * 0.64 * (dw**2 - dt))
    # The derivative is a central difference.
    np.testing.assert_allclose(x[:, 0], expected, rtol=1e-8)


def test_milstein_with_areas_has_the_law_of_a_non_commutative_integral():
    # X = (W_1, int W_1 dW_2): Var = dt^2 / 2, and E X_2^4 = 3 E (int W_1^2)^2 = 3 * 7/12 dt^4.
    process = SDE(
        lambda t, x: np.zeros(2),
        lambda t, x: np.array([[1.0, 0.0], [0.0, x[0]]]),
        dim=2,
        noise="general",
    )
    panel = simulate(
        process, [0.0, 0.0], dt=1.0, n_steps=1, n_paths=40_000, scheme="milstein", random_state=3
    )
    second = panel.to_array()[:, 1, 1]
    assert second.var() == pytest.approx(0.5, abs=4 * math.sqrt(1.5 / 40_000))
    assert (second**4).mean() == pytest.approx(1.75, rel=0.15)


def test_milstein_equals_euler_for_additive_noise():
    process = DoubleWell(1.0, 1.0, 0.7)
    euler, milstein = (
        simulate(process, 0.5, dt=0.1, n_steps=20, n_paths=3, scheme=s, random_state=1)
        for s in ("euler", "milstein")
    )
    assert euler == milstein


def test_euler_moments_follow_the_scheme_exactly():
    # The recursion X' = (1 - k dt) X + ... has these stationary moments at any step.
    kappa, sigma, dt = 1.0, 0.6, 0.5
    panel = simulate(
        OrnsteinUhlenbeck(kappa, 2.0, sigma), 2.0, dt=dt, n_steps=40, n_paths=20_000,
        save_every=40, random_state=9,
    )  # fmt: skip
    last = panel.to_array()[:, -1, 0]
    variance = sigma**2 * dt / (1 - (1 - kappa * dt) ** 2)
    assert abs(last.mean() - 2.0) < 4 * math.sqrt(variance / 20_000)
    assert abs(last.var() - variance) < 4 * variance * math.sqrt(2 / 20_000)


def test_long_run_of_a_plane_process_has_its_stationary_covariance():
    process = OrnsteinUhlenbeck([[1.0, -0.5], [0.7, 0.8]], [1.0, -1.0], [[0.5, 0.0], [0.2, 0.4]])
    panel = simulate(
        process, [1.0, -1.0], dt=0.01, n_steps=800, n_paths=4000, save_every=800, random_state=4
    )
    last = panel.to_array()[:, -1]
    expected = process.stationary_covariance()
    np.testing.assert_allclose(last.mean(axis=0), [1.0, -1.0], atol=4 * math.sqrt(0.14 / 4000))
    # Sampling error 4 * 0.14 * sqrt(2 / 4000) and the scheme's own bias of order dt.
    np.testing.assert_allclose(np.cov(last.T), expected, atol=0.0125 + 0.002)


def test_scheme_refuses_noise_that_it_does_not_support_naming_both_sides():
    narrow = Scheme("narrow", {"additive": 1.0}, {"additive": 1.0}, "nowhere")
    with pytest.raises(SchemeError, match="'narrow' supports additive noise.*diagonal noise"):
        narrow.check(geometric())


def test_milstein_refuses_diagonal_noise_across_coordinates():
    process = SDE(lambda t, x: -x, lambda t, x: np.array([x[1], 1.0]), dim=2)
    with pytest.raises(SchemeError, match="'milstein' supports diagonal noise.*coordinate 1"):
        simulate(process, [1.0, 1.0], dt=0.1, n_steps=2, scheme="milstein")
    simulate(process, [1.0, 1.0], dt=0.1, n_steps=2, scheme="euler", random_state=0)


def test_every_scheme_declares_orders_for_the_noise_it_supports():
    for name, scheme in SCHEMES.items():
        assert scheme.name == name
        assert set(scheme.strong_order) == set(scheme.weak_order) == set(scheme.noise)
        assert scheme.source
