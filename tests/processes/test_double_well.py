"""The double well against its potential."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import iv

from stochtext._shared.exceptions import InputError, UnspecifiedParameterError
from stochtext.processes import DoubleWell


def test_drift_is_the_cubic():
    x = np.linspace(-2, 2, 9)
    process = DoubleWell(1.5, 0.7, 0.4)
    np.testing.assert_allclose(process.drift(x)[:, 0], 1.5 * x - 0.7 * x**3)
    np.testing.assert_array_equal(process.diffusion(x), np.full((9, 1, 1), 0.4))


@pytest.mark.parametrize("alpha", [1.0, 0.0, -0.8, 40.0])
def test_stationary_density_integrates_to_one_and_has_no_probability_current(alpha):
    process = DoubleWell(alpha, 1.2, 0.7)
    wells = [np.sqrt(max(alpha, 0) / 1.2)]
    mass = 2 * quad(lambda z: process.stationary_density([z])[0], 0, 12, points=wells)[0]
    assert mass == pytest.approx(1.0, rel=1e-9)
    x = np.linspace(-1.2, 1.2, 7) + wells[0]
    h = 1e-5
    density = process.stationary_density
    current = process.drift(x)[:, 0] * density(x) - 0.245 * (density(x + h) - density(x - h)) / (
        2 * h
    )
    np.testing.assert_allclose(current, 0.0, atol=1e-6 * density(x).max() * max(1, abs(alpha)))


def test_normalisation_is_the_bessel_function_closed_form():
    # int exp(a x^2 - b x^4) dx = pi/2 sqrt(a/b) e^(a^2/8b) (I_{-1/4} + I_{1/4})(a^2/8b)/sqrt(2),
    # Gradshteyn and Ryzhik 3.323.3 continued to positive a.
    alpha, beta, sigma = 1.0, 1.0, 0.7
    a, b = alpha / sigma**2, beta / (2 * sigma**2)
    z = a**2 / (8 * b)
    integral = np.pi / 2 * np.sqrt(a / (2 * b)) * np.exp(z) * (iv(-0.25, z) + iv(0.25, z))
    process = DoubleWell(alpha, beta, sigma)
    assert process.stationary_density([0.0])[0] == pytest.approx(1 / integral, rel=1e-10)


def test_stationary_moments_agree_with_the_density():
    process = DoubleWell(1.0, 1.0, 0.7)
    second = quad(lambda z: z * z * process.stationary_density([z])[0], -5, 5, points=[-1, 1])[0]
    assert process.stationary_covariance()[0, 0] == pytest.approx(second, rel=1e-9)
    assert process.stationary_mean() == pytest.approx([0.0])


def test_no_stationary_law_without_a_restoring_force_or_noise():
    for arguments in ((1.0, -1.0, 0.5), (1.0, 1.0, 0.0)):
        with pytest.raises(InputError, match="stationary law only"):
            DoubleWell(*arguments).stationary_density([0.0])


def test_family_and_bad_parameters():
    family = DoubleWell(alpha=1.0)
    assert family.free_parameters == ("alpha", "beta", "sigma")
    assert family.dim == 1
    with pytest.raises(UnspecifiedParameterError, match="beta, sigma"):
        family.drift([0.0])
    with pytest.raises(InputError, match="sigma"):
        DoubleWell(1.0, 1.0, -0.5)
    with pytest.raises(InputError, match="must be a number"):
        DoubleWell([1.0, 2.0], 1.0, 0.5)
    assert DoubleWell(1.0, 1.0, 0.5).transition_moments([[0.0]], 0.1) is None
