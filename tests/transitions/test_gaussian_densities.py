"""Euler and exact densities against closed forms, quadrature and published figures."""

import math

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.stats import kstest, multivariate_normal, norm

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.random import generator
from stochtext.processes import SDE, DoubleWell, OrnsteinUhlenbeck, TrendingOrnsteinUhlenbeck
from stochtext.transitions import (
    EulerDensity,
    ExactDensity,
    gaussian_log_density,
    transition_density,
)

KAPPA = np.array([[1.0, -0.5], [0.7, 0.8]])
SIGMA = np.array([[0.5, 0.0], [0.2, 0.4]])
PLANE = OrnsteinUhlenbeck(KAPPA, [0.1, 0.0], SIGMA)

OU_PATH = [
    0.5,
    0.3572719815658376,
    0.003332808753674865,
    0.15957345236911635,
    0.32641385400941864,
    0.28699294661370267,
]
WELL_PATH = [
    1.0,
    1.0218485126763055,
    1.1597821596884499,
    1.1696457236296995,
    1.1330494945850924,
    1.2223607171786928,
]


def test_scalar_exact_likelihood_is_the_closed_form():
    rng = generator(1, "steps")
    x, dt = rng.normal(size=500), rng.uniform(1e-4, 5.0, size=500)
    kappa, mu, sigma = 1.3, 0.4, 0.7
    decay = np.exp(-kappa * dt)
    variance = sigma**2 * -np.expm1(-2 * kappa * dt) / (2 * kappa)
    x_next = mu + decay * (x - mu) + np.sqrt(variance) * rng.normal(size=500)
    expected = -0.5 * np.log(2 * np.pi * variance) - (x_next - mu - decay * (x - mu)) ** 2 / (
        2 * variance
    )
    process = OrnsteinUhlenbeck(kappa, mu, sigma)
    found = ExactDensity().log_density(process, x, x_next, 0.0, dt)
    # 1e-12 of the likelihood; single terms near zero cancel.
    assert found.sum() == pytest.approx(expected.sum(), rel=1e-12)
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-12)


# Log densities of the five steps as the packages named computed them; their formulas are the
# closed ones, so that agreement is to the rounding of the 15 digits that R prints.
@pytest.mark.parametrize(
    ("density", "params", "source", "expected"),
    [
        (
            "exact",
            (1.0, 0.5, 0.6),
            "R package sde 2.0.18",
            [
                0.480176094727649,
                -1.27750384433324,
                0.610360082405314,
                0.515359407721971,
                0.744393624320845,
            ],
        ),
        (
            "euler",
            (1.0, 0.5, 0.6),
            "R package sde 2.0.18",
            [
                0.460245091973027,
                -1.13987672793834,
                0.585429617872609,
                0.498245726285222,
                0.698403052086743,
            ],
        ),
        (
            "exact",
            (2.0, 0.2, 0.8),
            "R package sde 2.0.18",
            [
                0.478183695370086,
                -0.451693884566537,
                0.414325012852902,
                0.310986105170342,
                0.549586171006192,
            ],
        ),
        (
            "euler",
            (2.0, 0.2, 0.8),
            "R package sde 2.0.18",
            [
                0.402029400278098,
                -0.356974553155994,
                0.348721825024299,
                0.258597726542775,
                0.453935948150733,
            ],
        ),
        (
            "exact",
            (1.0, 0.5, 0.6),
            "pymle-diffusion 0.0.9",
            [
                0.4801760947276494,
                -1.2775038443332414,
                0.610360082405314,
                0.515359407721971,
                0.7443936243208447,
            ],
        ),
        (
            "euler",
            (1.0, 0.5, 0.6),
            "pymle-diffusion 0.0.9",
            [
                0.460245091973027,
                -1.1398767279383364,
                0.5854296178726097,
                0.49824572628522174,
                0.6984030520867432,
            ],
        ),
        (
            "exact",
            (2.0, 0.2, 0.8),
            "pymle-diffusion 0.0.9",
            [
                0.4781836953700866,
                -0.45169388456653653,
                0.4143250128529024,
                0.31098610517034236,
                0.5495861710061922,
            ],
        ),
        (
            "euler",
            (2.0, 0.2, 0.8),
            "pymle-diffusion 0.0.9",
            [
                0.40202940027809797,
                -0.3569745531559938,
                0.3487218250242992,
                0.25859772654277474,
                0.4539359481507329,
            ],
        ),
    ],
)
def test_ornstein_uhlenbeck_figures_of_other_packages(density, params, source, expected):
    x = np.array(OU_PATH)
    found = transition_density(density).log_density(
        OrnsteinUhlenbeck(*params), x[:-1], x[1:], 0.0, 0.1
    )
    np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=source)


