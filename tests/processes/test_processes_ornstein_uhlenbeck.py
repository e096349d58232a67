"""The Ornstein-Uhlenbeck process against closed forms and independent integration."""

import math

import numpy as np
import pytest
from scipy.integrate import quad, quad_vec
from scipy.linalg import expm
from scipy.stats import multivariate_normal

from stochtext._shared.exceptions import InputError, UnspecifiedParameterError
from stochtext.processes import OrnsteinUhlenbeck

KAPPA = np.array([[1.0, -0.5], [0.7, 0.8]])
MU = np.array([0.3, -0.2])
SIGMA = np.array([[0.5, 0.0], [0.2, 0.4]])


def integrated_covariance(kappa, sigma, dt):
    def integrand(s):
        half = expm(-kappa * s) @ sigma
        return half @ half.T

    return quad_vec(integrand, 0.0, dt, epsabs=1e-14, epsrel=1e-13)[0]


@pytest.mark.parametrize("kappa", [2.0, 1e-9, 0.0, -0.5])
def test_scalar_transition_is_the_closed_form_for_any_sign_of_kappa(kappa):
    mean, covariance = OrnsteinUhlenbeck(kappa, 0.5, 0.6).transition_moments([[1.2]], 0.1)
    variance = 0.36 * quad(lambda s: math.exp(-2 * kappa * s), 0, 0.1, epsabs=0)[0]
    assert mean[0, 0] == pytest.approx(0.5 + 0.7 * math.exp(-kappa * 0.1), rel=1e-14)
    assert covariance[0, 0, 0] == pytest.approx(variance, rel=1e-13)


