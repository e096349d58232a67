"""Brownian motion and geometric Brownian motion against moment equations and quadrature."""

import math

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.stats import lognorm, multivariate_normal

from stochtext._shared.exceptions import InputError, UnspecifiedParameterError
from stochtext.processes import BrownianMotion, GeometricBrownianMotion

MU = np.array([0.1, -0.3])
SIGMA = np.array([[0.4, 0.0], [-0.2, 0.3]])
WIDE = np.array([[0.4, 0.1, 0.0], [-0.2, 0.3, 0.2]])
RATE = SIGMA @ SIGMA.T
FAMILIES = [BrownianMotion, GeometricBrownianMotion]


def test_brownian_coefficients_are_constant():
    process = BrownianMotion(MU, WIDE)
    x = np.array([[1.0, 2.0], [0.0, -5.0]])
    np.testing.assert_array_equal(process.drift(x), [MU, MU])
    np.testing.assert_array_equal(process.diffusion(x), [WIDE, WIDE])
    assert (process.dim, process.noise, process.noise_dim) == (2, "additive", 3)
    assert process.autonomous


def test_brownian_transition_is_the_normal_law():
    process = BrownianMotion(MU, SIGMA)
    x, x_next = np.array([[0.3, 1.0]]), np.array([[0.1, 0.9], [0.5, 1.2]])
    law = multivariate_normal(x[0] + 0.7 * MU, 0.7 * RATE)
    np.testing.assert_allclose(process.transition_density(x, x_next, 0.7), law.pdf(x_next))
    np.testing.assert_allclose(process.conditional_mean(x, 0.7)[0], x[0] + 0.7 * MU)
    np.testing.assert_allclose(process.conditional_covariance(x, 0.7)[0], 0.7 * RATE)
    two = process.conditional_covariance(np.zeros((2, 2)), [0.7, 1.4])
    np.testing.assert_allclose(two[1], 2 * two[0])


def test_brownian_transition_with_too_few_sources_has_no_density():
    process = BrownianMotion(MU, SIGMA[:, :1])
    with pytest.raises(InputError, match="no density"):
        process.transition_density(np.zeros((1, 2)), np.zeros((1, 2)), 0.5)


def test_geometric_coefficients_scale_with_the_state():
    process = GeometricBrownianMotion(MU, SIGMA)
    np.testing.assert_allclose(process.drift([[2.0, 3.0]]), [[0.2, -0.9]])
    np.testing.assert_allclose(process.diffusion([[2.0, 3.0]]), [[[0.8, 0.0], [-0.6, 0.9]]])
    assert (process.noise, process.domain) == ("general", ((0.0, math.inf),) * 2)
    scalar = GeometricBrownianMotion(0.1, 0.2)
    assert (scalar.noise, scalar.noise_dim, scalar.domain) == ("diagonal", 1, ((0.0, math.inf),))
    assert scalar.diffusion([[3.0]])[0, 0, 0] == pytest.approx(0.6)


def test_geometric_noise_commutes():
    # Commuting columns s_p, s_q of sigma: (D s_q) s_p = (D s_p) s_q.
    process, x, h = GeometricBrownianMotion(MU, SIGMA), np.array([1.3, 0.6]), 1e-6
    jacobian = np.stack(
        [
            (process.diffusion([x + h * e])[0] - process.diffusion([x - h * e])[0]) / (2 * h)
            for e in np.eye(2)
        ],
        axis=2,
    )  # (component, source, derivative)
    sigma = process.diffusion([x])[0]
    product = np.einsum("iqk,kp->ipq", jacobian, sigma)
    np.testing.assert_allclose(product, np.swapaxes(product, 1, 2), atol=1e-9)


def test_geometric_moments_solve_their_linear_equations():
    # E[X_i]' = mu_i E[X_i], E[X_i X_j]' = (mu_i + mu_j + a_ij) E[X_i X_j].
    process, x, dt = GeometricBrownianMotion(MU, SIGMA), np.array([1.3, 0.6]), 1.7
    growth = MU[:, None] + MU[None, :] + RATE
    start = np.concatenate([x, np.outer(x, x).ravel()])
    rates = np.concatenate([MU, growth.ravel()])
    end = solve_ivp(lambda t, m: rates * m, (0, dt), start, rtol=1e-11, atol=1e-13).y[:, -1]
    mean, second = end[:2], end[2:].reshape(2, 2)
    np.testing.assert_allclose(process.conditional_mean([x], dt)[0], mean, rtol=1e-9)
    covariance = process.conditional_covariance([x], dt)[0]
    np.testing.assert_allclose(covariance, second - np.outer(mean, mean), rtol=1e-8)


def test_scalar_geometric_transition_is_lognormal():
    process, x = GeometricBrownianMotion(0.1, 0.4), 1.5
    law = lognorm(0.4 * math.sqrt(0.7), scale=x * math.exp((0.1 - 0.08) * 0.7))
    points = np.array([-1.0, 0.0, 0.2, 1.0, 2.5])
    density = process.transition_density([[x]], points, 0.7)
    np.testing.assert_allclose(density, law.pdf(points), rtol=1e-12)
    far = process.transition_log_density([[x]], [1e-40, -1.0, np.nan], 0.7)
    np.testing.assert_allclose(far, [law.logpdf(1e-40), -np.inf, np.nan], rtol=1e-12)
    assert process.conditional_mean([[x]], 0.7)[0, 0] == pytest.approx(law.mean(), rel=1e-12)
    variance = process.conditional_covariance([[x]], 0.7)[0, 0, 0]
    assert variance == pytest.approx(law.var(), rel=1e-12)


