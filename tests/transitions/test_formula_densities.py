"""Densities given by formulas: mass one, moments, rates in dt, edges, and defects of others."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest, ncx2, norm

from stochtext._shared.exceptions import DegenerateDataError, InputError
from stochtext._shared.random import generator
from stochtext.processes import (
    CKLS,
    SDE,
    CoxIngersollRoss,
    DoubleWell,
    GeometricBrownianMotion,
    OrnsteinUhlenbeck,
    TrendingOrnsteinUhlenbeck,
)
from stochtext.transitions import (
    ElerianDensity,
    EulerDensity,
    ExactDensity,
    KesslerDensity,
    OzakiDensity,
    ShojiOzakiDensity,
    transition_density,
)

NAMES = ("euler", "elerian", "kessler", "ozaki", "shoji_ozaki")
CIR = CoxIngersollRoss(0.8, 1.0, 0.4)
WELL = DoubleWell(1.0, 1.0, 0.7)


def value(name, process, x, y, dt):
    return math.exp(transition_density(name).log_density(process, [x], [y], 0.0, dt)[0])


def cir_moments(process, x, dt):
    kappa, mu, sigma = (process.params[name] for name in ("kappa", "mu", "sigma"))
    decay = math.exp(-kappa * dt)
    variance = x * sigma**2 / kappa * (decay - decay**2)
    variance += mu * sigma**2 / (2 * kappa) * (1 - decay) ** 2
    return mu + (x - mu) * decay, variance


def cir_density(process, x, y, dt):
    kappa, mu, sigma = (process.params[name] for name in ("kappa", "mu", "sigma"))
    scale = 4 * kappa / (sigma**2 * -math.expm1(-kappa * dt))
    degrees, shift = 4 * kappa * mu / sigma**2, scale * x * math.exp(-kappa * dt)
    return scale * ncx2.pdf(scale * y, degrees, shift)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("process", "x"),
    [
        (OrnsteinUhlenbeck(1.0, 0.5, 0.6), 1.5),
        (CIR, 1.2),
        (WELL, 0.4),
        (CKLS(0.5, -0.4, 0.3, 1.3), 1),
    ],
)
@pytest.mark.parametrize("dt", [0.01, 0.2])
def test_density_integrates_to_one(name, process, x, dt):
    # Defect 1: sde::dcElerian integrates to 3e-15 for the Cox-Ingersoll-Ross process.
    mean, covariance = transition_density(name).moments(process, [x], 0.0, dt)
    center, scale = mean[0, 0], math.sqrt(covariance[0, 0, 0])
    low, high = center - 9 * scale, center + 14 * scale
    q = 0.0
    if name == "elerian":
        c, _ = ElerianDensity().coefficients(process, [x], 0.0, dt, None)
        q = float(c.diffusion_slope(0, 0)[0]) * math.sqrt(dt)
    if q:
        # Its density has a root of a pole where w = 0; y = edge + u^2 takes it away.
        sigma = float(c.diffusion[0][0][0])
        edge = float(x + c.drift[0][0] * dt - sigma * math.sqrt(dt) * (1 + q * q) / (2 * q))
        mass = quad(
            lambda u: 2 * u * value(name, process, x, edge + u * u, dt),
            math.sqrt(max(low - edge, 1e-16)),
            math.sqrt(high - edge),
            epsabs=1e-12,
            limit=400,
        )[0]
    else:
        mass = quad(lambda y: value(name, process, x, y, dt), low, high, epsabs=1e-12, limit=400)[0]
    assert mass == pytest.approx(1.0, abs=1e-8)


def test_elerian_is_the_law_of_the_milstein_step():
    x, dt = 1.2, 0.1
    z = generator(3, "milstein").normal(size=20_000)
    sigma, slope = 0.4 * math.sqrt(x), 0.5 * 0.4 / math.sqrt(x)
    step = x + 0.8 * (1 - x) * dt + sigma * math.sqrt(dt) * z
    step += 0.5 * sigma * slope * dt * (z**2 - 1)
    start = np.full(len(z), x)
    pit = ElerianDensity().pit(CIR, start, step, 0.0, dt)[:, 0]
    assert kstest(pit, "uniform").pvalue > 0.001
    mean, covariance = ElerianDensity().moments(CIR, start[:1], 0.0, dt)
    assert step.mean() == pytest.approx(mean[0, 0], abs=4 * step.std() / math.sqrt(len(z)))
    assert step.var() == pytest.approx(covariance[0, 0, 0], rel=0.05)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("bend", [1.0, -1.0])
def test_elerian_pit_is_the_integral_of_its_density(sign, bend):
    process = SDE(lambda t, x: -x, lambda t, x: sign * (0.6 + bend * 0.5 * x))
    x, dt, y = 0.3, 0.2, 0.4
    density = ElerianDensity()
    pit = density.pit(process, [[x]] * 2, [[y], [y + 0.2]], 0.0, dt)[:, 0]
    mass = quad(lambda u: value("elerian", process, x, u, dt), y, y + 0.2, epsabs=1e-13)[0]
    assert pit[1] - pit[0] == pytest.approx(mass, abs=1e-10)


def test_elerian_is_eulers_density_row_by_row_where_the_diffusion_is_flat():
    # Defect 5: one flat row must not make the other rows Euler's, nor the reverse.
    process = SDE(lambda t, x: 0.5 - x, lambda t, x: 0.4 + 0.3 * max(x, 0.0) ** 2)
    x, y = np.array([-1.0, 1.0]), np.array([-0.8, 1.2])
    elerian = ElerianDensity().log_density(process, x, y, 0.0, 0.1)
    euler = EulerDensity().log_density(process, x, y, 0.0, 0.1)
    assert elerian[0] == pytest.approx(euler[0], rel=1e-14)
    assert abs(elerian[1] - euler[1]) > 0.01
    alone = ElerianDensity().log_density(process, x[1:], y[1:], 0.0, 0.1)
    assert elerian[1] == alone[0]


def test_elerian_approaches_euler_without_losing_digits():
    def gap(slope):
        process = SDE(lambda t, x: -x, lambda t, x: 0.5 + slope * (x - 1.0))
        steps = ([1.0], [1.2], 0.0, 0.1)
        return ElerianDensity().log_density(process, *steps) - EulerDensity().log_density(
            process, *steps
        )

    # The difference is linear in the slope down to rounding.
    assert gap(1e-4)[0] / gap(1e-6)[0] == pytest.approx(100.0, rel=1e-2)
    assert abs(gap(1e-12)[0]) < 1e-11
    assert abs(gap(1e-300)[0]) < 1e-15


def test_elerian_says_that_a_step_is_impossible():
    found = ElerianDensity().log_density(CIR, [0.2, 0.2], [-1.0, 0.3], 0.0, 0.1)
    assert found[0] == -np.inf
    assert np.isfinite(found[1])
    np.testing.assert_array_equal(ElerianDensity().pit(CIR, [0.2], [-1.0], 0.0, 0.1), [[0.0]])


def test_elerian_of_independent_coordinates_is_the_product():
    plane = SDE(
        lambda t, x, k: -k * x, lambda t, x, s: s * (1 + x**2), params={"k": 1.0, "s": 0.4}, dim=2
    )
    line = SDE(lambda t, x, k: -k * x, lambda t, x, s: s * (1 + x**2), params={"k": 1.0, "s": 0.4})
    x, y = np.array([[0.3, -0.5]]), np.array([[0.4, -0.6]])
    both = ElerianDensity().log_density(plane, x, y, 0.0, 0.1)
    each = ElerianDensity().log_density(line, x[0], y[0], 0.0, 0.1)
    assert both[0] == pytest.approx(each.sum(), rel=1e-13)
    mixed = SDE(lambda t, x: -x, lambda t, x: np.array([1 + x[1] ** 2, 1.0]), dim=2)
    with pytest.raises(InputError, match="depends on no other coordinate"):
        ElerianDensity().log_density(mixed, x, y, 0.0, 0.1)
    with pytest.raises(InputError, match="source of its own"):
        ElerianDensity().log_density(
            SDE(lambda t, x: -x, lambda t, x: np.eye(2) + 0.1, dim=2, noise="general"),
            x,
            y,
            0.0,
            0.1,
        )


def test_kessler_moments_are_the_expansion_of_the_exact_ones():
    # Defect 4: pymle's mean has sigma'' where b'' belongs; the error would not fall as dt^3.
    def errors(dt):
        mean, covariance = KesslerDensity().moments(CIR, [1.7], 0.0, dt)
        exact = cir_moments(CIR, 1.7, dt)
        return np.array([mean[0, 0] - exact[0], covariance[0, 0, 0] - exact[1]])

    np.testing.assert_allclose(errors(0.02) / errors(0.01), 8.0, rtol=0.03)


@pytest.mark.parametrize(
    ("name", "mean_rate", "variance_rate"),
    [("euler", 4.0, 4.0), ("elerian", 4.0, 4.0), ("shoji_ozaki", None, 4.0)],
)
def test_moments_converge_at_their_rate(name, mean_rate, variance_rate):
    def errors(dt):
        mean, covariance = transition_density(name).moments(CIR, [1.7], 0.0, dt)
        exact = cir_moments(CIR, 1.7, dt)
        return mean[0, 0] - exact[0], covariance[0, 0, 0] - exact[1]

    coarse, fine = errors(0.01), errors(0.005)
    if mean_rate is None:  # the drift is linear: the mean is exact
        assert abs(coarse[0]) < 1e-15
    else:
        assert coarse[0] / fine[0] == pytest.approx(mean_rate, rel=0.03)
    assert coarse[1] / fine[1] == pytest.approx(variance_rate, rel=0.03)


@pytest.mark.parametrize(("name", "rate"), [("euler", 0.5), ("elerian", 1.0)])
def test_distance_to_the_exact_density_falls_at_the_order_of_the_scheme(name, rate):
    def distance(dt):
        mean, variance = cir_moments(CIR, 1.0, dt)
        y = np.linspace(mean - 7 * math.sqrt(variance), mean + 8 * math.sqrt(variance), 4001)
        found = transition_density(name).log_density(CIR, np.full(len(y), 1.0), y, 0.0, dt)
        return np.trapezoid(np.abs(np.exp(found) - cir_density(CIR, 1.0, y, dt)), y)

    # The next term of the expansion moves the observed order by a few percent.
    assert math.log2(distance(0.02) / distance(0.01)) == pytest.approx(rate, abs=0.06)


def test_kessler_distance_is_of_second_order_for_additive_noise():
    process = OrnsteinUhlenbeck(1.0, 0.5, 0.6)

    def distance(dt):
        mean, variance = ExactDensity().moments(process, [1.5], 0.0, dt)
        center, scale = mean[0, 0], math.sqrt(variance[0, 0, 0])
        y = np.linspace(center - 8 * scale, center + 8 * scale, 2001)
        start = np.full(len(y), 1.5)
        each = [
            np.exp(density.log_density(process, start, y, 0.0, dt))
            for density in (KesslerDensity(), ExactDensity())
        ]
        return np.trapezoid(np.abs(each[0] - each[1]), y)

    assert math.log2(distance(0.04) / distance(0.02)) == pytest.approx(2.0, abs=0.06)


def test_kessler_in_the_plane_is_the_expansion_of_the_exact_moments():
    process = OrnsteinUhlenbeck([[1.0, -0.5], [0.7, 0.8]], [0.1, 0.0], [[0.5, 0.0], [0.2, 0.4]])

    def errors(dt):
        found = KesslerDensity().moments(process, [[1.0, 2.0]], 0.0, dt)
        exact = ExactDensity().moments(process, [[1.0, 2.0]], 0.0, dt)
        return [np.max(np.abs(a - b)) for a, b in zip(found, exact, strict=True)]

    np.testing.assert_allclose(np.divide(errors(0.02), errors(0.01)), 8.0, rtol=0.05)


def test_kessler_with_derivatives_by_differences_agrees_with_exact_ones():
    def slowly(t, x):
        try:
            return x - x**3 + 0.2 * math.sin(t)
        except OverflowError:
            return 0.0

    plain = SDE(slowly, lambda t, x: 0.5 * math.sqrt(1 + x**2))
    traced = SDE(lambda t, x: x - x**3 + 0.2 * math.sin(t), lambda t, x: 0.5 * math.sqrt(1 + x**2))
    assert plain.formulas() is None
    assert traced.formulas() is not None
    steps = ([0.3, -1.2], [0.4, -1.0], [0.1, 0.7], [0.1, 0.2])
    for name in NAMES:
        density = transition_density(name)
        # Second differences of double precision.
        np.testing.assert_allclose(
            density.log_density(plain, *steps), density.log_density(traced, *steps), rtol=1e-6
        )


def test_kessler_without_a_variance_is_nan_and_never_dropped():
    y = np.array([0.5, 0.9])
    well = DoubleWell(1.0, 1.0, 0.7)
    found = KesslerDensity().log_density(well, [2.0, 0.5], y, 0.0, 0.5)
    assert np.isnan(found[0])
    assert np.isfinite(found[1])
    likelihood = KesslerDensity().likelihood(DoubleWell(), [2.0, 0.5], y, 0.0, 0.5)
    value_, gradient = likelihood.value_and_gradient(well.to_vector())
    assert value_ == np.inf
    assert np.all(np.isnan(gradient))
    with pytest.raises(DegenerateDataError, match="row 0"):
        KesslerDensity().residuals(well, [2.0, 0.5], y, 0.0, 0.5)


def test_ozaki_rows_without_a_density_make_the_likelihood_infinite():
    # Defect 7: Sim.DiffProc leaves such rows out and reports a confident wrong optimum.
    process = OrnsteinUhlenbeck(1.0, 0.5, 0.6)
    x, y = [0.0, 0.02, -0.02, 1.0, 0.5], [0.1, 0.1, 0.1, 0.9, 0.4]
    found = OzakiDensity().log_density(process, x, y, 0.0, 0.1)
    assert np.isnan(found).tolist() == [True, False, True, False, False]
    likelihood = OzakiDensity().likelihood(OrnsteinUhlenbeck(), x, y, 0.0, 0.1)
    value_, gradient = likelihood.value_and_gradient(process.to_vector())
    assert value_ == np.inf
    assert np.all(np.isnan(gradient))
    rows = likelihood.log_density(process.to_vector())
    np.testing.assert_array_equal(np.isnan(rows), np.isnan(found))


def test_shoji_ozaki_is_exact_for_a_mean_that_moves_along_a_line():
    process = TrendingOrnsteinUhlenbeck(1.2, [0.3, 2.0], 0.5)
    x, y, t = [0.1, 0.9], [0.4, 0.7], [0.0, 0.5]
    found = ShojiOzakiDensity().log_density(process, x, y, t, [0.5, 1.0], clock_dt=[0.05, 0.1])
    exact = ExactDensity().log_density(process, x, y, t, [0.5, 1.0], clock_dt=[0.05, 0.1])
    np.testing.assert_allclose(found, exact, rtol=1e-12)


@pytest.mark.parametrize("name", ["ozaki", "shoji_ozaki"])
def test_local_linearisation_is_smooth_through_a_flat_drift(name):
    def at(slope):
        process = SDE(lambda t, x: 0.3 + slope * (x - 1.0) + 0.2 * (x - 1.0) ** 2, lambda t, x: 0.5)
        return transition_density(name).log_density(process, [1.0], [1.2], 0.0, 0.3)[0]

    flat = at(0.0)
    assert np.isfinite(flat)
    for slope in (1e-16, 1e-12, 1e-8):
        assert at(slope) == pytest.approx(flat, abs=10 * slope + 1e-14)
    # Either side of where the series ends, the values lie on one smooth curve.
    edge = 0.02 / 0.3
    curve = [at(edge + 1e-7 * k) for k in (-2, -1, 1, 2)]
    assert np.diff(curve, 2) == pytest.approx(0.0, abs=1e-7)


def test_local_linearisation_in_ozakis_sense_is_for_one_dimension():
    plane = OrnsteinUhlenbeck(np.eye(2), np.zeros(2), np.eye(2))
    with pytest.raises(InputError, match="one dimension"):
        OzakiDensity().log_density(plane, np.ones((1, 2)), np.ones((1, 2)), 0.0, 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_gaussian_pit_and_residuals_belong_together(name):
    density = transition_density(name)
    mean, covariance = density.moments(CIR, [0.9, 1.4], 0.0, 0.1)
    y = np.array([0.95, 1.1])
    residuals = density.residuals(CIR, [0.9, 1.4], y, 0.0, 0.1)
    expected = (y - mean[:, 0]) / np.sqrt(covariance[:, 0, 0])
    np.testing.assert_allclose(residuals[:, 0], expected, rtol=1e-12)
    if name != "elerian":
        pit = density.pit(CIR, [0.9, 1.4], y, 0.0, 0.1)
        np.testing.assert_allclose(pit[:, 0], norm.cdf(expected), rtol=1e-12)


def test_units_of_the_state_shift_the_log_density_only():
    gbm = GeometricBrownianMotion(0.1, 0.3)
    for name in NAMES:
        density = transition_density(name)
        small = density.log_density(gbm, [1.0], [1.1], 0.0, 0.1)
        large = density.log_density(gbm, [1000.0], [1100.0], 0.0, 0.1)
        assert large[0] == pytest.approx(small[0] - math.log(1000.0), rel=1e-12)


def test_options_restore_a_density():
    for name in NAMES:
        density = transition_density(name)
        assert type(transition_density(density.name, **density.options)) is type(density)
        assert density.options == {}