@pytest.mark.parametrize(
    ("params", "source", "expected"),
    [
        (
            (1.0, 1.0, 0.7),
            "R package sde 2.0.18",
            [
                0.925860557589286,
                0.534512529458166,
                0.91738758280188,
                0.930967391614588,
                0.708931195995172,
            ],
        ),
        (
            (0.5, 0.8, 0.9),
            "R package sde 2.0.18",
            [
                0.667524997175138,
                0.38742687502238,
                0.661173732412603,
                0.684246728196327,
                0.508962875019392,
            ],
        ),
        (
            (1.0, 1.0, 0.7),
            "pymle-diffusion 0.0.9",
            [
                0.9258605575892863,
                0.534512529458166,
                0.9173875828018805,
                0.930967391614588,
                0.7089311959951718,
            ],
        ),
        (
            (0.5, 0.8, 0.9),
            "pymle-diffusion 0.0.9",
            [
                0.6675249971751386,
                0.3874268750223799,
                0.6611737324126035,
                0.6842467281963273,
                0.5089628750193925,
            ],
        ),
    ],
)
def test_double_well_euler_figures_of_other_packages(params, source, expected):
    x = np.array(WELL_PATH)
    found = EulerDensity().log_density(DoubleWell(*params), x[:-1], x[1:], 0.0, 0.05)
    np.testing.assert_allclose(found, expected, rtol=1e-12, err_msg=source)


@pytest.mark.parametrize(
    "name", ["exact", "euler", "elerian", "kessler", "ozaki", "shoji_ozaki", "strang"]
)
@pytest.mark.parametrize("dt", [0.01, 1.0])
def test_scalar_densities_integrate_to_one(name, dt):
    process, density = OrnsteinUhlenbeck(1.0, 0.5, 0.6), transition_density(name)
    mean, covariance = density.moments(process, [[1.5]], 0.0, dt)
    scale = math.sqrt(covariance[0, 0, 0])

    def value(y):
        return math.exp(density.log_density(process, [[1.5]], [[y]], 0.0, dt)[0])

    center = mean[0, 0]
    assert quad(value, center - 9 * scale, center + 9 * scale)[0] == pytest.approx(1.0, abs=1e-9)


def test_plane_density_integrates_to_one():
    density = ExactDensity()
    mean = density.moments(PLANE, [[1.0, 2.0]], 0.0, 0.5)[0][0]

    def value(b, a):
        return math.exp(density.log_density(PLANE, [[1.0, 2.0]], [[a, b]], 0.0, 0.5)[0])

    mass = dblquad(value, mean[0] - 2.5, mean[0] + 2.5, mean[1] - 2.5, mean[1] + 2.5, epsabs=1e-6)[
        0
    ]
    assert mass == pytest.approx(1.0, abs=1e-5)


def test_exact_density_satisfies_chapman_kolmogorov():
    process, density = OrnsteinUhlenbeck(1.0, 0.5, 0.6), ExactDensity()

    def through(z):
        first = density.log_density(process, [[1.5]], [[z]], 0.0, 0.3)[0]
        second = density.log_density(process, [[z]], [[0.2]], 0.0, 0.5)[0]
        return math.exp(first + second)

    direct = math.exp(density.log_density(process, [[1.5]], [[0.2]], 0.0, 0.8)[0])
    assert quad(through, -3, 5, epsabs=1e-13)[0] == pytest.approx(direct, rel=1e-9)


def test_euler_approaches_the_exact_density_as_the_step_vanishes():
    process = OrnsteinUhlenbeck(1.0, 0.5, 0.6)

    def gap(dt):
        euler, _ = EulerDensity().moments(process, [[1.5]], 0.0, dt)
        exact, _ = ExactDensity().moments(process, [[1.5]], 0.0, dt)
        return abs(euler - exact)[0, 0]

    assert gap(0.01) / gap(0.02) == pytest.approx(0.25, rel=0.02)


def test_gaussian_log_density_agrees_with_scipy():
    rng = generator(2, "covariances")
    root = rng.normal(size=(20, 3, 3))
    covariance = root @ np.swapaxes(root, 1, 2) + 0.1 * np.eye(3)
    residual = rng.normal(size=(20, 3))
    expected = [
        multivariate_normal(np.zeros(3), c).logpdf(r)
        for r, c in zip(residual, covariance, strict=True)
    ]
    np.testing.assert_allclose(gaussian_log_density(residual, covariance), expected, rtol=1e-12)