def test_joint_geometric_density_integrates_to_one_and_has_the_moments():
    process, x, dt = GeometricBrownianMotion(MU, SIGMA), np.array([1.3, 0.6]), 0.8
    # Trapezoids in log x converge exponentially for a normal law; +-8 deviations.
    axis = np.linspace(-4.0, 4.0, 161)
    logs = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    points = x * np.exp(logs)
    weight = process.transition_density([x], points, dt) * np.prod(points, axis=1)
    weight *= (axis[1] - axis[0]) ** 2
    assert weight.sum() == pytest.approx(1.0, rel=1e-10)
    mean = weight @ points
    np.testing.assert_allclose(mean, process.conditional_mean([x], dt)[0], rtol=1e-10)
    second = (points * weight[:, None]).T @ points - np.outer(mean, mean)
    np.testing.assert_allclose(second, process.conditional_covariance([x], dt)[0], rtol=1e-8)


def test_geometric_transition_obeys_chapman_and_kolmogorov():
    process = GeometricBrownianMotion(0.2, 0.5)

    def through(z):
        middle = math.exp(z)
        first = process.transition_density([[1.0]], [[middle]], 0.3)[0]
        return middle * first * process.transition_density([[middle]], [[1.4]], 0.5)[0]

    two_steps = quad(through, -4, 4, epsabs=1e-12)[0]
    one_step = process.transition_density([[1.0]], [[1.4]], 0.8)[0]
    assert two_steps == pytest.approx(one_step, rel=1e-10)


def test_geometric_density_refuses_a_start_that_is_not_positive():
    with pytest.raises(InputError, match="positive.*row 1"):
        GeometricBrownianMotion(0.1, 0.2).transition_density([[1.0], [0.0]], [[1.0]], 0.1)
    with pytest.raises(InputError, match="positive.*row 0"):
        GeometricBrownianMotion(0.1, 0.2).conditional_mean([[-1.0]], 0.1)


@pytest.mark.parametrize("family", FAMILIES)
def test_parameters_round_trip_as_vector_and_dictionary(family):
    process = family(MU, SIGMA)
    assert process.free_parameters == (
        "mu[0]", "mu[1]", "sigma[0,0]", "sigma[1,0]", "sigma[1,1]",
    )  # fmt: skip
    again = process.from_vector(process.to_vector())
    np.testing.assert_allclose(again.params["sigma"], SIGMA, atol=1e-15)
    restored = family.from_dict(*process.to_dict())
    np.testing.assert_array_equal(restored.params["sigma"], SIGMA)
    assert process.bounds()[2] == (0.0, math.inf)
    assert process.bounds()[3] == (-math.inf, math.inf)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sigma", [WIDE, SIGMA[:, :1]], ids=["wide", "narrow"])
def test_vector_of_a_rectangular_sigma_keeps_the_covariance_rate(family, sigma):
    process = family(MU, sigma)
    again = process.from_vector(process.to_vector())
    x = [[1.0, 2.0]]
    np.testing.assert_allclose(again.covariance(x), process.covariance(x), rtol=1e-12)


@pytest.mark.parametrize("family", FAMILIES)
def test_family_without_values_takes_its_dimension_once(family):
    unknown = family()
    assert (unknown.dim, unknown.exact_normals, unknown.domain) == (None, None, ())
    plane = unknown.with_dim(2)
    assert (plane.dim, plane.noise_dim, len(plane.free_parameters)) == (2, 2, 5)
    assert family.from_dict(*plane.to_dict()).dim == 2
    fixed = plane.from_vector([0.1, 0.2, 1.0, 0.5, 2.0])
    assert fixed.is_specified
    assert fixed.with_dim(2) is fixed
    with pytest.raises(InputError, match="2 dimension"):
        fixed.with_dim(3)
    with pytest.raises(UnspecifiedParameterError, match="mu, sigma"):
        plane.conditional_mean(np.ones((1, 2)), 0.1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((MU, 0.5), "disagree about the dimension"),
        ((MU, MU), r"shape \(2, m\)"),
        (([[0.1, 0.2], [0.1, 0.1]], SIGMA), r"shape \(2,\)"),
        ((0.1, [[0.1, 0.2]]), "be a number"),
        ((0.1, -0.2), ">= 0"),
        ((np.nan, 0.2), "finite"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(family, arguments, said):
    with pytest.raises(InputError, match=said):
        family(*arguments)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("mu", "sigma"), [(0.3, 0.7), (MU, SIGMA)], ids=["1d", "2d"])
def test_start_values_are_near_the_truth(family, mu, sigma):
    process, n = family(mu, sigma), 20000
    rng = np.random.default_rng(3)
    x, dt = rng.uniform(0.5, 2.0, (n, process.dim)), rng.uniform(0.05, 0.2, n)
    x_next = process.exact_step(x, 0.0, dt, None, rng.standard_normal((n, process.exact_normals)))
    found = process.start_values(x, x_next, dt)
    # Standard errors: sigma / sqrt(n dt) = 0.016 for mu, sigma / sqrt(2 n) = 0.0035 for sigma.
    np.testing.assert_allclose(found["mu"], mu, atol=0.06)
    np.testing.assert_allclose(found["sigma"], sigma, atol=0.015)


def test_start_values_of_growth_need_positive_states():
    process = GeometricBrownianMotion()
    assert process.start_values(np.array([[-1.0]]), np.array([[1.0]]), np.array([0.1])) == {}