@pytest.mark.parametrize(
    "kappa",
    [
        KAPPA,
        np.array([[1.0, 1.0], [0.0, 1.0]]),  # defective
        np.array([[0.0, 1.0], [-1.0, 0.0]]),  # rotation
        np.array([[1.0, 2.0], [0.5, 1.0]]),  # singular
        np.array([[-0.3, 0.2], [0.0, 0.4]]),  # unstable
    ],
    ids=["general", "defective", "rotation", "singular", "unstable"],
)
def test_matrix_transition_agrees_with_numerical_integration(kappa):
    process = OrnsteinUhlenbeck(kappa, MU, SIGMA)
    steps = np.array([0.05, 1.0, 0.05, 3.0])
    mean, covariance = process.transition_moments(np.tile([1.0, 2.0], (4, 1)), steps)
    for row, dt in enumerate(steps):
        expected = MU + expm(-kappa * dt) @ (np.array([1.0, 2.0]) - MU)
        np.testing.assert_allclose(mean[row], expected, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(
            covariance[row], integrated_covariance(kappa, SIGMA, dt), rtol=1e-11, atol=1e-14
        )


def test_diagonal_matrices_give_the_scalar_transition_to_machine_precision():
    scalar = OrnsteinUhlenbeck(1.7, 0.2, 0.6)
    matrix = OrnsteinUhlenbeck(np.diag([1.7, 0.4]), [0.2, 0.0], np.diag([0.6, 1.0]))
    one = scalar.transition_moments([[1.0]], 0.3)
    two = matrix.transition_moments([[1.0, 5.0]], 0.3)
    assert two[0][0, 0] == pytest.approx(one[0][0, 0], rel=1e-13)
    assert two[1][0, 0, 0] == pytest.approx(one[1][0, 0, 0], rel=1e-13)
    assert two[1][0, 0, 1] == 0.0


def test_a_stiff_step_neither_overflows_nor_loses_the_stationary_covariance():
    process = OrnsteinUhlenbeck(np.diag([1e4, 1.0]) @ np.array([[1, 0.2], [0, 1]]), MU, SIGMA)
    mean, covariance = process.transition_moments([[1.0, 2.0]], 1000.0)
    np.testing.assert_allclose(mean[0], MU, rtol=1e-12)
    np.testing.assert_allclose(covariance[0], process.stationary_covariance(), rtol=1e-9)


def test_equal_steps_share_one_covariance_in_memory():
    _, covariance = OrnsteinUhlenbeck(KAPPA, MU, SIGMA).transition_moments(np.zeros((9, 2)), 0.1)
    assert covariance.strides[0] == 0


def test_conditional_law_is_the_normal_law_of_the_transition():
    process = OrnsteinUhlenbeck(KAPPA, MU, SIGMA)
    x, x_next = np.array([[1.0, 2.0]]), np.array([[0.8, 1.1], [0.2, 0.4]])
    mean, covariance = MU + expm(-0.7 * KAPPA) @ (x[0] - MU), integrated_covariance(
        KAPPA, SIGMA, 0.7
    )  # fmt: skip
    np.testing.assert_allclose(process.conditional_mean(x, 0.7)[0], mean, rtol=1e-12)
    np.testing.assert_allclose(process.conditional_covariance(x, 0.7)[0], covariance, rtol=1e-11)
    density = process.transition_density(x, x_next, 0.7)
    np.testing.assert_allclose(density, multivariate_normal(mean, covariance).pdf(x_next))


def test_transition_density_tends_to_the_stationary_density():
    process, x = OrnsteinUhlenbeck(KAPPA, MU, SIGMA), np.array([[0.1, 0.2], [-0.4, 0.0]])
    late = process.transition_density([[3.0, -2.0]], x, 100.0)
    np.testing.assert_allclose(late, process.stationary_density(x), rtol=1e-10)


def test_stationary_covariance_solves_the_lyapunov_equation():
    process = OrnsteinUhlenbeck(KAPPA, MU, SIGMA)
    s = process.stationary_covariance()
    np.testing.assert_allclose(KAPPA @ s + s @ KAPPA.T, SIGMA @ SIGMA.T, atol=1e-14)
    np.testing.assert_array_equal(process.stationary_mean(), MU)


def test_scalar_stationary_law_is_the_closed_form():
    process = OrnsteinUhlenbeck(2.0, 1.0, 0.5)
    assert process.stationary_covariance()[0, 0] == pytest.approx(0.0625, rel=1e-15)
    mass = quad(lambda z: process.stationary_density([z])[0], -2, 4, epsabs=1e-12, points=[1])[0]
    assert mass == pytest.approx(1.0, abs=1e-10)


def test_autocovariance_decays_from_the_stationary_covariance():
    process = OrnsteinUhlenbeck(KAPPA, MU, SIGMA)
    lags = process.autocovariance([0.0, 0.7])
    np.testing.assert_allclose(lags[0], process.stationary_covariance(), rtol=1e-13)
    np.testing.assert_allclose(lags[1], expm(-0.7 * KAPPA) @ lags[0], rtol=1e-12)
    with pytest.raises(InputError, match="lag"):
        process.autocovariance(-1.0)


def test_unstable_process_has_no_stationary_law():
    with pytest.raises(InputError, match=r"eigenvalue with real part -0\.5"):
        OrnsteinUhlenbeck(-0.5, 0.0, 1.0).stationary_mean()


def test_coefficients_have_the_documented_shapes():
    process = OrnsteinUhlenbeck(KAPPA, MU, SIGMA)
    x = np.array([[1.0, 2.0], [0.0, 0.0], [3.0, -1.0]])
    np.testing.assert_allclose(process.drift(x)[0], KAPPA @ (MU - x[0]))
    assert process.diffusion(x).shape == (3, 2, 2)
    np.testing.assert_allclose(process.covariance(x)[2], SIGMA @ SIGMA.T)
    assert (process.dim, process.noise, process.noise_dim, process.clock) == (
        2, "additive", 2, "time",
    )  # fmt: skip


def test_family_without_values_names_what_is_missing():
    family = OrnsteinUhlenbeck(kappa=1.0)
    assert family.dim == 1
    assert OrnsteinUhlenbeck().dim is None
    assert not family.is_specified
    for method in (family.drift, family.diffusion, family.covariance):
        with pytest.raises(UnspecifiedParameterError, match="mu, sigma"):
            method([[0.0]])
    with pytest.raises(UnspecifiedParameterError, match="mu, sigma"):
        family.transition_moments([[0.0]], 0.1)


def test_vector_of_free_parameters_round_trips():
    process = OrnsteinUhlenbeck(KAPPA, MU, SIGMA)
    assert process.free_parameters == (
        "kappa[0,0]", "kappa[0,1]", "kappa[1,0]", "kappa[1,1]", "mu[0]", "mu[1]",
        "sigma[0,0]", "sigma[1,0]", "sigma[1,1]",
    )  # fmt: skip
    again = process.from_vector(process.to_vector())
    np.testing.assert_allclose(again.params["sigma"], SIGMA, atol=1e-15)
    np.testing.assert_array_equal(again.params["kappa"], KAPPA)
    assert len(process.bounds()) == 9
    assert process.bounds()[6] == (0.0, math.inf)
    assert process.bounds()[7] == (-math.inf, math.inf)


def test_vector_of_any_sigma_keeps_the_covariance_rate():
    sigma = np.array([[-0.3, 0.9], [0.4, -0.1]])
    process = OrnsteinUhlenbeck(KAPPA, MU, sigma)
    again = process.from_vector(process.to_vector())
    assert again.params["sigma"][0, 1] == 0.0
    np.testing.assert_allclose(again.covariance([MU]), process.covariance([MU]), rtol=1e-13)


def test_vector_of_a_family_holds_nan_for_what_is_unknown():
    family = OrnsteinUhlenbeck(kappa=2.0)
    np.testing.assert_array_equal(family.to_vector(), [2.0, np.nan, np.nan])
    assert family.bounds()[2] == (0.0, math.inf)
    with pytest.raises(InputError, match="one number for each of kappa, mu, sigma"):
        family.from_vector([1.0, 2.0])
    with pytest.raises(InputError, match="finite"):
        family.from_vector([1.0, np.nan, 1.0])


def test_family_takes_its_dimension_once():
    family = OrnsteinUhlenbeck().with_dim(3)
    assert family.dim == 3
    assert len(family.free_parameters) == 9 + 3 + 6
    fixed = family.from_vector(np.arange(18.0))
    assert fixed.is_specified
    assert fixed.with_dim(3) is fixed
    with pytest.raises(InputError, match="3 dimension"):
        fixed.with_dim(2)


def test_with_params_replaces_and_refuses_unknown_names():
    process = OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    assert process.with_params(mu=2.0).params["mu"] == 2.0
    assert process.params["mu"] == 0.5
    with pytest.raises(InputError, match="no parameter 'theta'"):
        process.with_params(theta=1.0)
    with pytest.raises(TypeError):
        process.params["mu"] = 3.0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((1.0, [0.0, 1.0], 1.0), "disagree about the dimension"),
        ((KAPPA, MU, SIGMA[0]), "shape"),
        ((1.0, 0.0, -1.0), "sigma"),
        ((np.nan, 0.0, 1.0), "finite"),
        (("fast", 0.0, 1.0), "numbers"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        OrnsteinUhlenbeck(*arguments)


def test_steps_must_be_positive():
    with pytest.raises(InputError, match=r"got -0\.1 in row 1"):
        OrnsteinUhlenbeck(1.0, 0.0, 1.0).transition_moments([[0.0], [1.0]], [0.1, -0.1])


def test_states_of_another_width_are_refused():
    with pytest.raises(InputError, match=r"\(n, 2\)"):
        OrnsteinUhlenbeck(KAPPA, MU, SIGMA).drift([[1.0, 2.0, 3.0]])