def test_one_shared_covariance_gives_the_same_numbers():
    rng = generator(2, "shared")
    covariance = SIGMA @ SIGMA.T
    residual = rng.normal(size=(50, 2))
    shared = gaussian_log_density(residual, np.broadcast_to(covariance, (50, 2, 2)))
    own = gaussian_log_density(residual, np.tile(covariance, (50, 1, 1)))
    np.testing.assert_array_equal(shared, own)


def test_impossible_state_has_log_density_minus_infinity():
    found = gaussian_log_density(np.array([[1e200], [0.0]]), np.full((2, 1, 1), 1e-4))
    assert found[0] == -np.inf
    assert np.isfinite(found[1])


@pytest.mark.parametrize(
    ("bad", "said"), [(0.0, "row 1 has the smallest eigenvalue"), (np.nan, "row 1 is not finite")]
)
@pytest.mark.parametrize("d", [1, 2])
def test_covariance_that_is_not_positive_definite_names_its_row(bad, said, d):
    covariance = np.tile(np.eye(d), (3, 1, 1))
    covariance[1, -1, -1] = bad
    with pytest.raises(DegenerateDataError, match=said):
        gaussian_log_density(np.zeros((3, d)), covariance)


def test_residuals_are_white_and_pit_is_uniform_under_the_model():
    rng = generator(4, "residuals")
    x = rng.normal(size=(4000, 2))
    mean, covariance = ExactDensity().moments(PLANE, x, 0.0, 0.4)
    z = rng.normal(size=x.shape)
    x_next = mean + np.einsum("nij,nj->ni", np.linalg.cholesky(covariance), z)
    residuals = ExactDensity().residuals(PLANE, x, x_next, 0.0, 0.4)
    np.testing.assert_allclose(residuals, z, atol=1e-10)
    pit = ExactDensity().pit(PLANE, x, x_next, 0.0, 0.4)
    assert kstest(pit.ravel(), "uniform").pvalue > 0.001


def test_pit_is_the_conditional_distribution_in_the_order_of_the_components():
    y = np.array([[0.9, 1.4]])
    mean, covariance = ExactDensity().moments(PLANE, [[1.0, 2.0]], 0.0, 0.4)
    m, c = mean[0], covariance[0]
    pit = ExactDensity().pit(PLANE, [[1.0, 2.0]], y, 0.0, 0.4)[0]
    conditional_mean = m[1] + c[1, 0] / c[0, 0] * (y[0, 0] - m[0])
    conditional_scale = math.sqrt(c[1, 1] - c[1, 0] ** 2 / c[0, 0])
    assert pit[0] == pytest.approx(norm.cdf(y[0, 0], m[0], math.sqrt(c[0, 0])), rel=1e-12)
    assert pit[1] == pytest.approx(
        norm.cdf(y[0, 1], conditional_mean, conditional_scale), rel=1e-12
    )


def test_clock_step_reaches_the_process():
    process = TrendingOrnsteinUhlenbeck(1.0, [0.0, 2.0], 0.5)
    mean, _ = ExactDensity().moments(process, [[0.0]], 0.5, 1.0, clock_dt=0.1)
    assert mean[0, 0] == process.transition_moments([[0.0]], 1.0, 0.5, clock_dt=0.1)[0][0, 0]
    euler, _ = EulerDensity().moments(process, [[0.0]], 0.5, 1.0, clock_dt=0.1)
    assert euler[0, 0] == 1.0


def test_state_dependent_noise_enters_the_euler_covariance():
    process = SDE(lambda t, x: -x, lambda t, x: 0.2 * x)
    _, covariance = EulerDensity().moments(process, [1.0, 3.0], 0.0, 0.5)
    np.testing.assert_allclose(covariance[:, 0, 0], [0.02, 0.18])


def test_bad_requests_are_refused():
    process = DoubleWell(1.0, 1.0, 0.7)
    with pytest.raises(InputError, match="no exact transition"):
        ExactDensity().log_density(process, [[0.0]], [[0.1]], 0.0, 0.1)
    with pytest.raises(InputError, match="in row 1"):
        EulerDensity().log_density(process, [0.0, 0.0], [0.1, 0.1], 0.0, [0.1, 0.0])
    with pytest.raises(InputError, match="same shape"):
        EulerDensity().log_density(process, [0.0, 0.0], [0.1], 0.0, 0.1)
    with pytest.raises(InputError, match="'exact', 'euler'"):
        transition_density("guess")
    with pytest.raises(DegenerateDataError, match="row 0"):
        EulerDensity().log_density(process.with_params(sigma=0.0), [0.0], [0.1], 0.0, 0.1)
